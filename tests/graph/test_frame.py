"""Running a graph: each value is computed once, where everything that it depends on is fixed."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import unbraid as ub
from tests.models import Digits, TwoDiscrete, WholePrior, labels_of, rows_of
from unbraid.graph import Spread

ROWS = 5


def rows_seen(model: ub.Model, **options: object) -> dict[str, list[Any]]:
    """Returns how many rows each module was given, call by call, in one objective; for several parents, of each."""
    seen: dict[str, list[Any]] = defaultdict(list)

    def hook(name: str) -> object:
        def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            rows = [each.shape[:-1].numel() for each in inputs]
            seen[name].append(rows[0] if len(rows) == 1 else tuple(rows))

        return count

    handles = [part.register_forward_hook(hook(name)) for name, part in model.parts.items()]  # type: ignore[arg-type]
    model.objective(rows_of(model, ROWS), **options)  # type: ignore[arg-type]
    for handle in handles:
        handle.remove()
    return seen


def test_enumeration_computes_once_what_does_not_depend_on_the_variable() -> None:
    seen = rows_seen(Digits())
    assert seen["encode_dense_0"] == [ROWS]  # h
    assert seen["encode_dense_1"] == [ROWS]  # the digit's log-odds
    assert seen["encode_dense_2"] == [(4, ROWS)]  # style: the product with the digit once a value, that with h once
    assert seen["decode_dense_0"] == [(4, 4 * ROWS)]
    assert seen["decode_dense_1"] == [4 * ROWS]


def test_plug_in_costs_one_evaluation() -> None:
    seen = rows_seen(Digits(), estimators={"digit": "plug_in"})
    assert all(calls in ([ROWS], [(ROWS, ROWS)]) for name, calls in seen.items() if "dense" in name)


def test_a_mixed_batch_shares_the_features_of_its_rows() -> None:
    seen = rows_seen(Digits(), labels={"digit": torch.tensor([0, -1, 3, -1, -1])})
    assert seen["encode_dense_0"] == [ROWS]
    assert seen["encode_dense_1"] == [ROWS]
    assert sorted(seen["decode_dense_1"]) == [2, 3 * 4]


def test_joint_values_are_only_those_of_the_parents() -> None:
    seen = rows_seen(TwoDiscrete(), samples=2)
    assert seen["encode_dense_1"] == [(ROWS, 3)]  # sort, of x and kind
    assert seen["encode_dense_2"] == [(ROWS, 2)]  # style, of x and sort, does not know of kind
    assert seen["decode_dense_0"] == [(3, 2, 2 * 2 * ROWS)]  # style varies with sort and sample
    assert seen["decode_dense_1"] == [3 * 2 * 2 * ROWS]


def test_a_value_that_is_not_fixed_has_no_default() -> None:
    model = Digits()
    frame = model.frame(None)
    with pytest.raises(KeyError, match="has no value here"):
        frame[model.graph.likelihood]
    fixed = frame.fix("digit", Spread(torch.eye(4)[:1])).fix("style", Spread(torch.zeros(1, 3)))
    assert fixed.distribution(model.graph.likelihood).batch_shape == (1,)


def test_latents_are_fixed_in_any_order() -> None:
    model = WholePrior()
    values = labels_of(model, 2)
    backwards = dict(reversed(values.items()))
    torch.testing.assert_close(model.generate(values), model.generate(backwards))


def test_rows_are_cut_from_what_was_computed_for_all() -> None:
    model = Digits()
    x = rows_of(model, ROWS)
    root = model.frame(x)
    node = model.graph.latents["digit"]
    some = root.rows(torch.tensor([3, 1]))
    torch.testing.assert_close(some.parameters(node)["logits"].tensor, root.parameters(node)["logits"].tensor[[3, 1]])
    one = torch.eye(4)[:1]
    torch.testing.assert_close(some.score(node, Spread(one)).tensor, root.score(node, Spread(one)).tensor[[3, 1]])

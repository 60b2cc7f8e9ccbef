"""What can be asked of a model with a `Repeat`: shapes, steps past the count, values by hand, weights."""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch

import unbraid as ub
from tests.repeat.models import KINDS, SIZE, STEPS, Events, Tree, rows
from unbraid.errors import DataError

X, TRUTH = rows(8)


def test_predictions_have_a_step_axis_and_nothing_past_the_count() -> None:
    found = Events().predict(X, count=TRUTH["count"])
    assert {name: tuple(value.shape) for name, value in found.items()} == {
        "count": (8,),
        "events.kind": (8, STEPS),
        "events.size": (8, STEPS, 2),
    }
    there = torch.arange(STEPS) < TRUTH["count"][:, None]
    assert torch.equal(found["events.kind"] >= 0, there)
    assert torch.equal(~torch.isnan(found["events.size"]).any(2), there)


def test_inferred_distributions_have_a_step_axis() -> None:
    found = Events().infer(X, count=2)
    assert found["count"].batch_shape == (8,)
    assert found["events.kind"].batch_shape == (8, STEPS)
    assert found["events.size"].batch_shape == (8, STEPS)
    assert found["events.size"].event_shape == (2,)
    nested = Tree().infer(X)
    assert nested["branches.count"].batch_shape == (8, 3)
    assert nested["branches.leaves.kind"].batch_shape == (8, 3, 2)


def test_a_count_in_a_step_that_is_not_there_is_missing_and_so_is_all_below_it() -> None:
    found = Tree().predict(X, number=1, **{"branches.count": torch.tensor([[2, 1, 2]]).expand(8, 3)})
    assert found["branches.count"].tolist() == [[2, -1, -1]] * 8
    leaves = found["branches.leaves.kind"]
    assert (leaves[:, 0] >= 0).all()
    assert (leaves[:, 1:] == -1).all()


def test_samples_and_reconstructions() -> None:
    model, generator = Events(), torch.Generator().manual_seed(0)
    assert model.sample(5, generator).shape == (5, SIZE)
    empty = model.sample(5, generator, count=0)
    assert torch.equal(empty, torch.zeros(5, SIZE))
    kinds = torch.tensor([0, 1, 2])
    assert model.sample(5, generator, count=3, **{"events.kind": kinds}).shape == (5, SIZE)
    found = model.predict(X)
    torch.testing.assert_close(model.reconstruct(X), model.generate(found))


def test_an_item_is_removed_and_added_by_hand() -> None:
    model = Events()
    found = model.predict(X, count=2)
    two = model.generate(found)
    one = model.generate({**found, "count": 1})
    first = {name: value.clone() for name, value in found.items()}
    first["events.kind"][:, 1] = -1
    torch.testing.assert_close(one, model.generate({**first, "count": 1}))
    assert not torch.allclose(one, two)
    more = {name: value.clone() for name, value in found.items()}
    more["events.kind"][:, 2], more["events.size"][:, 2] = 1, 0.5
    three = model.generate({**more, "count": 3})
    step = model.generate({**{n: v[:, [2, 0, 1]] if v.dim() > 1 else v for n, v in more.items()}, "count": 1})
    torch.testing.assert_close(three, two + step)  # x is the sum of its events


def test_only_what_may_be_absent_may_be_missing() -> None:
    """-1 and NaN mark steps past the count; where there is no count every step is there."""
    found = Events().predict(X, count=2)
    assert Events().generate(found).isfinite().all()
    fixed = Fixed()
    values = fixed.predict(X)
    assert fixed.generate(values).isfinite().all()
    with pytest.raises(DataError, match=r"'items.kind' takes whole numbers from 0 to 2"):
        fixed.generate({**values, "items.kind": values["items.kind"].index_fill(1, torch.tensor([1]), -1)})
    with pytest.raises(DataError, match=r"label of 'items.size' in row 0 .* leave the variable out"):
        fixed.generate({**values, "items.size": values["items.size"].index_fill(1, torch.tensor([1]), torch.nan)})


class Sized(ub.Submodel):
    def encode(self, h: Any) -> Any:
        kind = ub.Categorical(KINDS)(h)
        return {"kind": kind, "size": ub.Normal(2)(kind, h)}


class Fixed(ub.Model):
    """Two items in every row."""

    def encode(self, x: Any) -> Any:
        return {"items": ub.Repeat(Sized())(x, 2)}

    def decode(self, items: Any) -> Any:
        return ub.Normal(SIZE)(items.kind, items.size)


def test_one_step_by_hand() -> None:
    model = Events()
    found = model.predict(X, count=3, **{"events[1].kind": 2})
    assert (found["events.kind"][:, 1] == 2).all()


def test_analogies_over_the_count() -> None:
    model = Events()
    found = model.analogy(X, count=range(STEPS + 1))
    assert found.shape == (8, STEPS + 1, SIZE)
    assert torch.equal(found[:, 0], torch.zeros(8, SIZE))
    steps = found.diff(dim=1)
    assert (steps.abs().amax(2) > 0).all()  # every count shows one event more


def test_weights_are_those_of_the_steps_that_are_there() -> None:
    """With nothing but the count and the kinds: the mean weight is the sum over all that can be drawn."""
    model = Kinds()
    x = X[:2]
    brute = torch.stack(
        [
            model.log_joint(x, count, kinds)
            for count in range(3)
            for kinds in map(list, product(range(KINDS), repeat=count))
        ]
    )
    found = model.log_weights(x, 4000, torch.Generator().manual_seed(0)).exp()
    error = found.std(0) / math.sqrt(4000)
    assert ((found.mean(0) - brute.logsumexp(0).exp()).abs() < 5 * error).all()
    assert (error < 0.1 * found.mean(0)).all()


class Kind(ub.Submodel):
    def encode(self, h: Any) -> Any:
        return {"kind": ub.Categorical(KINDS)(h)}


class Kinds(ub.Model):
    """Events of a kind alone; log p(x, v) by hand."""

    def encode(self, x: Any) -> Any:
        h = ub.dense(3)(x)
        count = ub.Categorical(3)(h)
        return {"count": count, "events": ub.Repeat(Kind())(h, count)}

    def decode(self, events: Any) -> Any:
        return ub.Normal(SIZE, scale=0.5)(loc=torch.cat([events.kind.sum(1)] * 2, 1))

    def log_joint(self, x: torch.Tensor, count: int, kinds: list[int]) -> torch.Tensor:
        mean = torch.nn.functional.one_hot(torch.tensor(kinds, dtype=torch.long), KINDS).sum(0).float().repeat(2)
        log_p_x: torch.Tensor = torch.distributions.Normal(mean, 0.5).log_prob(x).sum(1)
        return log_p_x - math.log(3) - count * math.log(KINDS)


def test_the_factorisation_says_each_step_once() -> None:
    assert str(Events()) == (
        "q(count | x) q(events[t].kind | x, count, events[<t].kind, events[<t].size) "
        "q(events[t].size | x, count, events[<t].kind, events[<t].size, events[t].kind)\n"
        "p(count) p(events[t].kind) p(events[t].size) p(x | count, events[:].kind, events[:].size)"
    )


def test_explanation_and_pictures(tmp_path: Path) -> None:
    model = Events()
    text = model.explain({"count": TRUTH["count"], "events.kind": TRUTH["events.kind"]})
    assert "events" in text
    assert "count" in text
    chart = model.mermaid()
    assert "events.kind" in chart
    assert "[0]" not in chart
    model.draw(tmp_path / "graph.png")
    assert (tmp_path / "graph.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"events.kind": torch.zeros(8, 2).long()},
            r"(?s)'events.kind' was given .*expected a number or a tensor \(8, 3\)",
        ),
        ({"events.kind": 7}, r"'events.kind' takes whole numbers from 0 to 2"),
        ({"event.kind": 1}, r"'event.kind' is no latent of this model.*Did you mean 'events.kind'"),
        ({"count": 4}, r"'count' takes whole numbers from 0 to 3"),
    ],
)
def test_values_that_do_not_fit(values: dict[str, object], message: str) -> None:
    Events().predict(X, **{"events.kind": torch.zeros(8, 3).long(), "count": 3})
    with pytest.raises(DataError, match=message):
        Events().predict(X, **values)

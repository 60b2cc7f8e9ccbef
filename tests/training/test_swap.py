"""Swaps: what is set by hand is read again, by hand."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import unbraid as ub
from tests.models import TwoDiscrete
from tests.repeat.models import KINDS, STEPS, Events, rows
from tests.training.small import ROWS, Small, same, same_end, train, weights
from unbraid.training.swap import swap_losses


class Direct(ub.Model):
    """The rows are the log-odds of q(digit | x), and p(x | digit) is a table that is known."""

    def encode(self, x: Any) -> Any:
        return {"digit": ub.Categorical(3, probs=[0.5, 0.25, 0.25])(logits=x)}

    def decode(self, digit: Any) -> Any:
        return ub.Normal(3)(loc=ub.dense(3)(digit), scale=1.0)


def table_of(model: ub.Model) -> Tensor:
    """Returns the mean of x for each digit, (3, 3)."""
    return model.generate({"digit": torch.arange(3)})


def test_the_losses_are_those_of_values_drawn_from_the_prior() -> None:
    model, rows = Direct(seed=3), 4000
    found = swap_losses(model, model, torch.randn(rows, 3), {}, ["digit"], torch.Generator().manual_seed(0))["digit"]
    each = -torch.log_softmax(table_of(model), 1).diagonal()
    kinds = (found.detach()[:, None] - each).abs().argmin(1)
    assert torch.allclose(found, each[kinds], atol=1e-5)
    shares = torch.bincount(kinds, minlength=3) / rows
    assert torch.allclose(shares, torch.tensor([0.5, 0.25, 0.25]), atol=0.03)  # 4 standard errors


def test_a_view_of_what_comes_out_is_read() -> None:
    model = Direct(seed=3)

    def shuffled(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return images.roll(1, dims=1)

    found = swap_losses(model, model, torch.randn(400, 3), {}, ["digit"], view=shuffled)["digit"]
    wanted = -torch.log_softmax(table_of(model).roll(1, dims=1), 1).diagonal()
    assert torch.allclose((found.detach()[:, None] - wanted).abs().amin(1), torch.zeros(400), atol=1e-5)


def learning(model: ub.Model, loss: Tensor) -> set[str]:
    """Returns the names of the parameters that a loss moves."""
    names, parameters = zip(*model.named_parameters(), strict=True)
    found = torch.autograd.grad(loss.sum(), parameters, allow_unused=True)
    return {name for name, each in zip(names, found, strict=True) if each is not None and bool(each.abs().sum() > 0)}


@pytest.mark.parametrize("own", [True, False])
def test_the_reader_learns_nothing_and_is_left_as_it_was(own: bool) -> None:
    model = Small(drop=0.5).train()
    reader = model if own else copy.deepcopy(model)
    frozen = [model.parts["decode_dense_0"].bias, reader.parts["decode_dense_0"].bias]
    for each in frozen:
        each.requires_grad_(False)
    loss = swap_losses(model, reader, ROWS.images[:8], {}, ["digit"])["digit"]
    assert not any(each.requires_grad for each in frozen)
    for each in frozen:
        each.requires_grad_(True)
    moved = learning(model, loss)
    digit = {f"parts.encode_dense_1.{kind}" for kind in ("weight", "bias")}
    wanted = {name for name, _ in model.named_parameters()} - digit - {"parts.decode_dense_0.bias"}
    assert moved == wanted  # p, the style, and what these share with the digit
    assert reader.training
    assert all(each.requires_grad for each in reader.parameters())


class Loose(ub.Model):
    """q reads the digit of the first three pixels; the style carries all that p shows, until it is told otherwise."""

    def encode(self, x: Any) -> Any:
        return {"digit": ub.Categorical(3)(logits=8.0 * x[:, :3]), "style": ub.Normal(6)(ub.mlp(16)(x))}

    def decode(self, digit: Any, style: Any) -> Any:
        return ub.Normal(6)(loc=ub.dense(6)(style) + 0.1 * ub.dense(6)(digit), scale=0.1)


def test_what_is_set_by_hand_is_shown_then() -> None:
    generator = torch.Generator().manual_seed(0)
    digits = torch.randint(3, (300,), generator=generator)
    x = torch.cat([nn.functional.one_hot(digits, 3).float(), torch.rand(300, 3, generator=generator)], 1)
    labels = {"digit": torch.where(torch.arange(300) < 60, digits, -1)}
    shown = {}
    for swap in (0.0, 30.0):
        run = ub.fit(
            Loose(), x, labels, epochs=40, batch_size=50, labelled_batch_size=20, learning_rate=1e-2, swap=swap,
            progress="quiet",
        )  # fmt: skip
        made = run.model.analogy(x, digit=range(3))
        shown[swap] = float((made[..., :3].argmax(-1) == torch.arange(3)).float().mean())
    assert shown[0.0] < 0.5
    assert shown[30.0] > 0.95


def test_what_follows_in_p_is_drawn_anew_and_the_rest_is_kept() -> None:
    """The prior of `style` depends on `kind`: set by hand, it gets a style of p; `sort` keeps the row's own."""
    model, x = TwoDiscrete(), torch.rand(6, 5)
    found = swap_losses(model, model, x, {}, ["kind", "sort"])
    assert {name: each.shape for name, each in found.items()} == {"kind": (6,), "sort": (6,)}
    assert all(bool((each > 0).all()) for each in found.values())
    moved = {name: learning(model, each) for name, each in found.items()}
    parts = {name: {each.split(".")[1] for each in found} for name, found in moved.items()}
    decoder = {"decode_dense_0", "decode_dense_1"}
    assert parts == {"kind": {"prior_dense_0", *decoder}, "sort": {"encode_dense_2", *decoder}}  # 2: q(style)


def test_the_steps_of_a_repeat_are_set_together_and_those_past_the_count_say_nothing() -> None:
    """Each row's loss is that of one of the ways to fill its steps, read in what came out."""
    model = Events(seed=1)
    x, labels = rows(12)
    made: list[Tensor] = []

    def keep(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        made.append(images.detach())
        return images

    given = {"count": labels["count"]}
    loss = swap_losses(model, model, x, given, ["events.kind"], view=keep)["events.kind"].detach()
    ways = torch.cartesian_prod(*[torch.arange(KINDS)] * STEPS)
    there = torch.arange(STEPS) < labels["count"][:, None]
    each = []
    for way in ways:
        kinds = way.expand(12, STEPS)
        found = model.infer(made[0], count=labels["count"], **{"events.kind": kinds})["events.kind"]
        each.append(-(found.log_prob(kinds) * there).sum(1))
    assert torch.allclose((torch.stack(each, 1) - loss[:, None]).abs().amin(1), torch.zeros(12), atol=1e-5)
    assert (loss == 0).tolist() == (labels["count"] == 0).tolist()


def test_items_are_set_and_counts_are_not() -> None:
    x, labels = rows(40)
    run = ub.fit(Events(), x, labels, epochs=1, batch_size=20, labelled_batch_size=20, swap=1.0, progress="quiet")
    assert [name for name in run.history[0]["terms"] if name.startswith("swap")] == ["swap(events.kind)"]


def test_swaps_are_off_unless_asked_for() -> None:
    plain = train()
    assert "swap(digit)" not in plain.history[0]["terms"]
    run = train(swap=1.0)
    assert "swap(digit)" in run.history[0]["terms"]
    assert not same(weights(plain.model), weights(run.model))
    assert same_end(train(swap=1.0), run)


def test_nothing_labelled_leaves_nothing_to_swap() -> None:
    assert same_end(train(None, swap=1.0), train(None))

"""The objective of programs with a `Repeat` against brute force, for every pattern of labels, in value and gradient."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import permutations
from typing import Any

import pytest
import torch
from torch import Tensor

import unbraid as ub
from tests.golden import nested, scenes
from tests.golden.scenes import KINDS, PIXELS, Made, Scene, Seen, gradient, made, patterns
from unbraid.estimators import Estimator, Gumbel, Reinforce, SumAndSample

ALPHA = 0.7
EXACT: dict[str, Any] = {"rtol": 1e-9, "atol": 1e-9}
X = torch.tensor([[1.0, 0.0, 1.0, 1.0]], dtype=torch.float64)

SCENES = {
    "no state": Scene(),
    "three steps": Scene(most=3),
    "gru": Scene(state="gru"),
    "own state": Scene(state="own"),
    "styles": Scene(style=True),
    "styles, gru": Scene(style=True, state="gru"),
    "styles, own state": Scene(style=True, state="own"),
    "prior": Scene(prior=True, state="gru"),
    "prior, styles": Scene(prior=True, style=True, state="own"),
    "decode scores the styles": Scene(style=True, scored=True, state="own"),
    "a fixed number": Scene(counted="fixed", style=True, state="gru"),
    "a fixed number, prior": Scene(counted="fixed", prior=True),
    "a bit": Scene(counted="bernoulli", most=1, style=True),
}


def loss(program: Made, x: Tensor, labels: Mapping[str, Tensor], **options: Any) -> Tensor:
    program.reset()
    return program.model.objective(x, labels, **{"alpha": ALPHA, **options}).loss


def check(found: Tensor, wanted: Tensor, model: ub.Model) -> None:
    torch.testing.assert_close(found, wanted, **EXACT)
    for left, right in zip(gradient(found, model), gradient(wanted, model), strict=True):
        torch.testing.assert_close(left, right, **EXACT)


def together(rows: list[dict[str, Tensor]], scene: Scene) -> dict[str, Tensor]:
    """Puts the labels of rows together."""
    missing = {
        "count": torch.tensor([-1]),
        "items.kind": torch.full((1, scene.most), -1),
        "items.style": torch.full((1, scene.most, 1), math.nan, dtype=torch.float64),
    }
    names = {name for row in rows for name in row}
    return {name: torch.cat([row.get(name, missing[name]) for row in rows]) for name in sorted(names)}


# Enumeration.


@pytest.mark.parametrize("name", SCENES)
def test_every_pattern_of_labels(name: str) -> None:
    scene = SCENES[name]
    program = made(scene)
    cases = patterns(scene)
    assert len(cases) >= 4
    for seen in cases:
        found = -loss(program, X, seen.labels(scene), estimators=_all(program, "enumerate"))
        check(found, scenes.objective(program, X, seen, ALPHA), program.model)


def _all(program: Made, estimator: str | Estimator) -> dict[str, str | Estimator]:
    return {name: estimator for name, family in program.model.latents.items() if family.discrete}


@pytest.mark.slow
def test_every_pattern_of_labels_of_a_repeat_in_a_repeat() -> None:
    program, x = nested.made(), X[:, :3]
    cases = nested.patterns()
    assert len(cases) == 102
    labels = [seen.labels() for seen in cases]
    estimators = dict.fromkeys(program.model.latents, "enumerate")
    wanted = torch.stack([nested.objective(program, x, seen, ALPHA) for seen in cases])
    with torch.no_grad():
        for value, each in zip(wanted, labels, strict=True):
            found = program.model.objective(x, each, alpha=ALPHA, estimators=estimators).loss
            torch.testing.assert_close(-found, value, **EXACT)
    whole = {name: torch.cat([each[name] for each in labels]) for name in labels[0]}
    batch = program.model.objective(x.expand(len(cases), -1), whole, alpha=ALPHA, estimators=estimators).loss
    check(-batch, wanted.mean(), program.model)


@pytest.mark.parametrize("name", ["three steps", "styles, own state", "a bit"])
def test_a_row_alone_is_the_row_in_a_mixed_batch(name: str) -> None:
    scene = SCENES[name]
    program = made(scene)
    program.noise[:] = [0.3] * 1000  # one noise for all draws: how many there are depends on the batch
    cases = patterns(scene)
    x = (torch.rand(len(cases), PIXELS, generator=torch.Generator().manual_seed(1)) < 0.5).double()
    rows = [seen.labels(scene) for seen in cases]
    chosen = _all(program, "enumerate")
    alone = [loss(program, x[i : i + 1], row, estimators=chosen) for i, row in enumerate(rows)]
    check(loss(program, x, together(rows, scene), estimators=chosen), torch.stack(alone).mean(), program.model)


# Plug-in.


@pytest.mark.parametrize("seen", patterns(SCENES["own state"]), ids=str)
def test_plug_in_weighs_a_step_with_the_chance_that_it_is_there(seen: Seen) -> None:
    scene = SCENES["own state"]
    program = made(scene)
    found = -loss(program, X, seen.labels(scene), estimators=_all(program, "plug_in"))
    check(found, plugged(program, seen), program.model)


def plugged(program: Made, seen: Seen) -> Tensor:
    """The objective at the mean of every variable without a label, by hand."""
    steps = scenes.Steps(program, X)
    log_q = scenes.log_count(program.scene, program.w["count"](steps.h))
    log_p = torch.stack([scenes.log_p_count(program.scene, count) for count in range(3)], 1)
    chances = torch.exp(log_q) if seen.count is None else scenes.hot(seen.count, 3)
    total = (chances * (log_p - log_q)).sum() if seen.count is None else (log_p + ALPHA * log_q)[0, seen.count]
    for t in range(2):
        there = chances[0, t + 1 :].sum()
        log_q, log_p, label = steps.q_kind(), steps.p_kind(), seen.kinds[t]
        if label is None:
            kind = torch.exp(log_q)
            total = total - there * (kind * (log_q - log_p)).sum()
        else:  # that it is labelled says that it is there
            kind = scenes.hot(label, KINDS)
            total = total + log_p[0, label] + ALPHA * (log_q[0, label] + torch.log(there))
        steps.go_on(kind, None, there)
    return total + steps.log_p_x().sum()


# Sampled estimators.

BATCHES, ROWS = 80, 600  # of 20 means the standard error itself is too uncertain for a bound of five
WHERE = {
    "nothing labelled": Seen(None, (None, None), (None, None)),
    "one item": Seen(1, (None, None), (None, None)),
    "an item labelled": Seen(2, (2, None), (None, None)),
}


def estimates(program: Made, seen: Seen, estimator: Estimator, scene: Scene, batches: int = BATCHES) -> Tensor:
    """Returns minus the loss and its gradient for each batch."""
    generator = torch.Generator().manual_seed(0)
    labels = {name: label.expand(ROWS, *label.shape[1:]) for name, label in seen.labels(scene).items()}
    found = []
    for _ in range(batches):
        chosen = _all(program, estimator)
        value = -loss(program, X.expand(ROWS, -1), labels, estimators=chosen, generator=generator)
        found.append(_flat(value, program))
    return torch.stack(found)


def _flat(value: Tensor, program: Made) -> Tensor:
    return torch.cat([value.detach().reshape(1), *(each.flatten() for each in gradient(value, program.model))])


@pytest.mark.parametrize(
    ("estimator", "where"),
    [
        (Reinforce(samples=1), "nothing labelled"),
        (Reinforce(samples=3), "one item"),
        (Reinforce(samples=1), "an item labelled"),
        (SumAndSample(k=1), "nothing labelled"),
        (SumAndSample(k=2), "an item labelled"),
    ],
    ids=str,
)
def test_unbiased_estimators(estimator: Estimator, where: str) -> None:
    scene, seen = SCENES["own state"], WHERE[where]
    program = made(scene)
    exact = _flat(scenes.objective(program, X, seen, ALPHA), program)
    found = estimates(program, seen, estimator, scene)
    error = found.std(0) / math.sqrt(BATCHES)
    assert ((found.mean(0) - exact).abs() <= 5 * error + 1e-9).all()
    assert error[1:].norm() < 0.1 * exact[1:].norm()


@pytest.mark.parametrize("hard", [False, True], ids=["relaxed", "hard"])
def test_gumbel_is_near(hard: bool) -> None:
    """Its bias is what its temperature makes it; a hard sample's value has none."""
    scene, seen = SCENES["own state"], WHERE["nothing labelled"]
    program = made(scene)
    exact = _flat(scenes.objective(program, X, seen, ALPHA), program)
    found = estimates(program, seen, Gumbel(temperature=0.3, hard=hard), scene)
    bias, error = found.mean(0) - exact, found.std(0) / math.sqrt(BATCHES)
    assert torch.isfinite(found).all()
    assert bias[1:].norm() < 0.5 * exact[1:].norm()
    assert bias[1:].norm() > 5 * error[1:].norm() / math.sqrt(len(exact))
    assert bias[0].abs() <= 5 * error[0] + (0.0 if hard else 0.3)


# Options.


def test_gamma_weighs_the_rows_with_a_label() -> None:
    scene = SCENES["gru"]
    program, seen = made(scene), Seen(2, (1, None), (None, None))
    check(loss(program, X, seen.labels(scene), gamma=0.3), 0.3 * loss(program, X, seen.labels(scene)), program.model)


def test_beta_weighs_the_divergences_of_what_is_not_labelled() -> None:
    scene = SCENES["gru"]
    program, seen = made(scene), Seen(2, (1, None), (None, None))
    once = program.model.objective(X, seen.labels(scene), alpha=ALPHA)
    twice = program.model.objective(X, seen.labels(scene), alpha=ALPHA, beta=2.0)
    assert set(once.terms) == {
        "log p(x)",
        *(f"{what}({of})" for what in ("log p", "log q") for of in ("count", "items.kind")),
        "KL(items.kind)",
    }
    check(twice.loss, once.loss + once.terms["KL(items.kind)"].values.mean(), program.model)


def test_free_bits_are_those_of_all_steps_together() -> None:
    scene = SCENES["gru"]
    program, seen = made(scene), Seen(2, (None, None), (None, None))
    whole = program.model.objective(X, seen.labels(scene))
    divergence = whole.terms["KL(items.kind)"].values.mean()
    for free in (0.5 * divergence.item(), 1.5 * divergence.item()):
        found = loss(program, X, seen.labels(scene), free_bits=free, alpha=50.0)
        check(found, whole.loss - divergence + divergence.clamp_min(free), program.model)


def test_eq4_is_q_of_the_labels_times_the_bracket() -> None:
    scene = SCENES["gru"]
    program = made(scene)
    for seen in (Seen(2, (1, 2), (None, None)), Seen(2, (None, 2), (None, None)), Seen(None, (1, None), (None, None))):
        every = list(scenes.worlds(program, X, seen))
        wanted = torch.stack([torch.exp(each.chance) * (each.bound - each.labels) for each in every]).sum()
        check(-loss(program, X, seen.labels(scene), supervision="eq4"), wanted, program.model)


def test_the_importance_bound_of_one_sample_is_the_bound_without_closed_forms() -> None:
    """With the counts and items outside of the logarithm it is their expectation of log p - log q."""
    scene = SCENES["gru"]
    program = made(scene)
    for seen in (
        Seen(None, (None, None), (None, None)),
        Seen(2, (1, None), (None, None)),
        Seen(1, (1, None), (None, None)),
    ):
        found = loss(program, X, seen.labels(scene), bound="importance")
        if seen.count is None:
            wanted = scenes.objective(program, X, seen, ALPHA)
        else:
            every = list(scenes.worlds(program, X, seen))
            chances = torch.cat([each.chance - each.labels for each in every]).exp()
            wanted = (chances * torch.cat([each.bound + ALPHA * each.labels for each in every])).sum()
        check(-found, wanted, program.model)


# Steps that are not there.


@pytest.mark.parametrize("estimator", ["enumerate", "plug_in", "gumbel", "reinforce", "sum_and_sample(k=1)"])
@pytest.mark.parametrize("seen", [s for s in patterns(Scene()) if s.count in (0, 1)], ids=str)
def test_a_step_past_the_count_gets_no_gradient_at_all(seen: Seen, estimator: str) -> None:
    """Each step has a head of its own for its input, chosen by where it is: that of a step that is not there is 0."""
    program, generator = drawn_model(), torch.Generator().manual_seed(0)
    estimators = {"count": "enumerate", "items.kind": estimator}
    found = program.objective(X, seen.labels(Scene()), estimators=estimators, generator=generator).loss
    found.backward()
    assert seen.count is not None
    for t, layer in enumerate(program.inputs):
        assert layer.weight.grad is not None
        if t >= seen.count:
            assert (layer.weight.grad == 0).all(), t
        else:
            assert (layer.weight.grad != 0).any(), t


class Stepwise(ub.Submodel):
    """An item that is given an input of its own: the first of those in the state, which turns from step to step."""

    def encode(self, inputs: Any, state: Any) -> Any:
        kind = ub.Categorical(KINDS)(state[:, :2])
        return {"kind": kind, "style": ub.Normal(1)(kind, state[:, :2])}

    def first_state(self, inputs: Any) -> Any:
        return inputs

    def next_state(self, state: Any) -> Any:
        return torch.cat([state[:, 2:], state[:, :2]], 1)


class StepwiseModel(ub.Model):
    """Gives every step what a layer of its own made of x."""

    def encode(self, x: Any) -> Any:
        self.inputs = [torch.nn.Linear(PIXELS, 2) for _ in range(2)]
        each: list[Any] = [ub.module(layer)(x) for layer in self.inputs]
        inputs: Any = torch.cat(each, 1)
        count = ub.Categorical(3)(x)
        return {"count": count, "items": ub.Repeat(Stepwise(), at_most=2)(inputs, count)}

    def decode(self, items: Any) -> Any:
        return ub.Bernoulli(PIXELS)(items.kind, items.style)


@pytest.mark.parametrize("count", [0, 1])
@pytest.mark.parametrize("estimator", ["enumerate", "plug_in", "gumbel", "reinforce", "sum_and_sample(k=1)"])
def test_what_is_in_a_step_past_the_count_changes_not_a_bit(estimator: str, count: int) -> None:
    """Fillers of labels, noise, and all that q says there; nor does it change another row's noise."""
    program = drawn_model()
    rows = 4
    x = (torch.rand(rows, PIXELS, generator=torch.Generator().manual_seed(2)) < 0.5).double()
    counts = torch.tensor([count] * rows)
    counts[-1] = 2
    labels = {"count": counts, "items.kind": torch.tensor([[-1, -1]] * (rows - 1) + [[1, 0]])}

    def found() -> list[Tensor]:
        generator = torch.Generator().manual_seed(0)
        options = {"estimators": {"items.kind": estimator}, "generator": generator, "alpha": ALPHA}
        each = program.objective(x[:-1], {"count": counts[:-1]}, **options)  # type: ignore[arg-type]
        mixed = program.objective(x, labels, **options)  # type: ignore[arg-type]
        # The last row has both steps: what it gives is left out.
        parts = [
            term.values[: rows - 1] if term.rows is None else term.values[term.rows < rows - 1]
            for term in mixed.terms.values()
        ]
        return [each.loss, *parts, *gradient(each.loss, program)]

    before = found()
    with torch.no_grad():
        for layer in program.inputs[count:]:
            layer.weight.mul_(-3.0)
            layer.bias.add_(1.0)
    for left, right in zip(before, found(), strict=True):
        assert torch.equal(left, right)


def drawn_model() -> StepwiseModel:
    program = StepwiseModel().double()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in program.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return program


# Labels of items whose order says nothing.


class Bag(ub.Model):
    """Items whose labelled order is one of many, or is that of the steps."""

    order: str = "matched"

    def encode(self, x: Any) -> Any:
        hidden: Any = ub.dense(4)(x)
        h: Any = torch.tanh(hidden)
        count = ub.Categorical(4)(h)
        items: Any = ub.Repeat(Stated(), state=3, order=self.order)(h, count)  # type: ignore[arg-type]
        return {"count": count, "items": items}

    def decode(self, items: Any) -> Any:
        return ub.Bernoulli(PIXELS)(items.kind, items.size)


class Stated(ub.Submodel):
    def encode(self, h: Any, state: Any) -> Any:
        kind = ub.Categorical(KINDS)(h, state)
        return {"kind": kind, "size": ub.Normal(1)(kind, h, state)}


def bag(order: str) -> Bag:
    program = Bag(order=order).double()
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in program.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return program


def in_order(order: tuple[int, ...]) -> dict[str, Tensor]:
    """Two rows of labels, of three items and of two, the items in this order."""
    kinds = torch.tensor([[0, 2, 1], [2, 0, -1]])
    sizes = torch.tensor([[0.3, -1.0, 2.0], [1.0, math.nan, math.nan]], dtype=torch.float64)[..., None]
    second = [place for place in order if place < 2] + [2]
    moved = torch.tensor([list(order), second])
    return {
        "count": torch.tensor([3, 2]),
        "items.kind": kinds.gather(1, moved),
        "items.size": sizes.gather(1, moved[..., None]),
    }


def test_the_order_of_matched_labels_changes_nothing() -> None:
    x = X.expand(2, -1)
    found: dict[str, list[list[Tensor]]] = {"matched": [], "given": []}
    for order, results in found.items():
        program = bag(order)
        for places in ((0, 1, 2), (2, 0, 1), (1, 0, 2), (2, 1, 0)):
            generator = torch.Generator().manual_seed(0)
            each = program.objective(x, in_order(places), generator=generator, alpha=ALPHA).loss
            results.append([each.detach(), *gradient(each, program)])
    for other in found["matched"][1:]:
        assert all(torch.equal(left, right) for left, right in zip(found["matched"][0], other, strict=True))
    for other in found["given"][1:]:
        assert not torch.equal(found["given"][0][0], other[0])


def test_matched_labels_are_those_labels_given_in_the_order_of_the_steps() -> None:
    """In value and gradient: that of the networks that the matching looked at, too."""
    x, program, plain = X.expand(2, -1), bag("matched"), bag("given")
    found = program.objective(x, in_order((0, 1, 2)), generator=torch.Generator().manual_seed(0), alpha=ALPHA).loss
    results = []
    for places in permutations((0, 1, 2)):
        for second in ((0, 1, 2), (1, 0, 2)):
            labels = {
                name: torch.cat([label[:1], other[1:]])
                for (name, label), other in zip(in_order(places).items(), in_order(second).values(), strict=True)
            }
            each = plain.objective(x, labels, generator=torch.Generator().manual_seed(0), alpha=ALPHA).loss
            results.append((each, gradient(each, plain)))
    same = [gradients for each, gradients in results if torch.equal(each, found)]
    assert len(same) == 1
    for left, right in zip(same[0], gradient(found, program), strict=True):
        torch.testing.assert_close(left, right, **EXACT)

"""Estimators of discrete latents against sums and quadrature, in value and in every gradient, for every objective."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from torch import Tensor

import unbraid as ub
from tests.golden import brute
from tests.golden.brute import Setting, hot
from tests.golden.exact import AUXILIARY, COIN, LEVELS, STYLE, X, expected, factor, value_and_gradient
from tests.golden.programs import Latent, Program
from unbraid.estimators import Enumerate, Estimator, Gumbel, Reinforce, SumAndSample

SEED = 4
BATCHES, ROWS = 64, 400  # 25,600 draws of everything; the gradient's standard error is that of 64 means
DEFAULT, KIND = Setting(alpha=0.7), {"kind": hot(1, 4)}
NUMBER = torch.tensor([0.4], dtype=torch.float64)

CASES: dict[str, tuple[Program, Mapping[str, Tensor], Setting]] = {
    "levels, beta": (LEVELS, {}, Setting(beta=0.5)),
    "levels, free bits": (LEVELS, {}, Setting(free_bits=0.2)),
    "levels, kind labelled": (LEVELS, KIND, replace(DEFAULT, gamma=0.6)),
    "levels, sort labelled, eq4": (LEVELS, {"sort": hot(2, 3)}, Setting(supervision="eq4")),
    "style": (STYLE, {}, DEFAULT),
    "style, beta and free bits": (STYLE, {}, Setting(beta=2.0, free_bits=0.2)),
    "style, importance": (STYLE, {}, Setting(bound="importance")),
    "style, importance of three": (STYLE, {}, Setting(bound="importance", samples=3)),
    "style labelled, eq4": (STYLE, {"style": NUMBER}, Setting(supervision="eq4")),
    "auxiliary": (AUXILIARY, {}, DEFAULT),
    "auxiliary, three samples": (AUXILIARY, {}, Setting(samples=3)),
    "auxiliary, importance": (AUXILIARY, {}, Setting(bound="importance")),
    "auxiliary labelled": (AUXILIARY, {"a": NUMBER}, DEFAULT),
}
UNBIASED = [Reinforce(samples=1), Reinforce(samples=2), Reinforce(samples=4), SumAndSample(k=1), SumAndSample(k=2)]
BELOW = ("levels, sort labelled, eq4", "style labelled, eq4")
"""Labels below the latent: one sample of `Reinforce` takes no notice of them."""


def evaluated(
    model: ub.Model,
    case: tuple[Program, Mapping[str, Tensor], Setting],
    estimator: Estimator,
    rows: int,
    generator: torch.Generator,
) -> ub.Objective:
    """Returns the objective of a batch whose every row is X."""
    program, observed, setting = case
    labels = {
        name: value.argmax().expand(rows) if program.latents[name].discrete else value.expand(rows, -1)
        for name, value in observed.items()
    }
    return model.objective(
        X.expand(rows, -1),
        labels,
        estimators={name: estimator for name, latent in program.latents.items() if latent.discrete},
        alpha=setting.alpha,
        gamma=setting.gamma,
        beta=setting.beta,
        free_bits=setting.free_bits,
        samples=setting.samples,
        supervision=setting.supervision,  # type: ignore[arg-type]
        bound=setting.bound,  # type: ignore[arg-type]
        generator=generator,
    )


def estimates(
    model: ub.Model,
    case: tuple[Program, Mapping[str, Tensor], Setting],
    estimator: Estimator,
    batches: int = BATCHES,
    rows: int = ROWS,
) -> Tensor:
    """Returns minus the loss and its gradient for each batch, (batches, 1 + weights)."""
    generator = torch.Generator().manual_seed(0)
    losses = (evaluated(model, case, estimator, rows, generator).loss for _ in range(batches))
    return torch.stack([value_and_gradient(model, -loss) for loss in losses])


def truth(model: ub.Model, case: tuple[Program, Mapping[str, Tensor], Setting]) -> Tensor:
    """Returns the expectation of the same vector."""
    program, observed, setting = case
    weight = setting.gamma if observed else 1.0
    return value_and_gradient(model, weight * expected(model, program, observed, setting))


def check_unbiased(found: Tensor, exact: Tensor) -> None:
    """Five standard errors for every number, and standard errors that are small beside the gradient."""
    error = found.std(0) / math.sqrt(BATCHES)
    assert ((found.mean(0) - exact).abs() <= 5 * error + 1e-9).all()
    assert error[1:].norm() < 0.05 * exact[1:].norm()


ONE = Reinforce(samples=1)  # cannot reweight its sample by labels below, as its docstring says
PAIRS = [(name, each) for name in CASES for each in UNBIASED if not (name in BELOW and each == ONE)]


@pytest.mark.parametrize(("name", "estimator"), PAIRS, ids=str)
def test_unbiased_estimators(name: str, estimator: Estimator) -> None:
    case = CASES[name]
    model = case[0].model(SEED)
    check_unbiased(estimates(model, case, estimator), truth(model, case))


@pytest.mark.parametrize("name", [*CASES, "auxiliary, importance of three", "auxiliary, kind labelled, eq4"])
def test_enumeration_leaves_the_noise_of_normal_latents_only(name: str) -> None:
    cases = {
        **CASES,
        "auxiliary, importance of three": (AUXILIARY, {}, Setting(bound="importance", samples=3)),
        "auxiliary, kind labelled, eq4": (AUXILIARY, {"kind": hot(2, 3)}, Setting(supervision="eq4", samples=2)),
    }
    case = cases[name]
    model = case[0].model(SEED)
    check_unbiased(estimates(model, case, Enumerate()), truth(model, case))


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith(("levels", "style labelled"))])
def test_all_values_are_the_exact_sum(name: str) -> None:
    case = CASES[name]
    model = case[0].model(SEED)
    found = estimates(model, case, SumAndSample(k=4), batches=1, rows=2)
    torch.testing.assert_close(found[0], truth(model, case), rtol=1e-9, atol=1e-9)


def test_free_bits_are_taken_somewhere_and_not_everywhere() -> None:
    """The cases with free bits have a divergence above and one below what is free, both far from it."""
    for name in ("levels, free bits", "style, beta and free bits"):
        case = CASES[name]
        model, free = case[0].model(SEED), case[2].free_bits
        with torch.no_grad():
            terms = evaluated(model, case, Enumerate(), ROWS, torch.Generator().manual_seed(0)).terms
        means = [float(term.values.mean()) for key, term in terms.items() if key.startswith("KL")]
        assert min(means) < 0.8 * free, means
        assert max(means) > 1.2 * free, means


def test_labels_below_are_weighed_consistently() -> None:
    """Self-normalised weights of S values: biased for one, and the bias falls as 1 / S."""
    case = LEVELS, {"sort": hot(2, 3)}, Setting(alpha=0.7)
    model = LEVELS.model(SEED)
    exact = truth(model, case)
    single = estimates(model, case, Reinforce(samples=1))
    many = estimates(model, case, Reinforce(samples=100), rows=20)
    error = many.std(0) / math.sqrt(BATCHES)
    bias = (single.mean(0) - exact).abs()
    assert bias[0] > 5 * single.std(0)[0] / math.sqrt(BATCHES)
    assert (many.mean(0) - exact)[0].abs() < 5 * error[0] + 3 * bias[0] / 100
    assert (many.mean(0) - exact)[1:].norm() < 5 * error.norm() + 0.05 * exact[1:].norm()


# Biased estimators: their expectation is known where a latent has two values.


def relaxed(model: ub.Model, temperature: float, hard: bool) -> Tensor:
    """Returns the expectation of the Gumbel-softmax estimate for COIN, by the midpoint rule over logistic noise."""
    w = brute.weights_of(model)
    uniform = (torch.arange(40_000, dtype=torch.float64) + 0.5) / 40_000
    log_q = brute.parameters(COIN, w, "q", "kind", {"x": X})[0]
    first = torch.sigmoid((log_q[0] - log_q[1] + torch.log(uniform) - torch.log1p(-uniform)) / temperature)
    seen = torch.stack([first, 1 - first], -1)
    if hard:
        seen = (seen > 0.5).double() + seen - seen.detach()
    divergence = (torch.exp(log_q) * (log_q + math.log(2))).sum()
    value = brute.log_density(COIN, w, "p", "x", {"x": X, "kind": seen}).mean() - divergence
    return value_and_gradient(model, value)


def coin() -> ub.Model:
    model = COIN.model(0)
    with torch.no_grad():  # pixels that depend much on the value, of which both are likely
        for parameter in model.parameters():
            parameter.mul_(1.5)
    return model


@pytest.mark.parametrize("hard", [False, True], ids=["relaxed", "hard"])
@pytest.mark.parametrize("temperature", [0.1, 0.66, 2.0])
def test_gumbel_has_the_expectation_that_its_formula_says(temperature: float, hard: bool) -> None:
    model = coin()
    found = estimates(model, (COIN, {}, DEFAULT), Gumbel(temperature=temperature, hard=hard))
    exact = relaxed(model, temperature, hard)
    error = found.std(0) / math.sqrt(BATCHES)
    assert ((found.mean(0) - exact).abs() <= 5 * error + 1e-4).all()
    assert error[1:].norm() < 0.05 * exact[1:].norm()


def test_the_bias_of_gumbel_vanishes_with_the_temperature() -> None:
    model = coin()
    exact = truth(model, (COIN, {}, DEFAULT))
    bias = torch.stack([relaxed(model, temperature, hard=False) - exact for temperature in (2.0, 0.5, 0.1, 0.01)])
    values, gradients = bias[:, 0].abs(), bias[:, 1:].norm(dim=1) / exact[1:].norm()
    assert (values.diff() < 0).all()
    assert (gradients.diff() < 0).all()
    assert values[0] > 0.02
    assert gradients[0] > 0.05
    assert values[-1] < 0.002
    assert gradients[-1] < 0.02


def test_the_bias_of_straight_through_is_in_the_gradient_alone() -> None:
    model = coin()
    exact = truth(model, (COIN, {}, DEFAULT))
    bias = relaxed(model, 0.66, hard=True) - exact
    assert bias[0].abs() < 1e-4
    assert 0.01 < bias[1:].norm() / exact[1:].norm() < 0.5


@pytest.mark.parametrize("name", [name for name in CASES if name not in BELOW])
def test_straight_through_has_the_exact_value(name: str) -> None:
    """What children see is a draw of q, so the value has no bias, whatever the objective."""
    case = CASES[name]
    model, generator = case[0].model(SEED), torch.Generator().manual_seed(0)
    with torch.no_grad():
        losses = [evaluated(model, case, Gumbel(hard=True), 1000, generator).loss for _ in range(20)]
    found = -torch.stack(losses)
    assert (found.mean() - truth(model, case)[0]).abs() <= 5 * found.std() / math.sqrt(20) + 1e-9


def test_plug_in_is_above_the_bound_by_at_most_an_eighth_of_the_variance_of_the_log_odds() -> None:
    """For one latent and pixels whose log-odds are linear in it: Jensen, and softplus'' <= 1/4."""
    program = Program(
        latents={"kind": Latent("kind", True, 3)},
        returned=("kind",),
        q={"kind": factor("encode", "x")},
        p={"kind": factor("own"), "x": factor("decode", "kind")},
    )
    for seed in range(20):
        model = program.model(seed)
        w = brute.weights_of(model)
        plugged, exact = (model.objective(X[None], estimators={"kind": e}).loss for e in ("plug_in", "enumerate"))
        q = torch.exp(brute.parameters(program, w, "q", "kind", {"x": X})[0])
        log_odds = w["decode_dense_0.weight"]
        spread = (q * log_odds**2).sum(-1) - (q * log_odds).sum(-1) ** 2
        bias = (exact - plugged).item()
        assert 0 < bias < spread.sum().item() / 8

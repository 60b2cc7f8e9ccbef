"""Objectives and gradients against brute force in double precision."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import unbraid as ub
from tests import naive
from tests.models import Below, LinearGaussian, TwoDiscrete, labels_of, rows_of
from unbraid.variables.binarise import binarised

ALPHA = 1.7
LATENTS = ("kind", "sort", "style")
PATTERNS = [
    pattern
    for size in product([False, True], repeat=3)
    for pattern in [tuple(n for n, on in zip(LATENTS, size, strict=True) if on)]
]
PATTERN = pytest.mark.parametrize("observed", PATTERNS, ids=["+".join(pattern) or "none" for pattern in PATTERNS])


def seeded(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def example(observed: tuple[str, ...], rows: int) -> tuple[TwoDiscrete, Tensor, dict[str, Tensor]]:
    """A model with weights large enough that q is far from uniform, and a batch with some latents observed."""
    model = TwoDiscrete().double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2.5)
    labels = labels_of(model, rows)
    return model, rows_of(model, rows), {name: labels[name] for name in observed}


def gradients(model: nn.Module, loss: Tensor) -> dict[str, Tensor]:
    names = dict(model.named_parameters())
    found = torch.autograd.grad(loss, list(names.values()), allow_unused=True, materialize_grads=True)
    return dict(zip(names, found, strict=True))


def assert_same(model: nn.Module, loss: Tensor, brute: Tensor) -> None:
    torch.testing.assert_close(loss, brute, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(gradients(model, loss), gradients(model, brute), rtol=1e-9, atol=1e-10)


def row(labels: Mapping[str, Tensor], i: int) -> dict[str, Tensor]:
    return {name: value[i] for name, value in labels.items()}


@pytest.mark.parametrize("rows", [1, 4])
@PATTERN
def test_enumeration_is_exact_for_every_pattern_of_labels(observed: tuple[str, ...], rows: int) -> None:
    model, x, labels = example(observed, rows)
    x_draw = seeded()
    binarised(x, x_draw)  # pixels are binarised first; these are 0 and 1 already
    noise = torch.zeros(2, rows, 2, dtype=x.dtype)
    if "style" not in observed:
        drawn = torch.randn((rows, 2) if "sort" in observed else (2, rows, 2), generator=x_draw, dtype=x.dtype)
        noise = drawn.expand(2, rows, 2)
    loss = model.objective(x, labels, alpha=ALPHA, generator=seeded()).loss
    w = naive.weights_of(model)
    values = [naive.two_discrete(w, x[i], row(labels, i), noise[:, i], ALPHA) for i in range(rows)]
    assert_same(model, loss, -torch.stack(values).mean())


@PATTERN
def test_plug_in_hands_on_the_probabilities(observed: tuple[str, ...]) -> None:
    model, x, labels = example(observed, 4)
    x_draw = seeded()
    binarised(x, x_draw)
    noise = torch.randn(4, 2, generator=x_draw, dtype=x.dtype)
    chosen = {"kind": "plug_in", "sort": "plug_in"}
    loss = model.objective(x, labels, alpha=ALPHA, estimators=chosen, generator=seeded()).loss
    w = naive.weights_of(model)
    values = [naive.two_discrete_plug_in(w, x[i], row(labels, i), noise[i], ALPHA) for i in range(4)]
    assert_same(model, loss, -torch.stack(values).mean())


def test_one_latent_enumerated_below_one_plugged_in() -> None:
    """Each latent keeps its own estimator: the children of kind see its mean, those of sort every value."""
    model, x, _ = example((), 3)
    chosen = {"kind": "plug_in", "sort": "enumerate"}
    style = labels_of(model, 3)["style"]
    loss = model.objective(x, {"style": style}, alpha=ALPHA, estimators=chosen).loss
    w = naive.weights_of(model)
    values = []
    for i in range(3):
        kind = torch.softmax(naive.linear(w, "encode_dense_0", x[i]), 0)
        at = [
            naive.two_discrete_at(w, x[i], {"style": style[i]}, style[i], ALPHA, kind, naive.hot(s, 2)) for s in (0, 1)
        ]
        weights = torch.softmax(torch.stack([log_weight for log_weight, _ in at]), 0)
        values.append((weights * torch.stack([value for _, value in at])).sum())
    assert_same(model, loss, -torch.stack(values).mean())


def test_plug_in_is_biased_but_for_a_one_hot_q() -> None:
    model, x, labels = example(("style",), 4)
    style = labels["style"]

    def bias() -> float:
        both = [
            model.objective(x, {"style": style}, alpha=0.0, estimators={"kind": e, "sort": e}).loss
            for e in ("enumerate", "plug_in")
        ]
        return abs(both[0] - both[1]).item()

    assert bias() > 0.01
    saturate(model)
    assert bias() < 1e-10


def saturate(model: TwoDiscrete, size: float = 1e4) -> None:
    """Makes q(kind) and q(sort) one-hot: log-odds of ±1e4."""
    with torch.no_grad():
        for name, signs in (("encode_dense_0", [1.0, -1.0, -1.0]), ("encode_dense_1", [-1.0, 1.0])):
            model.get_parameter(f"parts.{name}.bias").copy_(size * torch.tensor(signs))


@pytest.mark.parametrize("estimator", ["enumerate", "plug_in", "gumbel", "reinforce", "sum_and_sample"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@PATTERN
def test_a_saturated_q_stays_finite(observed: tuple[str, ...], estimator: str, dtype: torch.dtype) -> None:
    model, x, labels = example(observed, 4)
    saturate(model)
    model = model.to(dtype)
    labels = {name: value.to(dtype) if value.is_floating_point() else value for name, value in labels.items()}
    chosen = {"kind": estimator, "sort": estimator}
    result = model.objective(x.to(dtype), labels, estimators=chosen, samples=2, generator=seeded())
    assert torch.isfinite(result.loss)
    assert all(torch.isfinite(gradient).all() for gradient in gradients(model, result.loss).values())


def test_a_saturated_q_is_the_value_that_it_chose() -> None:
    model, x, labels = example(("style",), 4)
    saturate(model)
    chosen = {"kind": torch.zeros(4, dtype=torch.long), "sort": torch.ones(4, dtype=torch.long)}
    free = model.objective(x, {"style": labels["style"]}, alpha=0.0).terms
    fixed = model.objective(x, {**labels, **chosen}, alpha=0.0).terms
    torch.testing.assert_close(free["log p(x)"].values, fixed["log p(x)"].values)


class OneValue(ub.Model):
    """A discrete latent with one value, which changes nothing."""

    def encode(self, x: Any) -> Any:
        only = ub.Categorical(1)(x)
        return {"only": only, "style": ub.Normal(2)(x, only)}

    def decode(self, only: Any, style: Any) -> Any:
        return ub.Bernoulli(4)(only, style)


def test_one_value_costs_nothing() -> None:
    model = OneValue().double()
    x = rows_of(model, 3)
    options = [{"estimators": {"only": "enumerate"}}, {"estimators": {"only": "plug_in"}}]
    first, second = (model.objective(x, generator=seeded(), **option) for option in options)  # type: ignore[arg-type]
    torch.testing.assert_close(first.loss, second.loss, rtol=1e-12, atol=1e-12)
    assert first.terms["KL(only)"].values.abs().max() == 0
    labelled = model.objective(x, {"only": torch.zeros(3, dtype=torch.long)}, generator=seeded())
    torch.testing.assert_close(labelled.loss, first.loss, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("samples", [1, 4])
def test_samples_have_the_integral_as_their_mean(samples: int) -> None:
    """Every row is the same one, so that the rows are independent estimates of one integral, known by quadrature."""
    rows = 4000
    model, x, _ = example((), 1)
    points, masses = naive.hermite(16, 2)
    w = naive.weights_of(model)
    with torch.no_grad():
        at = [naive.two_discrete(w, x[0], {}, point.expand(2, 2), ALPHA) for point in points]
        truth = (torch.stack(at) * masses).sum()
        terms = model.objective(x.expand(rows, -1), samples=samples, generator=seeded()).terms
        total = torch.stack([-term.values if "KL" in name else term.values for name, term in terms.items()]).sum(0)
    assert abs(total.mean() - truth) < 5 * total.std() / math.sqrt(rows)
    assert total.std() > 0


def test_labels_below_a_sampled_latent_weight_its_samples() -> None:
    """Self-normalised weights: one sample is biased, many agree with quadrature, in value and gradient."""
    model = Below().double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2.0)
    x, sort = rows_of(model, 1), 2
    truth = naive.below(naive.weights_of(model), x[0], sort, ALPHA)

    def estimates(samples: int, rows: int) -> Tensor:
        label = {"sort": torch.full((rows,), sort)}
        terms = model.objective(x.expand(rows, -1), label, samples=samples, generator=seeded()).terms
        weight = {"KL": -1.0, "log q(sort)": ALPHA}
        return torch.stack(
            [weight.get(name[:2], weight.get(name, 1.0)) * term.values for name, term in terms.items()]
        ).sum(0)

    def error(values: Tensor) -> tuple[float, float]:
        return abs(values.mean() - truth).item(), values.std().item() / math.sqrt(len(values))

    with torch.no_grad():
        biased, uncertain = error(estimates(1, 16_000))
    assert biased > 5 * uncertain
    many = estimates(1000, 100)
    consistent, uncertain = error(many)
    assert consistent < 5 * uncertain + 2 * biased / 1000  # the bias falls as 1 / samples
    wanted = gradients(model, truth)
    for name, gradient in gradients(model, many.mean()).items():
        torch.testing.assert_close(gradient, wanted[name], rtol=0.05, atol=0.02, msg=name)


def test_a_label_that_is_not_a_number_is_no_label() -> None:
    model, x, labels = example(("style",), 4)
    style = labels["style"].clone()
    style[1:3, 0] = torch.nan  # one missing coordinate: the row is not labelled
    result = model.objective(x, {"style": style}, alpha=ALPHA, generator=seeded())
    assert all(torch.isfinite(gradient).all() for gradient in gradients(model, result.loss).values())
    assert result.terms["log q(style)"].rows is not None
    assert result.terms["log q(style)"].rows.tolist() == [0, 3]
    known = torch.tensor([0, 3])
    alone = model.objective(x[known], {"style": style[known]}, alpha=ALPHA)
    for name in ("log q(style)", "log p(style)"):
        torch.testing.assert_close(result.terms[name].values, alone.terms[name].values)


def test_weights_of_the_objective() -> None:
    """The loss is the weighted sum of its terms: alpha for log q, beta for KL, gamma for rows with a label."""
    model, x, labels = example(("kind",), 4)
    labels["kind"][:2] = -1
    result = model.objective(x, labels, alpha=2.0, beta=0.3, gamma=0.6, generator=seeded())
    total = torch.zeros(4, dtype=x.dtype)
    for name, term in result.terms.items():
        weight = -0.3 if name.startswith("KL") else 2.0 if name.startswith("log q") else 1.0
        rows = torch.arange(4) if term.rows is None else term.rows
        total.index_add_(0, rows, weight * term.values)
    torch.testing.assert_close(result.loss, -(total[:2].sum() + 0.6 * total[2:].sum()) / 4)


def test_importance_weights_have_p_of_x_as_their_mean() -> None:
    model = LinearGaussian().double()
    x = torch.randn(4, 3, generator=seeded(5), dtype=torch.float64)
    w = naive.weights_of(model)
    by_kind, by_z = w["decode_dense_0.weight"].split([3, 2], 1)
    covariance = torch.eye(3, dtype=torch.float64) + by_z @ by_z.T
    parts = torch.distributions.MultivariateNormal(by_kind.T + w["decode_dense_0.bias"], covariance)
    truth = torch.logsumexp(parts.log_prob(x[:, None]) + torch.tensor([0.2, 0.3, 0.5], dtype=x.dtype).log(), 1)
    samples = 20_000
    log_weights = model.log_weights(x, samples, generator=seeded())
    weights = (log_weights - truth).exp()
    assert ((weights.mean(0) - 1).abs() < 5 * weights.std(0) / math.sqrt(samples)).all()
    bound = -model.objective(x, samples=2000, generator=seeded()).loss
    assert bound < truth.mean()

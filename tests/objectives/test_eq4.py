"""Eq. 4 of the paper's first version: the gradients that its appendix gives, and what they do to a label."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import unbraid as ub
from tests import naive
from unbraid.variables.binarise import binarised

ROWS = 5
SAME: dict[str, Any] = {"rtol": 0.0, "atol": 1e-8}


class Pixels(ub.Model):
    """q(digit | x) q(style | x, digit), with no layer in common, and p(x | digit, style)."""

    pixels: int = 6

    def encode(self, x: Any) -> Any:
        digit = ub.Categorical(3, probs=[0.2, 0.5, 0.3])(x)
        return {"digit": digit, "style": ub.Normal(2)(x, digit)}

    def decode(self, digit: Any, style: Any) -> Any:
        return ub.Bernoulli(self.pixels)(digit, style)


THETA = ("decode_dense_0.weight", "decode_dense_0.bias")
PHI_Z = ("encode_dense_1.weight", "encode_dense_1.bias")
PHI_Y = ("encode_dense_0.weight", "encode_dense_0.bias")


def example(pixels: int = 6) -> tuple[Pixels, Tensor, Tensor]:
    model = Pixels(pixels=pixels).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2.0)
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(ROWS, pixels, generator=generator, dtype=torch.float64).round()
    return model, x, torch.tensor([0, 1, 2, 1, 0])


def eq4(model: Pixels, x: Tensor, digit: Tensor) -> Tensor:
    """Returns Eq. 4, its mean over the rows."""
    generator = torch.Generator().manual_seed(1)
    return -model.objective(x, {"digit": digit}, supervision="eq4", generator=generator).loss


def by_hand(model: Pixels, x: Tensor, digit: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Returns log q(y | x), log p(y) and one sample's estimate of the conditional bound L (x | y), each (rows,)."""
    w = naive.weights_of(model)
    generator = torch.Generator().manual_seed(1)
    binarised(x, generator)  # pixels are binarised first; these are 0 and 1 already
    noise = torch.randn(ROWS, 2, generator=generator, dtype=x.dtype)
    found = []
    for i in range(ROWS):
        y = naive.hot(int(digit[i]), 3)
        flat = naive.linear(w, "encode_dense_1", x[i], y)
        loc, scale = flat[:2], naive.scale_of(flat[2:])
        z = loc + scale * noise[i]
        bound = naive.log_bernoulli(x[i], naive.linear(w, "decode_dense_0", y, z))
        bound = bound - naive.normal_divergence(loc, scale, torch.zeros(2), torch.ones(2))
        log_q = naive.log_softmax(naive.linear(w, "encode_dense_0", x[i]))
        found.append(torch.stack([y @ log_q, torch.log(y @ torch.tensor([0.2, 0.5, 0.3]).double()), bound]))
    log_q, log_p, bound = torch.stack(found, 1)
    return log_q, log_p, bound


def derivatives(model: Pixels, value: Tensor, names: tuple[str, ...]) -> list[Tensor]:
    w = naive.weights_of(model)
    return list(torch.autograd.grad(value, [w[name] for name in names], retain_graph=True))


def test_its_value() -> None:
    model, x, digit = example()
    log_q, log_p, bound = by_hand(model, x, digit)
    # the prior's probabilities are kept in single precision
    torch.testing.assert_close(eq4(model, x, digit), (log_q.exp() * (bound + log_p - log_q)).mean(), rtol=0, atol=1e-7)


@pytest.mark.parametrize("names", [THETA, PHI_Z], ids=["theta", "phi_z"])
def test_of_theta_and_phi_z_it_is_the_conditional_bound_s_times_q(names: tuple[str, ...]) -> None:
    model, x, digit = example()
    log_q, _, bound = by_hand(model, x, digit)
    wanted = derivatives(model, (log_q.exp().detach() * bound).mean(), names)
    for left, right in zip(derivatives(model, eq4(model, x, digit), names), wanted, strict=True):
        torch.testing.assert_close(left, right, **SAME)
        assert right.abs().max() > 1e-4


def test_of_phi_y_it_is_the_score_times_q_times_the_bracket_minus_one() -> None:
    """Of L + log p(y) - log q(y | x), which is not on its own differentiated: q (L - 1) grad log q."""
    model, x, digit = example()
    w = naive.weights_of(model)
    log_q, _, bound = by_hand(model, x, digit)
    chosen = w["encode_dense_0.weight"].dtype
    prior = torch.log_softmax(model.latents["digit"].prior["logits"].to(chosen), -1)  # type: ignore[union-attr]
    bracket = (bound + prior[digit] - log_q).detach()
    wanted = derivatives(model, (log_q.exp().detach() * (bracket - 1) * log_q).mean(), PHI_Y)
    for left, right in zip(derivatives(model, eq4(model, x, digit), PHI_Y), wanted, strict=True):
        torch.testing.assert_close(left, right, **SAME)
        assert right.abs().max() > 1e-4


def test_the_three_are_all_of_its_gradient() -> None:
    model, _, _ = example()
    assert sorted((*THETA, *PHI_Z, *PHI_Y)) == sorted(naive.weights_of(model))


@pytest.mark.parametrize("row", range(ROWS))
@pytest.mark.parametrize(("supervision", "raised"), [("eq4", False), ("default", True)])
def test_ascent_lowers_q_of_the_right_label_where_the_default_raises_it(
    supervision: Any, raised: bool, row: int
) -> None:
    """One step of ascent on one row, with a bracket of about -100 nats."""
    model, x, digit = example(pixels=144)
    log_q, log_p, bound = by_hand(model, x, digit)
    assert -140 < (bound + log_p - log_q)[row] < -80
    x, digit = x[row : row + 1], digit[row : row + 1]
    generator = torch.Generator().manual_seed(1)
    loss = model.objective(x, {"digit": digit}, supervision=supervision, generator=generator).loss
    parameters = list(model.parameters())
    before = model.infer(x)["digit"].log_prob(digit)
    with torch.no_grad():
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.sub_(gradient, alpha=1e-5)
    after = model.infer(x)["digit"].log_prob(digit)
    assert bool(after > before) is raised
    assert (after - before).abs() > 1e-6


def test_without_labels_it_is_the_bound() -> None:
    model, x, _ = example()
    losses = [
        model.objective(x, supervision=each, generator=torch.Generator().manual_seed(1)).loss
        for each in ("default", "eq4")
    ]
    assert losses[0] == losses[1]


def test_alpha_has_no_part_in_it() -> None:
    model, x, digit = example()
    losses = [
        model.objective(
            x, {"digit": digit}, supervision="eq4", alpha=alpha, generator=torch.Generator().manual_seed(1)
        ).loss
        for alpha in (0.0, 50.0)
    ]
    assert losses[0] == losses[1]


class Below(ub.Model):
    """A label, `sort`, below `kind`."""

    def encode(self, x: Any) -> Any:
        kind = ub.Categorical(3)(x)
        return {"kind": kind, "sort": ub.Categorical(2)(x, kind)}

    def decode(self, kind: Any, sort: Any) -> Any:
        return ub.Bernoulli(4)(kind, sort)


def test_a_label_below_a_latent_is_multiplied_by_its_own_probability() -> None:
    """E_q(v | x) [delta_y log p(x, v) / q(v | x)], the sum over kind of q(kind, y) log p(x, kind, y) / q(kind, y)."""
    model = Below().double()
    w, x, sort = naive.weights_of(model), torch.tensor([1.0, 0.0, 0.0, 1.0], dtype=torch.float64), 1
    total = torch.zeros((), dtype=x.dtype)
    for kind in range(3):
        k, s = naive.hot(kind, 3), naive.hot(sort, 2)
        log_q = naive.log_softmax(naive.linear(w, "encode_dense_0", x))[kind]
        log_q = log_q + naive.log_softmax(naive.linear(w, "encode_dense_1", x, k))[sort]
        log_p = naive.log_bernoulli(x, naive.linear(w, "decode_dense_0", k, s))
        log_p = log_p - torch.log(torch.tensor(6.0, dtype=x.dtype))
        total = total + torch.exp(log_q) * (log_p - log_q)
    found = -model.objective(x[None], {"sort": torch.tensor([sort])}, supervision="eq4").loss
    names = list(w.values())
    torch.testing.assert_close(found, total, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(torch.autograd.grad(found, names), torch.autograd.grad(total, names))

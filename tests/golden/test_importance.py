"""The importance-weighted bound (Burda et al. 2016): its expectation, its order in S, and where it is log p(x)."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import unbraid as ub
from tests.golden import brute
from tests.golden.brute import Setting, hot
from tests.golden.exact import AUXILIARY, STYLE, X, expected, value_and_gradient
from tests.golden.programs import Program, Recorded

SEED = 4
PROGRAM = pytest.mark.parametrize("program", [STYLE, AUXILIARY], ids=["outside", "inside"])


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@PROGRAM
def test_one_sample_is_the_elbo_in_expectation(program: Program) -> None:
    """In value and in every gradient, by quadrature; that the package's estimates have it is in test_estimators.py."""
    model = program.model(SEED)
    importance, elbo = (expected(model, program, {}, Setting(bound=bound)) for bound in ("importance", "elbo"))
    torch.testing.assert_close(
        value_and_gradient(model, importance), value_and_gradient(model, elbo), rtol=1e-9, atol=1e-9
    )


@PROGRAM
def test_one_sample_of_a_label_s_program_is_the_elbo_where_nothing_is_in_closed_form(program: Program) -> None:
    """With kind observed there is one sample's log-ratio, the same number as the terms of the ELBO make for it."""
    model = program.model(SEED)
    label = {"kind": torch.tensor([1, 0])}
    x = X.expand(2, -1)
    result = model.objective(x, label, bound="importance", alpha=0.7, generator=generator())
    parts = dict(result.terms)
    bound = parts.pop("importance bound").values
    signs = {name: -1.0 if name.startswith("KL") else 0.0 if "log q" in name else 1.0 for name in parts}
    total = torch.stack([signs[name] * term.values for name, term in parts.items()]).sum(0)
    torch.testing.assert_close(bound, total)
    torch.testing.assert_close(result.loss, -(bound + 0.7 * parts["log q(kind)"].values).mean())


@PROGRAM
def test_more_samples_are_a_tighter_bound(program: Program) -> None:
    """Rows are independent draws; each step up in S is larger than five standard errors, and log p(x) is above all."""
    model, rows = program.model(SEED), 20_000
    with torch.no_grad():
        found = [
            model.objective(X.expand(rows, -1), bound="importance", samples=s, generator=generator()).terms
            for s in (1, 2, 4, 16)
        ]
        values = torch.stack([terms["importance bound"].values for terms in found])
        log_p = torch.logsumexp(model.log_weights(X[None], 400_000, generator=generator()), 0) - math.log(400_000)
    means, errors = values.mean(1), values.std(1) / math.sqrt(rows)
    assert (means.diff() > 5 * (errors[1:] + errors[:-1])).all()
    assert means[-1] < log_p.item()


class ExactPosterior(ub.Model):
    """p(z) p(x | z) linear and normal, and q(z | x) their posterior."""

    def encode(self, x: Any) -> Any:
        return {"z": ub.Normal(1)(loc=ub.dense(1)(x), scale=ub.Learnable(1.0))}

    def decode(self, z: Any) -> Any:
        return ub.Normal(3)(loc=ub.dense(3)(z), scale=0.5)


def exact_posterior() -> tuple[ExactPosterior, Tensor, Tensor]:
    """Returns the model, rows, and their log p(x)."""
    model = ExactPosterior().double()
    w = brute.weights_of(model)
    by_z, bias = w["decode_dense_0.weight"][:, 0], w["decode_dense_0.bias"]
    with torch.no_grad():
        precision = 1 + (by_z**2).sum() / 0.25
        w["encode_dense_0.weight"].copy_(by_z / 0.25 / precision)
        w["encode_dense_0.bias"].copy_(-(by_z * bias).sum() / 0.25 / precision)
        w["encode_scale_0.raw"].copy_(torch.log(torch.expm1(precision**-0.5 - 1e-3)))
    x = torch.randn(5, 3, generator=generator(), dtype=torch.float64)
    covariance = torch.outer(by_z, by_z) + 0.25 * torch.eye(3, dtype=torch.float64)
    return model, x, torch.distributions.MultivariateNormal(bias, covariance).log_prob(x)


@pytest.mark.parametrize("samples", [1, 3, 8])
def test_with_the_exact_posterior_every_sample_is_log_p_of_x(samples: int) -> None:
    model, x, log_p = exact_posterior()
    for seed in range(3):
        drawn = torch.Generator().manual_seed(seed)
        bound = model.objective(x, bound="importance", samples=samples, generator=drawn).terms["importance bound"]
        torch.testing.assert_close(bound.values, log_p, rtol=1e-11, atol=1e-11)


def test_with_another_q_it_is_not() -> None:
    model, x, log_p = exact_posterior()
    with torch.no_grad():
        brute.weights_of(model)["encode_dense_0.bias"].add_(0.5)
    bound = model.objective(x, bound="importance", samples=3, generator=generator()).terms["importance bound"]
    assert ((bound.values - log_p).abs() > 1e-3).all()


@pytest.mark.parametrize("samples", [1, 2, 5])
@pytest.mark.parametrize("labelled", [False, True], ids=["unlabelled", "labelled"])
@PROGRAM
def test_it_equals_brute_force_given_the_noise(program: Program, labelled: bool, samples: int) -> None:
    """A discrete latent above the sampled one, outside of the logarithm, and one below it, inside."""
    model = program.model(SEED)
    observed = {"kind": hot(1, 3)} if labelled else {}
    labels = {"kind": torch.tensor([1])} if labelled else {}
    setting = Setting(samples=samples, bound="importance", alpha=0.7)
    loss = model.objective(X[None], labels, bound="importance", samples=samples, alpha=0.7, generator=generator()).loss
    (name,) = [name for name, latent in program.latents.items() if not latent.discrete]
    family = model.latents[name]
    assert isinstance(family, Recorded)
    (drawn,) = family.noise  # (kind, samples, row, 1), with those that there are
    by_kind = program is STYLE and not labelled

    def noise(_: str, chosen: brute.Chosen) -> Tensor:
        index = ((chosen["kind"],) if by_kind else ()) + ((chosen["sample"],) if samples > 1 else ())
        return drawn[(*index, 0)]

    row = brute.row(program, brute.weights_of(model), X, observed, noise, setting)
    wanted = -brute.objective([row], setting)[0]
    torch.testing.assert_close(
        value_and_gradient(model, loss), value_and_gradient(model, wanted), rtol=1e-10, atol=1e-10
    )


def test_weights_of_the_samples_carry_the_gradient_of_the_logarithm() -> None:
    """The gradient is sum_s w_s grad log w_s with w normalised (Burda et al. 2016, Eq. 13)."""
    model = AUXILIARY.model(SEED)
    label, size = {"kind": torch.tensor([1])}, 4
    loss = model.objective(X[None], label, bound="importance", samples=size, alpha=0.0, generator=generator()).loss
    family = model.latents["a"]
    assert isinstance(family, Recorded)
    w, drawn = brute.weights_of(model), family.noise[0]
    ratios = []
    for s in range(size):
        row = brute.row(AUXILIARY, w, X, {"kind": hot(1, 3)}, lambda *_, s=s: drawn[s, 0], Setting(bound="importance"))
        ratios.append(row.terms["importance bound"])
    weights = torch.softmax(torch.stack(ratios), 0).detach()
    wanted = sum(weight * value_and_gradient(model, each) for weight, each in zip(weights, ratios, strict=True))
    torch.testing.assert_close(value_and_gradient(model, -loss)[1:], torch.as_tensor(wanted)[1:], rtol=1e-9, atol=1e-9)

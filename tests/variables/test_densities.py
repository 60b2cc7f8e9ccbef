"""Densities against scipy's, and what families take as data and labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from scipy import stats
from torch import Tensor

import unbraid as ub
from tests.models import Components
from tests.variables.test_families import parameters_of
from unbraid.errors import DataError, ModelError

T = torch.distributions


@pytest.mark.parametrize(
    ("family", "scipys"),
    [
        (ub.LogNormal(3), lambda q: stats.lognorm(q["scale"], scale=q["loc"].exp())),
        (ub.Beta(3), lambda q: stats.beta(q["concentration1"], q["concentration0"])),
        (ub.Gamma(3), lambda q: stats.gamma(q["concentration"], scale=1 / q["rate"])),
        (ub.from_torch(T.StudentT, 3, df=2.0), lambda q: stats.t(q["df"], q["loc"], q["scale"])),
        (ub.from_torch(T.Gumbel, 3, loc=0.0, scale=1.0), lambda q: stats.gumbel_r(q["loc"], q["scale"])),
    ],
    ids=["LogNormal", "Beta", "Gamma", "StudentT", "Gumbel"],  # each worker must find the same names
)
def test_densities_are_scipys(family: ub.Family, scipys: Any) -> None:
    q = parameters_of(family, 4)
    value = family.draw(q, (4,), torch.Generator().manual_seed(0))
    expected = torch.as_tensor(scipys(q).logpdf(value)).sum(-1)
    torch.testing.assert_close(family.log_prob(q, value), expected)


def mixture_by_hand(q: Mapping[str, Tensor], value: Tensor) -> Tensor:
    total = torch.zeros(len(value), dtype=value.dtype)
    weights = torch.softmax(q["logits"], -1)
    for k in range(weights.shape[-1]):
        density = T.Normal(q["loc"][:, k], q["scale"][:, k]).log_prob(value).sum(-1).exp()
        total = total + weights[:, k] * density
    return total.log()


def test_a_mixture_is_the_weighted_sum_of_its_components() -> None:
    family = ub.Mixture(ub.Normal(2), 3)
    q = parameters_of(family, 5)
    value = torch.randn(5, 2, dtype=torch.float64)
    torch.testing.assert_close(family.log_prob(q, value), mixture_by_hand(q, value))
    components = family.mean(
        {"logits": torch.tensor([[0.0, -torch.inf, -torch.inf]]), "loc": q["loc"], "scale": q["scale"]}
    )
    torch.testing.assert_close(components, q["loc"][:, 0])


def test_the_components_of_a_mixture_are_drawn_by_their_weights() -> None:
    family = ub.Mixture(ub.Normal(1), 2)
    q = {
        "logits": torch.tensor([[0.3, 0.7]]).log(),
        "loc": torch.tensor([[[-10.0], [10.0]]]),
        "scale": torch.tensor([[[1.0], [2.0]]]),
    }
    drawn = family.draw(q, (20_000,), torch.Generator().manual_seed(0))
    right = drawn[drawn > 0]
    assert abs(len(right) / 20_000 - 0.7) < 5 * (0.21 / 20_000) ** 0.5
    assert abs(right.mean() - 10) < 5 * 2 / len(right) ** 0.5
    assert abs(right.std() - 2) < 5 * 2 / (2 * len(right)) ** 0.5


def test_a_mixture_prior_is_learned_and_starts_apart() -> None:
    model = Components()
    start = {name: value for name, value in model.named_parameters() if "prior" in name}
    shapes = sorted(tuple(value.shape) for value in start.values())
    assert shapes == [(1, 3), (1, 3, 2), (1, 3, 2)]
    loc = next(value for name, value in start.items() if "loc" in name)[0]
    assert torch.pdist(loc).min() > 0.1
    terms = (
        model.double()
        .objective(torch.zeros(4, 4).double(), samples=2000, generator=torch.Generator().manual_seed(0))
        .terms
    )
    q = model.infer(torch.zeros(4, 4).double())["style"]
    drawn = q.sample(torch.Size([2000]))
    p = model.frame(None).distribution(model.graph.factors["style"])
    ratio = q.log_prob(drawn) - p.log_prob(drawn)
    assert ((terms["KL(style)"].values - ratio.mean(0)).abs() <= 5 * (2 * ratio.var(0) / 2000).sqrt()).all()


def test_parameters_of_a_mixture_may_be_given() -> None:
    family = ub.Mixture(ub.Normal(2), 3, logits=0.0, loc=torch.arange(6.0).reshape(3, 2), scale=0.5)
    assert all(isinstance(value, Tensor) for value in family.prior.values())
    assert isinstance(ub.Mixture(ub.Direction(3), 2).prior["concentration"], ub.Learnable)


@pytest.mark.parametrize(
    ("likelihood", "good", "bad", "message"),
    [
        (
            ub.LogNormal(2),
            0.1,
            0.0,
            r"x has a value 0 in row 1; the likelihood LogNormal\(2\) takes above 0. Shift or drop",
        ),
        (ub.Gamma(2), 0.1, -1.0, r"x has a value -1 in row 1; the likelihood Gamma\(2\) takes above 0"),
        (
            ub.Beta(2),
            0.5,
            1.0,
            r"x has a value 1 in row 1; .* both excluded. Rescale x, or choose ub.ContinuousBernoulli",
        ),
        (
            ub.from_torch(T.Poisson, 2, rate=1.0),
            3.0,
            0.5,
            r"x has a value 0.5 in row 1; the likelihood Poisson\(2\) takes",
        ),
        (ub.Mixture(ub.Beta(2), 2), 0.5, -0.5, r"x has a value -0.5 in row 1; the likelihood Beta\(2\) takes"),
        (
            ub.Direction(2),
            0.5**0.5,
            1.0,
            r"in row 1; the likelihood Direction\(2\) takes unit vectors: divide each row",
        ),
        (ub.LogNormal(2), 0.1, torch.nan, r"x has NaN or infinite values, first in row 1"),
    ],
    ids=str,
)
def test_likelihoods_refuse_data_that_they_cannot_have_made(
    likelihood: ub.Family, good: float, bad: float, message: str
) -> None:
    x = torch.full((3, 2), good)
    likelihood.check_data(x)
    x[1, 1] = bad
    with pytest.raises(DataError, match=message):
        likelihood.check_data(x)


@pytest.mark.parametrize(
    ("family", "good", "bad", "message"),
    [
        (ub.LogNormal(2), 1.0, -1.0, r"in row 2 is \[1.0, -1.0\]: v is LogNormal\(2\), its values are above 0"),
        (ub.Beta(2), 0.5, 1.0, r"its values are between 0 and 1"),
        (ub.ContinuousBernoulli(2), 1.0, 1.5, r"its values lie from 0 to 1"),
        (ub.Bernoulli(2), 1.0, 0.5, r"v is Bernoulli\(2\), each bit is 0 or 1"),
        (ub.Mixture(ub.Gamma(2), 3), 1.0, -1.0, r"v is Gamma\(2\), its values are above 0"),
        (ub.Normal(2), 1.0, torch.inf, r"v is Normal\(2\), its values are finite"),
    ],
    ids=str,
)
def test_labels_that_cannot_be_are_refused(family: ub.Family, good: float, bad: float, message: str) -> None:
    labels = torch.full((3, 2), good)
    labels[0] = torch.nan
    family.check_labels("v", labels)
    labels[2, 1] = bad
    with pytest.raises(DataError, match=message):
        family.check_labels("v", labels)


def test_distributions_of_torch_without_reparameterised_draws_are_for_data() -> None:
    class Counts(ub.Model):
        latent: str = "Laplace"

        def encode(self, x: Any) -> Any:
            if self.latent == "Laplace":
                return {"v": ub.from_torch(T.Laplace, 2, loc=0.0, scale=1.0)(x)}
            return {"v": ub.from_torch(T.Poisson, 2, rate=1.0)(x)}

        def decode(self, v: Any) -> Any:
            return ub.from_torch(T.Poisson, 3, rate=1.0)(v)

    with pytest.raises(ModelError, match=r"'v' is Poisson\(2\), which is for prior and decode only"):
        Counts(latent="Poisson")
    assert torch.isfinite(Counts().objective(torch.ones(4, 3)).loss)


def test_families_of_torch_differ_by_their_distribution() -> None:
    laplace, gumbel = (ub.from_torch(each, 2, loc=0.0, scale=1.0) for each in (T.Laplace, T.Gumbel))
    assert laplace.kind != gumbel.kind
    assert laplace.kind == ub.from_torch(T.Laplace, 3, loc=1.0, scale=1.0).kind
    assert ub.Normal(2).kind == ub.Normal(3).kind != ub.LogNormal(2).kind


@pytest.mark.parametrize(
    ("of_logits", "of_value"),
    [((2, 3), (2, 3)), ((4, 2, 3), (1, 2, 3)), ((4, 1, 3), (2, 3)), ((1, 3), (4, 2, 3))],
    ids=["alike", "fewer_values", "both", "fewer_logits"],
)
def test_bits_are_scored_with_their_gradients_however_they_broadcast(
    of_logits: tuple[int, ...], of_value: tuple[int, ...]
) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(of_logits, generator=generator, dtype=torch.float64, requires_grad=True)
    value = torch.rand(of_value, generator=generator, dtype=torch.float64, requires_grad=True)

    def score(logits: Tensor, value: Tensor) -> Tensor:
        return ub.Bernoulli(3).log_prob({"logits": logits}, value)

    expected = (value * logits.sigmoid().log() + (1 - value) * (-logits).sigmoid().log()).sum(-1)
    torch.testing.assert_close(score(logits, value), expected)
    asked = logits, value
    noise = torch.randn(expected.shape, generator=generator, dtype=torch.float64)
    found, wanted = (torch.autograd.grad((each * noise).sum(), asked) for each in (score(*asked), expected))
    torch.testing.assert_close(found, wanted)
    assert torch.autograd.gradgradcheck(score, asked)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("logit", [-1000.0, -50.0, -16.0, -0.51, -0.49, -0.01, 0.0, 1e-3, 0.4, 3.0, 20.0, 200.0])
def test_grey_pixels_have_a_density_at_any_log_odds(logit: float, dtype: torch.dtype) -> None:
    """Its integral is 1, its mean and entropy are those integrals, and draws invert the distribution function."""
    family, tolerance = ub.ContinuousBernoulli(1), 1e-4 if dtype == torch.float32 else 1e-5
    q = {"logits": torch.tensor([[logit]], dtype=dtype, requires_grad=True)}
    x = torch.linspace(0, 1, 200_001, dtype=torch.float64)
    log_density = family.log_prob(q, x[:, None].to(dtype)).double()
    density = log_density.exp()
    mean = torch.trapezoid(density * x, x)
    assert torch.trapezoid(density, x).item() == pytest.approx(1, abs=tolerance)
    assert family.most_probable(q).item() == pytest.approx(mean.item(), abs=tolerance)
    entropy = -torch.trapezoid(density * log_density, x).item()
    assert family.distribution(**q).entropy().item() == pytest.approx(entropy, abs=10 * tolerance)
    (slope,) = torch.autograd.grad(family.log_prob(q, torch.full((1, 1), 0.3, dtype=dtype)).sum(), q["logits"])
    assert slope.item() == pytest.approx(0.3 - mean.item(), abs=tolerance)
    drawn = family.draw(q, (4000,), torch.Generator().manual_seed(0))
    assert abs(drawn.double().mean() - mean) < 5 * drawn.double().std() / 4000**0.5 + tolerance
    (moved,) = torch.autograd.grad(drawn.sum(), q["logits"])
    assert moved.item() > 0


def test_divergences_of_grey_pixels_are_integrals() -> None:
    family = ub.ContinuousBernoulli(1)
    p, q = ({"logits": torch.tensor([[each]], dtype=torch.float64)} for each in (-30.0, 2.0))
    x = torch.linspace(0, 1, 200_001, dtype=torch.float64)
    left, right = (family.log_prob(each, x[:, None]) for each in (p, q))
    expected = torch.trapezoid(left.exp() * (left - right), x).item()
    found = T.kl_divergence(family.distribution(**p), family.distribution(**q)).item()
    assert found == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("family", "parameters", "expected"),
    [
        (ub.from_torch(T.StudentT, 2, df=2.0), {"df": 0.5, "loc": 1.0, "scale": 2.0}, 1.0),
        (ub.from_torch(T.StudentT, 2, df=2.0), {"df": 3.0, "loc": 1.0, "scale": 2.0}, 1.0),
        (ub.from_torch(T.Cauchy, 2, loc=0.0, scale=1.0), {"loc": 1.5, "scale": 2.0}, 1.5),
        (ub.from_torch(T.Laplace, 2, loc=0.0, scale=1.0), {"loc": 1.5, "scale": 2.0}, 1.5),
        (ub.from_torch(T.Weibull, 2, scale=1.0, concentration=1.0), {"scale": 3.0, "concentration": 1.0}, 3.0),
    ],
    ids=["StudentT of 0.5", "StudentT of 3", "Cauchy", "Laplace", "Weibull"],
)
def test_what_has_no_mean_has_a_mode(family: ub.Family, parameters: dict[str, float], expected: float) -> None:
    given = {name: torch.full((1, 2), value) for name, value in parameters.items()}
    torch.testing.assert_close(family.most_probable(given), torch.full((1, 2), expected))


@pytest.mark.parametrize("family", [ub.LogNormal(1), ub.from_torch(T.Laplace, 1, loc=0.0, scale=1.0)], ids=str)
def test_a_label_is_finite(family: ub.Family) -> None:
    family.check_labels("size", torch.tensor([[1.0], [torch.nan]]))
    with pytest.raises(DataError, match=r"the label of 'size' in row 1 is \[inf\]"):
        family.check_labels("size", torch.tensor([[1.0], [torch.inf]]))

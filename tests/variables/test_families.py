"""Families: sizes, parameters, own priors, values and labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.distributions import kl_divergence

import unbraid as ub
from unbraid.errors import ModelError
from unbraid.graph.symbol import Data, Symbol
from unbraid.variables.constraint import NonNegative, Positive, Real

FAMILIES = {
    "Normal": ub.Normal(2, 3),
    "Bernoulli": ub.Bernoulli(2, 3),
    "ContinuousBernoulli": ub.ContinuousBernoulli(2, 3),
    "Categorical": ub.Categorical(4),
    "Yes or no": ub.Bernoulli(1),
    "LogNormal": ub.LogNormal(2, 3),
    "Beta": ub.Beta(2),
    "Gamma": ub.Gamma(2),
    "Direction": ub.Direction(3),
    "Angle": ub.Angle(),
    "Mixture": ub.Mixture(ub.Normal(2), 3),
    "Laplace": ub.from_torch(torch.distributions.Laplace, 2, loc=0.0, scale=1.0),
}
EVERY = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())


def parameters_of(family: ub.Family, rows: int, seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        name: constraint(torch.randn(rows, *family.parameter_shape(name), generator=generator, dtype=torch.float64))
        for name, constraint in family.constraints.items()
    }


def test_sizes_may_be_numbers_of_numpy() -> None:
    two: Any = np.int64(2)
    for family in (ub.Normal(two, two), ub.Categorical(two), ub.Direction(two), ub.Mixture(ub.Normal(two), two)):
        sizes = [*family.event_shape, *family.parameter_shape(next(iter(family.constraints)))]
        assert {type(size) for size in sizes} == {int}
    ub.dense(two)
    with pytest.raises(ModelError, match=r"positive whole numbers, got \(2\.0,\)"):
        ub.Normal(two / 1)


@EVERY
def test_log_prob_and_kl_are_those_of_torch(family: ub.Family) -> None:
    q, p = parameters_of(family, 5), parameters_of(family, 5, seed=1)
    generator = torch.Generator().manual_seed(2)
    value = family.draw(q, (5,), generator)
    assert value.shape == (5, *family.event_shape)
    label = family.label_of(value)
    label = label.double() if family.cardinality == 2 else label
    torch.testing.assert_close(family.log_prob(q, value), family.distribution(**q).log_prob(label))
    divergence = family.kl(q, p)
    if divergence is not None:
        torch.testing.assert_close(divergence, kl_divergence(family.distribution(**q), family.distribution(**p)))


@EVERY
def test_draws_have_the_mean_as_their_mean(family: ub.Family) -> None:
    q = parameters_of(family, 1)
    draws = family.draw(q, (20_000,), torch.Generator().manual_seed(3))
    assert draws.shape == (20_000, *family.event_shape)
    error = draws.std(0) / 20_000**0.5
    assert ((draws.mean(0) - family.mean(q)[0]).abs() < 5 * error).all()
    assert draws.dtype == torch.float64


@EVERY
def test_gradients_pass_through_draws_of_reparameterised_families(family: ub.Family) -> None:
    q = {name: value.requires_grad_() for name, value in parameters_of(family, 3).items()}
    assert family.draw(q, (3,), None).requires_grad is family.reparameterised
    assert ub.Categorical(3).reparameterised is False


@EVERY
def test_the_own_prior_has_every_parameter(family: ub.Family) -> None:
    assert set(family.prior) == set(family.constraints)
    assert str(family).startswith(("Laplace", type(family).__name__))


def test_labels_of_a_categorical_are_indices() -> None:
    family = ub.Categorical(4)
    labels = torch.tensor([3, 0])
    assert family.value_of(labels).tolist() == [[0, 0, 0, 1], [1, 0, 0, 0]]
    assert family.label_of(family.value_of(labels)).tolist() == [3, 0]
    assert (family.cardinality, family.label_shape, family.event_shape) == (4, (), (4,))


def test_impossible_values_cost_nothing_and_pass_no_gradient() -> None:
    logits = torch.tensor([[1e4, -1e4, 0.0]], requires_grad=True)
    prior = torch.tensor([[0.0, -torch.inf, 0.0]])
    divergence = ub.Categorical(3).kl({"logits": logits}, {"logits": prior})
    torch.testing.assert_close(divergence, torch.tensor([2.0]).log())
    divergence.backward()
    assert torch.isfinite(logits.grad).all()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ub.Normal(0), r"Normal: sizes must be one or more positive whole numbers, got \(0,\)"),
        (lambda: ub.Normal(2, -1), r"Normal: sizes must be"),
        (lambda: ub.Normal(), r"Normal: sizes must be"),
        (lambda: ub.Bernoulli(), r"Bernoulli: sizes must be"),
        (lambda: ub.Categorical(0), r"Categorical: the number of values must be a positive whole number, got 0"),
        (lambda: ub.Categorical(3, probs=[0.5, 0.5]), r"Categorical\(3\): probs must be 3 numbers >= 0"),
        (lambda: ub.Categorical(2, probs=[-0.5, 1.5]), r"probs must be 2 numbers >= 0"),
        (lambda: ub.Categorical(2, probs=[0.0, 0.0]), r"probs must be 2 numbers >= 0"),
        (
            lambda: ub.Categorical(3, logits=torch.zeros(2)),
            r"Categorical\(3\): logits is a tensor \(2,\); expected a number or a tensor \(3,\)",
        ),
        (lambda: ub.Direction(1), r"Direction: a direction has two dimensions or more, got 1"),
        (lambda: ub.Direction(2, loc=torch.ones(2)), r"Direction\(2\): loc is .* outside its domain, Unit"),
        (
            lambda: ub.Direction(2, concentration=-1.0),
            r"concentration is -1.0, which is outside its domain, NonNegative",
        ),
        (lambda: ub.Mixture(ub.Categorical(2), 2), r"Mixture: the component is Categorical\(2\); it must be a contin"),
        (lambda: ub.Mixture(ub.Normal(2), 0), r"the number of components must be a positive whole number, got 0"),
        (lambda: ub.Mixture(ub.Normal(2), 3, scale=torch.ones(2, 2)), r"expected a number or a tensor \(3, 2\)"),
        (
            lambda: ub.from_torch(torch.distributions.StudentT, 2),
            r"StudentT needs 'df' for its own prior: ub.from_torch",
        ),
        (
            lambda: ub.from_torch(torch.distributions.StudentT, 2, df=3.0, mean=0.0),
            r"StudentT has no parameter 'mean'. Known: 'df', 'loc', 'scale'",
        ),
        (
            lambda: ub.from_torch(torch.distributions.MultivariateNormal, 2, loc=0.0),
            r"MultivariateNormal is not a distribution of single numbers; subclass ub.Family",
        ),
        (
            lambda: ub.from_torch(torch.distributions.Geometric, 2),
            r"from_torch: Geometric takes probs, logits; torch says: .*[Ee]ither",
        ),
        (lambda: ub.from_torch(torch.nn.Linear, 2), r"is no class of torch.distributions"),  # type: ignore[arg-type]
        (lambda: ub.Normal(2, scale=0.0), r"Normal\(2\): scale is 0.0, which is outside its domain, Positive"),
        (lambda: ub.Normal(2, scale=ub.Learnable(-1.0)), r"scale is .* outside its domain"),
        (lambda: ub.Normal(2, loc=float("nan")), r"Normal\(2\): loc is nan, which is outside its domain, Real"),
        (lambda: ub.Bernoulli(2, grey="binarize"), r"grey='binarize' is unknown. Did you mean 'binarise'\?"),  # type: ignore[arg-type]
    ],
)
def test_families_that_cannot_be_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        make()


def test_priors_are_numbers_tensors_or_learnable() -> None:
    torch.testing.assert_close(ub.Categorical(2, probs=[1.0, 3.0]).prior["logits"], torch.tensor([0.25, 0.75]).log())
    assert ub.Normal(3, scale=2).prior["scale"].tolist() == [2.0, 2.0, 2.0]  # type: ignore[union-attr]
    learned = ub.Normal(2, loc=ub.Learnable(torch.tensor([1.0, 2.0]))).prior["loc"]
    assert isinstance(learned, ub.Learnable)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda h: ub.Normal(2)(h, mean=h), r"Normal has no parameter 'mean'. Known: 'loc', 'scale'"),
        (lambda h: ub.Normal(2)(h, scales=h), r"Normal has no parameter 'scales'. Did you mean 'scale'\?"),
        (
            lambda h: ub.Normal(2)(torch.zeros(3, 2)),  # type: ignore[arg-type]
            r"a parent of Normal\(2\) is Tensor, not a symbol.*\(loc=, scale=\)",
        ),
        (
            lambda h: ub.Categorical(2)(0.5),  # type: ignore[arg-type]
            r"a parent of Categorical\(2\) is float, not a symbol",
        ),
        (
            lambda h: ub.Normal(2)(h, loc=h, scale=1.0),
            r"test_families.py, line \d+: Normal\(2\) has parents, and all of its parameters are given",
        ),
        (
            lambda h: ub.Normal(2)(h, scale=torch.ones(3)),
            r"Normal\(2\): scale is a tensor \(3,\); expected a number or a tensor \(2,\)",
        ),
        (lambda h: ub.Normal(2)(h, scale=-1.0), r"Normal\(2\): scale is -1.0, which is outside its domain"),
        (lambda h: ub.Normal(2)(h, scale="wide"), r"Normal\(2\): scale is 'wide'; expected a number"),
    ],
)
def test_variables_that_cannot_be_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        make(Symbol(Data()))
    assert isinstance(ub.Normal(2)(Symbol(Data()), scale=1.0), Symbol)


def test_constraints_are_inverted() -> None:
    values = torch.tensor([2e-3, 0.5, 1.0, 30.0], dtype=torch.float64)
    torch.testing.assert_close(Positive()(Positive().inverse(values)), values)
    torch.testing.assert_close(Real()(Real().inverse(values)), values)
    above = values[1:]
    torch.testing.assert_close(NonNegative()(NonNegative().inverse(above)), above)
    torch.testing.assert_close(NonNegative()(NonNegative().inverse(torch.zeros(1))), torch.tensor([0.05]))
    assert Positive()(torch.tensor(-1e4)) == 1e-3  # the floor
    assert not Positive().contains(torch.tensor([1.0, torch.inf]))
    assert Real().contains(torch.tensor([-torch.inf]))


def test_what_is_near_zero_can_grow_again() -> None:
    """A concentration's slope falls off as 1 / raw**2, in single precision too; a softplus's is 2e-9 at -20."""
    raw = torch.tensor([-1e4, -20.0, 0.0, 20.0, 1e4], requires_grad=True)
    value = NonNegative()(raw)
    value.sum().backward()
    torch.testing.assert_close(value, torch.tensor([1e-4, 0.049876, 1.0, 20.049876, 1e4]))
    torch.testing.assert_close(raw.grad, torch.tensor([1e-8, 0.0024814, 0.5, 0.9975186, 1.0]))


def test_learnable_parameters_start_where_they_are_told() -> None:
    class Learned(ub.Model):
        def encode(self, x: Any) -> Any:
            return {"style": ub.Normal(2, loc=ub.Learnable(0.5), scale=ub.Learnable(torch.tensor([1.0, 2.0])))(x)}

        def decode(self, style: Any) -> Any:
            return ub.Normal(4)(style, scale=ub.Learnable(0.3))

    model = Learned()
    found = {name: part() for name, part in model.parts.items() if name.split("_")[1] in ("loc", "scale")}
    torch.testing.assert_close(found["prior_loc_0"], torch.tensor([[0.5, 0.5]]))
    torch.testing.assert_close(found["prior_scale_0"], torch.tensor([[1.0, 2.0]]))
    torch.testing.assert_close(found["decode_scale_0"], torch.full((1, 4), 0.3))
    assert all(value.requires_grad for value in found.values())


def test_equal_parameters_have_no_divergence() -> None:
    for family in FAMILIES.values():
        q = parameters_of(family, 4)
        divergence = family.kl(q, q)
        if divergence is None:
            assert isinstance(family, ub.Direction | ub.Mixture)
            continue
        torch.testing.assert_close(divergence, torch.zeros(4, dtype=torch.float64), rtol=0, atol=1e-12)

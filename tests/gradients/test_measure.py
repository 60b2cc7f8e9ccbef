"""Biases, spreads and angles are the true ones where these are known."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor

import unbraid as ub
from tests.models import Digits, LinearGaussian, TwoDiscrete, rows_of
from unbraid.errors import DataError, OptionError
from unbraid.gradients import GradientReport, Row
from unbraid.gradients.groups import parameter_groups
from unbraid.gradients.report import ALL
from unbraid.graph import Spread


class Kinds(ub.Model):
    """One discrete latent and nothing else: enumeration is exact without noise."""

    def encode(self, x: Any) -> Any:
        return {"kind": ub.Categorical(4)(x)}

    def decode(self, kind: Any) -> Any:
        return ub.Bernoulli(5)(ub.mlp(6, activation="tanh")(kind))


class Continuous(ub.Model):
    def encode(self, x: Any) -> Any:
        return {"style": ub.Normal(2)(x)}

    def decode(self, style: Any) -> Any:
        return ub.Bernoulli(5)(style)


class Many(ub.Model):
    def encode(self, x: Any) -> Any:
        return {"first": ub.Categorical(10)(x), "second": ub.Categorical(7)(x)}

    def decode(self, first: Any, second: Any) -> Any:
        return ub.Bernoulli(5)(first, second)


def kinds(certain: bool = False) -> Kinds:
    model = Kinds(seed=1).double()
    with torch.no_grad():
        for group, parameters in parameter_groups(model.graph, model.parts, ["kind"]).items():
            for parameter in parameters:
                parameter.mul_(1e4 if certain and group == "q(kind)" else 2.0)
    return model


def report(model: ub.Model, *names: Any, repeats: int = 60, **options: Any) -> GradientReport:
    generator = torch.Generator().manual_seed(3)
    return model.gradient_report(
        rows_of(model, 12), estimators=names or None, repeats=repeats, generator=generator, **options
    )


def relative_bias_by_hand(model: Kinds, x: Tensor) -> tuple[float, float]:
    """Returns the plug-in gradient's bias over the exact one, and their cosine, from the definitions."""
    node = model.graph.latents["kind"]

    def gradient(exact: bool) -> Tensor:
        frame = model.frame(x)
        probs = torch.softmax(frame.parameters(node)["logits"].tensor, -1)
        eye = torch.eye(4, dtype=x.dtype)

        def log_likelihood(value: Tensor) -> Tensor:
            below = model.frame(x).fix("kind", Spread(value))
            logits = below.parameters(model.graph.likelihood)["logits"].tensor
            found: Tensor = torch.distributions.Bernoulli(logits=logits).log_prob(x).sum(-1)
            return found

        if exact:
            values = [log_likelihood(eye[k].expand(len(x), -1)) for k in range(4)]
            expected = (probs * torch.stack(values, -1)).sum(-1)
        else:
            expected = log_likelihood(probs)
        divergence = (probs * (probs.log() + torch.log(torch.tensor(4.0, dtype=x.dtype)))).sum(-1)
        found = torch.autograd.grad((divergence - expected).mean(), list(model.parameters()))
        return torch.cat([each.flatten() for each in found])

    exact, plugged = gradient(True), gradient(False)
    cosine = torch.nn.functional.cosine_similarity(exact, plugged, dim=0)
    return float((plugged - exact).norm() / exact.norm()), float(cosine)


def test_the_plug_in_estimators_bias_is_the_one_by_hand() -> None:
    model = kinds()
    row = report(model, "plug_in", repeats=4).of()["plug_in"]
    bias, cosine = relative_bias_by_hand(model, rows_of(model, 12))
    assert bias > 0.01
    assert row.bias == pytest.approx(bias, rel=1e-9)
    assert row.cosine == pytest.approx(cosine, rel=1e-9)
    assert row.cosine_of_one == pytest.approx(cosine, rel=1e-9)
    assert row.deviation == pytest.approx(0.0, abs=1e-6)
    assert row.seen


def test_plug_in_has_no_bias_where_q_is_certain() -> None:
    row = report(kinds(certain=True), "plug_in", repeats=4).of()["plug_in"]
    assert row.bias < 1e-9
    assert row.cosine == pytest.approx(1.0)


@pytest.mark.parametrize("model", [kinds(), TwoDiscrete(seed=1).double()], ids=["kinds", "two"])
def test_unbiased_estimators_are_found_unbiased(model: ub.Model) -> None:
    names = ["enumerate", "reinforce(samples=1)", "reinforce(samples=4)", "sum_and_sample(k=1)"]
    found = report(model, *names, repeats=40)
    for row in found.rows:
        assert row.squared_bias <= 5 * row.squared_bias_se + 1e-20, row
    ones = found.of()
    assert ones["enumerate"].deviation < ones["sum_and_sample(k=1)"].deviation < ones["reinforce(samples=1)"].deviation
    assert ones["reinforce(samples=4)"].deviation < ones["reinforce(samples=1)"].deviation
    assert ones["enumerate"].cosine == pytest.approx(1.0, abs=0.02)


def test_a_bias_is_found_in_noise() -> None:
    found = report(kinds(), "gumbel(temperature=3.0)", "gumbel(temperature=3.0, hard=true)").of()
    for row in found.values():
        assert row.seen
        assert row.cosine < 0.999
        assert row.cosine_of_one < row.cosine


def test_the_standard_deviation_is_that_of_one_draw() -> None:
    model = kinds()
    x = rows_of(model, 12)
    generator = torch.Generator().manual_seed(5)

    def gradient(name: str) -> Tensor:
        loss = model.objective(x, estimators={"kind": name}, generator=generator).loss
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(model.parameters()))])

    draws = torch.stack([gradient("reinforce(samples=2)") for _ in range(80)])
    deviation = (draws - draws.mean(0)).square().sum(1).mean().sqrt() / gradient("enumerate").norm()
    row = report(model, "reinforce(samples=2)", repeats=80).of()["reinforce(samples=2)"]
    assert row.deviation == pytest.approx(float(deviation), rel=0.15)


def test_the_built_in_estimators_are_compared_by_group() -> None:
    found = report(Digits(), repeats=4)
    assert found.groups == (ALL, "q(digit)", "rest of q", "p")
    assert list(found.of()) == [
        "enumerate", "plug_in", "gumbel", "gumbel(hard=true)", "reinforce(samples=1)", "reinforce(samples=2)",
        "reinforce(samples=4)", "sum_and_sample(k=1)", "sum_and_sample(k=2)",
    ]  # fmt: skip
    assert report(LinearGaussian(), "plug_in", repeats=4).variables == ("kind",)
    assert report(TwoDiscrete(), "plug_in", repeats=4).groups == (ALL, "q(kind), q(sort)", "rest of q", "p")
    assert report(kinds(), "plug_in", repeats=4).groups == (ALL, "q(kind)", "p")


def test_the_noise_comes_from_the_generator() -> None:
    def timeless(found: GradientReport) -> list[Row]:
        return [dataclasses.replace(row, milliseconds=0.0) for row in found.rows]

    state = torch.get_rng_state()
    model = Digits()
    first, second = report(model, "gumbel", "reinforce", repeats=6), report(model, "gumbel", "reinforce", repeats=6)
    assert timeless(first) == timeless(second)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert model.training


def test_labelled_rows_need_no_estimator() -> None:
    model = kinds()
    labels = {"kind": torch.arange(12) % 4}
    found = model.gradient_report(rows_of(model, 12), labels, estimators=["plug_in", "reinforce"], repeats=4, alpha=2.0)
    assert all(row.bias < 1e-9 for row in found.rows)


def test_estimators_go_by_the_name_that_they_are_given() -> None:
    model = kinds()
    found = model.gradient_report(rows_of(model, 3), estimators={"mine": ub.PlugIn(), "all": "enumerate"}, repeats=4)
    assert list(found.of()) == ["mine", "all"]
    assert list(report(model, ub.PlugIn(), repeats=4).of()) == ["plug_in"]


@pytest.mark.parametrize(
    ("model", "given", "error", "message"),
    [
        (Continuous(), {}, OptionError, "no discrete latent, so there is nothing to estimate"),
        (Many(), {}, OptionError, r"budget is 64 evaluations a row; first \(10\) x second \(7\) takes 70"),
        (kinds(), {"repeats": 3}, OptionError, "repeats must be at least 4, got 3"),
        (kinds(), {"estimators": ["plugin"]}, OptionError, "no estimator 'plugin'. Did you mean 'plug_in'"),
        (kinds(), {"estimators": "plug_in"}, OptionError, r"estimators is a list, estimators=\['plug_in'\]"),
        (kinds(), {"estimators": []}, OptionError, "estimators names none"),
        (kinds(), {"beta": -1.0}, OptionError, "beta must be at least 0"),
    ],
)
def test_what_does_not_fit_is_refused(model: ub.Model, given: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        model.gradient_report(rows_of(model, 3), **given)


def test_no_rows_are_refused() -> None:
    model = kinds()
    with pytest.raises(DataError, match="the batch has no rows"):
        model.gradient_report(rows_of(model, 0))
    with pytest.raises(DataError, match="this model takes"):
        model.gradient_report(torch.zeros(2, 3, dtype=torch.float64))
    assert model.gradient_report(rows_of(model, 1), estimators=["plug_in"], repeats=4).batch == 1

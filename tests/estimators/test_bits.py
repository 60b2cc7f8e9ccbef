"""Vectors of bits: every estimator against sums over all of their values, and the labels of bits."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

import unbraid as ub
from tests.models import Bits, rows_of
from unbraid.errors import DataError, OptionError
from unbraid.estimators import Enumerate, Estimator, Gumbel, PlugIn, Reinforce, SumAndSample, choose_estimators
from unbraid.graph import Frame, Node, Spread

BATCHES, ROWS = 80, 100


class Switches(ub.Model):
    """A square of bits, and a yes/no variable below it."""

    def encode(self, x: Any) -> Any:
        bits = ub.Bernoulli(1, 3)(x)
        return {"bits": bits, "sure": ub.Bernoulli(1)(bits, x)}

    def prior(self) -> Any:
        return {"bits": ub.Bernoulli(1, 3, logits=torch.tensor([[0.5, -1.0, 0.0]]))()}

    def decode(self, bits: Any, sure: Any) -> Any:
        return ub.Bernoulli(3)(ub.mlp(4, activation="tanh")(bits, sure))


def model() -> Switches:
    made = Switches().double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(2.0)
    return made


def brute_force(made: ub.Model, x: Tensor, sure: int | None = None, alpha: float = 50.0) -> Tensor:
    """Returns minus the objective of one row: sums over the eight values of bits and the two of sure, term by term."""
    graph = made.graph
    logs, values = [], []
    for bits in product((0.0, 1.0), repeat=3):
        for yes in (0.0, 1.0) if sure is None else (float(sure),):
            bit, answer = torch.tensor([[bits]], dtype=x.dtype), torch.tensor([[yes]], dtype=x.dtype)
            frame = made.frame(x).fix("bits", Spread(bit)).fix("sure", Spread(answer))
            log_q = {
                name: bit_log_prob(frame, graph.latents[name], value)
                for name, value in (("bits", bit), ("sure", answer))
            }
            log_p = {
                name: bit_log_prob(frame, graph.factors[name], value)
                for name, value in (("bits", bit), ("sure", answer))
            }
            log_x = bit_log_prob(frame, graph.likelihood, x)
            logs.append(log_q["bits"] + log_q["sure"])
            weight = -1.0 if sure is None else alpha
            values.append(log_x + log_p["bits"] - log_q["bits"] + log_p["sure"] + weight * log_q["sure"])
    return -(torch.softmax(torch.stack(logs), 0) * torch.stack(values)).sum()


def bit_log_prob(frame: Frame, node: Node, value: Tensor) -> Tensor:
    probs = torch.sigmoid(frame.parameters(node)["logits"].tensor)
    return (value * probs.log() + (1 - value) * (1 - probs).log()).sum()


@pytest.mark.parametrize("estimator", [Enumerate(), Enumerate(rows=3), SumAndSample(k=8)], ids=str)
@pytest.mark.parametrize("sure", [None, 0, 1])
def test_enumeration_is_the_sum_over_all_values(estimator: Estimator, sure: int | None) -> None:
    made = model()
    x = rows_of(made, 1)
    labels = {} if sure is None else {"sure": torch.tensor([sure])}
    found = made.objective(x, labels, estimators=dict.fromkeys(made.latents, estimator)).loss
    expected = brute_force(made, x, sure)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    parameters = list(made.parameters())
    for one, other in zip(
        torch.autograd.grad(found, parameters), torch.autograd.grad(expected, parameters), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-10)


def estimate(made: ub.Model, rows: int, estimator: Estimator, generator: torch.Generator | None = None) -> Tensor:
    x = rows_of(made, 1).expand(rows, -1)
    loss = made.objective(x, estimators=dict.fromkeys(made.latents, estimator), generator=generator).loss
    return torch.cat(
        [loss.detach()[None], *(each.flatten() for each in torch.autograd.grad(loss, list(made.parameters())))]
    )


@pytest.mark.parametrize("estimator", [Reinforce(1), Reinforce(3), SumAndSample(k=1), SumAndSample(k=4)], ids=str)
def test_unbiased_estimators_of_bits(estimator: Estimator) -> None:
    made, generator = model(), torch.Generator().manual_seed(0)
    found = torch.stack([estimate(made, ROWS, estimator, generator) for _ in range(BATCHES)])
    error = found.std(0) / math.sqrt(BATCHES)
    assert ((found.mean(0) - estimate(made, 1, Enumerate())).abs() <= 5 * error + 1e-12).all()
    assert (error > 0).any()


@pytest.mark.parametrize("estimator", [PlugIn(), Gumbel(), Gumbel(hard=True), Reinforce(), Reinforce(1)], ids=str)
def test_estimators_for_any_number_of_bits(estimator: Estimator) -> None:
    class Wide(ub.Model):
        def encode(self, x: Any) -> Any:
            return {"bits": ub.Bernoulli(10, 10)(x)}

        def decode(self, bits: Any) -> Any:
            return ub.Bernoulli(4)(bits)

    made = Wide()
    x = rows_of(made, 5)
    result = made.objective(x, estimators={"bits": estimator}, samples=2)
    result.loss.backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in made.parameters())  # type: ignore[arg-type]
    q = made.infer(x)["bits"].mean
    divergence = (q * (2 * q).log() + (1 - q) * (2 - 2 * q).log()).sum((1, 2))
    torch.testing.assert_close(result.terms["KL(bits)"].values, divergence, rtol=1e-4, atol=1e-4)


def test_plugged_in_bits_are_their_probabilities() -> None:
    made = model()
    x = rows_of(made, 1)
    found = made.objective(x, estimators=dict.fromkeys(made.latents, PlugIn())).terms["log p(x)"].values
    bits = made.infer(x)["bits"].mean
    frame = made.frame(x).fix("bits", Spread(bits))
    frame = frame.fix("sure", Spread(torch.sigmoid(frame.parameters(made.graph.latents["sure"])["logits"].tensor)))
    torch.testing.assert_close(found, bit_log_prob(frame, made.graph.likelihood, x)[None])


def test_hard_bits_are_zero_or_one(monkeypatch: pytest.MonkeyPatch) -> None:
    made = model()
    seen: list[Tensor] = []
    from_weights = ub.Bernoulli.from_weights

    def watched(family: ub.Bernoulli, weights: Tensor) -> Tensor:
        seen.append(from_weights(family, weights))
        return seen[-1]

    monkeypatch.setattr(ub.Bernoulli, "from_weights", watched)
    made.objective(rows_of(made, 50), estimators=dict.fromkeys(made.latents, Gumbel(hard=True)))
    assert [value.shape for value in seen] == [(50, 1, 3), (50, 1)]
    assert all(set(value.round(decimals=9).unique().tolist()) == {0.0, 1.0} for value in seen)


@pytest.mark.parametrize("estimator", ["enumerate", "sum_and_sample"])
def test_too_many_bits_for_a_table_are_refused(estimator: str) -> None:
    class Wide(ub.Model):
        size: int = 17

        def encode(self, x: Any) -> Any:
            return {"bits": ub.Bernoulli(self.size)(x)}

        def decode(self, bits: Any) -> Any:
            return ub.Bernoulli(4)(bits)

    message = (
        rf"'bits' is Bernoulli\(17\), with 2\^17 joint values; {estimator} takes at most 2\^16. Choose reinforce, gumb"
    )
    with pytest.raises(OptionError, match=message):
        choose_estimators(Wide().graph, {"bits": estimator})
    assert choose_estimators(Wide(size=16).graph, {"bits": estimator})
    assert choose_estimators(Wide().graph) == {"bits": Reinforce(samples=2)}
    assert choose_estimators(Wide(size=16).graph) == {"bits": SumAndSample(k=63)}
    assert choose_estimators(Wide(size=6).graph) == {"bits": Enumerate()}
    assert "enumerate × 64 (default)" in Wide(size=6).explain()
    assert "costs 64 evaluations of p(x | ·)" in Wide(size=16).explain()
    assert "reinforce (default)" in Wide().explain()
    assert "reinforce(samples=3) (chosen)" in Wide().explain(estimators={"bits": "reinforce(samples=3)"})


def test_labels_and_predictions_of_bits() -> None:
    made = Bits()
    x = rows_of(made, 6)
    predicted = made.predict(x)
    assert predicted["sure"].dtype == torch.int64
    assert predicted["sure"].shape == (6,)
    assert predicted["bits"].shape == (6, 3)
    assert set(predicted["bits"].unique().tolist()) <= {0.0, 1.0}
    labels = {"sure": torch.tensor([0, 1, -1, -1, 1, 0]), "bits": torch.full((6, 3), torch.nan)}
    labels["bits"][2:5] = torch.tensor([1.0, 0.0, 1.0])
    terms = made.objective(x, labels).terms
    assert terms["log q(sure)"].rows is not None
    assert sorted(terms["log q(sure)"].rows.tolist()) == [0, 1, 4, 5]
    assert terms["log q(bits)"].rows is not None
    assert sorted(terms["log q(bits)"].rows.tolist()) == [2, 3, 4]
    known = made.predict(x, sure=1, bits=labels["bits"][2])
    assert known["sure"].tolist() == [1] * 6
    with pytest.raises(DataError, match=r"label of 'sure' in row 1 is 2: .* labels are 0 to 1, or -1"):
        made.objective(x, {"sure": torch.tensor([0, 2, -1, -1, 1, 0])})


def test_the_prior_of_bits_is_described() -> None:
    text = model().explain()
    assert "logits fixed" in text
    assert "uniform" in text

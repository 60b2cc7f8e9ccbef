"""The importance-weighted bound, on a linear Gaussian model whose likelihood is known."""

from __future__ import annotations

from math import sqrt

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal

from unbraid.errors import DataError, OptionError
from unbraid.evaluation import log_likelihood_bound

NOISE = 0.5


class LinearGaussian(nn.Module):
    """v ~ N(0, 1), x | v ~ N(v, NOISE²): log p(x) is that of N(0, 1 + NOISE²); q is the posterior, widened."""

    def __init__(self, widening: float) -> None:
        super().__init__()
        self.widening = widening
        self.calls: list[tuple[int, int]] = []

    def log_weights(self, x: Tensor, samples: int, generator: torch.Generator) -> Tensor:
        assert not self.training
        assert not torch.is_grad_enabled()
        self.calls.append((samples, len(x)))
        precision = 1 + 1 / NOISE**2
        q = Normal(x / NOISE**2 / precision, self.widening / sqrt(precision))
        v = q.mean + q.stddev * torch.randn(samples, len(x), generator=generator, dtype=x.dtype)
        weights: Tensor = Normal(0.0, 1.0).log_prob(v) + Normal(v, NOISE).log_prob(x) - q.log_prob(v)
        return weights


@pytest.fixture
def rows() -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(400, generator=generator, dtype=torch.float64) * sqrt(1 + NOISE**2)


def truth(rows: Tensor) -> Tensor:
    log_likelihood: Tensor = Normal(0.0, sqrt(1 + NOISE**2)).log_prob(rows)
    return log_likelihood


def test_is_exact_with_the_posterior(rows: Tensor) -> None:
    found = log_likelihood_bound(LinearGaussian(1.0), rows, samples=3)
    assert found.bound == pytest.approx(truth(rows).mean().item(), abs=1e-6)
    assert found.se == pytest.approx(truth(rows).std().item() / sqrt(400), abs=1e-6)
    assert (found.samples, found.n) == (3, 400)


def test_rises_to_the_likelihood_with_the_samples(rows: Tensor) -> None:
    bounds = [log_likelihood_bound(LinearGaussian(2.0), rows, samples=samples).bound for samples in (1, 4, 32, 1000)]
    assert bounds == sorted(bounds)
    gap = torch.log(torch.tensor(2.0)) - 0.5 + 0.5 * 4 - 2 * torch.log(torch.tensor(2.0))  # KL(q || posterior)
    assert truth(rows).mean().item() - bounds[0] == pytest.approx(gap.item(), abs=5 * 1.5 * 4 / sqrt(2 * 400))
    assert bounds[-1] == pytest.approx(truth(rows).mean().item(), abs=0.005)


def test_keeps_to_its_budget_of_rows(rows: Tensor) -> None:
    model = LinearGaussian(2.0)
    whole = log_likelihood_bound(LinearGaussian(2.0), rows, samples=100, row_budget=1_000_000)
    parts = log_likelihood_bound(model, rows, samples=100, row_budget=1700)
    assert all(samples * n <= 1700 for samples, n in model.calls)
    assert sum(n for _, n in model.calls) == 400
    assert parts.bound == pytest.approx(whole.bound, abs=0.05)
    model.calls.clear()
    log_likelihood_bound(model, rows[:3], samples=100, row_budget=1)
    assert model.calls == [(100, 1)] * 3


def test_same_seed_same_bound(rows: Tensor) -> None:
    model = LinearGaussian(2.0)
    first, second = (log_likelihood_bound(model, rows, 5, generator=torch.Generator().manual_seed(s)) for s in (1, 1))
    assert first == second
    assert log_likelihood_bound(model, rows, 5) == log_likelihood_bound(model, rows, 5)
    assert first != log_likelihood_bound(model, rows, 5, generator=torch.Generator().manual_seed(2))


def test_leaves_the_model_in_training(rows: Tensor) -> None:
    model = LinearGaussian(1.0).train()
    log_likelihood_bound(model, rows, 2)
    assert model.training


def test_reads_well(rows: Tensor) -> None:
    assert str(log_likelihood_bound(LinearGaussian(1.0), rows, 2)).startswith("log p(x) ≥ -1.")


def test_refuses(rows: Tensor) -> None:
    model = LinearGaussian(1.0)
    assert log_likelihood_bound(model, rows[:2], 1).n == 2
    with pytest.raises(DataError, match="at least two rows, for its standard error, got 1"):
        log_likelihood_bound(model, rows[:1], 1)
    with pytest.raises(OptionError, match="samples must be at least 1, got 0"):
        log_likelihood_bound(model, rows, 0)
    with pytest.raises(OptionError, match="row_budget must be at least 1, got -1"):
        log_likelihood_bound(model, rows, 1, row_budget=-1)

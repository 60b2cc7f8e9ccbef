"""Noise of several runs: each draws what it would draw alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from unbraid.training.many.noise import OwnNoise, Source
from unbraid.training.many.unbatchable import UnbatchableError

RUNS = torch.arange(3)


def generators() -> list[torch.Generator]:
    """A fresh generator for each run."""
    return [torch.Generator().manual_seed(10 + int(run)) for run in RUNS]


def together(draw: Any, *args: Tensor) -> Tensor:
    """Draws twice for all runs at once."""
    own = [Source.of(generator) for generator in generators()]

    def of_one(run: Tensor, *args: Tensor) -> Tensor:
        with OwnNoise(own, run) as noise:
            return torch.stack([draw(*args, generator=noise.generator) for _ in range(2)])

    found: Tensor = torch.vmap(of_one)(RUNS, *args)
    return found


def test_numbers_of_a_shape() -> None:
    found = together(lambda generator: torch.randn(4, 2, generator=generator, dtype=torch.float64))
    for run, generator in enumerate(generators()):
        for each in found[run]:
            assert torch.equal(each, torch.randn(4, 2, generator=generator, dtype=torch.float64))


@pytest.mark.parametrize("function", ["bernoulli", "multinomial"])
def test_draws_from_probabilities_that_differ_between_the_runs(function: str) -> None:
    probs = torch.rand(3, 5, 4, generator=torch.Generator().manual_seed(0))
    more = (2, True) if function == "multinomial" else ()
    draw = getattr(torch, function)
    found = together(lambda probs, generator: draw(probs, *more, generator=generator), probs)
    for run, generator in enumerate(generators()):
        for each in found[run]:
            assert torch.equal(each, draw(probs[run], *more, generator=generator))


def test_dropout_draws_from_what_is_the_global_generator_of_a_run() -> None:
    units = torch.rand(3, 5, 4, generator=torch.Generator().manual_seed(0))
    before = torch.get_rng_state()
    found = together(lambda units, generator: functional.dropout(units, 0.3), units)
    assert torch.equal(before, torch.get_rng_state())
    for run, generator in enumerate(generators()):
        torch.manual_seed(generator.initial_seed())
        for each in found[run]:
            assert torch.equal(each, functional.dropout(units[run], 0.3))
    torch.set_rng_state(before)


def test_what_is_given_another_generator_is_left_alone() -> None:
    def of_one(run: Tensor) -> Tensor:
        with OwnNoise([Source.of(each) for each in generators()], run):
            return run + torch.ones(2)

    assert torch.equal(torch.vmap(of_one)(RUNS)[2], torch.tensor([3.0, 3.0]))


def test_a_seed_for_functions_without_generator_is_refused() -> None:
    with pytest.raises(UnbatchableError, match="takes no generator"):
        together(lambda generator: torch.randint(9, (), generator=generator))

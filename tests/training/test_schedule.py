"""Schedules by hand."""

from __future__ import annotations

import math

import pytest

from unbraid.training.schedule import kl_weight, learning_rate, ramped
from unbraid.training.settings import Settings


def test_a_constant_rate_is_constant() -> None:
    settings = Settings(learning_rate=0.25)
    assert [learning_rate(settings, step, 10) for step in (0, 5, 9, 20)] == [0.25] * 4


def test_the_rate_warms_up() -> None:
    settings = Settings(learning_rate=1.0, warmup_steps=4)
    found = [learning_rate(settings, step, 100) for step in range(7)]
    assert found == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0, 1.0])


def test_the_cosine_goes_down_to_zero() -> None:
    settings = Settings(learning_rate=2.0, schedule="cosine")
    found = [learning_rate(settings, step, 8) for step in range(9)]
    assert found == pytest.approx([1 + math.cos(math.pi * step / 8) for step in range(9)])
    assert (found[0], found[-1]) == (2.0, 0.0)
    assert learning_rate(settings, 12, 8) == 0.0
    assert learning_rate(settings, 0, 0) == 2.0


def test_both_at_once() -> None:
    settings = Settings(learning_rate=1.0, schedule="cosine", warmup_steps=1)
    assert learning_rate(settings, 0, 4) == 0.5
    assert learning_rate(settings, 2, 4) == pytest.approx(0.5)


def test_consistency_ramps_up_over_epochs() -> None:
    settings = Settings(consistency=8.0, ramp=2.0)
    assert [ramped(8.0, settings, step, 4.0) for step in (0, 2, 4, 8, 100)] == [0.0, 2.0, 4.0, 8.0, 8.0]
    assert ramped(8.0, Settings(ramp=0.0), 0, 4.0) == 8.0


def test_the_weight_of_the_kl_terms_rises_over_epochs() -> None:
    settings = Settings(beta=2.0, beta_ramp=2.0, epochs=5)
    assert [kl_weight(settings, step, 20) for step in (0, 2, 4, 8, 19)] == [0.0, 0.5, 1.0, 2.0, 2.0]
    assert kl_weight(Settings(beta=2.0), 0, 20) == 2.0

"""The FactorVAE score of codes whose votes are known."""

from __future__ import annotations

import numpy as np
import pytest

from tests.evaluation.disentanglement.known import GRID, NOISE, PLACE, clean, rotated
from unbraid.errors import DataError, OptionError
from unbraid.evaluation.disentanglement import factor_vae


def test_a_clean_code_is_never_mistaken() -> None:
    found = factor_vae(GRID, GRID)
    assert found.score == 1.0
    assert found.votes["a"]["b"] == found.votes["b"]["a"] == 0
    assert found.votes["a"]["a"] + found.votes["b"]["b"] == 800
    assert factor_vae(clean(GRID), GRID).score == 1.0


def test_real_factors_share_a_bin() -> None:
    assert factor_vae(clean(PLACE), PLACE).score == 1.0


def test_noise_is_right_by_chance() -> None:
    """Of many rows a value: a few rows repeat themselves, and one unit may happen to vary less in them."""
    random = np.random.default_rng(0)
    factors = {"a": random.integers(0, 2, 20_000), "b": random.integers(0, 2, 20_000)}
    score = factor_vae(random.normal(size=(20_000, 2)), factors).score
    assert score == pytest.approx(0.5, abs=4 * np.sqrt(0.25 / 800))


def test_a_rotation_loses_the_factor() -> None:
    """Turned by 45 degrees, both dimensions vary alike, whichever factor is held."""
    random = np.random.default_rng(0)
    factors = {"x": random.normal(size=20_000), "y": random.normal(size=20_000)}
    turned = np.stack([factors["x"] + factors["y"], factors["x"] - factors["y"]], axis=1)
    assert factor_vae(turned, factors).score == pytest.approx(0.5, abs=0.1)


def test_by_hand() -> None:
    """One dimension holds both factors, so all votes are for it: the majority's factor is right, the other never."""
    both = GRID["a"] * 4 + GRID["b"]
    found = factor_vae({"both": both}, GRID)
    votes = {name: each["both"] for name, each in found.votes.items()}
    winner = max(votes, key=lambda name: votes[name])
    assert sum(votes.values()) == 800
    assert found.by_factor == {name: float(name == winner) for name in GRID}
    assert found.score == pytest.approx(0.5, abs=4 * np.sqrt(0.25 / 800))


def test_a_collapsed_dimension_has_no_vote() -> None:
    """It varies least in every batch, and would win each vote if its noise happened to repeat."""
    small = np.concatenate([clean(GRID), np.ones((400, 1)), 0.05 * NOISE[:, :1]], axis=1)
    found = factor_vae(small, GRID)
    assert found.dropped == ("latent[3]", "latent[4]")
    assert set(found.votes["a"]) == {"latent[0]", "latent[1]", "latent[2]"}
    assert found.score == 1.0
    assert factor_vae(small, GRID, collapsed=0.0).dropped == ("latent[3]",)
    grouped = factor_vae({"z": small}, GRID, groups="variables")
    assert grouped.dropped == ("z[3]", "z[4]")
    with pytest.raises(DataError, match=r"no latent varies by more than collapsed=0\.01"):
        factor_vae(np.ones((400, 2)), GRID)


def test_the_unit_of_a_dimension_does_not_matter() -> None:
    latents = clean(PLACE)
    assert factor_vae(latents * np.array([1.0, 100.0, 0.5]), PLACE) == factor_vae(latents, PLACE)


def test_variables_are_units() -> None:
    found = factor_vae({"a": GRID["a"], "place": rotated(PLACE)}, {"a": GRID["a"], "x": PLACE["x"]}, groups="variables")
    assert set(found.votes["a"]) == {"a", "place"}
    assert found.score == 1.0


def test_one_factor_cannot_be_mistaken() -> None:
    found = factor_vae(clean(GRID), {"a": GRID["a"]})
    assert np.isnan(found.score)
    assert found.by_factor == {"a": 1.0}


def test_rows_that_share_nothing() -> None:
    with pytest.raises(DataError, match="no two rows share a value of the factor 'row'"):
        factor_vae(NOISE, {"row": np.arange(400)})
    assert factor_vae(NOISE, {"row": np.arange(400) // 2, "a": GRID["a"]}, votes=10).score >= 0


def test_options() -> None:
    with pytest.raises(OptionError, match="votes must be at least 1 and batch_size at least 2, got 0 and 64"):
        factor_vae(NOISE, GRID, votes=0)

"""Settings: each has a text, a type and a range, and goes to JSON and back."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unbraid as ub
from tests.training.small import same_end, train
from unbraid.errors import OptionError
from unbraid.training.settings import Settings

WRONG: list[tuple[str, Any, str, Any]] = [
    ("epochs", 0, "epochs must be at least 1, got 0", 1),
    ("epochs", 2.5, r"epochs must be a whole number, got 2\.5", np.int64(3)),
    ("epochs", True, "epochs must be a whole number, got True", 2),
    ("batch_size", 0, "batch_size must be at least 1", 1),
    ("labelled_batch_size", -3, "labelled_batch_size must be at least 1", 7),
    ("beta_ramp", -1.0, "beta_ramp must be at least 0", 2.0),
    ("free_bits", -0.5, "free_bits must be at least 0", 0.5),
    ("supervision", "eq5", "supervision must be one of 'default', 'eq4', got 'eq5'", "eq4"),
    ("bound", "iwae", "bound must be one of 'elbo', 'importance', got 'iwae'", "importance"),
    ("samples", 0, "samples must be at least 1", 2),
    ("rate", -0.1, "rate must be at least 0", 0.0),
    ("rate", float("inf"), "rate must be a finite number", 2),
    ("mixed", 1, "mixed must be True or False, got 1", False),
    ("balanced", "yes", "balanced must be True or False, got 'yes'", True),
    ("compile", "auto", "compile must be True or False, got 'auto'", True),
    ("alpha", -1.0, "alpha must be at least 0", 0.0),
    ("alpha", float("nan"), "alpha must be a finite number", 3),
    ("gamma", -1.0, "gamma must be at least 0", 1.5),
    ("beta", "1", "beta must be a finite number, got '1'", 4.0),
    ("learning_rate", 0.0, "learning_rate must be above 0", 1e-4),
    ("betas", (0.9, 1.0), "betas must be two numbers, at least 0 and below 1", (0.5, 0.9)),
    ("betas", 0.9, r"betas must be two numbers.*got 0\.9", (0.0, 0.0)),
    ("schedule", "linear", "schedule must be one of 'constant', 'cosine', got 'linear'", "cosine"),
    ("warmup_steps", -1, "warmup_steps must be at least 0", 10),
    ("estimators", {"digit": ub.PlugIn()}, "estimators must be names by latent", {"digit": "plug_in"}),
    ("estimators", "plug_in", "estimators must be names by latent", {}),
    ("consistency", -1.0, "consistency must be at least 0", 1.0),
    ("swap", -1.0, "swap must be at least 0", 1.0),
    ("threshold", 1.0, "threshold must be at least 0 and below 1", 0.0),
    ("ramp", -1.0, "ramp must be at least 0", 0.0),
    ("average", 1.0, "average must be at least 0 and below 1", 0.999),
    ("holdout", 1.0, "holdout must be at least 0 and below 1", 0.2),
    ("missing_class", "ignore", "missing_class must be one of .error., .allow.", "allow"),
    ("choose", "first", "choose must be one of 'last', 'best', got 'first'", "best"),
    ("patience", -1, "patience must be at least 0", 3),
    ("precision", "fp16", "precision must be one of 'auto', 'fp32', 'bf16', got 'fp16'", "auto"),
    ("seed", 0.5, "seed must be a whole number", 5),
]


@pytest.mark.parametrize(("name", "wrong", "message", "right"), WRONG)
def test_wrong_values_are_refused(name: str, wrong: Any, message: str, right: Any) -> None:
    with pytest.raises(OptionError, match=message):
        Settings().changed(**{name: wrong})
    assert getattr(Settings().changed(**{name: right}), name) == right


def test_every_setting_has_a_wrong_value_above() -> None:
    assert {each.name for each in dataclasses.fields(Settings)} == {name for name, *_ in WRONG}


@pytest.mark.parametrize("other", [{"beta": 2.0}, {"free_bits": 0.5}, {"beta_ramp": 1.0}, {"supervision": "eq4"}])
def test_what_does_not_go_together_is_refused(other: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=r"bound='importance' .*beta=1 and free_bits=0 only|for bound='elbo' only"):
        Settings(bound="importance", samples=5, **other)
    Settings(bound="elbo", samples=5, **other)


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(OptionError, match=r"no setting 'learning_rat'\. Did you mean 'learning_rate'\?"):
        Settings().changed(learning_rat=0.1)


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("batch_size", np.int64(7), int),
        ("samples", np.int32(2), int),
        ("rate", np.float32(0.5), float),
        ("learning_rate", np.float64(0.25), float),
        ("alpha", 3, int),
        ("mixed", np.bool_(True), bool),
    ],
)
def test_numbers_of_numpy_become_pythons(name: str, value: Any, kind: type) -> None:
    found = getattr(Settings().changed(**{name: value}), name)
    assert (type(found), found) == (kind, value)


def test_the_betas_too() -> None:
    assert [type(each) for each in Settings(betas=tuple(np.array([0.5, 0.25], np.float32))).betas] == [float, float]


def test_a_training_with_numbers_of_numpy_is_the_same(tmp_path: Path) -> None:
    more: dict[str, Any] = {"batch_size": 7, "rate": 0.5, "samples": 2, "learning_rate": 0.25}
    of_numpy: dict[str, Any] = {
        name: np.int64(each) if isinstance(each, int) else np.float32(each) for name, each in more.items()
    }
    assert same_end(train(**more, epochs=1), train(**of_numpy, epochs=1, out=tmp_path))


def test_settings_go_to_json_and_back() -> None:
    settings = Settings(betas=(0.5, 0.75), estimators={"digit": "plug_in"}, seed=3, balanced=True)
    assert Settings.from_json(json.loads(json.dumps(settings.to_json()))) == settings

"""The command in a report is the one that trains the same again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.training.small import Small
from unbraid.commands.command_line import command_of
from unbraid.commands.train import Job
from unbraid.recipes import MNIST, ConvDigits
from unbraid.training.settings import Settings

OUT = Path("runs/a b")


def config(settings: Settings, model: str = "unbraid.recipes.mnist:ConvDigits", **job: Any) -> dict[str, Any]:
    """The config of a run."""
    given: dict[str, Any] = {
        "recipe": "mnist",
        "per_class": 10,
        "draw": 2,
        "data": None,
        "validation": 0,
        "limit": 0,
        **job,
    }
    assert Job(**given)
    return {"model": model, "job": given, "settings": settings.to_json()}


def test_a_run_of_the_recipe_as_it_is() -> None:
    found = command_of(config(MNIST.settings), ConvDigits(hidden=256), OUT)
    assert found == "unbraid train mnist --labels 10 --draw 2 --seed 0 --out 'runs/a b'"


def test_what_differs_from_the_recipe_is_said() -> None:
    settings = MNIST.settings.changed(
        seed=7, epochs=3, balanced=False, betas=(0.5, 0.75), estimators={"digit": "enumerate"}
    )
    found = command_of(config(settings, data="/my data", validation=9, limit=50), ConvDigits(style_size=4), OUT)
    assert found == (
        "unbraid train mnist --labels 10 --draw 2 --seed 7 --data '/my data' --validation 9 --limit 50 --epochs 3 "
        "--no-balanced --betas 0.5 0.75 --estimators digit enumerate --style-size 4 --out 'runs/a b'"
    )


def test_the_device_is_named() -> None:
    given = config(MNIST.settings) | {"device": "cuda:1"}
    assert "--seed 0 --device cuda:1 --out" in command_of(given, ConvDigits(hidden=256), OUT)


def test_another_model_is_named() -> None:
    found = command_of(config(MNIST.settings, "tests.training.small:Small"), Small(drop=0.5), OUT)
    assert "--model tests.training.small:Small --drop 0.5" in found

"""The command line that trains a run again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from unbraid.model import Model
from unbraid.options import field_option
from unbraid.recipes import RECIPES
from unbraid.training.settings import Settings


def command_of(config: Mapping[str, Any], model: Model, out: Path) -> str:
    """Returns the command that trains the same again: what differs from the recipe, and which labels.

    Args:
        config: Of the run.
        model: Its model.
        out: The folder that the command names.
    """
    job, settings = config["job"], Settings.from_json(config["settings"])
    recipe = RECIPES[job["recipe"]]
    words = ["unbraid", "train", job["recipe"], "--labels", job["per_class"], "--draw", job["draw"]]
    words += ["--seed", settings.seed]
    if type(model) is not recipe.model:
        words += ["--model", config["model"]]
    words += [word for name in ("data", "validation", "limit") if job[name] for word in (f"--{name}", job[name])]
    for name, value in settings.to_json().items():
        if name != "seed" and value != getattr(recipe.settings, name):
            words += _option(name, value)
    for name, field in type(model).field_types().items():
        if model.fields[name] != field.default:
            words += _option(field_option(name), model.fields[name])
    return shlex.join(str(word) for word in [*words, "--out", out])


def _option(name: str, value: Any) -> Iterator[Any]:
    """Writes an option as the command line takes it."""
    name = name.replace("_", "-")
    if isinstance(value, bool):
        yield f"--{name}" if value else f"--no-{name}"
        return
    yield f"--{name}"
    if isinstance(value, Mapping):
        yield from (word for pair in value.items() for word in pair)
    else:
        yield from value if isinstance(value, tuple | list) else (value,)

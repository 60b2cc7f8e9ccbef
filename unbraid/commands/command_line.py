"""The command line that trains a run again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from unbraid.commands.own_data import OwnData
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
    own = job.get("own")
    recipe = None if own else RECIPES[job["recipe"]]
    words = ["unbraid", "train", job["recipe"]]
    words += _own(own) if own else ["--labels", job["per_class"]]
    words += ["--draw", job["draw"], "--seed", settings.seed]
    if recipe is not None and type(model) is not recipe.model:
        words += ["--model", config["model"]]
    words += [word for name in ("data", "validation", "limit") if job[name] for word in (f"--{name}", job[name])]
    words += ["--device", config["device"]] if config.get("device", "cpu") != "cpu" else []
    usual = Settings() if recipe is None else recipe.settings
    for name, value in settings.to_json().items():
        if name != "seed" and value != getattr(usual, name):
            words += _option(name, value)
    for name, field in type(model).field_types().items():
        if model.fields[name] != field.default:
            words += _option(field_option(name), model.fields[name])
    return shlex.join(str(word) for word in [*words, "--out", out])


def _own(own: Mapping[str, Any]) -> list[Any]:
    """Writes the options of data of one's own, but those that stand as usual."""
    usual = OwnData("")
    given = {name: value for name, value in own.items() if value != getattr(usual, name)}
    return [word for name, value in given.items() for word in _option(name, value)]


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

"""What a run is, as it stands in its config.json."""

from __future__ import annotations

import dataclasses
import inspect
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unbraid.errors import RunError
from unbraid.model import Model
from unbraid.scalars import python_scalar
from unbraid.training.json_file import plain
from unbraid.training.plan import SupervisionPlan
from unbraid.training.settings import Settings
from unbraid.version import __version__

SAME = ("model", "fields", "model_seed", "rows", "probe", "plan", "settings", "views")
"""What must agree for a run to be gone on with."""
FROM_FILE = "unbraid_user_"
"""How the name of a module begins that was read from a file; it cannot be imported by this name."""


def describe_run(
    model: Model, plan: SupervisionPlan, settings: Settings, views: object, more: Mapping[str, Any]
) -> dict[str, Any]:
    """Describes a run in plain values.

    Args:
        model: The model.
        plan: Which rows are labelled.
        settings: Of the training.
        views: What transforms rows, or None.
        more: What the caller adds, such as where the data come from.

    Returns:
        The content of config.json.
    """
    return {
        **more,
        "unbraid": __version__,
        "model": reference(type(model)),
        "fields": _fields(model),
        "model_seed": model.seed,
        "program": str(model).splitlines(),
        "rows": plan.rows,
        "plan": plan.digest(),
        "labels": plan.describe(),
        "settings": settings.to_json(),
        "views": describe_view(views),
    }


def _fields(model: Model) -> dict[str, Any]:
    """Returns the fields of a model, and refuses those with which JSON could not give the model back."""
    for name, value in model.fields.items():
        endless = isinstance(value, float) and not math.isfinite(value)
        if endless or (isinstance(value, Mapping) and not all(isinstance(key, str) for key in value)):
            raise RunError(
                f"the field {name!r} of {type(model).__name__} is {value!r}, which a run's config.json cannot hold: "
                "give a finite number, or a mapping by text; or train without a folder"
            )
    return model.fields


def describe_view(views: object) -> Any:
    """Describes what transforms rows: its class and options where it is a dataclass, else its name.

    A field that the dataclass leaves out of its own description (`repr=False`), such as rows it holds, is left out.
    """
    if views is None:
        return None
    if dataclasses.is_dataclass(views) and not isinstance(views, type):
        options = {each.name: getattr(views, each.name) for each in dataclasses.fields(views) if each.repr}
        return {"view": reference(type(views)), **{name: _described(value) for name, value in options.items()}}
    return {"view": getattr(views, "__qualname__", type(views).__name__)}


def _described(value: Any) -> Any:
    """Describes an option of what transforms rows, which may itself be such a thing, or several."""
    if isinstance(value, Mapping):
        return {str(key): _described(each) for key, each in value.items()}
    if isinstance(value, (tuple, list)):
        return [_described(each) for each in value]
    value = python_scalar(value)
    return value if value is None or isinstance(value, (int, float, str)) else describe_view(value)


def reference(cls: type) -> str:
    """Returns where a class can be had from: "module:Class", or "/path/to/file.py:Class" for a script's."""
    module = cls.__module__
    if module == "__main__" or module.startswith(FROM_FILE) or not hasattr(sys.modules.get(module), "__file__"):
        try:
            return f"{Path(inspect.getfile(cls)).resolve()}:{cls.__qualname__}"
        except (OSError, TypeError):
            return f"{module}:{cls.__qualname__}"
    return f"{module}:{cls.__qualname__}"


def check_same_run(found: Mapping[str, Any], here: Mapping[str, Any], path: Path) -> None:
    """Raises RunError if what a folder holds is not the run that is to go on; it names what differs."""
    for key in SAME:
        old, new = found.get(key), plain(here.get(key), key)
        if old == new:
            continue
        if key == "probe":
            raise RunError(
                f"{path} holds another run: its rows had other values. Go on with the same rows (a dataset gives the "
                "same one for the same number), or name another folder (or overwrite=True to replace it)."
            )
        if key == "plan":
            what, old, new = "labels", found.get("labels"), f"{here['labels']} (other rows or labels)"
        elif isinstance(old, Mapping) and isinstance(new, Mapping):
            name = min(name for name in {*old, *new} if old.get(name) != new.get(name))
            what, old, new = f"{key}.{name}", old.get(name), new.get(name)
        else:
            what = key
        raise RunError(
            f"{path} holds another run: {what} there is {old!r}, here it is {new!r}. Go on with the same, or name "
            "another folder (or overwrite=True to replace it)."
        )

"""Options of the command line, made from typed fields: one definition serves Python and the shell."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, get_args, get_type_hints

import tyro

from unbraid.commands.own_data import OwnData
from unbraid.commands.run_options import RunOptions
from unbraid.model import Model
from unbraid.training.settings import Settings

TAKEN = {each.name for options in (Settings, RunOptions, OwnData) for each in dataclasses.fields(options)} | {
    "recipe", "program", "labels", "draw", "model", "data", "help",
}  # fmt: skip
"""What `unbraid train` calls options that are no field of a model."""


def settings_options(defaults: Settings) -> type:
    """Returns a dataclass with an option for each setting, with its help text.

    Args:
        defaults: The values of options that are not given.
    """
    hints = get_type_hints(Settings, include_extras=True)
    fields = []
    for field in dataclasses.fields(Settings):
        plain, text = get_args(hints[field.name])[:2]
        fields.append(_option(field.name, plain, getattr(defaults, field.name), text))
    return dataclasses.make_dataclass("settings", fields, frozen=True)


def model_options(model: type[Model]) -> type:
    """Returns a dataclass with an option for each typed field of a model."""
    text = f"hyper-parameter of {model.__name__}"
    fields = [
        _option(name, field.type, field.default, text, field_option(name))
        for name, field in model.field_types().items()
    ]
    return dataclasses.make_dataclass("model", fields, frozen=True)


def field_option(name: str) -> str:
    """Returns what the option of a model's field is called: as the field, or model-NAME where that is taken."""
    return f"model-{name}" if name in TAKEN else name


def values_of(options: Any) -> dict[str, Any]:
    """Returns the values of a dataclass of options."""
    return {field.name: getattr(options, field.name) for field in dataclasses.fields(options)}


def _option(name: str, kind: Any, default: Any, text: str, option: str | None = None) -> tuple[str, Any, Any]:
    held: Any = dataclasses.field(default=default)
    if isinstance(default, (dict, list)):
        held = dataclasses.field(default_factory=lambda: type(default)(default))
    return name, Annotated[kind, tyro.conf.arg(name=option, help=text)], held

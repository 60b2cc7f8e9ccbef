"""Options of the command line, made from typed fields: one definition serves Python and the shell."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any, get_args, get_type_hints

import tyro

from unbraid.model import Model
from unbraid.training.settings import Settings


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
    fields = [
        _option(name, field.type, field.default, f"hyper-parameter of {model.__name__}") for name, field in model.field_types().items()
    ]
    return dataclasses.make_dataclass("model", fields, frozen=True)


def values_of(options: Any) -> dict[str, Any]:
    """Returns the values of a dataclass of options."""
    return {field.name: getattr(options, field.name) for field in dataclasses.fields(options)}


def _option(name: str, kind: Any, default: Any, text: str) -> tuple[str, Any, Any]:
    mutable = isinstance(default, (dict, list))
    held = dataclasses.field(default_factory=lambda: type(default)(default)) if mutable else dataclasses.field(default=default)
    return name, Annotated[kind, tyro.conf.arg(help=text)], held



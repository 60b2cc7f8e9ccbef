"""Hyper-parameters: the typed fields of a model."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from unbraid.errors import OptionError, did_you_mean
from unbraid.scalars import python_scalar

RESERVED = ("captures", "fields", "graph", "parts", "seed", "training")
"""What every model carries beside its methods."""


@dataclass(frozen=True, slots=True)
class Field:
    """One hyper-parameter of a model.

    Attributes:
        type: Its annotated type.
        default: Its default value.
    """

    type: Any
    default: Any


def fields_of(cls: type, base: type) -> dict[str, Field]:
    """Returns the typed fields of a model class, those of its parents first.

    Args:
        cls: The class.
        base: Where to stop: fields of this class and above it are no hyper-parameters.

    Raises:
        OptionError: If a field has no default, or the name of something that every model has.
    """
    found: dict[str, Field] = {}
    for parent in reversed(cls.__mro__):
        if issubclass(base, parent) or not issubclass(parent, base):
            continue
        hints = get_type_hints(parent)
        for name in inspect.get_annotations(parent):
            if name.startswith("_") or typing.get_origin(hints[name]) is typing.ClassVar:
                continue
            if hasattr(base, name) or name in RESERVED:
                raise OptionError(
                    f"{cls.__name__}: a field cannot be called {name!r}: every model has that name. Choose another."
                )
            if not hasattr(cls, name):
                raise OptionError(f"{cls.__name__}: the field {name!r} needs a default value: {name}: int = 1.")
            found[name] = Field(hints[name], getattr(cls, name))
    return found


def filled(cls: type, fields: Mapping[str, Field], given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the value of every field: the given one, a number of numpy as Python's, or the default.

    Raises:
        OptionError: If a given name is no field, or its value has another type.
    """
    given = {name: python_scalar(value) for name, value in given.items()}
    for name, value in given.items():
        if name not in fields:
            raise OptionError(f"{cls.__name__} has no field {name!r}.{did_you_mean(name, fields)}")
        _check_type(cls, name, fields[name].type, value)
    return {name: given.get(name, field.default) for name, field in fields.items()}


def _check_type(cls: type, name: str, expected: Any, value: Any) -> None:
    plain = (int, float, str, bool)
    if expected not in plain:
        return
    accepted = (int, float) if expected is float else expected
    if not isinstance(value, accepted) or (isinstance(value, bool) and expected is not bool):
        raise OptionError(
            f"{cls.__name__}: the field {name!r} is {expected.__name__}, got {value!r} ({type(value).__name__})."
        )

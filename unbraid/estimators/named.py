"""Estimators by name, with options in parentheses."""

from __future__ import annotations

import dataclasses
import functools
import math
import re
from types import NoneType
from typing import Any, get_args, get_type_hints

from unbraid.errors import OptionError, did_you_mean
from unbraid.estimators.enumeration import Enumerate
from unbraid.estimators.estimator import Estimator
from unbraid.estimators.gumbel import Gumbel
from unbraid.estimators.plug_in import PlugIn
from unbraid.estimators.reinforce import Reinforce
from unbraid.estimators.sum_and_sample import SumAndSample

ESTIMATORS: dict[str, type[Any]] = {
    "enumerate": Enumerate,
    "gumbel": Gumbel,
    "plug_in": PlugIn,
    "reinforce": Reinforce,
    "sum_and_sample": SumAndSample,
}
_TEXT = re.compile(r"\s*(?P<name>[^\s()]+)\s*(?:\((?P<options>[^()]*)\))?\s*")
_SAID = {int: "a whole number", float: "a number", bool: "true or false", NoneType: "none"}


def named(estimator: str | Estimator) -> Estimator:
    """Returns an estimator for its text: a name, and perhaps options in parentheses; an estimator is returned as it is.

    Raises:
        OptionError: If there is none of this name, or it has no such option, or the option no such value.

    Example:
        >>> named("reinforce")
        Reinforce(samples=2)
        >>> named("gumbel(temperature=0.5, hard=true)")
        Gumbel(temperature=0.5, start=None, hard=True)
    """
    if not isinstance(estimator, str):
        if isinstance(estimator, type) or not isinstance(estimator, Estimator):
            raise OptionError(
                f"an estimator is a name or an object with __call__ and copies, got {estimator!r}: 'enumerate', or "
                "ub.Enumerate() with its parentheses."
            )
        _check_hash(estimator)
        return estimator
    return _from_text(estimator)


def _check_hash(estimator: Estimator) -> None:
    """Raises OptionError if an estimator has no hash, by which a pass that was captured is found again."""
    try:
        hash(estimator)
    except TypeError as error:
        raise OptionError(
            f"the estimator {estimator!r} has no hash ({error}), and passes are remembered by it: declare "
            f"{type(estimator).__name__} with @dataclass(frozen=True), and give it no lists or tensors."
        ) from None


@functools.cache
def _from_text(estimator: str) -> Estimator:
    """Returns an estimator for its text."""
    found = _TEXT.fullmatch(estimator)
    if found is None:
        raise OptionError(f"{estimator!r} is no estimator: write a name, or gumbel(temperature=0.5, hard=true).")
    name = found["name"]
    if name not in ESTIMATORS:
        raise OptionError(f"there is no estimator {name!r}.{did_you_mean(name, ESTIMATORS)}")
    made: Estimator = ESTIMATORS[name](**_options(name, found["options"] or ""))
    return made


def text_of(estimator: Estimator) -> str:
    """Returns the text of an estimator, as `named` reads it; of one that has no name, how Python writes it.

    Example:
        >>> text_of(Enumerate()), text_of(SumAndSample(k=3))
        ('enumerate', 'sum_and_sample(k=3)')
    """
    name = next((name for name, made in ESTIMATORS.items() if type(estimator) is made), None)
    if name is None:
        return repr(estimator)
    fields = dataclasses.fields(ESTIMATORS[name])
    options = [(field.name, getattr(estimator, field.name), field.default) for field in fields]
    said = ", ".join(f"{key}={str(value).lower()}" for key, value, default in options if value != default)
    return f"{name}({said})" if said else name


def _options(name: str, text: str) -> dict[str, Any]:
    """Reads the options ``key=value, key=value`` of an estimator."""
    hints = get_type_hints(ESTIMATORS[name])
    options: dict[str, Any] = {}
    for part in text.split(",") if text.strip() else ():
        key, equals, value = (each.strip() for each in part.partition("="))
        if not equals or not key or not value:
            raise OptionError(f"{name}: {part.strip()!r} is no option: an option is key=value.")
        if key not in hints:
            hint = did_you_mean(key, hints) if hints else " It has no options."
            raise OptionError(f"{name} has no option {key!r}.{hint}")
        if key in options:
            raise OptionError(f"{name}: {key} is given twice.")
        options[key] = _value(f"{name}: {key}", value, get_args(hints[key]) or (hints[key],))
    return options


def _value(title: str, text: str, kinds: tuple[type, ...]) -> Any:
    """Reads a value that is of one of some types."""
    low = text.lower()
    if NoneType in kinds and low == "none":
        return None
    if bool in kinds and low in ("true", "false"):
        return low == "true"
    if int in kinds and re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    if float in kinds:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if math.isfinite(number):
            return number
    raise OptionError(f"{title} must be {' or '.join(_SAID[kind] for kind in kinds)}, got {text!r}.")

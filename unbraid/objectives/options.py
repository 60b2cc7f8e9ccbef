"""The options of an objective."""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from unbraid.errors import OptionError, did_you_mean
from unbraid.scalars import python_scalar

DEFAULT_ALPHA = 50.0
Supervision = Literal["default", "eq4"]
Bound = Literal["elbo", "importance"]


@dataclass(frozen=True, slots=True)
class Options:
    """What is maximised.

    Args:
        alpha: The weight of log q of observed latents; with 0 labels do not train q.
        gamma: The weight of rows with any label.
        beta: The weight of the KL terms; 1 for a bound on log p(x) (Higgins et al. 2017).
        free_bits: Nats of each KL term, as its mean over the rows of a batch with the same latents observed, that cost
            nothing (Kingma et al. 2016, Eq. 15).
        samples: How many samples S of the latents that are sampled.
        supervision: "default", or "eq4" for Eq. 4 of the paper's first version, which multiplies a labelled row's bound
            by q of its labels and un-learns them where the bound is negative; alpha has no part in it.
        bound: "elbo", or "importance" for log (1/S) sum_s p(x, v_s) / q(v_s | x) (Burda et al. 2016, Eq. 8).
    """

    alpha: float = DEFAULT_ALPHA
    gamma: float = 1.0
    beta: float = 1.0
    free_bits: float = 0.0
    samples: int = 1
    supervision: Supervision = "default"
    bound: Bound = "elbo"

    def __post_init__(self) -> None:
        for name in ("alpha", "gamma", "beta", "free_bits"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(python_scalar(value), int | float):
                raise OptionError(f"{name} must be a number, got {value!r}.")
            if not value >= 0:
                raise OptionError(f"{name} must be at least 0, got {value!r}.")
            if math.isinf(value):
                raise OptionError(f"{name} must be finite, got {value!r}.")
        object.__setattr__(self, "samples", python_scalar(self.samples))
        if not (isinstance(self.samples, int) and self.samples >= 1):
            raise OptionError(f"samples must be a whole number of at least 1, got {self.samples!r}.")
        for name, known in (("supervision", get_args(Supervision)), ("bound", get_args(Bound))):
            if getattr(self, name) not in known:
                raise OptionError(
                    f"{name}={getattr(self, name)!r} is unknown.{did_you_mean(str(getattr(self, name)), known)}"
                )
        if self.bound == "importance" and (self.beta != 1 or self.free_bits):
            raise OptionError("bound='importance' weighs whole samples: it goes with beta=1 and free_bits=0 only.")
        if self.bound == "importance" and self.supervision == "eq4":
            raise OptionError("supervision='eq4' is defined for bound='elbo' only.")


def check_names(question: str, given: Iterable[str], known: Collection[str]) -> None:
    """Raises OptionError for an option that does not exist.

    Args:
        question: The method that was given the options, for the message.
        given: Their names.
        known: The names of those that there are.
    """
    for name in given:
        if name not in known:
            raise OptionError(f"{question} has no option {name!r}.{did_you_mean(name, known)}")


@functools.lru_cache(maxsize=64)
def checked_options(*values: Any) -> Options:
    """Returns `Options` of these values, checked once: a step of training asks every time."""
    return Options(*values)

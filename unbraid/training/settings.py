"""Settings: everything about a training that can be set, in one place."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from unbraid.errors import OptionError, did_you_mean
from unbraid.objectives.options import DEFAULT_ALPHA, Bound, Options, Supervision, checked_options
from unbraid.scalars import python_scalar

Precision = Literal["auto", "fp32", "bf16"]


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a training; the command line has an option for each, `fit` a keyword."""

    epochs: Annotated[int, "sweeps through the rows"] = 10
    batch_size: Annotated[int, "unlabelled rows in a step"] = 100
    labelled_batch_size: Annotated[int, "labelled rows in a step, where it has any"] = 100
    rate: Annotated[float, "supervision rate: labelled batches for each unlabelled one"] = 1.0
    mixed: Annotated[bool, "whether an unlabelled and a labelled batch make one step"] = True
    balanced: Annotated[
        bool, "whether labelled batches hold the classes in equal parts (with one labelled discrete variable)"
    ] = False
    learning_rate: Annotated[float, "of Adam"] = 1e-3
    betas: Annotated[tuple[float, float], "of Adam: how much of its two averages it keeps"] = (0.9, 0.999)
    schedule: Annotated[Literal["constant", "cosine"], "how the learning rate goes after the warm-up"] = "constant"
    warmup_steps: Annotated[int, "steps in which the learning rate rises from 0"] = 0
    alpha: Annotated[float, "weight of log q of observed variables"] = DEFAULT_ALPHA
    gamma: Annotated[float, "weight of rows with any label"] = 1.0
    beta: Annotated[float, "weight of the KL terms; 1 for a bound on log p(x)"] = 1.0
    beta_ramp: Annotated[float, "epochs in which the weight of the KL terms rises from 0"] = 0.0
    free_bits: Annotated[float, "nats of each KL term, as its mean over a batch, that cost nothing"] = 0.0
    supervision: Annotated[
        Supervision, "how labels enter; eq4 is that of the paper's first version, which un-learns them"
    ] = "default"
    bound: Annotated[Bound, "what is maximised: elbo, or the importance-weighted bound of several samples"] = "elbo"
    samples: Annotated[int, "samples of the variables that are sampled"] = 1
    estimators: Annotated[dict[str, str], "estimator of a discrete variable where it is not labelled, by name"] = field(
        default_factory=dict
    )
    consistency: Annotated[float, "weight of consistency between the views of a row without labels; needs views"] = 0.0
    threshold: Annotated[float, "how sure the averaged model must be of a row for consistency to count it, 0 to 1"] = (
        0.95
    )
    swap: Annotated[float, "weight of reading labelled discrete variables that were set by hand, in what p makes"] = 0.0
    ramp: Annotated[float, "epochs in which the weights of consistency and swap rise from 0"] = 1.0
    average: Annotated[
        float, "decay of the moving average of the weights; 0 for none. The averaged model is the result"
    ] = 0.0
    missing_class: Annotated[Literal["error", "allow"], "what to do when a class has no labelled row"] = "error"
    holdout: Annotated[float, "share of the labelled rows that is set aside for choice and stopping"] = 0.0
    choose: Annotated[
        Literal["last", "best"], "which weights are the result; 'best' on the validation or held-out rows"
    ] = "last"
    patience: Annotated[int, "epochs without improvement after which training stops; 0 for never"] = 0
    precision: Annotated[Precision, "of networks; auto is bf16 where the processor multiplies in it"] = "fp32"
    compile: Annotated[
        bool, "whether each kind of pass is compiled, in up to a minute, and so run from then on where that is quicker"
    ] = False
    seed: Annotated[int, "of the order of rows and of noise"] = 0

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(type(self)).items():
            object.__setattr__(self, name, _plain(getattr(self, name)))
            self._check_type(name, hint)
        for name in ("epochs", "batch_size", "labelled_batch_size", "samples"):
            self._check(name, getattr(self, name) >= 1, "at least 1")
        for name in (
            *("rate", "alpha", "gamma", "beta", "beta_ramp", "free_bits"),
            *("consistency", "swap", "ramp", "patience", "warmup_steps"),
        ):
            self._check(name, getattr(self, name) >= 0, "at least 0")
        for name in ("threshold", "average", "holdout"):
            self._check(name, 0 <= getattr(self, name) < 1, "at least 0 and below 1")
        self._check("learning_rate", self.learning_rate > 0, "above 0")
        self.options(0.0 if self.beta_ramp else self.beta)  # the ramp starts there
        pair = isinstance(self.betas, (tuple, list)) and len(self.betas) == 2 and all(map(_number, self.betas))
        self._check("betas", pair and all(0 <= each < 1 for each in self.betas), "two numbers, at least 0 and below 1")
        names = isinstance(self.estimators, dict) and all(isinstance(each, str) for each in self.estimators.values())
        self._check(
            "estimators", names, "names by latent, {'digit': 'plug_in'}; one with options goes to the variable itself, "
            "ub.Categorical(10, estimator=ub.Enumerate(rows=1000))",
        )  # fmt: skip

    def _check_type(self, name: str, hint: Any) -> None:
        value = getattr(self, name)
        if get_origin(hint) is Literal:
            self._check(name, value in get_args(hint), f"one of {', '.join(map(repr, get_args(hint)))}")
        elif hint is bool:
            self._check(name, isinstance(value, bool), "True or False")
        elif hint is int:
            self._check(name, isinstance(value, Integral) and not isinstance(value, bool), "a whole number")
        elif hint is float:
            self._check(name, _number(value), "a finite number")

    def _check(self, name: str, holds: bool, wanted: str) -> None:
        if not holds:
            raise OptionError(f"{name} must be {wanted}, got {getattr(self, name)!r}.")

    def options(self, beta: float) -> Options:
        """Returns the options of the objective, at a weight of the KL terms."""
        alpha, gamma, free = float(self.alpha), float(self.gamma), float(self.free_bits)
        return checked_options(alpha, gamma, float(beta), free, self.samples, self.supervision, self.bound)

    @classmethod
    def given(cls, settings: Settings | None, changes: Mapping[str, Any]) -> Settings:
        """Returns what a training was given: all settings at once, or the defaults, and on top of them single ones.

        Raises:
            OptionError: If they are no settings, there is no such setting, or it cannot have this value.
        """
        if settings is not None and not isinstance(settings, Settings):
            raise OptionError(
                f"settings must be ub.Settings(epochs=20), or go one by one, fit(..., epochs=20); got {settings!r}."
            )
        return (settings or cls()).changed(**changes)

    def changed(self, **changes: Any) -> Settings:
        """Returns the settings with some of them changed.

        Raises:
            OptionError: If there is no such setting, or it cannot have this value.
        """
        known = [each.name for each in dataclasses.fields(self)]
        for name in changes:
            if name not in known:
                raise OptionError(f"there is no setting {name!r}.{did_you_mean(name, known)}")
        return dataclasses.replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        """Returns the settings as plain values."""
        return {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Settings:
        """Returns settings from plain values."""
        return cls().changed(
            **{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        )


def _plain(value: Any) -> Any:
    """Returns a setting with Python's numbers in place of numpy's."""
    return tuple(map(python_scalar, value)) if isinstance(value, tuple) else python_scalar(value)


def _number(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(value)

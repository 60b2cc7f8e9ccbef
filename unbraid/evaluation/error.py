"""Errors of predicted variables, with 95 % intervals: a fraction of wrong values, or a distance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from unbraid.errors import DataError, did_you_mean

_NORMAL_QUANTILE = 1.959963984540054  # of 0.975: two-sided intervals of 95 %


@runtime_checkable
class Predictor(Protocol):
    """What an evaluation asks of a model: its latents, and their most probable values given rows."""

    @property
    def latents(self) -> Mapping[str, Any]:
        """The families of the latents, by name; `cardinality` is None for a real-valued one."""

    def predict(self, x: torch.Tensor, /) -> dict[str, torch.Tensor]:
        """Returns the most probable value of each latent in each row."""


@dataclass(frozen=True, slots=True)
class ErrorRate:
    """How often a discrete variable was predicted wrongly.

    Args:
        error: the fraction of wrong rows, in [0, 1].
        n: the number of rows that have a label.
        ci: the Wilson interval of the fraction at 95 %.
    """

    error: float
    n: int
    ci: tuple[float, float]

    def __str__(self) -> str:
        low, high = self.ci
        return f"{self.error:.2%} (95 % interval {low:.2%} to {high:.2%}, {self.n} rows)"


@dataclass(frozen=True, slots=True)
class MeanError:
    """How far a real-valued variable was predicted from its label, in the units of the label.

    Args:
        rmse: the root of the mean squared difference, over rows and components.
        mae: the mean absolute difference, over rows and components.
        n: the number of rows that have a label.
        rmse_ci: the interval of `rmse` at 95 %: normal, of the mean squared difference over rows, then its root.
        mae_ci: the normal interval of `mae` at 95 %.
    """

    rmse: float
    mae: float
    n: int
    rmse_ci: tuple[float, float]
    mae_ci: tuple[float, float]


def error_rate(predicted: ArrayLike | torch.Tensor, labels: ArrayLike | torch.Tensor) -> ErrorRate:
    """Counts the wrong values of a discrete variable among the rows that have a label.

    References:
        Wilson, "Probable inference, the law of succession, and statistical inference", 1927: the interval.

    Args:
        predicted: (rows,) integers.
        labels: (rows,) integers; a negative one says that the label is missing, and its row is left out.

    Raises:
        DataError: the lengths differ, an array is not one of whole numbers, or no row has a label.

    Example:
        >>> print(error_rate([3, 1, 4, 1], [3, 1, 5, -1]))
        33.33% (95 % interval 6.15% to 79.23%, 3 rows)
    """
    values, truth = whole_numbers(predicted, "predicted values"), whole_numbers(labels, "labels")
    _check_lengths(values, truth)
    labelled = truth >= 0
    n, wrong = int(labelled.sum()), int((values != truth)[labelled].sum())
    if n == 0:
        raise DataError(f"no row has a label: all {len(truth)} are -1, so there is no error to compute")
    return ErrorRate(wrong / n, n, wilson_interval(wrong / n, n))


def mean_error(predicted: ArrayLike | torch.Tensor, labels: ArrayLike | torch.Tensor) -> MeanError:
    """Measures how far a real-valued variable is from its labels, in the rows that have one.

    Args:
        predicted: (rows, ...) floats.
        labels: (rows, ...) floats of the same shape; a row with a NaN in it has no label, and is left out.

    Raises:
        DataError: the shapes differ, or no row has a label.

    Example:
        >>> error = mean_error([[1.0], [2.0], [3.0]], [[1.0], [4.0], [float("nan")]])
        >>> error.n, error.mae, round(error.rmse, 3)
        (2, 1.0, 1.414)
    """
    values, truth = (np.asarray(_on_cpu(array), dtype=np.float64) for array in (predicted, labels))
    _check_lengths(values, truth)
    if values.shape != truth.shape:
        raise DataError(f"predicted values have the shape {values.shape}, labels {truth.shape}: they must be the same")
    flat = (values - truth).reshape(len(truth), -1)
    difference = flat[~np.isnan(truth).reshape(flat.shape).any(1)]
    if len(difference) == 0:
        raise DataError(f"no row has a label: each of the {len(truth)} holds a NaN, so there is no error to compute")
    mae, mae_ci = _mean_with_interval(np.abs(difference).mean(1))
    square, (low, high) = _mean_with_interval((difference**2).mean(1))
    return MeanError(sqrt(square), mae, len(difference), (sqrt(low), sqrt(high)), mae_ci)


def evaluate_labels(
    model: Predictor, images: torch.Tensor, labels: Mapping[str, ArrayLike | torch.Tensor]
) -> dict[str, dict[str, Any]]:
    """Compares what a model predicts with labels that it was not shown.

    Args:
        model: the model, or anything with its `latents` and `predict`.
        images: (rows, ...) of the model's data shape.
        labels: by variable: (rows,) integers, -1 where missing; or (rows, ...) floats, NaN where missing. A variable
            without one label is left out.

    Returns:
        By variable, ready for JSON: `{"error", "error_ci", "n"}` of a discrete one (fractions), `{"rmse", "rmse_ci",
        "mae", "mae_ci", "n"}` of a real-valued one (in the units of its labels). Of a variable in a `Repeat` every
        labelled step counts, and is wrong where the model says that there is no such step; the distance of a
        real-valued one is over the steps that both have.

    Raises:
        DataError: a variable is not of the model, has not one label a row, or nothing at all is labelled.
    """
    for name, given in labels.items():
        _check_variable(model, name, len(_on_cpu(given)), len(images))
    known = {name: given for name, given in labels.items() if _any_label(model, name, given)}
    if not known:
        raise DataError(
            f"nothing is labelled: labels of {sorted(labels) or 'no variable'} hold no value to compare with"
        )
    predicted = model.predict(images)
    return {
        name: _evaluate(predicted[name], given, _is_discrete(model, name), _is_repeated(model, name, given))
        for name, given in known.items()
    }


def whole_numbers(array: ArrayLike | torch.Tensor, what: str) -> NDArray[np.int64]:
    """Returns an array of one whole number a row, -1 for NaN; or says what it is instead.

    Raises:
        DataError: it has another number of dimensions, or holds fractions.
    """
    numbers = np.asarray(_on_cpu(array))
    if numbers.dtype.kind == "f":
        numbers = np.where(np.isnan(numbers), -1, numbers)
    if numbers.ndim != 1:
        raise DataError(f"{what} must hold one number a row, got an array of the shape {numbers.shape}")
    if numbers.dtype.kind not in "iub" and not np.array_equal(numbers, np.round(numbers)):
        raise DataError(f"{what} must be whole numbers (-1: missing), got {numbers.dtype} with other values")
    return numbers.astype(np.int64)


def _evaluate(
    predicted: torch.Tensor, labels: ArrayLike | torch.Tensor, discrete: bool, repeated: bool
) -> dict[str, Any]:
    """Returns the error of one variable, ready for JSON."""
    if discrete:
        rate = error_rate(*(_items(each) for each in (predicted, labels)))
        return {"error": rate.error, "error_ci": list(rate.ci), "n": rate.n}
    values, truth = _both_there(predicted, labels) if repeated else (predicted, labels)
    if repeated and not len(values):
        return {"n": 0}  # the model says that there is no step where there is a label
    far = mean_error(values, truth)
    return {"rmse": far.rmse, "rmse_ci": list(far.rmse_ci), "mae": far.mae, "mae_ci": list(far.mae_ci), "n": far.n}


def _is_repeated(model: Predictor, name: str, labels: ArrayLike | torch.Tensor) -> bool:
    """Says whether a latent is one in every step of a `Repeat`, so that its labels have a step axis."""
    event = getattr(model.latents[name], "label_shape", None)
    return event is not None and np.ndim(_on_cpu(labels)) > 1 + len(event)


def _both_there(predicted: torch.Tensor, labels: ArrayLike | torch.Tensor) -> tuple[NDArray[Any], NDArray[Any]]:
    """Lays real-valued items one after the other, without those in steps that the model says are not there."""
    values, truth = np.asarray(_on_cpu(predicted)), np.asarray(_on_cpu(labels))
    there = ~np.isnan(values).any(-1)
    return values[there], truth[there]


def _items(array: ArrayLike | torch.Tensor) -> Any:
    """Lays the items of a `Repeat`, (rows, steps), one after the other: each that has a label counts."""
    return np.asarray(_on_cpu(array)).reshape(-1)


def wilson_interval(fraction: float, n: int) -> tuple[float, float]:
    """Returns the 95 % interval of a fraction of n rows: it stays in [0, 1] and is not empty at 0 or 1."""
    z = _NORMAL_QUANTILE
    centre = fraction + z * z / (2 * n)
    half = z * sqrt(fraction * (1 - fraction) / n + z * z / (4 * n * n))
    low, high = ((centre + sign * half) / (1 + z * z / n) for sign in (-1, 1))
    return (0.0 if fraction == 0 else low), (1.0 if fraction == 1 else high)


def _mean_with_interval(values: NDArray[np.float64]) -> tuple[float, tuple[float, float]]:
    """Returns the mean of nonnegative values and its normal interval; of one value, the interval is that value."""
    mean = float(values.mean())
    half = _NORMAL_QUANTILE * float(values.std(ddof=1)) / sqrt(len(values)) if len(values) > 1 else 0.0
    return mean, (max(0.0, mean - half), mean + half)


def _is_discrete(model: Predictor, name: str) -> bool:
    """Says whether a latent has finitely many values."""
    return model.latents[name].cardinality is not None


def _any_label(model: Predictor, name: str, labels: ArrayLike | torch.Tensor) -> bool:
    """Says whether at least one row has a label."""
    array = np.asarray(_on_cpu(labels))
    if _is_discrete(model, name):
        return bool((whole_numbers(_items(array), f"labels of '{name}'") >= 0).any())
    return bool((~np.isnan(array.astype(np.float64)).reshape(len(array), -1)).all(1).any())


def _check_variable(model: Predictor, name: str, n_labels: int, n_rows: int) -> None:
    """Refuses labels of what is no latent, or of other rows."""
    if name not in model.latents:
        raise DataError(
            f"labels are given for '{name}', which is no latent of the model.{did_you_mean(name, model.latents)}"
        )
    if n_labels != n_rows:
        raise DataError(
            f"'{name}' has {n_labels} labels for {n_rows} images: one label a row is needed (-1 or NaN: missing)"
        )


def _check_lengths(predicted: NDArray[Any], labels: NDArray[Any]) -> None:
    """Refuses predictions and labels of different numbers of rows."""
    if len(predicted) != len(labels):
        raise DataError(
            f"there are {len(predicted)} predicted values but {len(labels)} labels: one label a row is needed"
        )


def _on_cpu(array: ArrayLike | torch.Tensor) -> Any:
    """Returns a tensor as an array; anything else as it is."""
    return array.detach().cpu().numpy() if isinstance(array, torch.Tensor) else array

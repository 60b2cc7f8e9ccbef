"""Errors of predicted variables, with 95 % intervals: a fraction of wrong values, or a distance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod, sqrt
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from unbraid.data.label_values import as_array, label_array, with_component
from unbraid.data.labels import class_labels, refuse_doubtful
from unbraid.data.row_tensor import RowsLike, dtype_of, row_tensor
from unbraid.errors import DataError, did_you_mean
from unbraid.evaluation.matched_items import in_predicted_order
from unbraid.variables.family import Family

_NORMAL_QUANTILE = 1.959963984540054  # of 0.975: two-sided intervals of 95 %


@runtime_checkable
class Predictor(Protocol):
    """What an evaluation asks of a model: its latents, and their most probable values given rows."""

    @property
    def latents(self) -> Mapping[str, Family]:
        """The families of the latents, by name."""

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
    values, truth = (as_array(array).astype(np.float64) for array in (predicted, labels))
    _check_lengths(values, truth)
    if values.shape != truth.shape:
        raise DataError(f"predicted values have the shape {values.shape}, labels {truth.shape}: they must be the same")
    flat = (values - truth).reshape(len(truth), -1)
    difference = flat[~np.isnan(truth).reshape(flat.shape).any(1)]
    if len(difference) == 0:
        raise DataError(f"no row has a label: each of the {len(truth)} holds a NaN, so there is no error to compute")
    return _size_of(difference)


def evaluate_labels(model: Predictor, images: RowsLike, labels: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Compares what a model predicts with labels that it was not shown.

    Args:
        model: the model, or anything with its `latents` and `predict`.
        images: (rows, ...) of the model's data shape.
        labels: by variable, in any form that training takes: (rows,) integers, -1 where missing; or (rows, ...) floats,
            NaN where missing. A variable without one label is left out.

    Returns:
        By variable, ready for JSON: `{"error", "error_ci", "n"}` of a discrete one (fractions), `{"rmse", "rmse_ci",
        "mae", "mae_ci", "n"}` of a real-valued one (in the units of its labels; angles differ by the shorter way
        round). Of a variable in a `Repeat` every labelled step counts, and is wrong where the model says that there is
        no such step; the distance of a real-valued one is over the steps that both have, and there is only `{"n": 0}`
        where there are none. Where the `Repeat` has ``order="matched"``, each row's labelled items are first assigned
        to the predicted steps: as few values as can be are wrong, then the squared differences are the least in all.

    Raises:
        DataError: a variable is not of the model, has not one label a row or a label that it cannot have, or nothing at
            all is labelled.
    """
    images = row_tensor(images, dtype_of(model))
    truths = {name: _truth(model, name, given, len(images)) for name, given in labels.items()}
    known = {name: truth for name, truth in truths.items() if _labelled(model.latents[name], truth).any()}
    if not known:
        raise DataError(
            f"nothing is labelled: labels of {sorted(labels) or 'no variable'} hold no value to compare with"
        )
    predicted = {name: each.detach().cpu() for name, each in model.predict(images).items()}
    for name, truth in known.items():
        _check_shape(name, predicted[name], truth)
    repeats = getattr(getattr(model, "graph", None), "matched", ())  # what only predicts need have no graph
    known = in_predicted_order(repeats, model.latents, predicted, known)
    return {name: _evaluate(model.latents[name], predicted[name], truth) for name, truth in known.items()}


def whole_numbers(array: ArrayLike | torch.Tensor, what: str) -> NDArray[np.int64]:
    """Returns an array of one whole number a row, -1 for NaN, None and what is masked; or says what it is instead.

    Raises:
        DataError: it has another number of dimensions, or holds fractions, texts or the like.
    """
    numbers = as_array(array)
    if numbers.dtype.kind not in "biuf":
        numbers = label_array(numbers, what)
    if numbers.dtype.kind == "f":
        numbers = np.where(np.isnan(numbers), -1, numbers)
    if numbers.ndim != 1:
        raise DataError(f"{what} must hold one number a row, got an array of the shape {numbers.shape}")
    if numbers.dtype.kind not in "iub" and not np.array_equal(numbers, np.round(numbers)):
        raise DataError(f"{what} must be whole numbers (-1: missing), got {numbers.dtype} with other values")
    return numbers.astype(np.int64)


def _truth(model: Predictor, name: str, given: Any, rows: int) -> torch.Tensor:
    """Checks the labels of one variable, and makes a tensor of them.

    Returns:
        (rows, *steps) int64 with -1, or (rows, *steps, *label) float64 with NaN, where missing.
    """
    if name not in model.latents:
        raise DataError(
            f"labels are given for '{name}', which is no latent of the model.{did_you_mean(name, model.latents)}"
        )
    family, array = model.latents[name], label_array(given, name)
    if array.ndim == 0 or len(array) != rows:
        raise DataError(
            f"'{name}' has {len(array) if array.ndim else 'no'} labels for {rows} images: one label a row is needed "
            "(-1 or NaN: missing)"
        )
    if family.cardinality is not None:
        return class_labels(name, array, family.cardinality)
    label, series = family.label_shape, getattr(getattr(model, "graph", None), "series", {}).get(name)
    steps = () if series is None else series.steps
    truth = with_component(torch.from_numpy(array.astype(np.float64)), 1 + len(steps), label)
    if truth.dim() <= len(label) or tuple(truth.shape[truth.dim() - len(label) :]) != label:
        raise DataError(
            f"the labels of '{name}' have the shape {tuple(truth.shape)}, and one label of {family} has {label}: give "
            f"one a row, {(rows, *label)}, or one for each step of a row"
        )
    refuse_doubtful(name, array, truth.dim() - len(label))
    family.check_labels(name, truth)
    return truth


def _check_shape(name: str, predicted: torch.Tensor, truth: torch.Tensor) -> None:
    """Refuses labels of another shape than the predictions of their variable."""
    if predicted.shape != truth.shape:
        raise DataError(
            f"the labels of '{name}' have the shape {tuple(truth.shape)}, and its predictions "
            f"{tuple(predicted.shape)}: they must be the same"
        )


def _labelled(family: Family, values: torch.Tensor) -> torch.Tensor:
    """Says which values, (rows, *steps, *label), are there, (rows, *steps): not -1, and without a NaN."""
    if family.cardinality is not None:
        return values >= 0
    items = values.shape[: values.dim() - len(family.label_shape)]
    return ~values.isnan().reshape(*items, prod(family.label_shape)).any(-1)


def _evaluate(family: Family, predicted: torch.Tensor, truth: torch.Tensor) -> dict[str, Any]:
    """Returns the error of one variable, ready for JSON; the items of a `Repeat` count one by one."""
    if family.cardinality is not None:
        rate = error_rate(predicted.reshape(-1), truth.reshape(-1))
        return {"error": rate.error, "error_ci": list(rate.ci), "n": rate.n}
    known = _labelled(family, truth)
    if known.dim() > 1:
        known &= _labelled(family, predicted)
    difference = family.difference(predicted.double(), truth)[known]
    if not len(difference):
        return {"n": 0}  # the model says that there is no step where there is a label
    far = _size_of(difference.reshape(len(difference), -1).numpy())
    return {"rmse": far.rmse, "rmse_ci": list(far.rmse_ci), "mae": far.mae, "mae_ci": list(far.mae_ci), "n": far.n}


def _size_of(difference: NDArray[np.float64]) -> MeanError:
    """Returns the mean sizes of differences (rows, components), of one row or more."""
    mae, mae_ci = _mean_with_interval(np.abs(difference).mean(1))
    square, (low, high) = _mean_with_interval((difference**2).mean(1))
    return MeanError(sqrt(square), mae, len(difference), (sqrt(low), sqrt(high)), mae_ci)


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


def _check_lengths(predicted: NDArray[Any], labels: NDArray[Any]) -> None:
    """Refuses predictions and labels of different numbers of rows."""
    if len(predicted) != len(labels):
        raise DataError(
            f"there are {len(predicted)} predicted values but {len(labels)} labels: one label a row is needed"
        )

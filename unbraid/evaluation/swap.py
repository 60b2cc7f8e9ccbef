"""Swap tests: do images in which one factor was set by hand show it, and keep all others?"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unbraid.data.label_values import label_array
from unbraid.data.row_tensor import RowsLike, dtype_of, row_tensor
from unbraid.errors import DataError, did_you_mean
from unbraid.evaluation.error import mean_error, wilson_interval
from unbraid.variables.direction import Direction


@runtime_checkable
class Swapper(Protocol):
    """What a swap test asks of a model."""

    def analogy(self, x: Tensor, **factor: Iterable[Any]) -> Tensor:
        """Sets one factor of each row to each of several values: (rows, values, *data_shape)."""


@runtime_checkable
class Reader(Protocol):
    """What a swap test asks of a judge; a `Judge` is one, and so is a trained `Model`."""

    def predict(self, images: Tensor, /) -> Mapping[str, Tensor]:
        """Reads the factors that it knows: (rows,) integers, or (rows, ...) floats."""


@dataclass(frozen=True, slots=True)
class Share:
    """How often a discrete factor was as it should be.

    Args:
        share: The mean over rows of the share of right images, in [0, 1].
        n: The number of rows; each may have several images.
        ci: Wilson's interval at 95 %, as if each row were one image, for images of one row go right or wrong
            together: it is as wide as need be, or wider.
    """

    share: float
    n: int
    ci: tuple[float, float]

    def __str__(self) -> str:
        return f"{self.share:.2%} (95 % interval {self.ci[0]:.2%} to {self.ci[1]:.2%}, {self.n} rows)"


@dataclass(frozen=True, slots=True)
class Deviation:
    """How far a real factor was from what it should be: in the units of its labels, a direction in degrees.

    Args:
        mean: The mean absolute difference over components, or the angle; then the mean over images, and over rows.
        n: The number of rows; each may have several images.
        ci: The normal interval of the mean over rows at 95 %.
    """

    mean: float
    n: int
    ci: tuple[float, float]


Outcome = Share | Deviation


@dataclass(frozen=True, slots=True)
class SwapTest:
    """What a judge sees in images of which one factor was set.

    Args:
        factor: The factor that was set.
        shown: Whether the images show what was set: a share, or the distance from it for a real factor.
        kept: By other factor: whether the images still show the row's own label.
        read: By factor: the same judge on the rows themselves, which bounds what the others can be.
    """

    factor: str
    shown: Outcome
    kept: dict[str, Outcome]
    read: dict[str, Outcome]


def swap_test(
    model: Swapper,
    x: RowsLike,
    labels: Mapping[str, Any],
    judge: Reader,
    *,
    factor: str,
    values: Iterable[Any],
    keep: Sequence[str] | None = None,
    directions: Sequence[str] = (),
) -> SwapTest:
    """Sets a factor of each row to several values, and has the images judged by a classifier that the model never met.

    An image that was set to the label that its row has anyhow tests no swap; of a discrete factor it is left out.

    Args:
        model: The model, or anything with its `analogy`.
        x: Rows that neither the model nor the judge was trained on, (rows, *data_shape).
        labels: Of the rows, by factor: (rows,) integers, -1 where missing, or (rows, ...) floats, NaN where missing.
        judge: What reads the images: from `train_judge`.
        factor: The latent that is set; the judge knows it by the same name.
        values: What it is set to: numbers, or arrays of the shape of a label.
        keep: The other factors that the images must keep; those that are labelled and that the judge knows if None.
        directions: The real factors that are directions, whose deviation is an angle. Latents of the model or the judge
            that are a `Direction` or an `Angle` need not be named. Labels and values of an angle are radians, or its
            cosine and sine, whichever of these the judge reads.

    Returns:
        The record; numbers of rows, not of images, stand behind its intervals.

    Raises:
        DataError: If no value is given, the judge does not know a factor or reads it in another shape, a factor has no
            labels or not one a row, every value is the label of its row, or what is called a direction is a class or
            unknown.
    """
    x = row_tensor(x, dtype_of(model))
    wanted = [np.asarray(value) for value in values]
    given = {name: label_array(each, name) for name, each in labels.items()}
    read = dict(judge.predict(x))
    keep = [name for name in given if name in read and name != factor] if keep is None else keep
    _check(factor, wanted, keep, given, read, len(x))
    turns = [name for name in read if _is_direction(name, model, judge) and not _discrete(read[name])]
    _check_directions([name for name in directions if name not in turns], read)
    turns += directions
    images = model.analogy(x, **{factor: wanted})
    seen = {name: each.unflatten(0, images.shape[:2]) for name, each in judge.predict(images.flatten(0, 1)).items()}
    target = np.broadcast_to(np.stack(wanted), (len(x), *np.shape(wanted)))
    swapped = _swapped(target, given.get(factor), _discrete(read[factor]))
    return SwapTest(
        factor,
        _outcome(factor, seen[factor], target, swapped, turns),
        {name: _outcome(name, seen[name], given[name][:, None], swapped, turns) for name in keep},
        {
            name: _outcome(name, read[name][:, None], given[name][:, None], np.ones((len(x), 1), np.bool_), turns)
            for name in (factor, *keep)
            if name in given
        },
    )


def _outcome(
    name: str, seen: Tensor, target: NDArray[Any], counted: NDArray[np.bool_], directions: Collection[str]
) -> Outcome:
    """Compares what is seen, (rows, images, ...), with what should be: one target an image, or one for all of a row."""
    found, aims = (_vectors(each, name in directions) for each in (seen.detach().cpu().numpy(), target))
    if found.shape[2] != aims.shape[2]:
        raise DataError(
            f"the judge reads {_numbers(found.shape[2])} of '{name}', and its labels or values have "
            f"{_numbers(aims.shape[2])}: give them the shape that the judge was trained on, or name it in directions "
            "if it is an angle in radians"
        )
    aims = np.broadcast_to(aims, found.shape)
    known = (aims >= 0).all(2) if _discrete(seen) else np.isfinite(aims).all(2)
    counted = counted & known
    rows = counted.any(1)
    if not rows.any():
        raise DataError(
            f"no image is left to look at for '{name}': each row lacks its label, or was set to the label that it has"
        )
    if not _discrete(seen):
        away = _angles(found, aims) if name in directions else np.abs(found - aims).mean(2)
        far = mean_error(_mean_of(away, counted)[rows], np.zeros(int(rows.sum())))
        return Deviation(far.mae, far.n, far.mae_ci)
    share = float(_mean_of((found == aims).all(2), counted)[rows].mean())
    return Share(share, int(rows.sum()), wilson_interval(share, int(rows.sum())))


def _vectors(values: NDArray[Any], direction: bool) -> NDArray[Any]:
    """Makes vectors of what each image has, (rows, images, size); of an angle in radians its cosine and sine."""
    flat = values.reshape(*values.shape[:2], -1)
    return np.concatenate([np.cos(flat), np.sin(flat)], axis=2) if direction and flat.shape[2] == 1 else flat


def _numbers(count: int) -> str:
    """Words a count of numbers."""
    return "one number" if count == 1 else f"{count} numbers"


def _angles(found: NDArray[Any], aims: NDArray[Any]) -> NDArray[np.float64]:
    """Returns the angle between vectors, (rows, images, size), in degrees; 90 where one has no direction."""
    lengths = np.linalg.norm(found, axis=2) * np.linalg.norm(aims, axis=2)
    cosines = (found * aims).sum(2, dtype=np.float64) / np.maximum(lengths, np.finfo(np.float32).tiny)
    return np.asarray(np.rad2deg(np.arccos(np.clip(cosines, -1, 1))), np.float64)


def _mean_of(values: NDArray[Any], counted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Returns the mean over the counted images of each row, (rows,); 0 where there are none."""
    sums: NDArray[np.float64] = np.where(counted, values, 0).sum(1, dtype=np.float64)
    means: NDArray[np.float64] = sums / np.maximum(counted.sum(1), 1)
    return means


def _swapped(target: NDArray[Any], own: NDArray[Any] | None, discrete: bool) -> NDArray[np.bool_]:
    """Marks the images in which the factor is not what it was: (rows, values)."""
    if own is None or not discrete:
        return np.ones(target.shape[:2], np.bool_)
    return np.asarray(target != own[:, None])


def _is_direction(name: str, *asked: object) -> bool:
    """Says whether a model, or a judge that is one, has a direction or an angle of this name."""
    return any(isinstance(getattr(each, "latents", {}).get(name), Direction) for each in asked)


def _discrete(values: Tensor) -> bool:
    """Says whether the judge reads classes."""
    return not values.is_floating_point()


def _check(
    factor: str,
    values: Sequence[NDArray[Any]],
    keep: Sequence[str],
    labels: Mapping[str, NDArray[Any]],
    read: Mapping[str, torch.Tensor],
    rows: int,
) -> None:
    """Refuses what cannot be tested."""
    if not values or not rows:
        missing = "values" if rows else "rows"
        raise DataError(f"a swap test sets '{factor}' in rows to values, and there are no {missing}")
    if len({each.shape for each in values}) > 1:
        raise DataError(f"the values of '{factor}' differ in shape: give each the shape of a label")
    for name in (factor, *keep):
        if name not in read:
            raise DataError(f"the judge does not know the factor '{name}'.{did_you_mean(name, read)}")
    for name in keep:
        if name not in labels:
            raise DataError(f"'{name}' has no labels to see by whether it is kept.{did_you_mean(name, labels)}")
    for name in (each for each in (factor, *keep) if each in labels):
        if len(labels[name]) != rows:
            raise DataError(f"'{name}' has {len(labels[name])} labels for {rows} rows: give one a row")


def _check_directions(directions: Sequence[str], read: Mapping[str, Tensor]) -> None:
    """Refuses directions that the judge does not know, or that are none."""
    for name in directions:
        if name not in read:
            raise DataError(f"the judge does not know the direction '{name}'.{did_you_mean(name, read)}")
        if _discrete(read[name]) or read[name].dim() < 2:
            kind = "a class" if _discrete(read[name]) else "one number"
            raise DataError(
                f"the judge reads '{name}' as {kind}, which is no direction: leave it out of directions, or train the "
                "judge on the cosine and sine of an angle"
            )

"""A judge: a classifier of images that has no part in the model whose images it judges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from unbraid.data.label_values import label_array_by_kind
from unbraid.data.row_tensor import RowsLike, dtype_of, row_tensor
from unbraid.errors import DataError, OptionError
from unbraid.training.batches import count_batches, in_batches
from unbraid.training.draws import seeded_generator
from unbraid.views.view import View, check_view

_CHUNK = 1000  # images judged at once


@dataclass(frozen=True, slots=True)
class Head:
    """What the judge says of one factor.

    Args:
        classes: The number of classes; None for a real factor.
        shape: Of a label: () for one number a row.
        mean: Of a real factor's labels, (size,).
        spread: The standard deviation of a real factor's labels, (size,).
    """

    classes: int | None
    shape: tuple[int, ...]
    mean: Tensor
    spread: Tensor

    @property
    def size(self) -> int:
        """The number of outputs."""
        return len(self.mean) if self.classes is None else self.classes


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Judge:
    """A trained judge.

    Args:
        network: From images to all outputs, side by side.
        heads: By factor, in the order of the outputs.
        shape: Of the images, (channels, height, width).
    """

    network: nn.Module
    heads: dict[str, Head]
    shape: tuple[int, ...]

    def predict(self, images: RowsLike) -> dict[str, Tensor]:
        """Judges images (rows, channels, height, width), or (rows, height, width) of one channel.

        Returns:
            By factor: (rows,) int64 classes, or (rows, ...) floats in the units of the labels; on the judge's device.

        Raises:
            DataError: If images are not floats, or of another shape than those that the judge was trained on.
        """
        rows = _rows(images, dtype_of(self.network))
        if tuple(rows.shape[1:]) != self.shape:
            raise DataError(f"images are {tuple(rows.shape[1:])}, and the judge was trained on images of {self.shape}")
        device = next(self.network.parameters()).device
        with torch.no_grad():
            parts = [self.network(some.to(device)) for some in rows.split(_CHUNK)]
        outputs = torch.cat(parts).split([head.size for head in self.heads.values()], dim=1)
        return {name: _answer(head, output) for (name, head), output in zip(self.heads.items(), outputs, strict=True)}

    def __repr__(self) -> str:
        return f"Judge(factors={list(self.heads)})"


def train_judge(
    images: RowsLike,
    labels: Mapping[str, Any],
    *,
    epochs: int = 5,
    batch_size: int = 128,
    learning_rate: float = 2e-3,
    width: int = 32,
    views: View | None = None,
    seed: int = 0,
) -> Judge:
    """Trains a small convolutional network on all factors that have labels: cross-entropy, or squared error.

    Give it all the labels there are, of training rows: a judge is a measuring instrument, and need not learn from few
    labels. How often it errs is seen on rows that it was not trained on: `swap_test` reports it.

    Args:
        images: (rows, channels, height, width), or (rows, height, width) of one channel.
        labels: By factor: (rows,) integers, -1 where missing; or (rows, ...) floats, NaN where missing. An angle is
            best given as its cosine and sine, (rows, 2). None and what is masked are missing, too.
        epochs: How often each row is seen.
        batch_size: Rows a step, at least 2, for features are normalised over a batch; a last row that is left by itself
            goes with those before it.
        learning_rate: Of Adam at the start; it falls to zero along a cosine.
        width: Channels of the first layer; the others have two and four times as many.
        views: Transforms images in a way that keeps the factors, such as blurring them as models do: what models make
            differs from rows, and a judge that has seen rows alone may not read it.
        seed: Of the weights, the order of rows, and views.

    Returns:
        The judge, on the device of the images.

    Raises:
        DataError: If there are fewer than two rows or no labels, rows are no images or no floats, or a factor has not
            one label a row, or none at all.
        OptionError: If a size is too small, or what is given as views is none.

    Example:
        >>> import unbraid as ub
        >>> rows = ub.data.tiny_digits(50)
        >>> judge = train_judge(rows.images, rows.labels, epochs=1)
        >>> judge, judge.predict(rows.images)["digit"].shape
        (Judge(factors=['digit']), torch.Size([50]))
    """
    if min(epochs, width) < 1 or batch_size < 2:
        raise OptionError(
            f"epochs and width must be 1 or more, and batch_size 2 or more, got {epochs}, {width} and {batch_size}"
        )
    images = _rows(images, torch.get_default_dtype())
    known = {name: _labels(name, values, images) for name, values in labels.items()}
    if not known or len(images) < 2:
        raise DataError("a judge is trained on labelled images, two at least: give images and labels")
    heads = {name: _head(values) for name, values in known.items()}
    if views is not None:
        check_view(views)
    generator = seeded_generator(seed, "judge")
    noise = torch.Generator(images.device).manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        network = _network(images, width, sum(head.size for head in heads.values()))
    steps = epochs * count_batches(len(images), batch_size)
    optimizer = torch.optim.Adam(network.parameters(), learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(epochs):
        for rows in in_batches(torch.randperm(len(images), generator=generator).to(images.device), batch_size):
            optimizer.zero_grad(set_to_none=True)
            seen = images[rows] if views is None else views(images[rows], noise)
            _loss(heads, network(seen), {name: values[rows] for name, values in known.items()}).backward()
            optimizer.step()
            schedule.step()
    return Judge(network.eval(), heads, tuple(images.shape[1:]))


def _network(images: Tensor, width: int, outputs: int) -> nn.Sequential:
    """Makes three normalised convolutions that halve the image, and two linear layers."""
    layers: list[nn.Module] = []
    for out in (width, 2 * width, 4 * width):
        layers += [nn.LazyConv2d(out, 3, stride=2, padding=1), nn.LazyBatchNorm2d(), nn.ReLU()]
    network = nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(4 * width), nn.ReLU(), nn.LazyLinear(outputs))
    network.to(images.device).eval()
    network(images[:1])  # sizes the lazy layers
    return network.train()


def _rows(images: RowsLike, dtype: torch.dtype) -> Tensor:
    """Makes a tensor of images, (rows, channels, height, width), of the type of a network, whatever floats they are."""
    x = row_tensor(images, dtype)
    if not x.is_floating_point():
        raise DataError(f"images are {x.dtype}; a judge takes floating-point numbers: bytes divided by 255")
    if x.dim() not in (3, 4):
        raise DataError(
            f"images have the shape {tuple(x.shape)}; a judge takes (rows, channels, height, width) or (rows, height, "
            "width). What is no image can be judged by anything with a method predict(rows)."
        )
    return (x if x.dim() == 4 else x[:, None]).to(dtype)


def _labels(name: str, values: Any, images: Tensor) -> Tensor:
    """Checks the labels of one factor: int64 or float32, on the device of the images."""
    array = label_array_by_kind(values, name)
    if array.ndim == 0 or len(array) != len(images):
        raise DataError(f"'{name}' has labels of the shape {array.shape} for {len(images)} images: give one a row")
    discrete = array.dtype.kind in "iu"
    if not (array >= 0 if discrete else np.isfinite(array)).reshape(len(array), -1).all(1).any():
        raise DataError(f"no row is labelled for '{name}': leave it out, the judge cannot learn it")
    if discrete and array.ndim > 1:
        raise DataError(f"the classes of '{name}' have the shape {array.shape}: give one class a row")
    return torch.as_tensor(array.astype(np.int64 if discrete else np.float32), device=images.device)


def _head(labels: Tensor) -> Head:
    """Describes what is to be said of a factor."""
    nothing = torch.zeros(0, device=labels.device)
    if not labels.is_floating_point():
        return Head(int(labels.max()) + 1, (), nothing, nothing)
    flat = labels.reshape(len(labels), -1)
    known = flat[flat.isfinite().all(1)]
    spread = known.std(0, correction=0)
    return Head(None, tuple(labels.shape[1:]), known.mean(0), torch.where(spread > 0, spread, 1.0))


def _loss(heads: Mapping[str, Head], outputs: Tensor, labels: Mapping[str, Tensor]) -> Tensor:
    """Returns the sum over factors of the mean loss of the labelled rows, a real factor in standard deviations."""
    total = outputs.new_zeros(())
    parts = outputs.split([head.size for head in heads.values()], dim=1)
    for (name, head), output in zip(heads.items(), parts, strict=True):
        label = labels[name]
        if head.classes is not None:
            loss, known = functional.cross_entropy(output, label.clamp_min(0), reduction="none"), label >= 0
        else:
            target = (label.reshape(len(label), -1) - head.mean) / head.spread
            known = target.isfinite().all(1)
            loss = ((output - target.nan_to_num()) ** 2).mean(1)
        total = total + torch.where(known, loss, 0.0).sum() / known.sum().clamp_min(1)
    return total


def _answer(head: Head, output: Tensor) -> Tensor:
    """Turns the outputs of a head into labels."""
    if head.classes is not None:
        return output.argmax(1)
    return (output * head.spread + head.mean).reshape(len(output), *head.shape)

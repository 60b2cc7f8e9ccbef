"""A canvas: images put onto it at a place, and glimpses of it, both differentiable in the place."""

from __future__ import annotations

from typing import overload

from torch import Tensor, nn

from unbraid.errors import ModelError
from unbraid.graph.symbol import Layer, Symbol, calling_line
from unbraid.resampling import cut_from, place_onto


class Place(nn.Module):
    """Puts images onto empty canvases of a size in pixels."""

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size

    def forward(self, item: Tensor, where: Tensor) -> Tensor:
        """Maps (rows, channels, height, width) and (rows, 3) to (rows, channels, *size)."""
        return place_onto(item, where, self.size)


class Glimpse(nn.Module):
    """Cuts images of a size in pixels out of canvases."""

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size

    def forward(self, canvas: Tensor, where: Tensor) -> Tensor:
        """Maps (rows, channels, height, width) and (rows, 3) to (rows, channels, *size)."""
        return cut_from(canvas, where, self.size)


@overload
def place(item: Tensor, where: Tensor, size: tuple[int, int] = ...) -> Tensor: ...
@overload
def place(item: Symbol, where: Symbol | Tensor, size: tuple[int, int] = ...) -> Symbol: ...
@overload
def place(item: Tensor, where: Symbol, size: tuple[int, int] = ...) -> Symbol: ...
def place(item: Symbol | Tensor, where: Symbol | Tensor, size: tuple[int, int] = (50, 50)) -> Symbol | Tensor:
    """Puts an image onto an empty canvas, at a place (scale, x, y) that gradients can move.

    Scale is the item's side as a share of the canvas's side; x and y are its centre, from -1 to 1 across the canvas, x
    to the right and y down. Outside the item the canvas is 0. Enlarged items are interpolated linearly, shrunk ones
    averaged over each pixel, so they do not alias. The whole of an item's ink is kept when it is moved by whole pixels,
    and when it is shrunk by any share of one; what lies beyond an edge is cut off.

    A place has a gradient as long as some of the item is on the canvas; a scale below 0.001 counts as 0.001 and has
    none. `to_place` keeps latents within such bounds.

    Args:
        item: (rows, channels, height, width), or with more dimensions before the channels, as (rows, steps, ...).
        where: (rows, 3), or (rows, steps, 3).
        size: Of the canvas: height and width, in pixels.

    Returns:
        (rows, channels, *size), in the item's dtype: a symbol while a program is traced, a tensor for tensors.

    Raises:
        ModelError: The size is not two positive whole numbers, or the shapes do not fit.

    References:
        Jaderberg, Simonyan, Zisserman and Kavukcuoglu, "Spatial transformer networks", NIPS 2015, section 3 (attention:
        isotropic scale and translation). Eslami et al., "Attend, infer, repeat", NIPS 2016, section 3.2. Both
        interpolate shrunk images too, which aliases.

    Example:
        >>> import torch
        >>> dot = torch.ones(1, 1, 1, 1)
        >>> place(dot, torch.tensor([[1 / 3, 2 / 3, 0.0]]), size=(3, 3)).round()
        tensor([[[[0., 0., 0.],
                  [0., 0., 1.],
                  [0., 0., 0.]]]])
    """
    return applied(Place(checked_size("place", size)), "place", item, where)


@overload
def glimpse(canvas: Tensor, where: Tensor, size: tuple[int, int] = ...) -> Tensor: ...
@overload
def glimpse(canvas: Symbol, where: Symbol | Tensor, size: tuple[int, int] = ...) -> Symbol: ...
@overload
def glimpse(canvas: Tensor, where: Symbol, size: tuple[int, int] = ...) -> Symbol: ...
def glimpse(canvas: Symbol | Tensor, where: Symbol | Tensor, size: tuple[int, int] = (28, 28)) -> Symbol | Tensor:
    """Cuts an image out of a canvas at a place (scale, x, y): what `place` put there.

    Beyond the edges of the canvas is 0. The glimpse is interpolated linearly where it has more pixels than the part of
    the canvas that it shows, and averaged where it has fewer.

    Args:
        canvas: (rows, channels, height, width), or with more dimensions before the channels.
        where: (rows, 3), as `place` takes it.
        size: Of the glimpse: height and width, in pixels.

    Returns:
        (rows, channels, *size), in the canvas's dtype: a symbol while a program is traced, a tensor for tensors.

    Raises:
        ModelError: The size is not two positive whole numbers, or the shapes do not fit.

    Example:
        >>> import torch
        >>> item, where = torch.rand(1, 1, 28, 28), torch.tensor([[0.56, 0.2, -0.4]])
        >>> torch.allclose(glimpse(place(item, where), where), item, atol=1e-5)  # 28 pixels are 0.56 of 50
        True
    """
    return applied(Glimpse(checked_size("glimpse", size)), "glimpse", canvas, where)


def applied(layer: nn.Module, kind: str, *values: Symbol | Tensor) -> Symbol | Tensor:
    """Adds a layer to the program that is traced, or applies it at once where all values are tensors."""
    if any(isinstance(value, Symbol) for value in values):
        return Symbol(Layer(layer, kind), values)
    try:
        result: Tensor = layer(*values)
    except ModelError as error:  # while a program is traced, the dry run of shapes puts the line and the layer before
        raise ModelError(f"ub.{kind} {error}") from None
    return result


def checked_size(kind: str, size: tuple[int, int]) -> tuple[int, int]:
    """Refuses what is not a height and a width."""
    if not (
        isinstance(size, (tuple, list)) and len(size) == 2 and all(isinstance(side, int) and side > 0 for side in size)
    ):
        raise ModelError(
            f"{calling_line()}: the size of {kind} is its height and width in pixels, two positive whole numbers, got "
            f"{size!r}: write size=(50, 50)."
        )
    return (size[0], size[1])

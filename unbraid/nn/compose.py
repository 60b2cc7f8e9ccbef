"""Composing: the images of several steps become one."""

from __future__ import annotations

from typing import Literal, get_args, overload

from torch import Tensor, nn

from unbraid.errors import ModelError, did_you_mean
from unbraid.graph.symbol import Symbol, calling_line
from unbraid.nn.canvas import applied

How = Literal["sum", "max", "over"]


class Compose(nn.Module):
    """Makes one image of the images of several steps."""

    def __init__(self, how: How) -> None:
        super().__init__()
        self.how = how

    def forward(self, items: Tensor, presence: Tensor | None = None) -> Tensor:
        """Maps (rows, steps, channels, height, width) and (rows, steps) to (rows, channels, height, width)."""
        if items.dim() != 5 or not items.shape[1]:
            raise ModelError(
                f"takes items (rows, steps, channels, height, width), got the shape {tuple(items.shape)}; "
                "torch.stack(images, 1) puts the images of the steps together."
            )
        if presence is not None:
            items = items * _gate(presence, items)
        match self.how:
            case "sum":
                total = items.sum(1)
                return total + (total.clamp(0, 1) - total).detach()
            case "max":
                return items.amax(1)
            case "over":
                return 1 - (1 - items).prod(1)


@overload
def compose(items: Tensor, *, how: How = ..., presence: Tensor | None = ...) -> Tensor: ...
@overload
def compose(items: Symbol, *, how: How = ..., presence: Symbol | Tensor | None = ...) -> Symbol: ...
@overload
def compose(items: Tensor, *, how: How = ..., presence: Symbol) -> Symbol: ...
def compose(items: Symbol | Tensor, *, how: How = "sum", presence: Symbol | Tensor | None = None) -> Symbol | Tensor:
    """Composes the images of several steps into one, with values in [0, 1] as the items have.

    * ``"sum"``: min(1, sum of the items). The gradient is that of the sum, as if nothing had been cut off
      (straight-through), so that two items on one another can still be told to go apart.
    * ``"max"``: the largest value of each pixel; equal ones share the gradient.
    * ``"over"``: 1 - prod(1 - item). The items are layers of light ink, each as opaque as it is light, and saturate
      softly. The order of the layers makes no difference. The exact gradient, which fades where others are light.

    None of them depends on the order of the steps. An item of presence 0 changes nothing and gets a gradient of 0.

    Args:
        items: (rows, steps, channels, height, width), in [0, 1].
        how: See above.
        presence: (rows, steps), 0 to 1, by which the items are multiplied; all are there where it is not given.

    Returns:
        (rows, channels, height, width): a symbol while a program is traced, a tensor for tensors.

    Raises:
        ModelError: `how` is unknown, or the shapes do not fit.

    Example:
        >>> import torch
        >>> items = torch.tensor([0.25, 0.75, 0.5]).view(1, 3, 1, 1, 1)
        >>> [compose(items, how=how).item() for how in ("sum", "max", "over")]
        [1.0, 0.75, 0.90625]
    """
    if how not in get_args(How):
        raise ModelError(f"{calling_line()}: compose how={how!r} is unknown.{did_you_mean(str(how), get_args(How))}")
    layer = Compose(how)
    return applied(layer, "compose", items) if presence is None else applied(layer, "compose", items, presence)


def _gate(presence: Tensor, items: Tensor) -> Tensor:
    """Returns what items are multiplied by."""
    if presence.dim() != 2 or presence.shape[1] != items.shape[1]:
        raise ModelError(
            f"takes a presence (rows, steps) for its {items.shape[1]} steps, got the shape {tuple(presence.shape)}."
        )
    gate: Tensor = presence.to(items.dtype)[..., None, None, None]
    return gate

"""What a view is."""

from __future__ import annotations

import inspect
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from unbraid.errors import OptionError


@runtime_checkable
class View(Protocol):
    """Transforms every row at random in a way that keeps its labels."""

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Transforms rows (rows, *event) and returns rows of the same shape."""


def check_view(view: object) -> None:
    """Raises OptionError for what cannot be called as a view is."""
    if found := _instead_of_a_view(view):
        raise OptionError(
            "a view is called as view(images, generator), with generator=None by default, and returns images; "
            f"got {found}."
        )


def _instead_of_a_view(view: object) -> str:
    """Says what was given in place of a view; nothing for a view."""
    if isinstance(view, type):
        return f"the class {view.__name__}: {view.__name__}() makes a view of it"
    if not callable(view):
        return type(view).__name__
    try:
        signature = inspect.signature(view.forward if isinstance(view, nn.Module) else view)
    except ValueError:  # a function in C has none
        return ""
    try:
        signature.bind(None, None)
    except TypeError:
        return f"{getattr(view, '__name__', type(view).__name__)}{signature}"
    return ""

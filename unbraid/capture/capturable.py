"""Which classes take part in captured passes: those of unbraid and torch, and those that are declared to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from unbraid.errors import ModelError

Kind = TypeVar("Kind", bound=type)


def capturable(kind: Kind) -> Kind:
    """Declares that passes through a class's objects may be captured: written down once, and replayed.

    A class of your own may do anything in its `forward`; so a model with such a module is computed as it is written,
    which takes longer. Where all that the class does is to call torch functions, the same ones for all tensors of the
    same shapes, say so:

        @ub.capturable
        class Scale(nn.Module): ...

    Beside its parameters and buffers, `training` and `p`, nothing that its calls depend on may change after the first
    pass. What reads values of tensors, as `item()` does, is noticed and never captured. Subclasses declare for
    themselves.

    Args:
        kind: A class of modules, variables or estimators.

    Returns:
        The same class.

    Raises:
        ModelError: If it is no class.
    """
    if not isinstance(kind, type):
        raise ModelError(f"ub.capturable declares a class, got {kind!r}: write @ub.capturable before the class.")
    kind._unbraid_capturable = True  # type: ignore[attr-defined]
    return kind


def takes_part(kind: type) -> bool:
    """Says whether a class's calls depend on shapes, weights and options alone, as those of unbraid and torch do."""
    return kind.__module__.partition(".")[0] in ("unbraid", "torch") or "_unbraid_capturable" in vars(kind)


def why_not(things: Iterable[object]) -> str | None:
    """Says why a pass that these take part in cannot be captured: one is of a user's own class. None if none is."""
    own = next((type(thing).__name__ for thing in things if not takes_part(type(thing))), None)
    return own and f"{own} may do more than call torch (if it does not, declare it with @ub.capturable)"

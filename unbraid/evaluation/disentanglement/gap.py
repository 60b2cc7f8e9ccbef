"""The gap between the best two of several scores."""

from __future__ import annotations

from collections.abc import Mapping

Table = dict[str, dict[str, float]]  # by factor, by unit


def gap(scores: Mapping[str, float], chance: float = 0.0) -> float:
    """Returns how far the best score is above the second best.

    Args:
        scores: By unit, not negative.
        chance: The score of a unit that knows nothing, which a single unit is compared with.

    Example:
        >>> round(gap({"a": 0.2, "b": 0.9, "c": 0.3}), 6), gap({"a": 0.5}), gap({"a": 0.5}, chance=0.25)
        (0.6, 0.5, 0.25)
    """
    best, second, *_ = [*sorted(scores.values(), reverse=True), chance]
    return max(0.0, best - second)

"""The gap between the best two of several scores."""

from __future__ import annotations

from collections.abc import Mapping

Table = dict[str, dict[str, float]]  # by factor, by unit


def gap(scores: Mapping[str, float]) -> float:
    """Returns how far the best score is above the second best, or above 0 where there is only one.

    Example:
        >>> round(gap({"a": 0.2, "b": 0.9, "c": 0.3}), 6), gap({"a": 0.5})
        (0.6, 0.5)
    """
    best, second, *_ = sorted([*scores.values(), 0.0], reverse=True)
    return best - second

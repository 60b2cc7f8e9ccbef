"""Plates: factorisations in which the steps of a `Repeat` are written once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from unbraid.graph.series import series_name, series_of

_STEP = re.compile(r"\[(\d+)\]")
_LETTERS = "tuvw"


def plates(parents: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """Returns the parents of each series of latents, by the names that users know.

    What a step sees of the steps before is left out, so that the arrows go one way.

    Args:
        parents: By latent of the graph, and perhaps "x".
    """
    found: dict[str, dict[str, None]] = {}
    for name, above in parents.items():
        own = found.setdefault(series_name(name), {})
        own |= {series_name(parent): None for parent in above if not _before(parent, name)}
    return {name: tuple(above) for name, above in found.items()}


def _before(parent: str, name: str) -> bool:
    """Says whether a parent is in an earlier step of the same `Repeat`."""
    return "<" in _relative(parent, name)


def written_once(parents: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """Returns the factors with one for all steps: ``items[t].digit`` given ``items[<t].digit`` and others.

    Args:
        parents: By latent of the graph, and perhaps "x".
    """
    found: dict[str, tuple[str, ...]] = {}
    for series in series_of(parents).values():
        last = series.members[-1]
        above = dict.fromkeys(_relative(parent, last) for parent in parents[last])
        found[_relative(last, last)] = tuple(above)
    return found


def _relative(name: str, seen_from: str) -> str:
    """Writes a latent's steps as seen from another's: t the same step, <t one before, : any."""
    own, other = list(_STEP.finditer(name)), list(_STEP.finditer(seen_from))
    text, end, same = "", 0, True
    for place, found in enumerate(own):
        letter = _LETTERS[place % len(_LETTERS)]
        along = place < len(other) and name[: found.start()] == seen_from[: other[place].start()]
        if same and along and found[1] == other[place][1]:
            step = letter
        elif same and along and int(found[1]) < int(other[place][1]):
            step, same = f"<{letter}", False
        else:
            step, same = ":", False
        text += f"{name[end : found.start()]}[{step}]"
        end = found.end()
    return text + name[end:]

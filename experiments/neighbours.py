"""A view by likeness: another row that looks like the same thing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """Puts in the place of a row itself or one of its nearest neighbours among the training rows, at random.

    It asks that q says the same of rows that are nearest to each other, as label propagation does (Zhu & Ghahramani
    2002); no label is looked at. It keeps a row's labels as far as neighbours have them in common.

    Args:
        images: The training rows, (rows, *event).
        describe: From rows to features (rows, size); nearest is what has the highest cosine between these.
        nearest: How many neighbours may take a row's place.
    """

    images: Tensor = field(repr=False)
    describe: Callable[[Tensor], Tensor] = field(repr=False)
    nearest: int = 3
    keys: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", self._key(self.images))

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Returns training rows like the given ones, one for each."""
        with torch.autocast(images.device.type, enabled=False):  # half precision would mix up near ones
            likeness = self._key(images) @ self.keys.T
        likest = likeness.topk(self.nearest + 1, 1).indices  # a training row is its own likest
        drawn = torch.randint(self.nearest + 1, (len(images), 1), generator=generator)
        return self.images[likest.gather(1, drawn)[:, 0]]

    def _key(self, images: Tensor) -> Tensor:
        return functional.normalize(self.describe(images.float()).flatten(1), dim=1)

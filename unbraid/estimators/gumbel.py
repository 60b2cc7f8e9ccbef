"""The Gumbel-softmax estimator: children see a relaxed one-hot sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from unbraid.errors import OptionError
from unbraid.estimators.estimator import Downstream, Site
from unbraid.graph.spread import SAMPLES

if TYPE_CHECKING:
    from unbraid.objectives.terms import Terms


@dataclass(frozen=True, slots=True)
class Gumbel:
    """Hands softmax((log q + g) / T) with Gumbel noise g to the children: biased by the temperature T.

    Source: Jang et al. 2017, Eq. 2; Maddison et al. 2017; of bits each is relaxed by itself. NIPS' Siddharth et
    al. 2017 took T = 0.66. A label is never scored with the relaxed density: the variable's own terms are those of the
    discrete distribution.

    Args:
        temperature: At the end of training, above 0: lower is less biased and noisier.
        start: At its beginning; in between it falls geometrically. None for no schedule.
        hard: Whether children see a one-hot vector, with the relaxed one's gradient (straight-through; Bengio et al.
            2013).
    """

    temperature: float = 0.66
    start: float | None = None
    hard: bool = False

    def __post_init__(self) -> None:
        if self.temperature <= 0 or (self.start is not None and self.start <= 0):
            raise OptionError(f"Gumbel: temperatures must be above 0, got {self.temperature} and start {self.start}.")

    def at(self, progress: float) -> float:
        """Returns the temperature when training has come so far, 0 to 1."""
        start = self.temperature if self.start is None else self.start
        return float(start ** (1 - progress) * self.temperature**progress)

    def __call__(self, site: Site, downstream: Downstream) -> Terms:
        """Estimates the expectation; see `Estimator`."""
        axes = site.logits.axes
        if site.samples > 1 and SAMPLES not in axes:
            axes = (*axes, SAMPLES)
        logits = torch.log_softmax(site.logits.align(axes), -1)
        shape = list(logits.shape)
        if SAMPLES in axes:
            shape[axes.index(SAMPLES)] = site.samples
        uniform = torch.rand(shape, generator=site.generator, dtype=logits.dtype, device=logits.device)
        tiny = torch.finfo(logits.dtype).tiny
        noise = -torch.log((-torch.log(uniform.clamp_min(tiny))).clamp_min(tiny))
        relaxed = torch.softmax((logits + noise) / self.at(site.progress), -1)
        if self.hard:
            index = relaxed.argmax(-1, keepdim=True)
            relaxed = torch.zeros_like(relaxed).scatter(-1, index, 1.0) + relaxed - relaxed.detach()
        return downstream(site.seen(relaxed, axes))

    def copies(self, values: int) -> int:
        """Returns 1."""
        return 1

"""The score-function estimator, with a baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from unbraid.errors import OptionError
from unbraid.estimators.estimator import Downstream, Site
from unbraid.estimators.running_baseline import above_baseline
from unbraid.estimators.sampling import draw_one_hot, log_prob_of
from unbraid.graph.spread import Spread

if TYPE_CHECKING:
    from unbraid.objectives.terms import Terms


@dataclass(frozen=True, slots=True)
class Reinforce:
    """Draws S values and follows the score function: unbiased where no label lies below the variable.

    Source: Williams 1992; leave-one-out baseline over S >= 2 samples: Kool et al. 2019, "Buy 4 REINFORCE samples, get
    a baseline for free!", Eq. 8. With S = 1 the baseline is each term's running mean.

    Note:
        The samples are averaged with weights softmax(S/(S-1) (log q - stop_gradient(log q))): all are 1/S, and their
        gradient is the leave-one-out estimator's, for every term on its own. With a label below the variable the
        weights are those of the label too, self-normalised: consistent as S grows, not unbiased; S = 1 is not
        reweighted at all.

    Args:
        samples: How many, S.
    """

    samples: int = 2

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise OptionError(f"Reinforce: samples must be at least 1, got {self.samples}.")

    def __call__(self, site: Site, downstream: Downstream) -> Terms:
        """Estimates the expectation; see `Estimator`."""
        drawn = draw_one_hot(site, self.samples)
        log_q = log_prob_of(site, drawn)
        score = log_q.tensor - log_q.tensor.detach()
        terms = downstream(site.seen(drawn.tensor, drawn.axes))
        if self.samples == 1:
            return above_baseline(site, terms, Spread(score, log_q.axes))
        weights = torch.log_softmax(score * (self.samples / (self.samples - 1)), log_q.axes.index(site.axis))
        return terms.expect(Spread(weights, log_q.axes), site.axis)

    def copies(self, values: int) -> int:
        """Returns S."""
        return self.samples

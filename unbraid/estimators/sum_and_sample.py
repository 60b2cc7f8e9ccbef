"""Sum and sample: the most probable values exactly, one sample for the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from unbraid.errors import OptionError
from unbraid.estimators.enumeration import Enumerate
from unbraid.estimators.estimator import Downstream, Site
from unbraid.estimators.joint import joint_log_probs, joint_one_hot
from unbraid.estimators.sampling import draw_index
from unbraid.graph.spread import Spread

if TYPE_CHECKING:
    from unbraid.objectives.terms import Terms


@dataclass(frozen=True, slots=True)
class SumAndSample:
    """Sums over the k most probable values and draws one of the others: unbiased where no label lies below.

    Source: Liu et al. 2019, "Rao-Blackwellized Stochastic Gradients for Discrete Distributions", Eq. 5. The sampled
    remainder's score function has the mean over the k values as its baseline. With k = K it is enumeration.

    Note:
        With a label below the variable the k + 1 weights are those of the label too, self-normalised: biased for k < K,
        and exact for k = K.

    Args:
        k: How many values are summed over.
    """

    k: int = 5

    def __post_init__(self) -> None:
        if self.k < 1:
            raise OptionError(f"SumAndSample: k must be at least 1, got {self.k}.")

    def __call__(self, site: Site, downstream: Downstream) -> Terms:
        """Estimates the expectation; see `Estimator`."""
        log_probs = joint_log_probs(site, "sum_and_sample")
        size = log_probs.shape[-1]
        if self.k >= size:
            return Enumerate()(site, downstream)
        top, index = log_probs.topk(self.k, -1)
        inside = torch.zeros_like(log_probs, dtype=torch.bool).scatter(-1, index, True)
        rest = torch.softmax(log_probs.masked_fill(inside, -torch.inf), -1).nan_to_num(1 / size)
        remainder = draw_index(rest.detach(), 1, site.generator)
        one_hot = joint_one_hot(site, torch.cat([index.movedim(-1, 0), remainder]))
        axes = (site.axis, *site.logits.axes)
        weights = _log_weights(log_probs, top, inside, remainder[0])
        return downstream(site.seen(one_hot, axes)).expect(Spread(weights, axes), site.axis)

    def copies(self, values: int) -> int:
        """Returns k + 1, or K where that is less."""
        return min(self.k + 1, values)


def _log_weights(log_probs: Tensor, top: Tensor, inside: Tensor, remainder: Tensor) -> Tensor:
    """Returns the log-weights of the k values and of the sampled one: (k + 1, *batch), the score in their gradient.

    The value of the last is log(1 - q_C), C the k values; its gradient adds that of log q(sample | not C), and the
    others take their part of the baseline away from it, which has expectation 0.
    """
    rest = torch.logsumexp(log_probs.masked_fill(inside, -torch.inf), -1)
    chosen = log_probs.gather(-1, remainder[..., None]).squeeze(-1) - rest
    score = torch.where(torch.isfinite(rest), chosen - chosen.detach(), 0.0)
    odds = (rest - torch.logsumexp(top, -1)).exp().detach()
    return torch.cat([(top - (odds * score)[..., None]).movedim(-1, 0), (rest + score)[None]])

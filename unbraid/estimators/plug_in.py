"""The plug-in estimator: children see the mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from unbraid.estimators.estimator import Downstream, Site

if TYPE_CHECKING:
    from unbraid.objectives.terms import Terms


@dataclass(frozen=True, slots=True)
class PlugIn:
    """Hands the mean, a Categorical's probabilities, to the children: one evaluation, biased unless q is one-hot.

    Source: Siddharth et al. 2017, section 3 ("Plug-in estimation for discrete variables"). The variable's own KL
    term stays exact.
    """

    def __call__(self, site: Site, downstream: Downstream) -> Terms:
        """Estimates the expectation; see `Estimator`."""
        return downstream(site.seen(torch.softmax(site.logits.tensor, -1), site.logits.axes))

    def copies(self, values: int) -> int:
        """Returns 1."""
        return 1

"""Joint values: the values of all parts of a discrete variable together, numbered."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from unbraid.errors import OptionError
from unbraid.estimators.estimator import Site
from unbraid.variables.family import Family

LIMIT = 2**16
"""How many joint values several parts may have: their probabilities lie in one table, for every row."""


def check_joint(family: Family, name: str, estimator: str) -> None:
    """Raises OptionError if a variable has too many joint values for an estimator that goes through them.

    The limit is for variables of several parts; one Categorical may have as many values as memory holds logits.
    """
    if family.cardinality is None and family.n_values is not None and family.n_values > LIMIT:
        raise OptionError(
            f"{name!r} is {family}, with 2^{math.log2(family.n_values):.0f} joint values; {estimator} takes at most "
            f"2^{math.log2(LIMIT):.0f}. Choose reinforce, gumbel or plug_in, or make it several variables."
        )


def joint_log_probs(site: Site, estimator: str) -> Tensor:
    """Returns the log-probabilities of the joint values, (*axes, rows, values); the last part varies fastest."""
    log_probs = torch.log_softmax(site.logits.tensor, -1)
    if not site.parts:
        return log_probs
    check_joint(site.family, site.name, estimator)
    each = log_probs.flatten(-1 - len(site.parts), -2).unbind(-2)
    joint = each[0]
    for part in each[1:]:
        joint = (joint[..., :, None] + part[..., None, :]).flatten(-2)
    return joint


def joint_one_hot(site: Site, index: Tensor) -> Tensor:
    """Returns one-hot vectors of every part, (*index, *parts, K), for numbers of joint values."""
    size = site.logits.event_shape[-1]
    if site.parts:
        places = [size**place for place in range(math.prod(site.parts) - 1, -1, -1)]
        digits = index[..., None] // torch.tensor(places, device=index.device) % size
        index = digits.reshape(*index.shape, *site.parts)
    return (index[..., None] == torch.arange(size, device=index.device)).to(site.logits.tensor.dtype)

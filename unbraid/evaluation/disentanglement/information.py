"""How much the values of one unit say about a factor, in nats."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unbraid.evaluation.disentanglement.bins import binned
from unbraid.evaluation.disentanglement.code import Unit
from unbraid.evaluation.disentanglement.learners import held_out_log_loss


def entropy(classes: NDArray[np.int64]) -> float:
    """Returns the entropy of the frequencies of classes 0, 1, ..., in nats.

    Example:
        >>> import numpy as np
        >>> round(entropy(np.array([0, 1, 0, 1])), 4)
        0.6931
    """
    shares = np.bincount(classes) / len(classes)
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum())


def mutual_information(left: NDArray[np.int64], right: NDArray[np.int64]) -> float:
    """Returns the mutual information of the frequencies of two lists of classes: H(left) + H(right) - H(both), in nats.

    Note:
        It is too large for independent lists, by about (K - 1)(L - 1) / (2 rows) for K and L classes.
    """
    both = left * (right.max() + 1) + right
    information = entropy(left) + entropy(right) - entropy(np.unique(both, return_inverse=True)[1])
    return max(0.0, information)


def information(unit: Unit, factor: NDArray[np.int64], bins: int, seed: int) -> float:
    """Estimates I(unit; factor), in nats: of one dimension by counting, of several by a lower bound.

    The bound is I(z; v) >= H(v) + E[log r(v | z)], where r is a classifier and the expectation is taken over rows that
    it was not trained on: the better bound of a linear one (logistic regression) and of boosted trees.

    References:
        Barber and Agakov, "The IM algorithm: a variational approach to information maximization", 2003: the bound.

    Args:
        unit: A dimension or a variable.
        factor: (rows,) classes 0, 1, ...
        bins: Of a real-valued dimension.
        seed: Of the split into rows to train on and rows to test with.
    """
    if unit.values.shape[1] == 1:
        return mutual_information(binned(unit.values[:, 0], bins), factor)
    return max(0.0, entropy(factor) - held_out_log_loss(unit.columns, factor, seed))

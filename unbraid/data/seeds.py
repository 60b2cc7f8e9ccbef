"""Seeds of draws."""

from __future__ import annotations

import operator

import numpy as np

from unbraid.errors import OptionError


def seeded(seed: int) -> np.random.Generator:
    """Returns a generator of random numbers; the same seed gives the same draws.

    Raises:
        OptionError: the seed is no whole number of at least 0.
    """
    try:
        number = operator.index(seed)
    except TypeError:
        number = -1
    if number < 0:
        raise OptionError(f"the seed of a draw must be a whole number of at least 0, got {seed!r}")
    return np.random.default_rng(number)

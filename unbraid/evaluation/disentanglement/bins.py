"""Bins: real values as a few classes that hold equally many rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unbraid.errors import OptionError


def binned(values: NDArray[Any], bins: int) -> NDArray[np.int64]:
    """Numbers the classes of values, or their bins.

    The bounds are quantiles, so any strictly increasing function of the values has the same bins. Equal values share
    a bin; integers, and floats of at most `bins` different values, keep a bin for each value.

    Args:
        values: (rows,) integers or floats.
        bins: How many bins there are at most.

    Returns:
        (rows,) in 0, 1, ..., without gaps.

    Raises:
        OptionError: If there are fewer than two bins.

    Example:
        >>> import numpy as np
        >>> binned(np.array([0.1, 5.0, 0.2, 0.3]), bins=2).tolist()
        [0, 1, 0, 1]
    """
    if bins < 2:
        raise OptionError(f"bins is {bins}: real values need at least 2 bins")
    kept, classes = np.unique(values, return_inverse=True)
    if values.dtype.kind == "f" and len(kept) > bins:
        bounds = np.maximum(np.quantile(values, np.arange(1, bins) / bins), kept[1])  # the least may be most of them
        classes = np.unique(np.searchsorted(bounds, values, side="right"), return_inverse=True)[1]
    return classes.astype(np.int64)

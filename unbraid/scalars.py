"""Numbers of numpy, as Python's."""

from __future__ import annotations

from typing import Any

import numpy as np


def python_scalar(value: Any) -> Any:
    """Returns a number of numpy as Python's, which JSON, checkpoints and torch take; anything else as it is.

    Example:
        >>> python_scalar(np.int64(3)), python_scalar(np.float32(0.5)), python_scalar("auto")
        (3, 0.5, 'auto')
    """
    return value.item() if isinstance(value, np.generic) else value

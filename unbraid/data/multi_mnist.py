"""Multi-MNIST: none to three digits of MNIST in one image."""

from __future__ import annotations

import os
from typing import Literal, Unpack

from unbraid.data.mnist import mnist
from unbraid.data.rows import Rows
from unbraid.data.scenes import SceneOptions, compose_digits
from unbraid.errors import OptionError, did_you_mean

Split = Literal["train", "test"]


def multi_mnist(
    rows: int = 20_000,
    split: Split = "train",
    *,
    root: str | os.PathLike[str] | None = None,
    **options: Unpack[SceneOptions],
) -> Rows:
    """Composes images of 50 x 50 pixels of none to three digits of MNIST, as many of each count and of each digit.

    The paper says no more of its set than that scale and place were varied; how far they are here is this package's
    choice. `save_rows` keeps a set; `Scenes` composes one row by row as it is asked for.

    Args:
        rows: How many images.
        split: "train" takes its digits from the 60,000 of MNIST's training rows, "test" from the 10,000 of its test
            rows; no digit is in both.
        root: The folder that holds MNIST; see `mnist`.
        **options: Those of `Scenes`: counts, size, scales, max_overlap, order, at_most, seed, name.

    Returns:
        Images (rows, 1, 50, 50); labels ``count`` (rows,), ``digit`` (rows, 3) with -1 past the count, and ``place``
        (rows, 3, 3), scale, x and y, with NaN past the count. Digits go from left to right.

    Raises:
        OptionError: The split or an option's value is unknown.
        DataError: An option is impossible, or MNIST cannot be read.

    References:
        Siddharth et al., "Learning disentangled representations in deep generative models", 2017, section 4.3.

    Example:
        >>> train, test = multi_mnist(20_000), multi_mnist(2_000, "test")  # doctest: +SKIP
        >>> test  # doctest: +SKIP
        Rows(name='Multi-MNIST, test', images=(2000, 1, 50, 50), labels=['count', 'digit', 'place'])
    """
    if split not in ("train", "test"):
        raise OptionError(f"split={split!r} is unknown.{did_you_mean(str(split), ('train', 'test'))}")
    train, test = mnist(root)
    named: SceneOptions = {"name": f"Multi-MNIST, {split}", **options}
    return compose_digits(train if split == "train" else test, rows, **named)

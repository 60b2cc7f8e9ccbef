"""The fixed workloads of step_time.py: their sizes, a batch, and the multiplications that a step must do."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

Workload = Literal["m2", "digits"]
Kind = Literal["labelled", "enumerated", "plug_in"]

PIXELS, VALUES, HIDDEN, STYLE = 784, 10, 512, 50
COLUMNS = tuple(f"{kind}_{rows}" for rows in (100, 500) for kind in get_args(Kind))
ALPHA = 50.0
"""The weight of log q(digit | x) of labelled rows."""
FLOOR = 1e-3
"""The least scale of the style: softplus(raw) + FLOOR, in every system."""


def kind_and_rows(column: str) -> tuple[Kind, int]:
    """Reads a column's name, such as labelled_100."""
    kind, _, rows = column.rpartition("_")
    return kind, int(rows)  # type: ignore[return-value]


def batch(rows: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Returns binary images (rows, 784) and digits (rows,), the same in every system."""
    images = np.random.default_rng(0).random((rows, PIXELS)) < 0.2
    return images.astype(np.float32), np.arange(rows) % VALUES


class Product(NamedTuple):
    """Rows, `times` as many as the batch has, times a matrix of `inputs` x `outputs`.

    `back` says whether the gradient of the input is needed too; that of x, or of a one-hot vector, is not.
    """

    times: int
    inputs: int
    outputs: int
    back: bool = True


def products(workload: Workload, kind: Kind, shared: bool) -> list[Product]:
    """Lists the products of a step's forward pass.

    With sharing, what multiplies a parent that does not vary with the digit is computed once, and the product with a
    one-hot digit is a look-up. Without, every layer multiplies the concatenation of its parents.
    """
    times, soft = VALUES if kind == "enumerated" else 1, kind == "plug_in"
    mixed = soft and shared  # the probabilities of the digit have a product of their own
    found = [Product(1, PIXELS, HIDDEN, False), Product(1, HIDDEN, VALUES)]
    if workload == "m2":
        found += [Product(1, PIXELS, HIDDEN, False) if shared else Product(times, VALUES + PIXELS, HIDDEN, soft)]
        found += [Product(1, VALUES, HIDDEN)] * mixed + [Product(times, HIDDEN, 2 * STYLE)]
    else:
        found += [Product(1, HIDDEN, 2 * STYLE) if shared else Product(times, VALUES + HIDDEN, 2 * STYLE)]
        found += [Product(1, VALUES, 2 * STYLE)] * mixed
    found += [Product(times, STYLE if shared else VALUES + STYLE, HIDDEN)]
    return found + [Product(1, VALUES, HIDDEN)] * mixed + [Product(times, HIDDEN, PIXELS)]


def gflop(workload: Workload, kind: Kind, rows: int, shared: bool = True) -> float:
    """Counts a step's floating-point operations in products, in 1e9.

    A product of B rows with an m x n matrix is 2 B m n forward, as much for the gradient of the matrix, and as much
    again for that of its input where this is needed. What is done element by element is not counted.
    """
    each_row = (
        2 * each.times * each.inputs * each.outputs * (3 if each.back else 2)
        for each in products(workload, kind, shared)
    )
    return rows * sum(each_row) / 1e9

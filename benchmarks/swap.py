"""How much longer an epoch takes in which what is set by hand is read again (`swap`): a ratio, one thread.

Each model is trained for an epoch without and with it, by turns.

    OMP_NUM_THREADS=1 UNBRAID_DATA=... python -m benchmarks.swap
"""

from __future__ import annotations

import statistics
import time

import torch

import unbraid as ub
from experiments import mnist, svhn
from experiments.experiment import few
from unbraid.data import Rows
from unbraid.views import View

REPEATS = 4


def seconds(model: ub.Model, rows: Rows, labels: int, settings: ub.Settings, views: View | None, swap: float) -> float:
    """Returns the time of an epoch of the first 1,500 rows."""
    rows = rows[:1500]
    known, changed = few(rows, "digit", labels, 0), settings.changed(epochs=1, warmup_steps=0, swap=swap)
    start = time.perf_counter()
    ub.fit(model, rows.images, known, settings=changed, views=views, progress="quiet")
    return time.perf_counter() - start


def ratio(name: str) -> float:
    """Returns the median time with swaps over that without."""
    times: dict[float, list[float]] = {0.0: [], 200.0: []}
    for _ in range(REPEATS):
        for swap, found in times.items():
            if name == "svhn":
                found.append(seconds(svhn.HouseNumbers(), svhn.read()[0], 300, svhn.SETTINGS, svhn.VIEWS, swap))
            else:
                found.append(seconds(mnist.Digits(), mnist.read()[0], 100, mnist.PLAIN, None, swap))
    return statistics.median(times[200.0]) / statistics.median(times[0.0])


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name in ("svhn", "mnist"):
        print(f"{name}: {ratio(name):.2f}")

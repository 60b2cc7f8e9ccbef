"""MNIST in its real format but tiny, and what makes the main job quick."""

from __future__ import annotations

import functools
import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unbraid as ub
from unbraid.commands import evaluate
from unbraid.data.checksum import sha256_of_bytes
from unbraid.data.idx import encode_idx, write_idx
from unbraid.evaluation.baseline import supervised_baseline

PARTS = {"train": (150, 0), "t10k": (60, 1)}
SMALL = "tests.training.small:Small"
QUICK = ["--model", SMALL, "--epochs", "2", "--batch-size", "50", "--warmup-steps", "0", "--labels", "2"]
reader: Any = importlib.import_module("unbraid.data.mnist")


def write_mnist(folder: Path) -> dict[str, str]:
    """Writes the four IDX files, and returns the checksums of their content."""
    sums = {}
    for part, (rows, seed) in PARTS.items():
        drawn = ub.data.tiny_digits(rows, seed)
        images = np.rint(drawn.images[:, 0].numpy() * 255).astype(np.uint8)
        arrays = {
            f"{part}-images-idx3-ubyte": images,
            f"{part}-labels-idx1-ubyte": drawn.labels["digit"].astype(np.uint8),
        }
        for name, array in arrays.items():
            write_idx(folder / f"{name}.gz", array)
            sums[name] = sha256_of_bytes(encode_idx(array))
    return sums


def make_quick(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Puts the tiny MNIST in the place of the real one, and shortens the evaluation."""
    sums = write_mnist(folder)
    patch.setattr(reader, "SHA256", {name: sums[name] for name in reader.SHA256})
    patch.setenv("UNBRAID_DATA", str(folder))
    patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    patch.setattr(evaluate, "SAMPLES", 3)
    patch.setattr(evaluate, "supervised_baseline", functools.partial(supervised_baseline, steps=10))

"""The experiments' data in their real formats, but tiny and drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
from PIL import Image

import unbraid as ub
from experiments import air, faces, mnist, multimnist, sprites, svhn
from tests.commands.tiny_mnist import make_quick

LIGHTS = tuple((azimuth, elevation) for azimuth in (-60, 0, 60) for elevation in (-20, 0, 40))


def write_svhn(folder: Path) -> None:
    """Writes the two official files, of seven-segment digits in two colours."""
    for number, (name, rows) in enumerate((("train", 160), ("test", 60))):
        drawn = ub.data.tiny_digits(rows, seed=number)
        grey = np.pad(drawn.images[:, 0].numpy(), ((0, 0), (2, 2), (2, 2)))
        images = np.stack([200 * grey, 255 - 100 * grey, 60 + 0 * grey], 1).astype(np.uint8)
        digits = np.where(drawn.labels["digit"] == 0, 10, drawn.labels["digit"]).astype(np.uint8)
        scipy.io.savemat(folder / f"{name}_32x32.mat", {"X": images.transpose(2, 3, 1, 0), "y": digits[:, None]})


def write_faces(folder: Path) -> None:
    """Writes 38 people under nine lights: balls, each with a pattern of its own."""
    y, x = np.mgrid[-1:1:192j, -1:1:168j]
    z = np.sqrt(np.clip(1.2 - x**2 - y**2, 0, None))
    for person in range(38):
        place = folder / "CroppedYale" / f"yaleB{person + 1:02}"
        place.mkdir(parents=True)
        skin = 150 + 60 * np.cos(x * (person % 7 + 1) * 2) * np.cos(y * (person // 7 + 1) * 2)
        for azimuth, elevation in LIGHTS:
            left, up, front = ub.data.light_direction([azimuth], [elevation])[0]
            lit = np.clip(x * left - y * up + z * front, 0, 1) * skin
            name = f"yaleB{person + 1:02}_P00A{azimuth:+04}E{elevation:+03}.pgm"
            Image.fromarray(lit.astype(np.uint8)).save(place / name)


def place_mnist(patch: pytest.MonkeyPatch, folder: Path) -> None:
    make_quick(patch, folder)


def place_svhn(patch: pytest.MonkeyPatch, folder: Path) -> None:
    write_svhn(folder)
    patch.setenv("UNBRAID_DATA", str(folder))


def place_faces(patch: pytest.MonkeyPatch, folder: Path) -> None:
    write_faces(folder)
    patch.setenv("UNBRAID_DATA", str(folder))


def place_multimnist(patch: pytest.MonkeyPatch, folder: Path) -> None:
    make_quick(patch, folder)
    patch.setattr(multimnist, "ROWS", 300)
    patch.setattr(multimnist, "TEST_ROWS", 80)


def place_sprites(patch: pytest.MonkeyPatch, folder: Path) -> None:
    patch.setattr(sprites, "ROWS", 250)
    patch.setattr(sprites, "TEST_ROWS", 50)


def place_air(patch: pytest.MonkeyPatch, folder: Path) -> None:
    make_quick(patch, folder)
    patch.setattr(air, "ROWS", 150)
    patch.setattr(air, "TEST_ROWS", 60)


PLACE: dict[str, Callable[[pytest.MonkeyPatch, Path], None]] = {
    "mnist": place_mnist,
    "svhn": place_svhn,
    "faces": place_faces,
    "sprites": place_sprites,
    "multimnist": place_multimnist,
    "air": place_air,
    "zoo": place_mnist,
}


def forget_rows() -> None:
    """Forgets what was read before."""
    readers: tuple[Any, ...] = (
        mnist.read, svhn.read, faces.read, sprites.read, multimnist.read, multimnist.four, air.read
    )  # fmt: skip
    for each in readers:
        each.cache_clear()

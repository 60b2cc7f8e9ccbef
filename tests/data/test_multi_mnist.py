"""Multi-MNIST: composed of the digits of its own part of MNIST."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from unbraid.data import compose_digits, multi_mnist, tiny_digits
from unbraid.errors import DataError, OptionError

MODULE = importlib.import_module("unbraid.data.multi_mnist")  # the package's name `multi_mnist` is the function


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawn digits in place of MNIST."""
    monkeypatch.setattr(MODULE, "mnist", lambda root: (tiny_digits(30), tiny_digits(20, seed=1)))


@pytest.mark.usefixtures("drawn")
def test_each_part_is_composed_of_its_own_digits() -> None:
    for split, digits in (("train", tiny_digits(30)), ("test", tiny_digits(20, seed=1))):
        part: Any = split
        rows = multi_mnist(16, part, counts=(1, 2), seed=3)
        assert rows.name == f"Multi-MNIST, {split}"
        assert torch.equal(rows.images, compose_digits(digits, 16, counts=(1, 2), seed=3).images)
    assert multi_mnist(4, name="mine").name == "mine"


@pytest.mark.usefixtures("drawn")
def test_wrong_input_is_refused() -> None:
    split: Any = "tset"
    with pytest.raises(OptionError, match=r"split='tset' is unknown. Did you mean 'test'"):
        multi_mnist(4, split)
    with pytest.raises(DataError, match="size=20 is smaller than the images of single digits"):
        multi_mnist(4, size=20)


def test_the_real_digits(mnist_folder: Path) -> None:
    rows = multi_mnist(400, "test", root=mnist_folder)
    assert np.bincount(rows.labels["count"]).tolist() == [100] * 4
    shown = rows.labels["digit"][rows.labels["digit"] >= 0]
    assert np.bincount(shown).tolist() == [60] * 10

"""A small model for the figures, without training: it paints its latents."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor


class Painter:
    """A model with the interface of `unbraid.Model`: the digit is the column that is lit, the style its brightness."""

    def __init__(self, shape: tuple[int, ...] = (1, 6, 8), digits: int | None = 4, size: int | None = 3) -> None:
        self.data_shape = shape
        self.latents: dict[str, Any] = {}
        if digits is not None:
            self.latents["digit"] = SimpleNamespace(cardinality=digits, event_shape=())
        if size is not None:
            self.latents["style"] = SimpleNamespace(cardinality=None, event_shape=(size,))

    def predict(self, x: Tensor) -> dict[str, Tensor]:
        flat = x.flatten(1)
        guesses = {
            "digit": x.reshape(len(x), -1, x.shape[-1]).sum(1).argmax(1),
            "style": flat[:, : self._size()] * 2 - 1,
        }
        return {name: guesses[name] for name in self.latents}

    def generate(self, values: dict[str, Tensor]) -> Tensor:
        rows = len(next(iter(values.values())))
        image = torch.zeros(rows, *self.data_shape)
        light = torch.sigmoid(values["style"].sum(1)) if "style" in values else torch.full((rows,), 0.9)
        digit = values.get("digit", torch.zeros(rows, dtype=torch.int64))
        image[torch.arange(rows), ..., digit] = light.reshape(rows, *[1] * (image.ndim - 2))
        return image

    def sample(self, n: int, generator: torch.Generator | None = None, **factors: Any) -> Tensor:
        drawn = {"style": torch.randn(n, self._size(), generator=generator)} if "style" in self.latents else {}
        return self.generate({**drawn, **factors})

    def reconstruct(self, x: Tensor) -> Tensor:
        return self.generate(self.predict(x))

    def analogy(self, x: Tensor, digit: Any) -> Tensor:
        latents = self.predict(x)
        return torch.stack([self.generate({**latents, "digit": torch.full((len(x),), d)}) for d in digit], 1)

    def images(self, rows: int = 30) -> Tensor:
        return torch.rand(rows, *self.data_shape, generator=torch.Generator().manual_seed(5))

    def _size(self) -> int:
        return int(self.latents["style"].event_shape[0]) if "style" in self.latents else 0


@pytest.fixture
def painter() -> Painter:
    return Painter()


@pytest.fixture
def make_painter() -> type[Painter]:
    return Painter


HISTORY = [
    {
        "epoch": epoch,
        "loss": 200.0 / epoch,
        "terms": {"log p(x)": -150.0 / epoch, "KL(style)": 5.0 * epoch, "log p(digit)": -1.386},
        "test": {"digit": {"error": 0.5 / epoch, "n": 100}, "light": {"rmse": 1.0 / epoch}},
        "validation": {"digit": {"error": 0.6 / epoch, "n": 100}},
    }
    for epoch in range(1, 8)
]


@pytest.fixture
def history() -> list[dict[str, Any]]:
    return [dict(entry) for entry in HISTORY]

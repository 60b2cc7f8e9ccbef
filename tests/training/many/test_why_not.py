"""What is refused to be computed together, with a reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import unbraid as ub
from tests.training.many.small import SEEDS, alone, assert_same, labels_of, train
from tests.training.small import ROWS, Scored, Small
from unbraid.errors import OptionError


class Positive(ub.Model):
    """Draws with one of torch's functions that take no generator."""

    def encode(self, x: Any) -> Any:
        return {"size": ub.Gamma(2)(x)}

    def decode(self, size: Any) -> Any:
        return ub.Bernoulli(1, 28, 28)(size)


class Chunked(ub.Model):
    """Enumerates the values a few at a time, and again in the backward pass."""

    def encode(self, x: Any) -> Any:
        return {"digit": ub.Categorical(10, estimator=ub.Enumerate(rows=100))(x)}

    def decode(self, digit: Any) -> Any:
        return ub.Bernoulli(1, 28, 28)(digit)


class Noisy(torch.nn.Module):
    """Draws in training, as only a single run can."""

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return rows + torch.randn_like(rows) if self.training else rows


class WithNoise(ub.Model):
    """A layer that draws from torch's global generator."""

    def encode(self, x: Any) -> Any:
        return {"digit": ub.Categorical(10)(ub.module(Noisy())(ub.mlp(4)(x)))}

    def decode(self, digit: Any) -> Any:
        return ub.Bernoulli(1, 28, 28)(digit)


def styles(seed: int) -> Any:
    """Labels of the digit in some rows, and of the style in a part of them that depends on the seed."""
    digits = labels_of(seed)
    style = np.full((len(ROWS), 3), np.nan)
    style[np.flatnonzero(digits["digit"] >= 0)[seed : seed + 5]] = 0.5
    return {**digits, "style": style}


@pytest.mark.parametrize(
    ("model", "more", "reason"),
    [
        (Scored, {}, "the estimator of 'digit' keeps running means"),
        (Positive, {"labels_of": None}, "drawn by a function of torch that takes no generator"),
        (WithNoise, {}, "torch cannot compute this program for several runs together: vmap: .*random"),
        (Chunked, {}, "cannot compute this program for several runs together"),
        (Small, {"settings_of": lambda seed: {"rate": 1.0 + seed}}, "the runs have other values of rate"),
        (Small, {"consistency": 1.0, "views": ub.Warp()}, "consistency between views"),
        (Small, {"swap": 1.0}, "what is set by hand is drawn"),
        (Small, {"labels_of": styles}, "which of their rows are labelled for 'style'"),
        (
            Small,
            {"labels_of": lambda seed: ub.data.few_labels(ROWS.labels, 1 + seed % 2, 0)},
            r"other numbers of labels: 10 of 120 rows labelled: .*, and 20 of 120",
        ),
        (lambda seed: Small(hidden=8 + seed, seed=seed).double(), {}, "the model of seed 3 is another than that of"),
        (Small, {"estimators": {"digit": "plug_in"}}, ""),
    ],
    ids=["baselines", "gamma", "noise", "chunks", "settings", "views", "swaps", "labels", "numbers", "models", ""],
)
def test_what_cannot_be_batched_is_refused(model: Any, more: dict[str, Any], reason: str) -> None:
    given = {"seeds": SEEDS[:2], "epochs": 1, **more}
    if not reason:
        assert train(model, **given).how == "batched"
        return
    with pytest.raises(OptionError, match=f"how='batched' is not possible: .*{reason}.* Leave how='auto'"):
        train(model, **given)


def test_auto_takes_another_way_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    import unbraid.training.many.choice as module

    monkeypatch.setattr(module, "cores", lambda: 1)
    runs = train(Scored, how="auto", seeds=SEEDS[:2], epochs=1)
    assert (runs.how, runs.because) == ("in_turn", "not batched: the estimator of 'digit' keeps running means")
    assert "2 runs (in_turn: not batched" in str(runs)
    assert_same(runs[1], alone(3, Scored, epochs=1))
    assert train(how="auto", seeds=SEEDS[:2], epochs=1).how == "batched"

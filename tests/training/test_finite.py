"""A number that is not finite stops the training, names itself, and leaves the weights as they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import unbraid as ub
from tests.training.small import LABELS, ROWS, SIZES, Small, same, train, weights
from unbraid.errors import DataError, TrainingError
from unbraid.training.checkpoint import load_checkpoint
from unbraid.training.history import History


class Root(ub.Model):
    """The scale of the style is not a number where a row has a pixel above 0.9."""

    def encode(self, x: Any) -> Any:
        digit = ub.Categorical(10)(x)
        spoilt: Any = torch.sqrt(0.9 - x.flatten(1).amax(1, keepdim=True))
        return {"digit": digit, "style": ub.Normal(2)(loc=ub.dense(2)(x), scale=ub.dense(2)(spoilt).exp())}

    def decode(self, digit: Any, style: Any) -> Any:
        return ub.Bernoulli(1, 28, 28)(digit, style)


def dim(*bright: int) -> Tensor:
    """The images at half their brightness, but for one pixel of some rows."""
    images = ROWS.images / 2
    images[list(bright), 0, 0, 0] = 1.0
    return images


def test_the_term_and_the_rows_are_named_and_the_weights_kept() -> None:
    model = Root()
    before = weights(model)
    with pytest.raises(
        TrainingError, match=r"^the loss is nan in epoch 1, step 1: .* is nan in row 17\. The weights and"
    ) as found:
        train(None, dim(17), model, batch_size=200)
    assert "log p(x)" in str(found.value) or "KL(style)" in str(found.value)
    assert same(before, weights(model))
    assert isinstance(found.value, FloatingPointError)
    train(None, dim(), model, batch_size=200)


class Unbound(ub.Model):
    """A scale that a network gave, and that nothing keeps above 0."""

    of: str = "x"

    def encode(self, x: Any) -> Any:
        h = ub.dense(4)(x)
        return {
            "style": ub.Normal(2)(loc=ub.dense(2)(h), scale=ub.dense(2)(h)) if self.of == "style" else ub.Normal(2)(h)
        }

    def decode(self, style: Any) -> Any:
        if self.of == "style":
            return ub.Bernoulli(1, 28, 28)(style)
        shaped: Any = ub.dense(784)(style)
        return ub.Normal(1, 28, 28)(loc=0.5, scale=shaped.reshape(-1, 1, 28, 28))


def fit_both(labels: Any, model: ub.Model) -> Any:
    """Trains two seeds together."""
    return ub.fit_many(model, ROWS.images, labels, seeds=[0, 1], how="batched", epochs=1, **SIZES)


@pytest.mark.parametrize("how", [train, fit_both])
@pytest.mark.parametrize(("of", "density"), [("x", r"p\(x\)"), ("style", r"q\(style\)")])
def test_a_scale_below_0_is_named(of: str, density: str, how: Any) -> None:
    message = (
        rf"is nan in rows .*\. The scale of {density} is -\d.*, outside its domain, Positive\(.*\): map it there, .*"
        r"softplus.*or give the variable parents and no scale, as Normal\(.*\)\(h\) does\. The weights"
    )
    with pytest.raises(TrainingError, match=message) as found:
        how(None, model=Unbound(of=of))
    assert "learning_rate" not in str(found.value)


def test_many_rows_are_counted() -> None:
    with pytest.raises(TrainingError, match=r"in rows \d+, \d+, \d+, \d+, \d+ and 3 more\. The"):
        train(None, dim(*range(8)), Root(), batch_size=200)
    with pytest.raises(TrainingError, match=r"in rows (17, 20|20, 17)\. The"):
        train(None, dim(17, 20), Root(), batch_size=200)


def test_a_labelled_row_has_its_number_in_the_data() -> None:
    row = int((LABELS["digit"] >= 0).nonzero()[0][0])
    with pytest.raises(TrainingError, match=rf"is nan in row {row}\."):
        train(images=dim(row), model=Root(), mixed=True, batch_size=200)


def test_a_view_that_is_not_finite_is_named() -> None:
    row = 31
    calls = []

    def view(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        calls.append(1)
        changed = images.clone()
        if len(calls) == 3:
            changed[(images == ROWS.images[row]).flatten(1).all(1)] = torch.nan
        return changed

    model = Small()
    with pytest.raises(
        TrainingError, match=rf"the views have NaN or infinite values in epoch 3, step 3, in row {row}\."
    ):
        train(model=model, views=view, consistency=1.0, batch_size=200, epochs=4)
    assert all(bool(torch.isfinite(each).all()) for each in model.parameters())
    two = Small()
    train(model=two, views=lambda images, generator=None: images.clone(), consistency=1.0, batch_size=200, epochs=4)


@pytest.mark.parametrize(
    ("view", "found"),
    [
        (lambda images, generator: images[:, :, 1:], r"returned \(\d+, 1, 27, 28\) torch\.float32"),
        (lambda images, generator: images.double(), r"returned \(\d+, 1, 28, 28\) torch\.float64"),
        (lambda images, generator: None, "returned NoneType"),
    ],
)
def test_a_view_of_another_form_is_refused(view: Any, found: str) -> None:
    with pytest.raises(DataError, match=f"views must return rows as they take them, here .*{found}"):
        train(views=view, consistency=1.0)


def test_a_training_that_blows_up_keeps_its_last_checkpoint(tmp_path: Path) -> None:
    def view(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return images if len(History(tmp_path / "history.jsonl").records) < 2 else images / 0

    with pytest.raises(TrainingError, match="in epoch 3"):
        train(views=view, consistency=1.0, epochs=4, out=tmp_path)
    assert load_checkpoint(tmp_path / "checkpoint.safetensors").state["epoch"] == 2
    assert all(bool(torch.isfinite(each).all()) for each in ub.load(tmp_path).parameters())


def test_a_gradient_that_is_not_finite_does_not_reach_a_checkpoint(tmp_path: Path) -> None:
    """The loss is finite, its gradient is not: what comes after it, or the end of the epoch, finds out."""
    for batch_size, message in (
        (200, "the weights .* are not finite after epoch 1"),
        (50, "A gradient before it was not"),
    ):
        model = Small()
        name, parameter = next(iter(model.named_parameters()))
        parameter.register_hook(lambda gradient: gradient * torch.nan)
        with pytest.raises(TrainingError, match=message) as found:
            train(model=model, batch_size=batch_size, out=tmp_path / str(batch_size))
        assert name in str(found.value) or batch_size == 50
        assert not (tmp_path / str(batch_size) / "checkpoint.safetensors").exists()

"""Swap tests of models and judges whose answers are known: an image shows its factors as its pixels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

import unbraid as ub
from unbraid.errors import DataError
from unbraid.evaluation import Deviation, Share, swap_test, train_judge
from unbraid.evaluation.error import wilson_interval

DIGIT, TILT = torch.tensor([0, 1, 2, 1]), torch.tensor([0.5, -1.0, 2.0, 0.0])
X = torch.stack([DIGIT.float(), TILT], dim=1)
LABELS: dict[str, Any] = {"digit": DIGIT.numpy(), "tilt": TILT.numpy()}


class Pixels:
    """A judge that reads the digit in the first pixel and the tilt in the second: it never errs."""

    def predict(self, images: Tensor, /) -> dict[str, Tensor]:
        return {"digit": images[:, 0].round().long(), "tilt": images[:, 1]}


class Exact:
    """A model whose analogies show what was set and keep the rest; or do not.

    Args:
        deaf: Rows in which nothing that is set is shown.
        drift: What is added to the tilt whenever the digit is set.
    """

    def __init__(self, deaf: Iterable[int] = (), drift: float = 0.0) -> None:
        self.deaf, self.drift = list(deaf), drift

    def analogy(self, x: Tensor, **factor: Iterable[Any]) -> Tensor:
        ((name, values),) = factor.items()
        wanted = list(values)
        images = x[:, None].repeat(1, len(wanted), 1)
        for place, value in enumerate(wanted):
            images[:, place, int(name == "tilt")] = float(value)
        images[self.deaf] = x[self.deaf, None]
        images[..., 1] += self.drift * (name == "digit")
        return images


def test_an_exact_model_shows_and_keeps_everything() -> None:
    found = swap_test(Exact(), X, LABELS, Pixels(), factor="digit", values=range(3))
    assert found.shown == Share(1.0, 4, wilson_interval(1.0, 4))
    assert found.kept == {"tilt": Deviation(0.0, 4, (0.0, 0.0))}
    assert found.read == {"digit": Share(1.0, 4, wilson_interval(1.0, 4)), "tilt": Deviation(0.0, 4, (0.0, 0.0))}


def test_a_model_that_does_not_listen() -> None:
    """One row of four stays as it is. Its own digit is no swap, so it shows none of the others."""
    found = swap_test(Exact(deaf=[0]), X, LABELS, Pixels(), factor="digit", values=range(3))
    assert found.shown == Share(0.75, 4, wilson_interval(0.75, 4))


def test_what_drifts_is_not_kept() -> None:
    kept = swap_test(Exact(drift=0.25), X, LABELS, Pixels(), factor="digit", values=range(3)).kept["tilt"]
    assert isinstance(kept, Deviation)
    assert kept.mean == pytest.approx(0.25)
    assert kept.ci == pytest.approx((0.25, 0.25))


def test_a_real_factor_is_set() -> None:
    """Both values are counted in each row; the deaf row is 1 off on average, from 0.5 to -0.5 and to 1.5."""
    found = swap_test(Exact(deaf=[0]), X, LABELS, Pixels(), factor="tilt", values=[-0.5, 1.5])
    assert isinstance(found.shown, Deviation)
    assert found.shown.mean == pytest.approx((1 + 0 + 0 + 0) / 4)
    assert found.kept == {"digit": Share(1.0, 4, wilson_interval(1.0, 4))}


LIGHT = torch.tensor([[0.0, 0.0, 1.0], [3.0, 0.0, 0.0]])  # a direction has any length


class Lights:
    """A judge that reads an image as a direction, and a model that turns it half the way to what was set."""

    def predict(self, images: Tensor, /) -> dict[str, Tensor]:
        return {"light": images, "height": images[:, 1], "bright": images[:, 2].long()}

    def analogy(self, x: Tensor, **factor: Iterable[Any]) -> Tensor:
        return torch.stack([x + 5 * torch.as_tensor(value) for value in factor["light"]], dim=1) * torch.tensor(2.0)


def test_a_direction_is_as_far_off_as_the_angle() -> None:
    labels = {"light": np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])}
    found = swap_test(Lights(), LIGHT, labels, Lights(), factor="light", values=[[0.0, 0.2, 0.0]], directions=["light"])
    assert isinstance(found.read["light"], Deviation)
    assert found.read["light"].mean == pytest.approx((0 + 90) / 2)
    shown = [45, np.rad2deg(np.arctan(3))]  # halfway from above to (0, 1, 0), and from (3, 0, 0) to it
    assert isinstance(found.shown, Deviation)
    assert found.shown.mean == pytest.approx(np.mean(shown))


@pytest.mark.parametrize(
    ("direction", "message"),
    [
        ("lights", "the judge does not know the direction 'lights'. Did you mean 'light'?"),
        ("height", "the judge reads 'height' as one number, which is no direction"),
        ("bright", "the judge reads 'bright' as a class, which is no direction"),
    ],
)
def test_what_is_no_direction(direction: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        swap_test(Lights(), LIGHT, {}, Lights(), factor="light", values=[[0.0, 1.0, 0.0]], directions=[direction])


TURN = np.array([3.1, -3.1, 0.0], np.float32)


class Turns:
    """A judge that reads an image as an angle, in radians or as cosine and sine; and a model that shows what is set.

    Args:
        late: By how much it reads too large an angle, in radians.
        vector: Whether it reads the cosine and sine.
    """

    def __init__(self, late: float = 0.0, vector: bool = True) -> None:
        self.late, self.vector = late, vector

    def predict(self, images: Tensor, /) -> dict[str, Tensor]:
        angle = torch.remainder(images[:, 0] + self.late + torch.pi, 2 * torch.pi) - torch.pi
        return {"turn": torch.stack([angle.cos(), angle.sin()], 1) if self.vector else angle}

    def analogy(self, x: Tensor, **factor: Iterable[Any]) -> Tensor:
        return torch.stack([torch.full_like(x, float(value)) for value in factor["turn"]], dim=1)


class Turned(Turns):
    """The same as a model is: it says that the latent is an angle."""

    latents: ClassVar[dict[str, Any]] = {"turn": ub.Angle()}


@pytest.mark.parametrize("labels", [TURN, np.stack([np.cos(TURN), np.sin(TURN)], 1)], ids=["radians", "vectors"])
@pytest.mark.parametrize(
    ("judge", "directions"),
    [(Turns(0.1), ["turn"]), (Turned(0.1), []), (Turned(0.1), ["turn"]), (Turned(0.1, vector=False), [])],
    ids=["named", "known", "both", "radians"],
)
def test_an_angle_goes_round_the_circle(judge: Turns, directions: list[str], labels: Any) -> None:
    x = torch.as_tensor(TURN)[:, None]
    found = swap_test(Turns(), x, {"turn": labels}, judge, factor="turn", values=[3.1, -1.0], directions=directions)
    for each in (found.shown, found.read["turn"]):
        assert isinstance(each, Deviation)
        assert each.mean == pytest.approx(np.rad2deg(0.1), rel=1e-3)


def test_an_angle_of_the_model_is_an_angle_to_any_judge() -> None:
    x = torch.as_tensor(TURN)[:, None]
    found = swap_test(Turned(), x, {}, Turns(0.1, vector=False), factor="turn", values=[3.1])
    assert isinstance(found.shown, Deviation)
    assert found.shown.mean == pytest.approx(np.rad2deg(0.1), rel=1e-3)


def test_labels_of_another_size_than_what_the_judge_reads() -> None:
    x = torch.as_tensor(TURN)[:, None]
    with pytest.raises(DataError, match="reads 2 numbers of 'turn', and its labels or values have one number: give"):
        swap_test(Turns(), x, {"turn": TURN}, Turns(), factor="turn", values=[0.5])
    with pytest.raises(DataError, match="reads one number of 'turn', and its labels or values have 3 numbers: give"):
        swap_test(Turns(), x, {"turn": np.eye(3)}, Turns(vector=False), factor="turn", values=[0.5])


def test_rows_without_a_label_are_left_out_where_it_is_needed() -> None:
    labels = {"digit": [0, 1, -1, 1], "tilt": [0.5, np.nan, np.nan, 0.0]}
    found = swap_test(Exact(), X, labels, Pixels(), factor="digit", values=range(3))
    assert (found.shown.n, found.kept["tilt"].n) == (4, 2)
    assert (found.read["digit"].n, found.read["tilt"].n) == (3, 2)


def test_what_is_kept_can_be_chosen_and_the_set_factor_needs_no_labels() -> None:
    found = swap_test(Exact(), X, {"tilt": LABELS["tilt"]}, Pixels(), factor="digit", values=[2], keep=[])
    assert (found.kept, found.read) == ({}, {})
    assert found.shown.n == 4
    labels = LABELS | {"unknown to the judge": [1, 1, 1, 1]}
    assert list(swap_test(Exact(), X, labels, Pixels(), factor="digit", values=[2]).kept) == ["tilt"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": []}, "a swap test sets 'digit' in rows to values, and there are no values"),
        ({"x": X[:0], "labels": {}}, "and there are no rows"),
        ({"values": [0, [1, 2]]}, "the values of 'digit' differ in shape"),
        ({"factor": "digits"}, "the judge does not know the factor 'digits'. Did you mean 'digit'?"),
        ({"keep": ["size"]}, "the judge does not know the factor 'size'"),
        ({"labels": {"digit": LABELS["digit"]}, "keep": ["tilt"]}, "'tilt' has no labels to see by whether it is kept"),
        ({"labels": LABELS | {"tilt": [0.0]}}, "'tilt' has 1 labels for 4 rows"),
        ({"labels": {"digit": [2, 2, 2, 2]}, "values": [2]}, "no image is left to look at for 'digit'"),
    ],
    ids=["values", "rows", "shapes", "factor", "keep", "labels", "length", "none"],
)
def test_what_cannot_be_tested(change: dict[str, Any], message: str) -> None:
    asked: dict[str, Any] = {"x": X, "labels": LABELS, "judge": Pixels(), "factor": "digit", "values": range(3)}
    with pytest.raises(DataError, match=message):
        swap_test(Exact(), **(asked | change))


def test_a_share_in_words() -> None:
    assert str(Share(0.75, 4, (0.3, 0.95))) == "75.00% (95 % interval 30.00% to 95.00%, 4 rows)"


class Small(ub.Model):
    """A shape, a place and what is left."""

    def encode(self, x: Any) -> Any:
        h = ub.mlp(16)(x)
        shape = ub.Categorical(3)(h)
        return {"shape": shape, "place": ub.Normal(2)(h), "style": ub.Normal(2)(shape, h)}

    def decode(self, shape: Any, place: Any, style: Any) -> Any:
        return ub.Bernoulli(1, 32, 32)(ub.mlp(16)(shape, place, style))


@pytest.mark.parametrize("factor", ["shape", "place"])
def test_a_real_model_and_a_real_judge(factor: str) -> None:
    """Untrained, so only the forms are looked at: of classes, and of vectors."""
    rows = ub.data.sprites(20)
    place = np.stack([rows.labels["x"], rows.labels["y"]], axis=1)
    labels = {"shape": rows.labels["shape"], "place": place}
    judge = train_judge(rows.images, labels, epochs=1, width=2)
    values: list[Any] = [0, 2] if factor == "shape" else [[0.1, 0.2], torch.tensor([0.5, 0.5])]
    found = swap_test(Small(), rows.images, labels, judge, factor=factor, values=values)
    assert set(found.kept) == {"shape", "place"} - {factor}
    assert set(found.read) == {"shape", "place"}
    assert isinstance(found.shown, Share if factor == "shape" else Deviation)

"""Data of one's own: labels in the shapes of the model's variables, and a record that comes back from JSON."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import unbraid as ub
from unbraid.commands.own_data import OwnData
from unbraid.commands.train import Job, labels_of, recipe_of
from unbraid.errors import DataError


class Shapes(ub.Model):
    """A variable of each shape of label."""

    def encode(self, x: Any) -> Any:
        return {
            "kind": ub.Categorical(3)(x),
            "weight": ub.Normal(1)(x),
            "way": ub.Direction(3)(x),
            "turn": ub.Angle()(x),
        }

    def decode(self, kind: Any, weight: Any, way: Any, turn: Any) -> Any:
        return ub.Bernoulli(1, 2, 2)(kind, weight, way, turn)


class Event(ub.Submodel):
    """A variable of each shape of label, in every step."""

    def encode(self, x: Any) -> Any:
        return {
            "kind": ub.Categorical(2, estimator="plug_in")(x),
            "turn": ub.Angle()(x),
            "size": ub.Normal(1)(x),
            "way": ub.Direction(3)(x),
        }

    def decode(self, kind: Any, turn: Any, size: Any, way: Any) -> Any:
        return ub.dense(4)(kind, turn, size, way)


class Events(ub.Model):
    """Up to two events."""

    kinds: int = 2

    def encode(self, x: Any) -> Any:
        count = ub.Categorical(3)(x)
        return {"count": count, "ev": ub.Repeat(Event())(x, count), "sort": ub.Categorical(self.kinds)(x)}

    def decode(self, ev: Any, sort: Any) -> Any:
        return ub.Bernoulli(1, 2, 2)(ev.decode().sum(1), sort)


def write(folder: Path, **labels: Any) -> OwnData:
    """Writes ten images with labels."""
    np.savez(folder / "own.npz", images=np.zeros((10, 2, 2), np.uint8), **labels)
    return OwnData(str(folder / "own.npz"), test_share=0.2)


def test_labels_have_the_shapes_of_the_variables(tmp_path: Path) -> None:
    way = np.tile([0.0, 0.0, 1.0], (10, 1))
    own = write(tmp_path, kind=np.arange(10) % 3, weight=np.full(10, -1), way=way, turn=np.zeros(10))
    train, test = own.load(Shapes(), draw=0)
    assert {name: each.shape for name, each in train.labels.items()} == {
        "kind": (8,),
        "weight": (8, 1),
        "way": (8, 3),
        "turn": (8,),
    }
    assert len(test) == 2
    assert train.labels["weight"].max() == -1.0  # a whole number of a real variable is a value
    for name, each in train.labels.items():
        ub.data.normalise_labels({name: each}, 8, {name: 3 if name == "kind" else None})
    with pytest.raises(DataError, match=r"own\.npz: a label of 'way' has the shape \(\), but Direction\(3\) has"):
        write(tmp_path, way=np.zeros(10)).load(Shapes(), draw=0)


def test_variables_without_a_label_are_left_out(tmp_path: Path) -> None:
    own = write(tmp_path, kind=np.arange(10) % 3, turn=np.full(10, np.nan))
    job = Job("tests.commands.test_own_data:Shapes", per_class=0, own=own)
    assert list(labels_of(job, recipe_of(job, Shapes()), own.load(Shapes(), 0)[0])) == ["kind"]


def test_labels_of_things_have_an_axis_of_steps(tmp_path: Path) -> None:
    way = np.tile([0.0, 0.0, 1.0], (10, 2, 1))
    steps = {"ev.kind": np.ones((10, 2), np.int64), "ev.turn": np.zeros((10, 2)), "ev.size": np.ones((10, 2))}
    train, _ = write(tmp_path, **steps, **{"ev.way": way}).load(Events(), draw=0)
    assert {name: each.shape[1:] for name, each in train.labels.items()} == {
        "ev.kind": (2,),
        "ev.turn": (2,),
        "ev.size": (2, 1),
        "ev.way": (2, 3),
    }
    with pytest.raises(DataError, match=r"'ev.turn' has the shape \(3,\), but Angle\(\) in 2 steps has .* \(2,\)"):
        write(tmp_path, **{"ev.turn": np.zeros((10, 3))}).load(Events(), draw=0)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"kind": np.arange(10)}, r"own\.npz: the label of 'kind' in row 3 \(and 6 more\) is 3: 'kind' has 3 classes"),
        ({"weight": np.full((10, 1), np.inf)}, r"own\.npz: the label of 'weight' in row 0 .* must be finite"),
        ({"way": np.ones((10, 3))}, r"own\.npz: the label of 'way' in row 0 .* a unit vector"),
    ],
)
def test_labels_that_no_value_has_are_refused_in_any_row(tmp_path: Path, labels: Any, message: str) -> None:
    """Those of test rows, too, before anything is trained; rows are those of the file."""
    with pytest.raises(DataError, match=message):
        write(tmp_path, **labels).load(Shapes(), draw=0)


def test_the_labels_are_of_the_model_with_its_fields(tmp_path: Path) -> None:
    own = write(tmp_path, sort=np.arange(10) % 3)
    job = Job("tests.commands.test_own_data:Events", per_class=0, own=own)
    assert len(recipe_of(job, Events(kinds=3)).load(None)[0]) == 8
    with pytest.raises(DataError, match="'sort' has 2 classes"):
        recipe_of(job, Events()).load(None)


def test_more_words_than_values_are_listed(tmp_path: Path) -> None:
    lines = ["name,kind"]
    for row, word in enumerate(["a", "b", "B", "zz", "c", "a"]):
        Image.fromarray(np.zeros((2, 2), np.uint8)).save(tmp_path / f"{row}.png")
        lines.append(f"{row}.png,{word}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    own = OwnData(str(tmp_path), str(tmp_path / "labels.csv"), test_share=0.4)
    with pytest.raises(DataError, match=r"labels\.csv: 'kind' holds 5 words \(B, a, b, c, zz\), .* has 3 values"):
        own.load(Shapes(), draw=0)
    (tmp_path / "labels.csv").write_text("\n".join(lines).replace("B", "b").replace("zz", "c"))
    assert own.load(Shapes(), draw=0)[0].categories["kind"] == ("a", "b", "c")
    (tmp_path / "labels.csv").write_text("name,kind\n4.png,5")
    with pytest.raises(DataError, match=r"'kind' in row 4 is 5: .* Rows are the images in the order of their names"):
        own.load(Shapes(), draw=0)


def test_a_job_comes_back_from_its_config() -> None:
    for own in (None, OwnData("/cells", "/labels.csv"), OwnData("/cells", image_size=(4, 6), colour="grey")):
        job = Job("cells.py:Cells", per_class=0, draw=3, own=own)
        assert Job.from_json(json.loads(json.dumps(dataclasses.asdict(job)))) == job
    old = {"recipe": "mnist", "per_class": 10, "draw": 0, "data": None, "validation": 0, "limit": 0}
    assert Job.from_json(old) == Job("mnist")

"""Data of one's own: labels in the shapes of the model's variables, and a record that comes back from JSON."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

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
    assert list(labels_of(job, recipe_of(job), own.load(Shapes(), 0)[0])) == ["kind"]


def test_a_job_comes_back_from_its_config() -> None:
    for own in (None, OwnData("/cells", "/labels.csv"), OwnData("/cells", image_size=(4, 6), colour="grey")):
        job = Job("cells.py:Cells", per_class=0, draw=3, own=own)
        assert Job.from_json(json.loads(json.dumps(dataclasses.asdict(job)))) == job
    old = {"recipe": "mnist", "per_class": 10, "draw": 0, "data": None, "validation": 0, "limit": 0}
    assert Job.from_json(old) == Job("mnist")

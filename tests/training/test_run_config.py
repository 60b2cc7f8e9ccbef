"""What a run is, in words that tell two runs apart."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import unbraid as ub
from tests.training.small import LABELS, Small, train
from unbraid.errors import RunError
from unbraid.training.json_file import plain
from unbraid.training.load import class_at
from unbraid.training.plan import SupervisionPlan
from unbraid.training.run_config import check_same_run, describe_run, describe_view, reference
from unbraid.training.settings import Settings

PLAN = SupervisionPlan.of({"digit": torch.as_tensor(LABELS["digit"])}, 120)


def described(**more: Any) -> dict[str, Any]:
    """The description of a run."""
    return describe_run(Small(), PLAN, Settings(), ub.Warp(), more)


def test_a_run_is_described_in_plain_values() -> None:
    found = described(data="tiny digits")
    assert json.loads(json.dumps(found))["data"] == "tiny digits"
    assert found["unbraid"] == ub.__version__
    assert found["model"] == "tests.training.small:Small"
    assert found["fields"] == {"hidden": 16, "drop": 0.2}
    assert found["program"][0].startswith("q(digit | x)")
    assert found["labels"] == "20 of 120 rows labelled: digit (2 a class)"
    assert found["views"]["view"] == "unbraid.views.warp:Warp"
    assert described(model="mine")["model"] == "tests.training.small:Small"  # what is added does not hide what is


@dataclass(frozen=True)
class Several:
    """A view of other views, which also holds rows and a network."""

    views: tuple[Any, ...]
    rows: torch.Tensor = field(repr=False)
    by: Any = None


def test_views_that_hold_views_rows_and_networks_are_described_in_plain_values() -> None:
    found = describe_view(Several((ub.Warp(shift=2.0), torch.nn.ReLU()), torch.zeros(3), by=torch.nn.Identity()))
    assert found == json.loads(json.dumps(found))
    assert set(found) == {"view", "views", "by"}
    assert found["by"] == {"view": "Identity"}
    warp, other = found["views"]
    assert (warp["view"], warp["shift"], other) == ("unbraid.views.warp:Warp", 2.0, {"view": "ReLU"})


def test_views_are_described_by_what_they_do() -> None:
    def mirrored(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return images.flip(-1)

    assert describe_view(None) is None
    assert describe_view(ub.Warp(rotation=3.0))["rotation"] == 3.0
    assert "mirrored" in describe_view(mirrored)["view"]
    assert describe_view(torch.nn.Identity()) == {"view": "Identity"}


def test_the_same_run_read_from_its_file_is_the_same(tmp_path: Path) -> None:
    found = json.loads(json.dumps(described()))
    check_same_run(found, described(), tmp_path)
    check_same_run({**found, "unbraid": "0.0.1", "data": "elsewhere"}, described(), tmp_path)
    with pytest.raises(RunError, match="holds another run: model_seed there is 4, here it is 0"):
        check_same_run({**found, "model_seed": 4}, described(), tmp_path)
    with pytest.raises(RunError, match=r"settings\.alpha there is None, here it is 50\.0"):
        check_same_run({**found, "settings": {}}, described(), tmp_path)
    with pytest.raises(RunError, match="views there is None"):
        check_same_run({**found, "views": None}, described(), tmp_path)


def test_a_class_from_a_file_is_found_again_by_its_file(tmp_path: Path) -> None:
    source = tmp_path / "cells.py"
    source.write_text(
        "from tests.training.small import Small\n\nclass Cells(Small):\n    class Inner(Small):\n        pass\n"
    )
    cls = class_at(f"{source}:Cells")
    found = reference(cls)
    assert found == f"{source}:Cells"
    sys.modules.pop(cls.__module__)  # as in another process
    assert class_at(found).__name__ == "Cells"
    assert reference(class_at(f"{source}:Cells.Inner")) == f"{source}:Cells.Inner"


def test_a_class_of_a_script_or_a_notebook() -> None:
    script = type("Cells", (Small,), {"__module__": "__main__"})
    assert reference(script).endswith(":Cells")


class Endless(Small):
    """A model with fields that JSON does not hold."""

    limit: float = 1.0
    names: Any = None


@pytest.mark.parametrize("fields", [{"limit": float("inf")}, {"limit": float("nan")}, {"names": {1: "one"}}])
def test_fields_with_which_no_model_could_be_made_again(fields: dict[str, Any], tmp_path: Path) -> None:
    train(model=Endless(names={"one": 1}), epochs=1, out=tmp_path)
    before = (tmp_path / "checkpoint.safetensors").read_bytes()
    with pytest.raises(RunError, match=rf"the field '{next(iter(fields))}' of Endless is .*config\.json cannot hold"):
        train(model=Endless(**fields), epochs=1, out=tmp_path, overwrite=True)
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before  # nothing is lost
    train(model=Endless(**fields), epochs=1)


@dataclass(frozen=True)
class Moved:
    """A view with a number of any kind."""

    by: Any


def test_numbers_of_numpy_in_views_tell_runs_apart() -> None:
    half, more = np.float32(0.5), np.float32(0.75)
    assert describe_view(Moved(half)) != describe_view(Moved(more))
    assert describe_view(Moved(half)) == describe_view(Moved(0.5))


def test_an_endless_number_in_a_view_is_the_same_again() -> None:
    here = {**described(), "views": describe_view(ub.Warp(shift=float("inf")))}
    check_same_run(json.loads(json.dumps(plain(here))), here, Path("run"))


def test_what_json_cannot_hold_costs_no_old_run(tmp_path: Path) -> None:
    train(epochs=1, out=tmp_path)
    with pytest.raises(RunError, match="JSON cannot hold"):
        train(epochs=1, out=tmp_path, overwrite=True, config={"when": object()})
    assert ub.load(tmp_path)

"""JSON files hold plain values, and say what is wrong with them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from unbraid.errors import RunError
from unbraid.training.json_file import plain, read_json, write_json


def test_scalars_of_numpy_and_torch_become_plain_values(tmp_path: Path) -> None:
    value = {
        "b": torch.tensor(2),
        "a": [np.float32(0.5), np.int64(3), np.bool_(True)],
        "c": {"path": Path("x"), "image": torch.zeros(1, 2), 3: None},
    }
    write_json(tmp_path / "a.json", value)
    read = read_json(tmp_path / "a.json")
    assert read == {"a": [0.5, 3, True], "b": 2, "c": {"path": "x", "image": [[0.0, 0.0]], "3": None}}
    assert (tmp_path / "a.json").read_text().startswith('{\n  "a": [')


def test_what_is_not_finite_becomes_null() -> None:
    assert plain([float("nan"), np.float32("inf"), torch.tensor([1.0, -torch.inf])]) == [None, None, [1.0, None]]


def test_a_value_that_json_cannot_hold_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"config\.json\['settings'\]\[1\] is a set"):
        write_json(tmp_path / "config.json", {"settings": [1, {2}]})
    assert not list(tmp_path.iterdir())
    write_json(tmp_path / "config.json", {"settings": [1, [2]]}, indent=None)
    assert (tmp_path / "config.json").read_text() == '{"settings": [1, [2]]}\n'


def test_a_broken_file_is_told_from_a_missing_and_an_unreadable_one(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    with pytest.raises(RunError, match=r"there is no .*config\.json"):
        read_json(path)
    path.write_text('{"a": 1,\n "b" 2}')
    with pytest.raises(RunError, match=r"config\.json is not JSON \(.*line 2"):
        read_json(path)
    path.write_bytes(b'{"a": "\xff"}')
    with pytest.raises(RunError, match=r"config\.json is not JSON"):
        read_json(path)
    with pytest.raises(RunError, match="cannot be read: Is a directory"):
        read_json(tmp_path)
    path.write_text('{"a": 1}')
    assert read_json(path) == {"a": 1}

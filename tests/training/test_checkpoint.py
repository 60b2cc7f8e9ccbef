"""A checkpoint gives back exactly what was saved, survives kills and full disks, and refuses what it is not."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from unbraid.errors import RunError
from unbraid.training.checkpoint import KEY, Checkpoint, check_tensors, load_checkpoint, prefixed, save_checkpoint


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the checkpoint goes."""
    return tmp_path / "checkpoint.safetensors"


def test_tensors_and_state_come_back_exactly(path: Path) -> None:
    tensors = {
        "float": torch.tensor([0.1, float("nan"), float("inf"), -0.0]),
        "double": torch.rand(3, 2, dtype=torch.float64),
        "half": torch.rand(3).bfloat16(),
        "count": torch.tensor(2**62),
        "step": torch.tensor(3.0),
        "mask": torch.tensor([True, False]),
        "empty": torch.zeros(0, 4),
        "generator": torch.Generator().manual_seed(7).get_state(),
    }
    state = {"epoch": 3, "best": 0.1 + 0.2, "names": ["é", None], "nested": {"a": True}}
    save_checkpoint(path, Checkpoint(tensors, state))
    loaded = load_checkpoint(path)
    assert loaded.state == state
    assert loaded.tensors.keys() == tensors.keys()
    for name, each in tensors.items():
        again = loaded.tensors[name]
        assert (again.dtype, again.shape) == (each.dtype, each.shape)
        assert again.numpy(force=True).tobytes() == each.numpy().tobytes() if name != "half" else again.equal(each)
        again.zero_()  # its memory is its own, and may be written
    generator = torch.Generator()
    generator.set_state(load_checkpoint(path).tensors["generator"])
    assert torch.equal(torch.rand(5, generator=generator), torch.rand(5, generator=torch.Generator().manual_seed(7)))


def test_shared_strided_and_trained_tensors_are_kept(path: Path) -> None:
    base = torch.arange(12.0).reshape(3, 4)
    tied = nn.Parameter(torch.rand(2))
    tensors = {
        "base": base,
        "view": base[1],
        "transposed": base.T,
        "spread": torch.ones(1).expand(5),
        "a": tied,
        "b": tied,
    }
    image = torch.rand(2, 3, 4, 4).contiguous(memory_format=torch.channels_last)
    save_checkpoint(path, Checkpoint(tensors | {"image": image}))
    loaded = load_checkpoint(path).tensors
    for name, each in (tensors | {"image": image}).items():
        assert torch.equal(loaded[name], each), name
        assert loaded[name].is_contiguous()
        assert not loaded[name].requires_grad


def test_equal_checkpoints_are_equal_files(path: Path) -> None:
    one, two = torch.zeros(1), torch.ones(2)
    save_checkpoint(path, Checkpoint({"a": one, "b": two}, {"x": 1, "y": 2}))
    first = path.read_bytes()
    save_checkpoint(path, Checkpoint({"b": two, "a": one}, {"y": 2, "x": 1}))
    assert path.read_bytes() == first


def test_parts_are_told_apart() -> None:
    tensors = prefixed("model", {"a": torch.zeros(1), "b.c": torch.ones(1)}) | prefixed("model2", {"a": torch.ones(2)})
    checkpoint = Checkpoint(tensors)
    assert {name: each.tolist() for name, each in checkpoint.part("model").items()} == {"a": [0.0], "b.c": [1.0]}
    assert checkpoint.part("mod") == {}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the children are forked")
def test_a_killed_writer_leaves_the_old_or_the_new_file(path: Path) -> None:
    here = Path(__file__)
    command = [sys.executable, str(here.with_name("killed_writer.py")), str(path), "40"]
    environment = os.environ | {"PYTHONPATH": str(here.parents[2])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "die_in_write 1",
        "die_before_replace 1",
        "die_after_replace 2",
        "random 40 saved",
    ]


def test_a_full_disk_leaves_the_last_checkpoint(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_checkpoint(path, Checkpoint({"a": torch.zeros(3)}, {"epoch": 1}))

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(RunError, match=r"disk is full: .*The last checkpoint is intact\. Free some space"):
            save_checkpoint(path, Checkpoint({"a": torch.ones(3)}, {"epoch": 2}))
    assert load_checkpoint(path).state == {"epoch": 1}
    assert list(path.parent.iterdir()) == [path]


def test_a_state_that_is_not_json_is_refused(path: Path) -> None:
    for wrong in ({"best": float("nan")}, {"best": torch.zeros(1)}):
        with pytest.raises(RunError, match="must be JSON"):
            save_checkpoint(path, Checkpoint({}, wrong))
    assert not path.exists()
    save_checkpoint(path, Checkpoint({}, {"best": None}))
    assert load_checkpoint(path).state == {"best": None}


def cut_header(content: bytes) -> bytes:
    return content[:20]


def cut_tensors(content: bytes) -> bytes:
    return content[:-1]


def empty(_: bytes) -> bytes:
    return b""


def cut_at_the_length(content: bytes) -> bytes:
    return content[:8]


def text(_: bytes) -> bytes:
    return b"epoch,loss\n1,0.5\n"


def pickled(_: bytes) -> bytes:
    return b"PK\x03\x04" + bytes(100)


def with_rubbish_header(content: bytes) -> bytes:
    return content[:8] + b"?" + content[9:]


def with_list_header(_: bytes) -> bytes:
    return (10).to_bytes(8, "little") + b"[1, 2]    "


def longer(content: bytes) -> bytes:
    return content + b"more"


def unknown_type(content: bytes) -> bytes:
    return content.replace(b'"F32"', b'"Q32"')


def metadata(values: dict[str, str] | None) -> Callable[[bytes], bytes]:
    return lambda _: safetensors.torch.save({"a": torch.zeros(1)}, metadata=values)


BROKEN: list[tuple[Callable[[bytes], bytes], str]] = [
    (cut_header, "is cut short"),
    (cut_tensors, "is cut short"),
    (empty, "is cut short"),
    (cut_at_the_length, "is cut short"),
    (text, "not a safetensors file"),
    (pickled, "not a safetensors file"),
    (with_rubbish_header, "not a safetensors file"),
    (with_list_header, "not a safetensors file"),
    (longer, "is damaged"),
    (unknown_type, "is damaged"),
    (metadata(None), "holds tensors, but not unbraid's"),
    (metadata({"format": "pt"}), "holds tensors, but not unbraid's"),
    (metadata({KEY: "{"}), "state in .* is damaged"),
    (metadata({KEY: json.dumps({"format": 1})}), "state in .* is damaged"),
    (metadata({KEY: json.dumps({"format": 2, "state": {}})}), r"newer unbraid \(format 2; this one reads 1\)"),
]


@pytest.mark.parametrize(("spoil", "message"), BROKEN)
def test_a_file_that_is_no_checkpoint_is_refused(path: Path, spoil: Callable[[bytes], bytes], message: str) -> None:
    save_checkpoint(path, Checkpoint({"a": torch.zeros(5)}, {"epoch": 1}))
    content = path.read_bytes()
    assert load_checkpoint(path).state == {"epoch": 1}
    path.write_bytes(spoil(content))
    with pytest.raises(RunError, match=message) as caught:
        load_checkpoint(path)
    assert str(path) in str(caught.value)


def test_every_cut_is_refused(path: Path) -> None:
    save_checkpoint(path, Checkpoint({"a": torch.zeros(5)}, {"epoch": 1}))
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(RunError, match="is cut short"):
            load_checkpoint(path)


def test_a_missing_file_and_a_folder_are_refused(path: Path) -> None:
    with pytest.raises(RunError, match=r"there is no checkpoint .*checkpoint\.safetensors"):
        load_checkpoint(path)
    path.mkdir()
    with pytest.raises(RunError, match="cannot be read: Is a directory"):
        load_checkpoint(path)


def test_the_tensors_of_another_model_are_named() -> None:
    here = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)).state_dict()
    names = {"path": Path("run/checkpoint.safetensors"), "model_in_file": "Digits", "model_here": "Faces"}
    check_tensors(dict(here), here, **names)  # type: ignore[arg-type]
    other = {f"2.weight{each}": torch.zeros(1) for each in range(6)}
    other |= {"0.weight": torch.zeros(2, 3), "0.bias": here["0.bias"].double(), "1.weight": here["1.weight"]}
    with pytest.raises(RunError, match=r"run/checkpoint\.safetensors is of another model: Digits .* Faces") as caught:
        check_tensors(other, here, **names)  # type: ignore[arg-type]
    for part in (
        "missing there: 1.bias;",
        "unknown here: 2.weight0, 2.weight1, 2.weight2, 2.weight3 and 2 more;",
        "0.weight (float32 (2, 3) there, float32 (3, 2) here)",
        "0.bias (float64 (3,) there, float32 (3,) here)",
    ):
        assert part in str(caught.value)

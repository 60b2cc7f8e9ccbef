"""Rows in a file that is mapped into memory: read batch by batch, and as exact as in memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.training.small import ROWS, STATEFUL, Small, same_end, train
from unbraid.errors import DataError
from unbraid.training import mapped
from unbraid.training.mapped import MappedReader
from unbraid.training.source import Source, TensorSource, rows_in_memory, source_of

CPU = torch.device("cpu")
BYTES = (ROWS.images * 255).round().byte()
PROGRAM = """
import sys
import numpy as np, torch, unbraid as ub
torch.set_num_threads(1)

class Tiny(ub.Model):
    def encode(self, x):
        return {"digit": ub.Categorical(2)(x)}
    def decode(self, digit):
        return ub.Bernoulli(1, 32, 32)(digit)

def resident():
    with open("/proc/self/status") as status:
        return max(int(line.split()[1]) for line in status if line.startswith(("VmHWM:", "VmRSS:")))

small = np.zeros((4000, 1, 32, 32), np.float32)
ub.fit(Tiny(), small, epochs=1, batch_size=500, progress="quiet")
before = resident()
images = np.load(sys.argv[1], mmap_mode="r")
run = ub.fit(Tiny(), images, epochs=1, batch_size=500, progress="quiet", estimators={"digit": "plug_in"})
print(before, resident(), images.nbytes // 1024, run.history[0]["steps"])
"""


def on_disk(folder: Path, images: Tensor, mode: Any = "r") -> Any:
    """Saves images and maps them."""
    np.save(folder / "images.npy", images.numpy())
    return np.load(folder / "images.npy", mmap_mode=mode)


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_bytes_and_floats_train_as_in_memory(mode: str, tmp_path: Path) -> None:
    whole = train(images=BYTES.float() / 255, **STATEFUL)
    assert same_end(whole, train(images=on_disk(tmp_path, BYTES, mode), **STATEFUL))
    assert same_end(whole, train(images=on_disk(tmp_path, BYTES.float() / 255, mode), **STATEFUL))


@pytest.mark.parametrize("kind", ["float16", "float64", ">f4", "uint8"])
def test_numbers_become_those_of_the_model(kind: str, tmp_path: Path) -> None:
    stored = BYTES.numpy() if kind == "uint8" else (BYTES.numpy() / 255).astype(kind)
    np.save(tmp_path / "images.npy", stored)
    source = source_of(np.load(tmp_path / "images.npy", mmap_mode="r"), Small(), CPU)
    assert isinstance(source, Source)
    assert source.on_disk
    rows = source.gather(torch.tensor([77, 3, 77, 0]))
    assert rows.dtype == torch.float32
    torch.testing.assert_close(rows, (BYTES[[77, 3, 77, 0]].float() / 255), rtol=0, atol=1e-3)
    if kind == "uint8":
        assert torch.equal(rows, BYTES[[77, 3, 77, 0]].float() / 255)


@pytest.fixture(params=["through the map", "from the file"])
def large(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether arrays count as large, and are read from their files."""
    if request.param == "from the file":
        monkeypatch.setattr(mapped, "SMALL", 0)
    return bool(request.param == "from the file")


def test_a_part_of_a_file_has_its_own_numbers(tmp_path: Path, large: bool) -> None:
    array = on_disk(tmp_path, BYTES)
    for part in (slice(None), slice(20, 60), slice(3, None, 4), slice(None, None, -1)):
        reader = MappedReader(array[part], torch.float32)
        assert (reader.place is not None) == large
        assert torch.equal(reader.read(np.array([0, 5, 29])), torch.from_numpy(BYTES.numpy()[part][[0, 5, 29]]) / 255)
    other = np.memmap(tmp_path / "images.npy", np.uint8, "r", offset=128 + 784 * 7, shape=(30, 1, 28, 28))
    assert torch.equal(MappedReader(other, torch.float32).read(np.array([2])), BYTES[[9]].float() / 255)


def test_floats_are_read_from_the_file_too(tmp_path: Path, large: bool) -> None:
    np.save(tmp_path / "images.npy", BYTES.numpy().astype(">f8"))
    reader = MappedReader(np.load(tmp_path / "images.npy", mmap_mode="r"), torch.float32)
    assert torch.equal(reader.read(np.array([7, 7, 119])), BYTES[[7, 7, 119]].float())


def test_what_was_changed_in_memory_only_is_seen(tmp_path: Path, large: bool) -> None:
    private = on_disk(tmp_path, BYTES, "c")
    private[5] = 255
    assert float(MappedReader(private, torch.float32).read(np.array([5])).mean()) == 1.0
    crossed = on_disk(tmp_path, BYTES).transpose(0, 1, 3, 2)
    assert torch.equal(MappedReader(crossed, torch.float32).read(np.array([5])), BYTES[[5]].mT / 255)


def test_a_file_that_was_cut_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped, "SMALL", 0)
    reader = MappedReader(on_disk(tmp_path, BYTES), torch.float32)
    reader.read(np.array([119]))
    os.truncate(tmp_path / "images.npy", 1000)
    with pytest.raises(DataError, match=r"row 119 of the array is not in .*images\.npy any more: was the file cut"):
        reader.read(np.array([119]))


def test_what_is_wrong_in_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"x has shape \(1, 28, 28\); this model takes \(rows, 1, 28, 28\)"):
        train(images=on_disk(tmp_path, BYTES[:, 0]))
    with pytest.raises(DataError, match=r"the array holds int16: store bytes \(uint8, from 0 to 255\) or floating"):
        train(images=on_disk(tmp_path, BYTES.short()))
    wrong = BYTES.float() / 255
    wrong[77, 0, 3, 3] = torch.nan
    with pytest.raises(DataError, match="row 77 of the array has NaN or infinite values"):
        train(images=on_disk(tmp_path, wrong), epochs=1)
    with pytest.raises(DataError, match="x has no rows"):
        train(labels=None, images=on_disk(tmp_path, BYTES.float() / 255)[:0])
    train(images=on_disk(tmp_path, BYTES), epochs=1)


def test_watched_rows_may_be_on_disk(tmp_path: Path) -> None:
    rows = rows_in_memory(on_disk(tmp_path, BYTES), Small())
    assert torch.equal(rows, BYTES.float() / 255)
    run = train(epochs=1, test=(on_disk(tmp_path, BYTES), ROWS.labels))
    assert run.test["digit"]["n"] == 120
    assert not TensorSource(rows, CPU).on_disk


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the system's own count of memory is read")
def test_memory_stays_far_below_the_size_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "large.npy"
    rows = 200_000
    with path.open("wb") as file:  # 205 MB
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (rows, 1, 32, 32)})
        for _ in range(200):
            file.write(bytes(rows * 1024 // 200))
    root = str(Path(__file__).parents[2])
    environment = os.environ | {"PYTHONPATH": root, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)], env=environment, capture_output=True, text=True, check=True
    )
    before, after, size, steps = map(int, done.stdout.split())
    assert steps == rows / 500
    assert size == 200_000
    assert after - before < 0.3 * size

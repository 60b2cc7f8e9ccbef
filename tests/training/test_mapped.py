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


def test_a_part_of_a_file_has_its_own_numbers(tmp_path: Path) -> None:
    source = source_of(on_disk(tmp_path, BYTES)[20:60], Small(), CPU)
    assert len(source) == 40
    assert torch.equal(source.gather(torch.tensor([39, 0])), BYTES[[59, 20]].float() / 255)


def test_pages_are_given_back_and_come_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped, "KEPT", 1)
    reader = MappedReader(on_disk(tmp_path, BYTES, "r+"), torch.float32)
    assert reader.rows_kept == 1
    for _ in range(2):
        assert torch.equal(reader.read(np.arange(120)), BYTES.float() / 255)
        assert reader.touched == 1
    private = on_disk(tmp_path, BYTES, "c")
    private[5] = 255
    kept = MappedReader(private, torch.float32)
    assert kept.map is None  # what was changed in memory only would be lost
    kept.read(np.arange(120))
    assert float(kept.read(np.array([5])).mean()) == 1.0


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
    np.lib.format.open_memmap(path, "w+", np.uint8, (rows, 1, 32, 32)).flush()  # 205 MB of holes
    root = str(Path(__file__).parents[2])
    environment = os.environ | {"PYTHONPATH": root, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)], env=environment, capture_output=True, text=True, check=True
    )
    before, after, size, steps = map(int, done.stdout.split())
    assert steps == rows / 500
    assert size == 200_000
    assert after - before < 0.5 * size

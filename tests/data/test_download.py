"""The download: pip's answer is passed on, only the pinned file comes through, and a silent pip is stopped."""

import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from unbraid.data import download
from unbraid.data.checksum import sha256_of_bytes
from unbraid.data.download import PinnedFile, fetch, run_pip
from unbraid.errors import ChecksumError, DataError, DataNotFoundError

PINNED = PinnedFile("some-package==1.0", "some/data.bin", sha256_of_bytes(b"data"))


def pip_that_saves(content: bytes, member: str = PINNED.member) -> Callable[[Sequence[str]], tuple[int, str]]:
    """Stands in for pip: saves a wheel with one file."""

    def pip(arguments: Sequence[str]) -> tuple[int, str]:
        folder = next(word.removeprefix("--dest=") for word in arguments if word.startswith("--dest="))
        with zipfile.ZipFile(Path(folder) / "some_package-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(member, content)
        return 0, "Saved\n"

    return pip


def python_in_place_of_pip(monkeypatch: pytest.MonkeyPatch, folder: Path, program: str) -> None:
    """Makes `python -m pip` run a program of ours."""
    (folder / "pip.py").write_text(program)
    monkeypatch.setenv("PYTHONPATH", str(folder))


def test_the_pinned_file_comes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "run_pip", pip_that_saves(b"data"))
    assert fetch(PINNED) == b"data"


def test_another_content_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "run_pip", pip_that_saves(b"other"))
    with pytest.raises(ChecksumError, match=r"some/data.bin of some-package==1.0 does not hold what was published"):
        fetch(PINNED)


def test_a_wheel_without_the_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "run_pip", pip_that_saves(b"data", member="else.bin"))
    with pytest.raises(DataError, match=r"some_package-1.0-py3-none-any.whl.*does not hold some/data.bin"):
        fetch(PINNED)


def test_what_pip_said_last_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "run_pip", lambda arguments: (1, "Looking\nERROR: no route to host\n\n"))
    with pytest.raises(DataNotFoundError, match=r"some-package==1.0. pip said last: ERROR: no route to host$"):
        fetch(PINNED)


def test_pip_is_told_to_take_wheels_alone_and_ask_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    words: list[str] = []

    def pip(arguments: Sequence[str]) -> tuple[int, str]:
        words.extend(arguments)
        return 1, ""

    monkeypatch.setattr(download, "run_pip", pip)
    with pytest.raises(DataNotFoundError, match="pip said last: nothing"):
        fetch(PINNED)
    assert words[:2] == ["download", "some-package==1.0"]
    assert {"--no-deps", "--only-binary=:all:", "--no-input", "--retries=1", "--timeout=15"} < set(words)


def test_pip_itself_runs() -> None:
    status, said = run_pip(["--version"])
    if "No module named pip" in said:
        pytest.skip("this Python has no pip")
    assert status == 0
    assert said.startswith("pip ")


def test_the_status_and_both_outputs_come_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = "import sys; print(sys.argv[1:]); print('oh no', file=sys.stderr); sys.exit(3)"
    python_in_place_of_pip(monkeypatch, tmp_path, program)
    assert run_pip(["download", "x"]) == (3, "['download', 'x']\noh no\n")


@pytest.mark.parametrize(
    ("says", "limit"), [("Collecting x", "_START_SECONDS"), ("Collecting x\\n  Downloading x.whl", "_TOTAL_SECONDS")]
)
def test_a_pip_that_hangs_is_stopped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, says: str, limit: str) -> None:
    python_in_place_of_pip(monkeypatch, tmp_path, f"import time; print('{says}'); time.sleep(60)")
    monkeypatch.setattr(download, limit, 2.0)
    started = time.monotonic()
    status, said = run_pip(["download", "x"])
    assert time.monotonic() - started < 20
    assert status != 0
    assert said.endswith("(stopped after 2 s)")


def test_a_download_under_way_is_let_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    python_in_place_of_pip(monkeypatch, tmp_path, "import time; print('  Downloading x.whl'); time.sleep(2)")
    monkeypatch.setattr(download, "_START_SECONDS", 1.5)
    assert run_pip([])[0] == 0

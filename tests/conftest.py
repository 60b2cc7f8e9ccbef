"""What every test runs under: one thread, no display, shapes and types checked at run time, fixed examples."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # for what tests start; two spinning threads slow each other down
os.environ["MPLBACKEND"] = "Agg"

import pytest
import torch
from hypothesis import settings
from jaxtyping import config, install_import_hook

torch.set_num_threads(1)
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what runs in its background without

# Before anything imports unbraid: the annotations of what users do not call themselves are checked at every call. What
# they do call refuses wrong input in its own words, which tests read. UNBRAID_TYPECHECK=0 to debug without.
CHECKED = [
    *(f"unbraid.{part}" for part in ("estimators", "evaluation", "graph", "inference", "objectives", "views")),
    *(f"unbraid.training.{part}" for part in ("averaging", "batches", "checkpoint", "draws", "plan", "state")),
]
if os.environ.get("UNBRAID_TYPECHECK") != "0":
    install_import_hook(CHECKED, "beartype.beartype")

# The same examples in every run, and no deadline: a busy machine is no failure.
settings.register_profile("unbraid", deadline=None, derandomize=True)
settings.load_profile("unbraid")


@pytest.fixture
def sizes_may_be_symbols() -> Iterator[None]:
    """Exported programs are traced with torch's symbols for numbers of rows; the checks of `CHECKED` know none."""
    before = config.jaxtyping_disable
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", before)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real data sets: the one UNBRAID_DATA names, else shared/data beside the repository."""
    named = os.environ.get("UNBRAID_DATA")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is not a folder; set UNBRAID_DATA to one that holds mnist/")
    return folder


@pytest.fixture(scope="session")
def mnist_folder(data_folder: Path) -> Path:
    """The folder of MNIST's four IDX files."""
    folder = data_folder / "mnist"
    if not folder.is_dir():
        pytest.skip(f"no MNIST: {folder} is not a folder; set UNBRAID_DATA to one that holds mnist/")
    return folder

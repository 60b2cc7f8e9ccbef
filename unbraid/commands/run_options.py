"""What any training from the shell can be told besides its data, its settings and the fields of its model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from unbraid.training.progress import Style

ProgressOption = Annotated[Style, arg(help="how progress is shown: a bar, a line an epoch, or nothing")]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Where a run goes, how many rows it takes, and where it is trained."""

    out: Annotated[Path, arg(help="the run folder")] = Path("runs/latest")
    overwrite: Annotated[bool, arg(help="replace an old run in the folder")] = False
    validation: Annotated[int, arg(help="so many of the last training rows are not trained on, but watched")] = 0
    limit: Annotated[int, arg(help="at most so many rows, for a quick try; 0 for all")] = 0
    progress: ProgressOption = "auto"
    device: Annotated[str, arg(help="where to train: cpu, cuda, cuda:1, ...")] = "cpu"
    devices: Annotated[int, arg(help="processes on this machine that train together")] = 1
    nodes: Annotated[int, arg(help="machines that train together; each runs this command")] = 1

"""What the programs of time_to_accuracy.py share: the same rows and labels, and how an error is noted."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import unbraid as ub

HELD_OUT = 10_000


@dataclass(frozen=True)
class Task:
    """Rows to train on, of which a few are labelled, rows to report the error of, and where it is noted.

    Attributes:
        train: The rows to train on.
        labels: By variable, -1 where a row is not labelled.
        watched: The rows whose error is reported; it chooses and stops nothing.
        seed: Of the training.
    """

    train: ub.data.Rows
    labels: Mapping[str, Any]
    watched: ub.data.Rows
    seed: int
    given: argparse.Namespace

    def note(self, epoch: float, error: float) -> None:
        """Adds a line: the seconds since the process was started, imports and evaluations so far included."""
        found = {"epoch": epoch, "seconds": time.time() - self.given.started, "error": error}
        line = {"system": self.given.system, "draw": self.given.draw, "develop": self.given.develop, **found}
        with self.given.out.open("a") as file:
            file.write(json.dumps(line) + "\n")


def task_of() -> Task:
    """Makes the task that the words of the command line name.

    With ``--develop`` the last 10,000 training rows are watched and not trained on, and no test row is read.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("system")
    parser.add_argument("--draw", type=int, required=True)
    parser.add_argument("--started", type=float, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--develop", action="store_true")
    given = parser.parse_args()
    train, watched = ub.data.mnist()
    if given.develop:
        train, watched = train[:-HELD_OUT], train[-HELD_OUT:]
    return Task(train, ub.data.few_labels(train.labels, 10, given.draw), watched, given.draw, given)

"""A training that is killed at any moment goes on to the same end, bit for bit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked")
def test_a_killed_training_goes_on_to_the_same_end(tmp_path: Path) -> None:
    """Of a training with every kind of state: averages, running means, dropout, views, schedules, best weights."""
    root = Path(__file__).parents[2]
    command = [sys.executable, str(Path(__file__).with_name("killed_training.py")), str(tmp_path), "4"]
    environment = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:5] == [
        "in_step killed 1 alike",
        "in_history killed 1 alike",
        "before_checkpoint killed 1 alike",
        "in_checkpoint killed 0 alike",
        "after_checkpoint killed 2 alike",
    ]
    name, deaths, verdict = lines[5].split()
    assert (name, verdict) == ("random", "alike")
    assert int(deaths) >= 1

"""What the profiler's names are counted as."""

from __future__ import annotations

import pytest

from benchmarks.profile_step import PARTS, part_of, profiled, table
from benchmarks.systems.unbraid import step_of


@pytest.mark.parametrize(
    ("operation", "part"),
    [
        ("aten::addmm", "products"),
        ("aten::softplus", "element by element"),
        ("aten::normal_", "noise"),
        ("aten::_fused_adam_", "optimiser"),
        ("Optimizer.step#Adam.step", "optimiser"),
        ("autograd::engine::evaluate_function: AddmmBackward0", "autograd"),
    ],
)
def test_parts(operation: str, part: str) -> None:
    assert part_of(operation) == part


def test_every_part_of_a_step_is_found() -> None:
    parts, _ = profiled(step_of("m2", "enumerated", 2), steps=2)
    assert set(parts) == set(PARTS)
    assert all(parts[part] > 0 for part in PARTS)
    assert table({"enumerated_2": parts}, {"enumerated_2": 1.0}).count("|") > 3 * len(PARTS)

"""Seeds of draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import unbraid as ub
from unbraid.data import Rows, tiny_digits
from unbraid.errors import OptionError

LABELS = {"digit": np.arange(20) % 2}
DRAWS: dict[str, Callable[[Any], Any]] = {
    "few_labels": lambda seed: ub.data.few_labels(LABELS, per_class=2, seed=seed)["digit"].tolist(),
    "split_rows": lambda seed: ub.data.split_rows(tiny_digits(20), seed=seed)[1].labels["digit"].tolist(),
    "hold_out": lambda seed: ub.data.hold_out(tiny_digits(20), of="digit", seed=seed)[1].labels["digit"].tolist(),
    "tiny_digits": lambda seed: _digits(tiny_digits(20, seed=seed)),
    "sprites": lambda seed: ub.data.sprites(8, seed=seed).images.sum((1, 2, 3)).tolist(),
    "compose_digits": lambda seed: ub.data.compose_digits(tiny_digits(20), 6, seed=seed).images.sum((1, 2, 3)).tolist(),
}


def _digits(rows: Rows) -> Any:
    return rows.labels["digit"].tolist()


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_a_seed_is_a_whole_number_of_at_least_0(draw: Callable[[Any], Any]) -> None:
    assert draw(3) == draw(np.int64(3))
    assert draw(3) != draw(4)
    for wrong in (-1, 0.5, None):
        with pytest.raises(OptionError, match=f"seed of a draw must be a whole number of at least 0, got {wrong}"):
            draw(wrong)

"""Other data of the same size are noticed when a run is gone on with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import unbraid as ub
from tests.training.small import Small
from unbraid.errors import RunError
from unbraid.training.source import TensorSource, probe


def test_the_probe_depends_on_the_rows() -> None:
    images = ub.data.tiny_digits(150).images
    other = images.clone()
    other[-1] = 0
    cpu = torch.device("cpu")
    assert probe(TensorSource(images, cpu)) == probe(TensorSource(images.clone(), cpu))
    assert probe(TensorSource(images, cpu)) != probe(TensorSource(other, cpu))


def test_other_rows_are_refused_on_resume(tmp_path: Path) -> None:
    rows = ub.data.tiny_digits(60)
    labels = ub.data.few_labels(rows.labels, per_class=2)
    ub.fit(Small(), rows.images, labels, epochs=1, out=tmp_path / "run", progress="quiet")
    ub.fit(Small(), rows.images, labels, epochs=1, out=tmp_path / "run", resume=True, progress="quiet")
    with pytest.raises(RunError, match=r"holds another run: its rows had other values\. Go on with the same rows"):
        ub.fit(Small(), 1 - rows.images, labels, epochs=1, out=tmp_path / "run", resume=True, progress="quiet")


class Drawn(torch.utils.data.Dataset[torch.Tensor]):
    """Rows of which some pixels are dropped, anew each time; by torch's generator or by numpy's."""

    def __init__(self, by: str) -> None:
        self.by, self.rows = by, ub.data.tiny_digits(60).images

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: int) -> torch.Tensor:
        kept = torch.rand(28) if self.by == "torch" else torch.from_numpy(np.random.rand(28))  # noqa: NPY002
        return self.rows[row] * (kept > 0.1).float()


@pytest.mark.parametrize("by", ["torch", "numpy"])
def test_rows_that_are_drawn_anew_can_be_gone_on_with(by: str, tmp_path: Path) -> None:
    labels = ub.data.few_labels(ub.data.tiny_digits(60).labels, per_class=2)
    for resume in (False, True):
        ub.fit(Small(), Drawn(by), labels, epochs=1, out=tmp_path / "run", resume=resume, progress="quiet")

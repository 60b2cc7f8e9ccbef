"""Other data of the same size are noticed when a run is gone on with."""

from __future__ import annotations

from pathlib import Path

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
    with pytest.raises(RunError, match="holds another run: probe there is"):
        ub.fit(Small(), 1 - rows.images, labels, epochs=1, out=tmp_path / "run", resume=True, progress="quiet")

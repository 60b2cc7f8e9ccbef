"""The picture of a confusion matrix."""

from __future__ import annotations

import numpy as np

from unbraid.figures import caption_of, confusion


def test_writes_counts_and_errors_and_colours_only_errors() -> None:
    figure = confusion(np.array([[97, 3], [0, 0]]), "digit")
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == ["97", "3", "3.0 %", "–", "error"]
    assert np.asarray(axes.images[0].get_array()).tolist() == [[0, 3], [0, 0]]


def test_a_large_matrix_is_not_annotated() -> None:
    figure = confusion(np.eye(38, dtype=np.int64) * 5 + 2, "identity")
    assert not figure.axes[0].texts
    assert "darkest cell holds 2 rows" in caption_of(figure)

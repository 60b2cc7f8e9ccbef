"""Running means count the rows that each term applied to."""

from __future__ import annotations

import pytest
import torch

from unbraid.training.means import Means


def test_means_are_over_rows() -> None:
    means = Means()
    assert means() == {}
    means.add("a", torch.tensor([1.0, 2.0, 3.0]))
    means.add("b", torch.tensor([5.0]))
    means.add("a", torch.tensor([6.0]))
    assert means() == {"a": pytest.approx(3.0), "b": 5.0}


def test_means_keep_no_graph() -> None:
    means = Means()
    values = torch.ones(2, requires_grad=True) * 2
    means.add("a", values)
    assert means._sums["a"].grad_fn is None

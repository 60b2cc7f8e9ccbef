"""What a likelihood says about data: its range, missing numbers, grey pixels."""

from __future__ import annotations

import pytest
import torch

import unbraid as ub
from unbraid.errors import DataError

GREY = torch.tensor([[0.0, 0.5], [1.0, 1.0]])


@pytest.mark.parametrize("likelihood", [ub.Bernoulli(2), ub.ContinuousBernoulli(2)], ids=str)
def test_pixels_are_between_zero_and_one(likelihood: ub.Family) -> None:
    likelihood.check_data(GREY)
    with pytest.raises(
        DataError, match=r"from 0 to 255; the likelihood \w+\(2\) takes values from 0 to 1. Bytes\? Divide by 255"
    ):
        likelihood.check_data(GREY * 255)
    with pytest.raises(DataError, match=r"from -1 to 1; .* Rescale x, or choose ub.Normal"):
        likelihood.check_data(GREY * 2 - 1)


@pytest.mark.parametrize("likelihood", [ub.Bernoulli(2), ub.ContinuousBernoulli(2), ub.Normal(2)], ids=str)
def test_data_are_finite(likelihood: ub.Family) -> None:
    for missing in (torch.nan, torch.inf):
        x = GREY.clone()
        x[1, 0] = missing
        with pytest.raises(DataError, match=r"x has NaN or infinite values, first in row 1"):
            likelihood.check_data(x)
    likelihood.check_data(GREY)


def test_grey_pixels_are_refused_where_asked() -> None:
    with pytest.raises(
        DataError, match=r"x has grey values .* choose grey='binarise' or grey='cross_entropy', or ub.Contin"
    ):
        ub.Bernoulli(2, grey="refuse").check_data(GREY)
    ub.Bernoulli(2, grey="refuse").check_data(GREY.round())


def test_a_normal_takes_any_number() -> None:
    ub.Normal(2).check_data(GREY * 1e3 - 5)


def test_grey_pixels_are_binarised_anew_with_their_value_as_probability() -> None:
    grey = torch.tensor([0.0, 0.2, 0.7, 1.0]).expand(10_000, 4)
    target = ub.Bernoulli(4).target(grey, torch.Generator().manual_seed(0))
    assert set(target.unique().tolist()) == {0.0, 1.0}
    assert ((target.mean(0) - grey[0]).abs() <= 5 * (grey[0] * (1 - grey[0]) / 10_000).sqrt()).all()
    assert target[:, 0].sum() == 0
    assert target[:, 3].sum() == 10_000


@pytest.mark.parametrize(
    "likelihood", [ub.Bernoulli(2, grey="cross_entropy"), ub.ContinuousBernoulli(2), ub.Normal(2)], ids=str
)
def test_other_likelihoods_score_x_itself(likelihood: ub.Family) -> None:
    assert likelihood.target(GREY, None) is GREY


def test_the_cross_entropy_of_grey_pixels_is_least_at_their_value() -> None:
    family = ub.Bernoulli(1, grey="cross_entropy")
    logits = torch.linspace(-3, 3, 61)[:, None]
    best = logits[family.log_prob({"logits": logits}, torch.full((1, 1), 0.3)).argmax()]
    assert abs(torch.sigmoid(best) - 0.3) < 0.02


@pytest.mark.parametrize("likelihood", [ub.Bernoulli(2), ub.ContinuousBernoulli(2)], ids=str)
def test_rounding_leaves_no_range(likelihood: ub.Family) -> None:
    """What is put onto a canvas is a mean of pixels, and may be a rounding error above 1."""
    likelihood.check_data(torch.tensor([[1.0000002, -1e-7]]))
    with pytest.raises(DataError, match=r"x has values from 0 to 1\.001; .* Rescale x, or choose ub.Normal"):
        likelihood.check_data(torch.tensor([[1.001, 0.0]]))

"""Views of colour images and faces keep shape and range, and are a function of their generator."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from experiments.neighbours import Neighbours
from experiments.views import Blur, Colour, Cover, InTurn, Relight
from unbraid.views import View

IMAGES = torch.rand(64, 3, 12, 10, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "view", [Blur(), Colour(), Cover(), Relight(), InTurn((Colour(), Cover()))], ids=lambda v: type(v).__name__
)
def test_a_view_is_a_function_of_its_generator(view: View) -> None:
    drawn = partial(torch.Generator().manual_seed, 1)
    one, again = view(IMAGES, torch.Generator().manual_seed(1)), view(IMAGES, drawn())
    assert one.shape == IMAGES.shape
    assert torch.equal(one, again)
    assert not torch.equal(one, view(IMAGES, torch.Generator().manual_seed(2)))
    assert 0 <= one.min() <= one.max() <= 1


def test_nothing_is_changed_where_nothing_is_to_be() -> None:
    generator = torch.Generator().manual_seed(0)
    still = (Colour(contrast=0.0, brightness=0.0, tint=0.0, negative=0.0), Cover(0.0), Relight(0.0, 0.0, 0.0))
    torch.testing.assert_close(InTurn(still)(IMAGES, generator), IMAGES, atol=1e-3, rtol=0.0)


def test_blurred_ink_is_spread_and_none_is_added() -> None:
    ink = torch.zeros(200, 1, 15, 15)
    ink[:, :, 7, 7] = 1
    seen = Blur(side=3, palest=1.0)(ink, torch.Generator().manual_seed(0))
    torch.testing.assert_close(seen.sum((1, 2, 3)), torch.ones(200))
    assert seen[..., 7, 7].min() < 0.2 < 0.9 < seen[..., 7, 7].max()
    assert seen[..., :5, :].max() == 0  # two pixels away at most
    pale = Blur(side=1, palest=0.4)(ink, torch.Generator().manual_seed(0)).amax((1, 2, 3))
    assert 0.4 <= pale.min() < 0.45 < 0.95 < pale.max() <= 1


def test_negatives_and_mirror_images_are_as_frequent_as_asked() -> None:
    generator = torch.Generator().manual_seed(0)
    always = Colour(contrast=0.0, brightness=0.0, tint=0.0, negative=1.0)
    torch.testing.assert_close(always(IMAGES, generator), 1 - IMAGES)
    mirrored = Relight(gamma=0.0, slope=0.0, mirror=0.25)(IMAGES.repeat(16, 1, 1, 1), generator)
    turned = ((mirrored - IMAGES.repeat(16, 1, 1, 1)).abs().amax((1, 2, 3)) > 1e-3).float().mean()
    assert abs(float(turned) - 0.25) < 5 * (0.25 * 0.75 / 1024) ** 0.5


def test_what_is_covered_is_one_square() -> None:
    covered = (Cover(0.5)(torch.zeros(200, 1, 20, 20), torch.Generator().manual_seed(0)) > 0)[:, 0]
    high, wide = covered.any(2).sum(1), covered.any(1).sum(1)
    assert torch.equal(covered.flatten(1).sum(1), high * wide)
    assert int(high.max()) in (9, 10, 11)


def test_neighbours_are_the_likest_rows() -> None:
    angles = torch.tensor([0.0, 0.1, 0.25, 3.0])
    rows = torch.stack([angles.cos(), angles.sin()], 1)
    near = Neighbours(rows, lambda x: x, nearest=1)
    seen = [near(rows, torch.Generator().manual_seed(seed)) for seed in range(40)]
    found = [{int((rows == each[row]).all(1).nonzero()[0]) for each in seen} for row in range(4)]
    assert found == [{0, 1}, {1, 0}, {2, 1}, {3, 2}]
    assert repr(near) == "Neighbours(nearest=1)"

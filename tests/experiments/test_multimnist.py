"""The program of Multi-MNIST: what is known of scenes, and the networks that look at them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.distributions import Categorical, Distribution

import unbraid as ub
from experiments import multimnist
from experiments import multimnist_networks as net
from experiments.lone import Lone, lone
from experiments.multimnist_networks import CELLS
from experiments.multimnist_pictures import with_added
from unbraid.data import Rows, compose_digits, tiny_digits


def test_a_centre_is_marked_in_its_cell() -> None:
    places = np.array([[[0.4, -1.0, -1.0], [0.4, 0.0, 0.99], [np.nan, np.nan, np.nan]]], np.float32)
    last = CELLS - 1
    assert np.argwhere(multimnist.centres(places)[0]).tolist() == [[0, 0], [last, last // 2]]
    assert multimnist.cells(places).tolist() == [[0, last * CELLS + last // 2, -1]]


def test_a_count_is_near_what_is_there() -> None:
    """Its odds are those of a normal density around the amount, at whole numbers: also where no count was ever seen."""
    near = net.Near(5)
    found = torch.log_softmax(near(torch.tensor([[0.2], [3.9], [11.0]])), 1)
    assert found.argmax(1).tolist() == [0, 4, 4]
    scale = (near.log_precision.detach().exp() * 2) ** -0.5
    density = torch.distributions.Normal(torch.tensor([[0.2], [3.9], [11.0]]), scale).log_prob(torch.arange(5.0))
    assert torch.allclose(found, torch.log_softmax(density, 1), atol=1e-4)


def test_a_sum_over_places_tells_counts_that_were_never_seen() -> None:
    """Trained on none to two of something, it tells four; log-odds of each count by itself do not."""
    torch.manual_seed(0)
    things = torch.randint(3, (2000,))
    seen = torch.stack([torch.where(torch.randperm(CELLS**2) < count, 1.0, 0.0) for count in things])
    four = torch.stack([torch.where(torch.randperm(CELLS**2) < 4, 1.0, 0.0) for _ in range(100)])
    for summed in (True, False):
        amount = torch.nn.Linear(CELLS**2, 1) if summed else torch.nn.Linear(CELLS**2, 5)
        torch.nn.init.constant_(amount.weight, 0.1)
        odds = torch.nn.Sequential(amount, net.Near(5)) if summed else amount
        optimiser = torch.optim.Adam(odds.parameters(), 0.01)
        for _ in range(300):
            loss = torch.nn.functional.cross_entropy(odds(seen), things)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        assert bool((odds(four).argmax(1) == 4).float().mean() > 0.9) == summed


def test_a_cell_is_known_by_its_features_and_by_where_it_is() -> None:
    seen = torch.randn(2, 5, CELLS, CELLS)
    places = np.array([[[0.4, 0.31, -0.77]], [[0.4, -0.92, 0.0]]], np.float32)
    cell = multimnist.cells(places)[:, 0]
    one_hot = torch.nn.functional.one_hot(torch.as_tensor(cell), CELLS**2).float()
    at = net.Attend()(net.WithCoordinates()(seen), one_hot)
    for row, (down, across) in enumerate(zip(*np.divmod(cell, CELLS), strict=True)):
        torch.testing.assert_close(at[row, :5], seen[row, :, down, across])
    off = at[:, 5:].tanh() - torch.as_tensor(places[:, 0, 1:])
    assert off.abs().max() <= 1 / CELLS + 1e-6


def test_what_was_found_changes_where_is_looked_next() -> None:
    """With weights that say so, a step looks for the most likely cell that has not been visited."""
    search, found = net.Search(channels=1), torch.rand(3, 1, CELLS, CELLS) + 5
    with torch.no_grad():
        for each in search.parameters():
            each.zero_()
        search.near.weight[0, 0, 2, 2] = -4
        search.odds.weight.fill_(1)
    visited = net.Nowhere()(found)
    order = []
    for _ in range(4):
        cell = search(found, visited).argmax(1)
        visited = visited + torch.nn.functional.one_hot(cell, CELLS**2)
        order.append(cell)
    assert torch.equal(torch.stack(order, 1), found.flatten(1).argsort(1, descending=True)[:, :4])


def test_places_are_moved_in_training_alone() -> None:
    jitter, places = net.Jitter(), torch.zeros(4000, 3)
    assert torch.equal(jitter.eval()(places), places)
    moved = jitter.train()(places).std(0)
    torch.testing.assert_close(moved, torch.tensor([0.04, 0.06, 0.06]), rtol=0.1, atol=0)


def test_each_step_knows_the_cells_of_the_steps_before() -> None:
    model, x = multimnist.MultiDigits(seed=0), torch.rand(1, 1, 50, 50)
    found = [
        model.infer(x, count=torch.tensor([3]), **{"items.cell": torch.tensor([[cell, 8, 8]])}) for cell in (7, 90)
    ]
    one, other = (categorical(each["items.cell"]).probs for each in found)
    assert torch.equal(one[:, 0], other[:, 0])
    assert not torch.allclose(one[:, 1], other[:, 1])


def test_no_label_of_another_row_takes_part() -> None:
    scenes = compose_digits(tiny_digits(), 80)
    train = multimnist._with_latents(scenes)
    labels = ub.data.few_labels(train.labels, 5, 0, of="count")
    hidden = labels["count"] < 0
    more, found = multimnist.enriched({}, train, labels, 0)
    assert len(more) == 80 + 2 * 20 * multimnist.COMPOSED
    assert torch.equal(more.images[:80], train.images)
    assert (found["count"][:80] == labels["count"]).all()
    blank = train.images.clone()
    blank[torch.from_numpy(hidden)] = 0
    without, again = multimnist.enriched({}, Rows(blank, labels, "blank"), labels, 0)
    assert torch.equal(without.images[80:], more.images[80:])
    for name, values in found.items():
        np.testing.assert_array_equal(again[name], values)


def test_isolated_digits_bring_no_label_of_a_scene() -> None:
    train = multimnist._with_latents(compose_digits(tiny_digits(), 40))
    _, labels = multimnist.enriched({"model": "isolated"}, train, {}, 0)
    assert set(labels) == set(multimnist.KNOWN_OF_ISOLATED)
    assert (labels["count"][:40] == -1).all()
    assert np.isnan(labels["items.place"][:40]).all()
    assert (labels["items.cell"][:40] == -1).all()
    assert np.isnan(labels["centres"][:40]).all()


def test_rarer_labelled_batches_are_larger_and_adam_remembers_as_many_of_them() -> None:
    often, rare = (multimnist.settings({"rate": rate}) for rate in (10, 1))
    assert rare.labelled_batch_size == 10 * often.labelled_batch_size
    assert rare.betas[1] ** 100 == pytest.approx(often.betas[1] ** 10)
    assert rare.learning_rate * 10**0.5 == pytest.approx(often.learning_rate)
    assert multimnist.settings({"rate": 0}).rate == 0


def test_nothing_is_composed_without_labels() -> None:
    train = multimnist._with_latents(compose_digits(tiny_digits(), 8))
    assert multimnist.enriched({}, train, {}, 0) == (train, {})


def categorical(found: Distribution) -> Categorical:
    assert isinstance(found, Categorical)
    return found


def test_an_added_digit_lies_where_there_is_room() -> None:
    where = torch.tensor([[[0.5, -0.5, -0.5], [0.5, 0.4, 0.3], [0.5, 0.0, 0.0]]])
    found = {
        "count": torch.tensor([2]),
        "items.place": ub.from_place(where),
        "items.digit": torch.tensor([[9, 9, 3]]),
        "items.style": torch.tensor([[[0.0], [1.0], [2.0]]]),
    }
    more = with_added(found)
    torch.testing.assert_close(ub.to_place(more["items.place"])[0, 2], torch.tensor([0.5, -0.5, 0.5]))
    assert more["items.digit"].tolist() == [[9, 9, 0]]
    assert more["items.style"].flatten().tolist() == [0, 1, 1]
    torch.testing.assert_close(more["items.place"][0, :2], found["items.place"][0, :2])
    assert found["items.digit"].tolist() == [[9, 9, 3]]


def test_a_lone_digit_is_set_in_the_first_step() -> None:
    scenes = multimnist._with_latents(compose_digits(tiny_digits(), 40))
    alone = lone(scenes)
    assert len(alone) == int((scenes.labels["count"] == 1).sum())
    assert (alone.labels["digit"] == scenes.labels["items.digit"][scenes.labels["count"] == 1, 0]).all()
    model, x = multimnist.MultiDigits(seed=0), alone.images[:2]
    made = Lone(model).analogy(x, digit=[4, 7])
    found = model.predict(x)
    for column, digit in enumerate((4, 7)):
        digits = found["items.digit"].clone()
        digits[:, 0] = digit
        assert torch.allclose(made[:, column], model.generate({**found, "items.digit": digits}), atol=1e-6)

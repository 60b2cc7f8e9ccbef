"""AIR says what its paper says, learns without a label, and its things can be counted, taken away and added."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.distributions import Categorical

import unbraid as ub
from unbraid import zoo
from unbraid.data import compose_digits, tiny_digits


def small(most: int = 2) -> zoo.AIR:
    return zoo.AIR(hidden=24, size=6, most=most)


def scenes(rows: int) -> ub.data.Rows:
    return compose_digits(tiny_digits(), rows, counts=(0, 1, 2))


def test_the_program_is_the_papers() -> None:
    assert str(small()) == (
        "q(count | x) q(things[t].where | x, count, things[<t].where, things[<t].what) "
        "q(things[t].what | x, count, things[t].where)\n"
        "p(count) p(things[t].where) p(things[t].what) p(x | count, things[:].where, things[:].what)"
    )


def test_the_program_is_short() -> None:
    assert zoo.AIR.__module__ == "unbraid.zoo.air"
    path = Path(str(zoo.__file__)).parent / "air.py"
    assert len([line for line in path.read_text().splitlines() if line.strip()]) <= 60


def test_fewer_things_are_more_probable_before_anything_is_seen() -> None:
    prior = zoo.AIR(hidden=24, size=6, most=2, more=0.5).latents["count"].prior["logits"]
    assert isinstance(prior, torch.Tensor)
    torch.testing.assert_close(torch.softmax(prior, -1), torch.tensor([4.0, 2.0, 1.0]) / 7)


def test_no_count_is_given_up() -> None:
    model = zoo.AIR(hidden=24, size=6, most=2, doubt=0.7)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(100)
        count = model.infer(scenes(12).images)["count"]
    assert isinstance(count, Categorical)
    spread = count.logits.amax(-1) - count.logits.amin(-1)
    assert 0.7 < spread.max() <= 1.4 + 1e-4


def test_training_without_labels_lowers_the_loss() -> None:
    images = scenes(60).images
    run = ub.fit(small(), images, epochs=4, batch_size=20, learning_rate=3e-3, progress="quiet")
    assert run.history[-1]["loss"] < 0.9 * run.history[0]["loss"]


def test_every_parameter_has_a_gradient() -> None:
    model = small(most=3)  # the first state is zero, so that the state has a weight only from the third step on
    model.objective(scenes(12).images, generator=torch.Generator().manual_seed(0)).loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_no_thing_leaves_the_canvas_empty_and_one_more_adds_ink() -> None:
    drawn = small().analogy(scenes(4).images, count=range(3))
    ink = drawn.sum((2, 3, 4))
    assert drawn.shape == (4, 3, 1, 50, 50)
    assert (ink[:, 0] == 0).all()
    assert (ink[:, 1] > 0).all()
    assert (ink[:, 2] > ink[:, 1]).all()

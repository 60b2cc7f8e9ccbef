"""The recipe for MNIST: its model, its settings, and the rows that it was developed on."""

from __future__ import annotations

import unbraid as ub
from tests.training.small import ROWS
from unbraid.recipes import MNIST, RECIPES, ConvDigits
from unbraid.training.task import Task
from unbraid.views import View


def test_the_recipe_is_found_by_its_name() -> None:
    assert RECIPES["mnist"] is MNIST
    assert (MNIST.model, MNIST.load, MNIST.variable) == (ConvDigits, ub.data.mnist, "digit")
    assert isinstance(MNIST.views, View)
    assert "last 10,000 training rows" in MNIST.developed
    assert MNIST.variable in ConvDigits(hidden=8).latents


def test_the_settings_can_be_met_with_the_views_and_labels() -> None:
    labels = ub.data.few_labels(ROWS.labels, per_class=3)
    task = Task.of(ConvDigits(hidden=8), ROWS.images, labels, MNIST.views, MNIST.settings)
    assert task.consistent == ("digit",)
    assert task.balanced == "digit"


def test_the_recipe_trains_on_a_few_rows() -> None:
    labels = ub.data.few_labels(ROWS.labels, per_class=3)
    settings = MNIST.settings.changed(epochs=2, warmup_steps=0)
    run = ub.fit(ConvDigits(hidden=16), ROWS.images, labels, views=MNIST.views, settings=settings, progress="quiet")
    assert run.history[-1]["terms"]["log p(x)"] > run.history[0]["terms"]["log p(x)"]
    assert run.model.sample(2, digit=3).shape == (2, 1, 28, 28)

"""A view has its own values of latents that are not compared: a label below one is read from the view."""

from __future__ import annotations

from typing import Any

import torch

import unbraid as ub
from unbraid.training.consistency import Consistency


class Below(ub.Model):
    """The label below a continuous latent."""

    def encode(self, x: Any) -> Any:
        a = ub.Normal(2)(x)
        return {"a": a, "digit": ub.Categorical(3)(a)}

    def decode(self, a: Any, digit: Any) -> Any:
        return ub.Bernoulli(4)(a, digit)


def test_the_view_is_read_through_its_own_latents() -> None:
    """The loss of a labelled row is minus log q of its label at the view's own a, not at the row's."""
    model = Below(seed=1)
    x, view = torch.zeros(2, 4), torch.ones(2, 4)
    labels = {"digit": torch.tensor([0, 2])}
    supervised, _ = Consistency(model, ["digit"], 0.5).losses(model, x, view, labels)
    expected = -model.infer(view)["digit"].log_prob(labels["digit"])
    torch.testing.assert_close(supervised["digit"].detach(), expected)
    assert not torch.allclose(expected, -model.infer(x)["digit"].log_prob(labels["digit"]))

"""Analogies where p has structure: what follows the changed latent is generated anew."""

from __future__ import annotations

from typing import Any

import torch

import unbraid as ub
from unbraid.graph import Spread


class Characteristics(ub.Model):
    """A digit behind a continuous characteristic, from which alone x is generated."""

    def encode(self, x: Any) -> Any:
        trait = ub.Normal(2)(x)
        return {"trait": trait, "digit": ub.Categorical(3)(trait), "rest": ub.Normal(1)(x)}

    def prior(self, digit: Any) -> Any:
        return {"trait": ub.Normal(2)(digit)}

    def decode(self, trait: Any, rest: Any) -> Any:
        return ub.Bernoulli(4)(trait, rest)


def test_what_follows_in_p_is_generated_anew() -> None:
    model = Characteristics(seed=3)
    x = (torch.rand(5, 4, generator=torch.Generator().manual_seed(0)) < 0.5).float()
    assert model.graph.generated_from("digit") == {"trait"}
    analogies = model.analogy(x, digit=range(3))
    assert not torch.allclose(analogies[:, 0], analogies[:, 1])
    frame = model.frame(None)
    for digit in range(3):
        hot = torch.eye(3)[digit].expand(5, 3)
        trait = frame.fix("digit", Spread(hot)).parameters(model.graph.factors["trait"])["loc"].tensor
        rest = model.predict(x)["rest"]
        expected = model.generate({"trait": trait, "digit": torch.full((5,), digit), "rest": rest})
        torch.testing.assert_close(analogies[:, digit], expected)


def test_what_does_not_follow_is_kept() -> None:
    model = Characteristics(seed=3)
    x = torch.zeros(2, 4)
    assert model.graph.generated_from("rest") == frozenset()
    inferred = model.predict(x)
    by_hand = model.generate({**inferred, "rest": torch.ones(2, 1)})
    torch.testing.assert_close(model.analogy(x, rest=[torch.ones(1)])[:, 0], by_hand)

"""Questions to a model are passes through its graph."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import unbraid as ub
from tests.models import LinearGaussian, Mixture, rows_of
from unbraid.errors import ModelError


class Skewed(ub.Model):
    """A discrete latent whose own prior is far from uniform; x says which value it has."""

    def encode(self, x: Any) -> Any:
        return {"digit": ub.Categorical(3, probs=[0.7, 0.1, 0.2])(x)}

    def decode(self, digit: Any) -> Any:
        return ub.Normal(3)(loc=digit, scale=0.1)


class Narrow(ub.Model):
    """A scale that the data give, and that nothing keeps above 0."""

    def encode(self, x: Any) -> Any:
        return {"size": ub.Normal(2)(loc=x, scale=x - 0.5)}

    def decode(self, size: Any) -> Any:
        return ub.Normal(2)(loc=size, scale=0.1)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_samples_follow_the_prior() -> None:
    probs = torch.tensor([0.7, 0.1, 0.2])
    share = Skewed().sample(10_000, generator=seeded()).mean(0)
    assert ((share - probs).abs() < 5 * (probs * (1 - probs) / 10_000).sqrt()).all()


def test_children_in_the_prior_see_their_parents() -> None:
    model = Mixture()
    node = model.graph.factors["style"]
    with torch.no_grad():
        for digit in range(3):
            known = model._by_hand.known({"digit": torch.tensor([digit])})
            frame = model.frame(None).fix("digit", known.values["digit"])
            loc = frame.parameters(node)["loc"].tensor
            drawn = model.sample(4, generator=seeded(), digit=digit)
            styles = loc + frame.parameters(node)["scale"].tensor * torch.randn(4, 2, generator=seeded())
            torch.testing.assert_close(drawn, model.generate({"digit": digit, "style": styles}))


def test_descendants_follow_the_most_probable_value() -> None:
    model = Mixture()
    x = rows_of(model, 6)
    digit = model.predict(x)["digit"]
    torch.testing.assert_close(model.infer(x)["style"].mean, model.infer(x, digit=digit)["style"].mean)
    torch.testing.assert_close(model.infer(x)["digit"].probs.argmax(1), digit)  # type: ignore[attr-defined]


def test_log_weights_are_log_joint_minus_log_q() -> None:
    """By hand, for the value that one-hot draws and the noise of the same generator give."""
    model = LinearGaussian().double()
    x = torch.randn(3, 3, generator=seeded(), dtype=torch.float64)
    weights = model.log_weights(x, 1, generator=seeded())
    generator = seeded()
    q = model.infer(x)["kind"]
    kind = torch.multinomial(q.probs, 1, generator=generator)[:, 0]  # type: ignore[attr-defined]
    q_z = model.infer(x, kind=kind)["z"]
    z = q_z.mean + q_z.stddev * torch.randn(3, 2, generator=generator, dtype=x.dtype)
    p_x = torch.distributions.Normal(model.generate({"kind": kind, "z": z}), 1.0).log_prob(x).sum(1)
    p_kind = torch.tensor([0.2, 0.3, 0.5], dtype=x.dtype).log()[kind]
    p_z = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(1)
    by_hand = p_x + p_kind + p_z - q.log_prob(kind) - q_z.log_prob(z)
    torch.testing.assert_close(weights, by_hand[None], rtol=1e-6, atol=1e-6)


def test_a_scale_below_0_is_no_answer() -> None:
    assert Narrow().infer(torch.ones(2, 2))["size"].stddev.eq(0.5).all()
    with pytest.raises(ModelError, match=r"The scale of q\(size\) is -0\.25, outside its domain, Positive.*softplus"):
        Narrow().infer(torch.tensor([[1.0, 1.0], [1.0, 0.25]]))

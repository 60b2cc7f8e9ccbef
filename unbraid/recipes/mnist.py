"""MNIST from a few labels."""

from __future__ import annotations

from collections.abc import Mapping

from unbraid.data import mnist
from unbraid.graph import Symbol
from unbraid.model import Model
from unbraid.nn import conv, dropout, mlp
from unbraid.recipes.recipe import Recipe
from unbraid.training.settings import Settings
from unbraid.variables import Bernoulli, Categorical, Normal
from unbraid.views import Warp


class ConvDigits(Model):
    """A digit and its handwriting style, seen through three small convolutions."""

    hidden: int = 256
    style_size: int = 10
    drop: float = 0.3

    def encode(self, x: Symbol) -> Mapping[str, Symbol]:
        """q(digit, style | x)."""
        h = conv(16, 32, 64, kernel=(5, 3, 3))(x)
        digit = Categorical(10, estimator="plug_in")(mlp(self.hidden, dropout=self.drop)(dropout(self.drop)(h)))
        style = Normal(self.style_size)(mlp(self.hidden)(digit, h))
        return {"digit": digit, "style": style}

    def decode(self, digit: Symbol, style: Symbol) -> Symbol:
        """p(x | digit, style)."""
        return Bernoulli(1, 28, 28)(mlp(400, 400)(digit, style))


MNIST = Recipe(
    name="mnist",
    about="Handwritten digits: the digit from a few labels, and the style of the hand.",
    model=ConvDigits,
    load=mnist,
    variable="digit",
    settings=Settings(
        epochs=8,
        batch_size=128,
        labelled_batch_size=30,
        balanced=True,
        learning_rate=2e-3,
        betas=(0.9, 0.99),
        schedule="cosine",
        warmup_steps=100,
        alpha=300.0,
        beta=2.0,
        consistency=250.0,
        threshold=0.8,
        average=0.995,
    ),
    views=Warp(),
    developed=(
        "the first 50,000 training rows, with draws 100 to 111 of the labels, compared by their error on the last "
        "10,000 training rows and by how often another classifier takes an analogy for the digit that was set"
    ),
)

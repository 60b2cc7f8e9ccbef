"""AIR: how many things an image shows, where each of them is, and what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import unbraid as ub
from unbraid.graph import Symbol


class Thing(ub.Submodel):
    """One thing: where it is, and what; each step knows where the things before it were."""

    hidden: int = 200
    size: int = 20
    side: int = 20
    canvas: int = 50
    scales: tuple[float, float] = (0.45, 0.6)

    def encode(self, x: Symbol, h: Symbol, state: Symbol) -> Mapping[str, Symbol]:
        """q(where | h, state) q(what | the glimpse of x there)."""
        where = ub.Normal(3)(ub.mlp(self.hidden, activation="silu")(h, state))
        seen = ub.glimpse(x, ub.to_place(where, self.scales), size=(self.side, self.side))
        return {"where": where, "what": ub.Normal(self.size)(ub.mlp(self.hidden, activation="silu")(seen))}

    def decode(self, where: Symbol, what: Symbol) -> Symbol:
        """What the thing adds to the image."""
        ink = (ub.dense(self.side**2)(ub.mlp(self.hidden, activation="silu")(what)) - 2.0).sigmoid()
        place = ub.to_place(where, self.scales)
        return ub.place(ink.reshape(-1, 1, self.side, self.side), place, size=(self.canvas, self.canvas))


class AIR(ub.Model):
    """Attend, infer, repeat: things of variable number, counted without a label.

    Source: Eslami, Heess, Weber, Tassa, Szepesvari, Kavukcuoglu & Hinton 2016, "Attend, infer, repeat: fast scene
    understanding with generative models", Eqs. 2 to 4 and section 4.1: a scene is the sum of its things, each an image
    put at a place; pixels are normal with standard deviation 0.3; it is known how large things are (`scales`), and the
    prior of the count is geometric, with the small chance `more` of a further thing.

    Note:
        The paper draws one bit after the other, whether there is a further thing, and estimates their gradient by the
        score function with a learned baseline; here the count is one variable, which is summed out. Their prior becomes
        strict little by little, so that no count is given up before it has learned; here it stays, and q is kept from
        certainty: the log-odds of a count lie within `doubt` of 0, so that each goes on learning. The sum of a scene
        is cut off at 1, as its pixels are.
    """

    hidden: int = 200
    size: int = 20
    most: int = 3
    more: float = 1e-4
    doubt: float = 1.5
    canvas: int = 50
    scales: tuple[float, float] = (0.45, 0.6)

    def encode(self, x: Symbol) -> Mapping[str, Any]:
        """q(count | x) and the things, one after another."""
        h = ub.mlp(self.hidden, self.hidden, activation="silu")(x)
        odds = self.doubt * ub.dense(self.most + 1)(h).tanh()
        count = ub.Categorical(self.most + 1, probs=[self.more**each for each in range(self.most + 1)])(logits=odds)
        thing = Thing(hidden=self.hidden, size=self.size, canvas=self.canvas, scales=self.scales)
        return {"count": count, "things": ub.Repeat(thing, at_most=self.most)(x, h, count)}

    def decode(self, things: Any) -> Symbol:
        """p(x | the things)."""
        return ub.Normal(1, self.canvas, self.canvas)(loc=ub.compose(things.decode()), scale=0.3)

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

    def encode(self, x: Symbol, h: Symbol, state: Symbol) -> Mapping[str, Symbol]:
        """q(where | h, state) q(what | the glimpse of x there)."""
        where = ub.Normal(3)(ub.mlp(self.hidden)(h, state))
        seen = ub.glimpse(x, ub.to_place(where, scales=(0.3, 0.7)), size=(self.side, self.side))
        return {"where": where, "what": ub.Normal(self.size)(ub.mlp(self.hidden)(seen))}

    def decode(self, where: Symbol, what: Symbol) -> Symbol:
        """What the thing adds to the image."""
        ink = (ub.dense(self.side**2)(ub.mlp(self.hidden)(what)) - 2.0).sigmoid()
        place = ub.to_place(where, scales=(0.3, 0.7))
        return ub.place(ink.reshape(-1, 1, self.side, self.side), place, size=(self.canvas, self.canvas))


class AIR(ub.Model):
    """Attend, infer, repeat: things of variable number, counted without a label.

    Source: Eslami, Heess, Weber, Tassa, Szepesvari, Kavukcuoglu & Hinton 2016, "Attend, infer, repeat: fast scene
    understanding with generative models", Eqs. 2 to 4 and section 4.1: a scene is the sum of its things, each an image
    put at a place; pixels are normal with standard deviation 0.3.

    Note:
        The paper draws one bit after the other, whether there is a further thing, and estimates their gradient by the
        score function with a learned baseline; here the count is one variable, which is summed out. The sum of a
        scene is cut off at 1, as its pixels are. Its prior is geometric, with the chance `more` of a further thing.
    """

    hidden: int = 200
    size: int = 20
    most: int = 3
    more: float = 0.5
    canvas: int = 50

    def encode(self, x: Symbol) -> Mapping[str, Any]:
        """q(count | x) and the things, one after another."""
        h = ub.mlp(self.hidden, self.hidden)(x)
        count = ub.Categorical(self.most + 1, probs=[self.more**each for each in range(self.most + 1)])(h)
        thing = Thing(hidden=self.hidden, size=self.size, canvas=self.canvas)
        return {"count": count, "things": ub.Repeat(thing, at_most=self.most)(x, h, count)}

    def decode(self, things: Any) -> Symbol:
        """p(x | the things)."""
        return ub.Normal(1, self.canvas, self.canvas)(loc=ub.compose(things.decode()), scale=0.3)

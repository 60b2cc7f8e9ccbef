"""Small models with a `Repeat`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

import unbraid as ub

KINDS, STEPS, SIZE = 3, 3, 6


class Event(ub.Submodel):
    """A kind and a size, which see the events before."""

    kinds: int = KINDS

    def encode(self, h: Any, state: Any) -> Any:
        kind = ub.Categorical(self.kinds, estimator="plug_in")(h, state)
        return {"kind": kind, "size": ub.Normal(2)(kind, h, state)}

    def decode(self, kind: Any, size: Any) -> Any:
        return ub.dense(SIZE)(kind, size)


class Events(ub.Model):
    """Up to three events, which add up to x."""

    hidden: int = 8
    order: str = "given"

    def encode(self, x: Any) -> Any:
        h = ub.mlp(self.hidden)(x)
        count = ub.Categorical(STEPS + 1)(h)
        events: Any = ub.Repeat(Event(), at_most=STEPS, state=4, order=self.order)(h, count)  # type: ignore[arg-type]
        return {"count": count, "events": events}

    def decode(self, events: Any) -> Any:
        return ub.Normal(SIZE, scale=0.5)(loc=events.decode().sum(1))


class Leaf(ub.Submodel):
    def encode(self, h: Any) -> Any:
        return {"kind": ub.Categorical(2, estimator="plug_in")(h)}


class Branch(ub.Submodel):
    def encode(self, h: Any) -> Any:
        count = ub.Categorical(3)(h)
        return {"count": count, "leaves": ub.Repeat(Leaf(), at_most=2)(h, count)}


class Tree(ub.Model):
    """Branches of leaves."""

    def encode(self, x: Any) -> Any:
        number = ub.Categorical(4)(x)
        return {"number": number, "branches": ub.Repeat(Branch(), at_most=3)(x, number)}

    def decode(self, branches: Any) -> Any:
        return ub.Normal(SIZE, scale=0.5)(loc=branches.each(lambda leaves: ub.dense(SIZE)(leaves.kind)).sum(1))


def rows(n: int, seed: int = 0) -> tuple[Tensor, dict[str, Tensor]]:
    """Draws rows of x with their counts, and kinds with -1 past the count."""
    generator = torch.Generator().manual_seed(seed)
    counts = torch.arange(n) % (STEPS + 1)
    kinds = torch.randint(KINDS, (n, STEPS), generator=generator)
    kinds = kinds.masked_fill(torch.arange(STEPS) >= counts[:, None], -1)
    x = torch.nn.functional.one_hot(kinds.clamp_min(0), SIZE).float()
    x = (x * (kinds >= 0)[..., None]).sum(1) + 0.05 * torch.randn(n, SIZE, generator=generator)
    return x, {"count": counts, "events.kind": kinds}

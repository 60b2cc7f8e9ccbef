"""A `Repeat` inside a `Repeat`, groups of items, and its objective by loops over all counts and items."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn

import unbraid as ub
from tests.golden.scenes import World, beside, hot, log_pixels, log_softmax

PIXELS, KINDS, WIDTH, STATE = 3, 2, 3, 2


@dataclass
class Groups:
    """The model, its layers, and the outer recurrent state's."""

    model: ub.Model
    w: dict[str, nn.Linear]

    @property
    def cell(self) -> nn.GRUCell:
        return next(each for each in self.model.modules() if isinstance(each, nn.GRUCell))


@dataclass(frozen=True)
class Seen:
    """The labels of one row; None where there is none."""

    groups: int | None
    counts: tuple[int | None, int | None]
    kinds: tuple[tuple[int | None, int | None], tuple[int | None, int | None]]

    def labels(self) -> dict[str, Tensor]:
        def number(value: int | None) -> int:
            return -1 if value is None else value

        return {
            "number": torch.tensor([number(self.groups)]),
            "groups.count": torch.tensor([[number(each) for each in self.counts]]),
            "groups.items.kind": torch.tensor([[[number(kind) for kind in group] for group in self.kinds]]),
        }


def made(seed: int = 0) -> Groups:
    sizes = {
        "hidden": (PIXELS, WIDTH),
        "groups": (WIDTH, 3),
        "count": (WIDTH + STATE, 3),
        "kind": (WIDTH + 3 + STATE, KINDS),
        "draw": (KINDS, PIXELS),
    }
    w = {name: nn.Linear(*size) for name, size in sizes.items()}
    of: dict[str, Any] = {name: ub.module(layer) for name, layer in w.items()}

    class Item(ub.Submodel):
        def encode(self, h: Any, count: Any, state: Any) -> Any:
            return {"kind": ub.Categorical(KINDS)(logits=of["kind"](beside(h, count, state)))}

        def next_state(self, state: Any, kind: Any) -> Any:
            return torch.tanh(state + kind)

        def decode(self, kind: Any) -> Any:
            return of["draw"](kind)

    class Group(ub.Submodel):
        def encode(self, h: Any, state: Any) -> Any:
            count = ub.Categorical(3)(logits=of["count"](beside(h, state)))
            return {"count": count, "items": ub.Repeat(Item(), at_most=2, state=STATE)(h, count, count)}

    class Program(ub.Model):
        def encode(self, x: Any) -> Any:
            h = torch.tanh(of["hidden"](x))
            number = ub.Categorical(3)(logits=of["groups"](h))
            return {"number": number, "groups": ub.Repeat(Group(), at_most=2, state=STATE)(h, number)}

        def decode(self, groups: Any) -> Any:
            return ub.Bernoulli(PIXELS)(logits=groups.each(lambda items: items.decode().sum(1)).sum(1))

    model = Program().double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.8 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return Groups(model, w)


def patterns() -> list[Seen]:
    """Every pattern of labels that agrees with the counts, a labelled count being 2 groups of 1 and 2 items."""
    found = []
    for groups, first, second in product((None, 1, 2), (None, 1), (None, 2)):
        if groups == 1 and second is not None:
            continue
        places = [(None, 1), (None,) if first == 1 else (None, 0)]
        places += [(None,), (None,)] if groups == 1 else [(None, 0), (None, 1)]
        for a, b, c, d in product(*places):
            found.append(Seen(groups, (first, second), ((a, b), (c, d))))
    return found


def worlds(made: Groups, x: Tensor, seen: Seen) -> Iterator[World]:
    """Yields every assignment that agrees with the labels: what is labelled inside a group or an item is there."""
    inner = [[t + 1 for t in range(2) if kinds[t] is not None] for kinds in seen.kinds]
    outer = [g + 1 for g in range(2) if inner[g] or seen.counts[g] is not None]
    numbers = range(max(outer, default=0), 3) if seen.groups is None else [seen.groups]
    for number in numbers:
        each = [
            range(max(inner[g], default=0), 3) if seen.counts[g] is None else [seen.counts[g]] for g in range(number)
        ]
        for counts in product(*each):
            places = [(g, t) for g in range(number) for t in range(counts[g] or 0)]
            choices = [range(KINDS) if seen.kinds[g][t] is None else [seen.kinds[g][t]] for g, t in places]
            for kinds in product(*choices):
                yield world(made, x, seen, number, counts, dict(zip(places, kinds, strict=True)))


def world(made: Groups, x: Tensor, seen: Seen, number: int, counts: Any, kinds: Any) -> World:
    found, w = World(), made.w
    h = torch.tanh(w["hidden"](x))
    third = log_softmax(torch.zeros(1, 3, dtype=torch.float64))[:, 0]
    half = log_softmax(torch.zeros(1, KINDS, dtype=torch.float64))[:, 0]
    found.add(third, log_softmax(w["groups"](h))[:, number], seen.groups is not None)
    outer, drawn = torch.zeros(1, STATE, dtype=torch.float64), torch.zeros(1, PIXELS, dtype=torch.float64)
    for g in range(number):
        log_q = log_softmax(w["count"](torch.cat([h, outer], 1)))
        found.add(third, log_q[:, counts[g]], seen.counts[g] is not None)
        count, state = hot(counts[g], 3), torch.zeros(1, STATE, dtype=torch.float64)
        group = [count]
        for t in range(2):
            if t >= counts[g]:
                group.append(torch.zeros(1, KINDS, dtype=torch.float64))
                continue
            log_q = log_softmax(w["kind"](torch.cat([h, count, state], 1)))
            found.add(half, log_q[:, kinds[g, t]], seen.kinds[g][t] is not None)
            group.append(hot(kinds[g, t], KINDS))
            state = torch.tanh(state + group[-1])
            drawn = drawn + w["draw"](group[-1])
        outer = made.cell(torch.cat(group, 1), outer)
    found.bound = found.bound + log_pixels(x, drawn)
    return found


def objective(made: Groups, x: Tensor, seen: Seen, alpha: float) -> Tensor:
    every = list(worlds(made, x, seen))
    weights = torch.softmax(torch.cat([each.chance for each in every]), 0)
    return (weights * torch.cat([each.bound + alpha * each.labels for each in every])).sum()

"""Programs with a `Repeat`, and their objectives by loops over every count and every item, with plain torch.

A program and its evaluator share the layers (`torch.nn.Linear`) and nothing else: the evaluator runs the steps that are
there, one after the other, and knows no others.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn

import unbraid as ub

PIXELS, KINDS, STATE, WIDTH = 4, 3, 2, 3
P_KIND = (0.5, -0.25, 0.0)  # logits of priors, exact in single precision
P_COUNT = (0.75, 0.25, -0.5, 0.0)
P_BIT = -0.75


class Still(ub.Normal):
    """A normal variable whose noise is given: that of the n-th draw is the n-th, whatever the values above it."""

    def __init__(self, noise: list[float]) -> None:
        super().__init__(1)
        self.noise, self.drawn = noise, 0

    def draw(self, parameters: Any, shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
        noise = self.noise[self.drawn]
        self.drawn += 1
        value: Tensor = parameters["loc"] + parameters["scale"] * noise
        return value.expand(*shape, 1)


@dataclass(frozen=True)
class Scene:
    """A program.

    Attributes:
        counted: What the count is: "categorical", "bernoulli" or "fixed".
        most: How many steps there can be.
        state: What a step sees of the steps before: nothing, a GRU's state, or one of its own.
        style: Whether an item has a style beside its kind.
        prior: Whether p(kind) of a step depends on the kinds before, and p(style) on the kind.
        scored: Whether `decode` gives p(style | kind, x); x then depends on the kinds alone.
    """

    counted: str = "categorical"
    most: int = 2
    state: str = "none"
    style: bool = False
    prior: bool = False
    scored: bool = False

    @property
    def layers(self) -> dict[str, nn.Linear]:
        """Its layers, in double precision once the model is; with weights that are far from initial ones."""
        seen = {"none": 0, "gru": STATE, "own": STATE}[self.state]
        item = KINDS + self.style
        sizes = {
            "hidden": (PIXELS, WIDTH),
            "count": (WIDTH, 1 if self.counted == "bernoulli" else self.most + 1),
            "kind": (WIDTH + seen, KINDS),
            "loc": (WIDTH + KINDS + seen, 1),
            "scale": (WIDTH + KINDS + seen, 1),
            "first": (WIDTH, STATE),
            "next": (STATE + item, STATE),
            "draw": (item, PIXELS),
            "sum": (KINDS, PIXELS),
            "x": (PIXELS, PIXELS),
            "p_kind": (STATE, KINDS),
            "p_next": (STATE + KINDS, STATE),
            "p_loc": (KINDS, 1),
            "score": (KINDS + PIXELS, 1),
        }
        return {name: nn.Linear(*size) for name, size in sizes.items()}


@dataclass
class Made:
    """A model of a scene, its layers, and the noise of its draws."""

    scene: Scene
    model: ub.Model
    w: dict[str, nn.Linear]
    noise: list[float]
    still: Still

    def reset(self) -> None:
        self.still.drawn = 0

    @property
    def cell(self) -> nn.GRUCell:
        return next(each for each in self.model.modules() if isinstance(each, nn.GRUCell))


def beside(*values: Any) -> Any:
    return torch.cat(values, 1)


def made(scene: Scene, seed: int = 0, kind: str | None = None, count: str | None = None) -> Made:
    """Makes the model of a scene.

    Args:
        scene: The scene.
        seed: Of the weights.
        kind: The estimator of the items' kinds.
        count: The estimator of the count.
    """
    w = scene.layers
    of: dict[str, Any] = {name: ub.module(layer) for name, layer in w.items()}
    noise = torch.randn(8, generator=torch.Generator().manual_seed(3)).tolist()
    still = Still(noise)

    class Item(ub.Submodel):
        def _step(self, h: Any, *state: Any) -> Any:
            it = ub.Categorical(KINDS, logits=torch.tensor(P_KIND), estimator=kind)(
                logits=of["kind"](beside(h, *state))
            )
            if not scene.style:
                return {"kind": it}
            above = beside(h, it, *state)
            return {"kind": it, "style": still(loc=of["loc"](above), scale=torch.exp(0.3 * of["scale"](above)))}

    class Alone(Item):
        def encode(self, h: Any) -> Any:
            return self._step(h)

    class Stateful(Item):
        def encode(self, h: Any, state: Any) -> Any:
            return self._step(h, state)

    class Own(Stateful):
        def first_state(self, h: Any) -> Any:
            return torch.tanh(of["first"](h))

        if scene.style:

            def next_state(self, state: Any, kind: Any, style: Any) -> Any:
                return torch.tanh(of["next"](beside(state, kind, style)))

        else:

            def next_state(self, state: Any, kind: Any) -> Any:  # type: ignore[misc]
                return torch.tanh(of["next"](beside(state, kind)))

    class Before(ub.Submodel):
        def encode(self, state: Any) -> Any:
            p_kind = ub.Categorical(KINDS)(logits=of["p_kind"](state))
            if not scene.style:
                return {"kind": p_kind}
            return {"kind": p_kind, "style": still(loc=of["p_loc"](p_kind), scale=0.75)}

        def next_state(self, state: Any, kind: Any) -> Any:
            return torch.tanh(of["p_next"](beside(state, kind)))

    class Score(ub.Submodel):
        def encode(self, x: Any, item: Any) -> Any:
            return {"style": still(loc=of["score"](beside(item.kind, x)), scale=0.5)}

    step = {"none": Alone, "gru": Stateful, "own": Own}[scene.state]()

    class Program(ub.Model):
        def encode(self, x: Any) -> Any:
            h = torch.tanh(of["hidden"](x))
            counts: Any = scene.most
            if scene.counted == "categorical":
                family = ub.Categorical(scene.most + 1, logits=torch.tensor(P_COUNT[: scene.most + 1]), estimator=count)
                counts = family(logits=of["count"](h))
            elif scene.counted == "bernoulli":
                counts = ub.Bernoulli(1, logits=P_BIT, estimator=count)(logits=of["count"](h))
            items = ub.Repeat(step, at_most=scene.most, state=STATE)(h, counts)
            return {"items": items} if scene.counted == "fixed" else {"count": counts, "items": items}

        if scene.prior and scene.counted == "fixed":

            def prior(self) -> Any:
                return {"items": ub.Repeat(Before(), state=STATE)(scene.most)}

        elif scene.prior:

            def prior(self, count: Any) -> Any:  # type: ignore[misc]
                return {"items": ub.Repeat(Before(), at_most=scene.most, state=STATE)(count)}

        def decode(self, x: Any, items: Any) -> Any:
            if scene.scored:
                drawn = items.each(lambda kind: of["draw"](beside(kind, 0 * kind[:, :1])))
            elif scene.style:
                drawn = items.each(lambda kind, style: of["draw"](beside(kind, style)))
            else:
                drawn = items.each(lambda kind: of["draw"](kind))
            logits = of["x"](torch.tanh(drawn.sum(1) + of["sum"](items.kind.sum(1))))
            if not scene.scored:
                return ub.Bernoulli(PIXELS)(logits=logits)
            score = ub.Repeat(Score(), at_most=scene.most)(x, items, scene.most)
            return {"x": ub.Bernoulli(PIXELS)(logits=logits), "items": score}

    model = Program().double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in [*model.parameters()]:
            parameter.copy_(0.8 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return Made(scene, model, w, noise, still)


@dataclass(frozen=True)
class Seen:
    """The labels of one row: None where there is none."""

    count: int | None
    kinds: tuple[int | None, ...]
    styles: tuple[float | None, ...]

    def labels(self, scene: Scene) -> dict[str, Tensor]:
        """As users write them, for one row."""
        found: dict[str, Tensor] = {}
        if self.count is not None and scene.counted != "fixed":
            found["count"] = torch.tensor([self.count])
        if any(kind is not None for kind in self.kinds):
            found["items.kind"] = torch.tensor([[-1 if kind is None else kind for kind in self.kinds]])
        if any(style is not None for style in self.styles):
            numbers = [[math.nan if style is None else style] for style in self.styles]
            found["items.style"] = torch.tensor([numbers], dtype=torch.float64)
        return found


def patterns(scene: Scene) -> list[Seen]:
    """Returns every pattern of labels: the count, and the kind and the style of each step, each observed or not."""
    counts: list[int | None] = [scene.most] if scene.counted == "fixed" else [None, *range(scene.most + 1)]
    found = []
    for count in counts:
        there = scene.most if count is None else count
        places = product(*[(None, (2 * t + 1) % KINDS) if t < there else (None,) for t in range(scene.most)])
        marks = list(product(*[(None, 0.4 - t) if scene.style and t < there else (None,) for t in range(scene.most)]))
        found += [Seen(count, kinds, styles) for kinds in places for styles in marks]
    return found


# The evaluator.


@dataclass
class World:
    """One assignment: the log-probabilities of its variables.

    Attributes:
        chance: log q of what is enumerated and of what is observed.
        bound: log p(x) + sum_O log p + sum_U (log p - log q).
        labels: sum_O log q.
    """

    chance: Tensor = field(default_factory=lambda: torch.zeros(1, dtype=torch.float64))
    bound: Tensor = field(default_factory=lambda: torch.zeros(1, dtype=torch.float64))
    labels: Tensor = field(default_factory=lambda: torch.zeros(1, dtype=torch.float64))

    def add(self, log_p: Tensor, log_q: Tensor, observed: bool) -> None:
        self.chance = self.chance + log_q
        if observed:
            self.bound = self.bound + log_p
            self.labels = self.labels + log_q
        else:
            self.bound = self.bound + log_p - log_q


def hot(value: int, size: int) -> Tensor:
    return torch.tensor([[float(i == value) for i in range(size)]], dtype=torch.float64)


def log_softmax(logits: Tensor) -> Tensor:
    return logits - torch.log(torch.exp(logits).sum(1, keepdim=True))


def log_normal(value: Tensor, loc: Tensor, scale: Tensor | float) -> Tensor:
    scale = torch.as_tensor(scale, dtype=torch.float64)
    return (-(((value - loc) / scale) ** 2) / 2 - torch.log(scale) - math.log(2 * math.pi) / 2).sum(1)


def normal_kl(loc: Tensor, scale: Tensor, p_loc: Tensor, p_scale: float) -> Tensor:
    return (torch.log(p_scale / scale) + (scale**2 + (loc - p_loc) ** 2) / (2 * p_scale**2) - 0.5).sum(1)


def log_pixels(x: Tensor, logits: Tensor) -> Tensor:
    return (x * logits - torch.log(1 + torch.exp(logits))).sum(1)


def gru(cell: nn.GRUCell, seen: Tensor, state: Tensor) -> Tensor:
    """Cho et al. 2014, Eqs. 5 to 8, with the gates in torch's order and the bias inside of the reset."""
    left = (seen @ cell.weight_ih.T + cell.bias_ih).split(STATE, 1)
    right = (state @ cell.weight_hh.T + cell.bias_hh).split(STATE, 1)
    reset, update = torch.sigmoid(left[0] + right[0]), torch.sigmoid(left[1] + right[1])
    new = torch.tanh(left[2] + reset * right[2])
    return (1 - update) * new + update * state


def log_count(scene: Scene, logits: Tensor) -> Tensor:
    """Returns log q of every count."""
    if scene.counted == "categorical":
        return log_softmax(logits)
    return torch.cat([-torch.log(1 + torch.exp(logits)), -torch.log(1 + torch.exp(-logits))], 1)


def log_p_count(scene: Scene, count: int) -> Tensor:
    logits = (0.0, P_BIT) if scene.counted == "bernoulli" else P_COUNT[: scene.most + 1]
    return log_softmax(torch.tensor([logits], dtype=torch.float64))[:, count]


class Steps:
    """Runs the steps that are there; each takes a vector for its kind: a value, or probabilities."""

    def __init__(self, made: Made, x: Tensor) -> None:
        self.made, self.w, self.scene, self.x = made, made.w, made.scene, x
        self.h = torch.tanh(self.w["hidden"](x))
        zeros = torch.zeros(1, STATE, dtype=torch.float64)
        self.state = torch.tanh(self.w["first"](self.h)) if self.scene.state == "own" else zeros
        self.p_state = zeros
        self.drawn = torch.zeros(1, PIXELS, dtype=torch.float64)

    @property
    def _seen(self) -> tuple[Tensor, ...]:
        return () if self.scene.state == "none" else (self.state,)

    def q_kind(self) -> Tensor:
        return log_softmax(self.w["kind"](torch.cat([self.h, *self._seen], 1)))

    def p_kind(self) -> Tensor:
        if self.scene.prior:
            return log_softmax(self.w["p_kind"](self.p_state))
        return log_softmax(torch.tensor([P_KIND], dtype=torch.float64))

    def q_style(self, kind: Tensor) -> tuple[Tensor, Tensor]:
        above = torch.cat([self.h, kind, *self._seen], 1)
        return self.w["loc"](above), torch.exp(0.3 * self.w["scale"](above))

    def p_style(self, kind: Tensor) -> tuple[Tensor, float]:
        if self.scene.scored:
            return self.w["score"](torch.cat([kind, self.x], 1)), 0.5
        if self.scene.prior:
            return self.w["p_loc"](kind), 0.75
        return torch.zeros(1, 1, dtype=torch.float64), 1.0

    def go_on(self, kind: Tensor, style: Tensor | None, there: Tensor | float = 1.0) -> None:
        """Goes to the next step."""
        item = kind if style is None else torch.cat([kind, style], 1)
        shown = item if style is None or not self.scene.scored else torch.cat([kind, 0 * style], 1)
        self.drawn = self.drawn + there * (self.w["draw"](shown) + (self.w["sum"](kind) - self.w["sum"].bias))
        if self.scene.state == "own":
            self.state = torch.tanh(self.w["next"](torch.cat([self.state, item], 1)))
        elif self.scene.state == "gru":
            self.state = gru(self.made.cell, item, self.state)
        if self.scene.prior and self.scene.most > 1:
            self.p_state = torch.tanh(self.w["p_next"](torch.cat([self.p_state, kind], 1)))

    def log_p_x(self) -> Tensor:
        return log_pixels(self.x, self.w["x"](torch.tanh(self.drawn + self.w["sum"].bias)))


def worlds(made: Made, x: Tensor, seen: Seen) -> Iterator[World]:
    """Yields every assignment that agrees with the labels; an item that is labelled is there."""
    scene = made.scene
    least = max([t + 1 for t in range(scene.most) if seen.kinds[t] is not None or seen.styles[t] is not None] + [0])
    counts = range(least, scene.most + 1) if seen.count is None else [seen.count]
    for count in counts:
        choices = [range(KINDS) if kind is None else [kind] for kind in seen.kinds[:count]]
        for kinds in product(*choices):
            yield world(made, x, seen, count, kinds)


def world(made: Made, x: Tensor, seen: Seen, count: int, kinds: Sequence[int]) -> World:
    """Evaluates one assignment."""
    scene, found, steps = made.scene, World(), Steps(made, x)
    if scene.counted != "fixed":
        log_q = log_count(scene, made.w["count"](steps.h))[:, count]
        found.add(log_p_count(scene, count), log_q, seen.count is not None)
    draws = 0
    for t, value in enumerate(kinds):
        kind, style = hot(value, KINDS), None
        found.add(steps.p_kind()[:, value], steps.q_kind()[:, value], seen.kinds[t] is not None)
        if scene.style:
            (loc, scale), (p_loc, p_scale) = steps.q_style(kind), steps.p_style(kind)
            label = seen.styles[t]
            style = (
                torch.tensor([[label]], dtype=torch.float64) if label is not None else loc + scale * made.noise[draws]
            )
            log_p, log_q = log_normal(style, p_loc, p_scale), log_normal(style, loc, scale)
            if label is not None:
                found.add(log_p, log_q, observed=True)
            elif known_divergence(scene, seen, t):
                found.bound = found.bound - normal_kl(loc, scale, p_loc, p_scale)
            else:
                found.bound = found.bound + log_p - log_q
            draws += label is None
        steps.go_on(kind, style)
    found.bound = found.bound + steps.log_p_x()
    return found


def known_divergence(scene: Scene, seen: Seen, t: int) -> bool:
    """Says whether nothing that is labelled follows the style of a step."""
    later = [*seen.kinds[t + 1 :], *seen.styles[t + 1 :]]
    return scene.state == "none" or all(each is None for each in later)


def objective(made: Made, x: Tensor, seen: Seen, alpha: float) -> Tensor:
    """Returns J = E[bound] + alpha E[labels], with weights proportional to q of what is enumerated and observed."""
    every = list(worlds(made, x, seen))
    weights = torch.softmax(torch.cat([each.chance for each in every]), 0)
    values = torch.cat([each.bound + alpha * each.labels for each in every])
    return (weights * values).sum()


def gradient(value: Tensor, model: nn.Module) -> list[Tensor]:
    """Returns the gradient of every parameter, zeros where there is none."""
    found: list[Tensor] = list(
        torch.autograd.grad(
            value, list(model.parameters()), retain_graph=True, allow_unused=True, materialize_grads=True
        )
    )
    return found

"""Programs made at random, each as the text of a model and as the plain description that the naive evaluator reads.

Shares no code with unbraid, but for the families that the text names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any

import torch
from torch import Tensor

import unbraid as ub

PIXELS = 3


class Recorded(ub.Normal):
    """A normal variable that keeps the noise of its draws, in the order in which they were made."""

    def __init__(self, *shape: int, **prior: Any) -> None:
        super().__init__(*shape, **prior)
        self.noise: list[Tensor] = []

    def draw(self, parameters: Any, shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
        assert generator is not None
        before = generator.get_state()
        self.noise.append(torch.randn(*shape, *self.event_shape, generator=generator, dtype=parameters["loc"].dtype))
        generator.set_state(before)
        return super().draw(parameters, shape, generator)


@dataclass(frozen=True)
class Latent:
    """A latent: discrete with `size` values, or a normal vector of `size` numbers."""

    name: str
    discrete: bool
    size: int

    @property
    def parameters(self) -> tuple[str, ...]:
        return ("logits",) if self.discrete else ("loc", "scale")

    @property
    def call(self) -> str:
        return f"{'ub.Categorical' if self.discrete else 'Recorded'}({self.size}"


@dataclass(frozen=True)
class Factor:
    """A factor of q or p.

    Attributes:
        parents: The data "x" and latents; none for one that is learned, or as the family has it: uniform, N(0, 1).
        learned: Whether the parameters of a factor without parents are learned.
        part: Where the program has it: "encode", "own" (its family's own prior), "prior" or "decode".
        stand_ins: Parents that the program takes from the prior's own variables and not from the arguments.
    """

    parents: tuple[str, ...]
    learned: bool
    part: str
    stand_ins: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Program:
    """A model.

    Attributes:
        latents: By name, in the order in which `encode` makes them.
        returned: The order in which it returns them.
        q: The recognition factors.
        p: The generative factors, of "x" too, parents first.
        normal: Whether x is normal; else it is made of zeros and ones.
        hidden: Whether there is a hidden layer between x and its parents.
    """

    latents: Mapping[str, Latent]
    returned: tuple[str, ...]
    q: Mapping[str, Factor]
    p: Mapping[str, Factor]
    normal: bool = False
    hidden: bool = False

    def model(self, seed: int) -> ub.Model:
        """Makes the model, in double precision, with weights that are far from their initial ones."""
        namespace: dict[str, Any] = {"ub": ub, "Recorded": Recorded}
        exec(self.source, namespace)
        methods: dict[str, Any] = {name: namespace[name] for name in ("encode", "prior", "decode") if name in namespace}
        program: type[ub.Model] = type("Generated", (ub.Model,), methods)
        made = program().double()
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in made.parameters():
                parameter.copy_(0.8 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
        return made

    # The text.

    @cached_property
    def source(self) -> str:
        """The program as a user would write it."""
        return "\n".join((*self._encode(), *self._prior(), *self._decode()))

    def _encode(self) -> Iterator[str]:
        yield "def encode(self, x):"
        for name, latent in self.latents.items():
            own = self.p[name].part == "own" and self.p[name].learned
            prior = "".join(f", {each}=ub.Learnable({_start(each)})" for each in latent.parameters) if own else ""
            yield f"    {name} = {latent.call}{prior}){self._parents(name, self.q[name])}"
        yield f"    return {_dict({name: name for name in self.returned})}"

    def _prior(self) -> Iterator[str]:
        made = [name for name, factor in self.p.items() if factor.part == "prior"]
        if made:
            taken = {u for name in made for u in self.p[name].parents if u not in self.p[name].stand_ins}
            yield f"def prior({', '.join(('self', *sorted(taken)))}):"
            for name in made:
                yield f"    p_{name} = {self.latents[name].call}){self._parents(name, self.p[name])}"
            yield f"    return {_dict({name: f'p_{name}' for name in reversed(made)})}"

    def _decode(self) -> Iterator[str]:
        made = [name for name, factor in self.p.items() if factor.part == "decode"]
        taken = {parent for name in made for parent in self.p[name].parents}
        yield f"def decode({', '.join(('self', *sorted(taken)))}):"
        for name in made:
            call = f"{'ub.Normal' if self.normal else 'ub.Bernoulli'}({PIXELS}"
            if name != "x":
                call = self.latents[name].call
            if name == "x" and self.hidden:
                yield f"    h = ub.mlp(2, activation='tanh')({', '.join(self.p[name].parents)})"
                yield f"    p_x = {call})(h)"
            else:
                yield f"    p_{name} = {call}){self._parents(name, self.p[name])}"
        yield f"    return {_dict({name: f'p_{name}' for name in made}) if len(made) > 1 else 'p_x'}"

    def _parents(self, name: str, factor: Factor) -> str:
        if not factor.parents and factor.learned:
            return f"({', '.join(f'{each}=ub.Learnable({_start(each)})' for each in self.parameters(name))})"
        return f"({', '.join(f'p_{u}' if u in factor.stand_ins else u for u in factor.parents)})"

    def parameters(self, name: str) -> tuple[str, ...]:
        if name == "x":
            return ("loc", "scale") if self.normal else ("logits",)
        return self.latents[name].parameters

    # The numbers of the layers: each part counts its own, arguments first.

    @cached_property
    def numbering(self) -> tuple[tuple[str, ...], dict[tuple[str, str, str], str]]:
        """The order of the latents in q; the layer of each factor ("q" or "p"), variable and role."""
        order: list[str] = []
        layers: dict[tuple[str, str, str], str] = {}

        def add(side: str, name: str, key: str, part: str, kind: str) -> None:
            start = f"{part}_{kind}_"
            layers[side, name, key] = f"{start}{sum(layer.startswith(start) for layer in layers.values())}"

        def visit(side: str, name: str) -> None:
            factor = (self.q if side == "q" else self.p)[name]
            if (side, name) in done:
                return
            done.add((side, name))
            part = "prior" if factor.part == "own" else factor.part
            for parent in factor.parents:
                if side == "q" and parent != "x":
                    visit("q", parent)
                if parent in factor.stand_ins:
                    visit("p", parent)
            if factor.parents:
                add(side, name, "parents", part, "dense")
            if name == "x" and self.hidden:
                add(side, name, "hidden", part, "dense")
            for parameter in () if factor.parents else self.parameters(name):
                add(side, name, parameter, part, parameter)
            if side == "q":
                order.append(name)

        done: set[tuple[str, str]] = set()
        for name in self.returned:
            visit("q", name)
        for name in self.returned:
            if self.p[name].part == "own":
                visit("p", name)
        for name in reversed([name for name, factor in self.p.items() if factor.part == "prior"]):
            visit("p", name)
        for name in [name for name, factor in self.p.items() if factor.part == "decode"]:
            visit("p", name)
        return tuple(order), layers

    @property
    def order(self) -> tuple[str, ...]:
        return self.numbering[0]

    def above(self, name: str) -> frozenset[str]:
        """Returns the ancestors of a latent in q."""
        direct = frozenset(self.q[name].parents) - {"x"}
        return direct.union(*(self.above(parent) for parent in direct))


def _start(parameter: str) -> str:
    return "1.0" if parameter == "scale" else "0.0"


def _dict(items: Mapping[str, str]) -> str:
    return "{" + ", ".join(f'"{key}": {value}' for key, value in items.items()) + "}"


def random_program(rng: Random) -> Program:
    """Draws a program of one to four latents with any edges in q and, independently, in p."""
    names = rng.sample("abcd", 4)[: rng.choice((4, 3, 2, 1, 4, 3))]
    latents = {name: _latent(rng, name) for name in names}
    q: dict[str, Factor] = {}
    for i, name in enumerate(names):
        q[name] = Factor((*_some(rng, ["x"]), *_some(rng, names[:i])), True, "encode")
    order = rng.sample(names, len(names))
    order.insert(len(order) - rng.choice((0, 0, 1)), "x")
    p: dict[str, Factor] = {}
    for i, name in enumerate(order):
        parents = _some(rng, order[:i])
        after_x = "x" in order[: i + 1]
        part = "decode" if after_x else "prior" if parents else rng.choice(("own", "prior"))
        learned = part in ("prior", "decode") or (rng.random() < 0.5)
        if part == "prior":
            made = [u for u in parents if p[u].part == "prior"]
            p[name] = Factor(parents, learned, part, frozenset(_some(rng, made)))
        else:
            p[name] = Factor(parents, learned, part)
    hidden = bool(p["x"].parents) and (rng.random() < 0.5)
    return Program(latents, tuple(rng.sample(names, len(names))), q, p, (rng.random() < 0.5), hidden)


def _latent(rng: Random, name: str) -> Latent:
    discrete = rng.random() < 0.5
    return Latent(name, discrete, rng.randint(1, 3 if discrete else 2))


def _some(rng: Random, names: list[str]) -> tuple[str, ...]:
    return tuple(name for name in names if (rng.random() < 0.5))

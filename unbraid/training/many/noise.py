"""Noise of several runs at once: each run draws from generators of its own, as if it were alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from unbraid.nn.dropout import dropped
from unbraid.training.many.unbatchable import UnbatchableError


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Where the noise of one run comes from, for an epoch.

    Attributes:
        generator: What variables draw from.
        layers: What dropout draws from, which in a single run is torch's global generator.
    """

    generator: torch.Generator
    layers: torch.Generator

    @classmethod
    def of(cls, generator: torch.Generator) -> Source:
        """Returns the source of a generator that was just seeded; a single run seeds the global one alike."""
        return cls(generator, torch.Generator(generator.device).manual_seed(generator.initial_seed()))


Draw = Callable[..., Tensor]


class OwnNoise(TorchFunctionMode):
    """Makes torch's random functions draw for each run from its own source, inside of `torch.vmap` over runs.

    vmap knows one generator at most, and mixes the runs' draws. Here a random function that is given `generator`, which
    only stands for those of the runs, is called once a run, with what it would be given in this run alone.

    Attributes:
        generator: To be handed to what draws; nothing is drawn from it.

    Args:
        sources: One a run.
        run: The number of the run, batched by the vmap that is under way: a tensor () inside of it.

    Example:
        >>> def draw(run):
        ...     sources = [Source.of(torch.Generator().manual_seed(seed)) for seed in (0, 1)]
        ...     with OwnNoise(sources, run) as noise:
        ...         return torch.rand(3, generator=noise.generator)
        >>> torch.equal(torch.vmap(draw)(torch.arange(2))[1], torch.rand(3, generator=torch.Generator().manual_seed(1)))
        True
    """

    def __init__(self, sources: Sequence[Source], run: Tensor) -> None:
        super().__init__()
        self.generator = torch.Generator(sources[0].generator.device)
        self._sources, self._run = sources, run

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Calls a function of torch; one that draws, once a run."""
        kwargs = dict(kwargs or {})
        if function in (functional.dropout, dropped):
            return self._dropout(function, *args, **kwargs)
        if kwargs.get("generator") is not self.generator:
            return function(*args, **kwargs)
        if function is torch.randint and args[-1] == ():  # a seed for torch's functions that take no generator
            raise UnbatchableError("a variable is drawn by a function of torch that takes no generator")
        del kwargs["generator"]

        def draw(source: Source, *given: Any) -> Tensor:
            drawn: Tensor = function(*given, **kwargs, generator=source.generator)
            return drawn

        return self._each_run(draw, *args)

    def _each_run(self, draw: Draw, *args: Any) -> Tensor:
        drawn: Tensor = _EachRun.apply(draw, self._sources, self._run, *args)  # type: ignore[no-untyped-call]
        return drawn

    def _dropout(self, function: Draw, units: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Drops units: what the function would make of ones is what they are multiplied with."""

        def draw(source: Source, units: Tensor) -> Tensor:
            return _with_global(source.layers, lambda: function(torch.ones_like(units), *args, **kwargs))

        return units * self._each_run(draw, units)


class _EachRun(torch.autograd.Function):
    """A draw that vmap hands over for all runs together; no gradient passes through it."""

    @staticmethod
    def forward(*_: Any) -> Tensor:
        """Is never reached: a draw depends on the number of the run, which is batched."""
        raise UnbatchableError("noise was drawn outside of the batch of runs")

    @staticmethod
    def setup_context(*_: Any) -> None:
        """Keeps nothing: a draw has no gradient."""

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[Any, ...], draw: Draw, sources: Sequence[Source], _run: Tensor, *args: Any
    ) -> tuple[Tensor, int]:
        """Draws for one run after the other."""

        def of(number: int) -> list[Any]:
            pairs = zip(args, in_dims[3:], strict=True)
            return [each.select(dim, number) if isinstance(dim, int) else each for each, dim in pairs]

        with torch.no_grad():
            return torch.stack([draw(source, *of(number)) for number, source in enumerate(sources)]), 0


def _with_global(own: torch.Generator, draw: Callable[[], Tensor]) -> Tensor:
    """Draws as if torch's global generator were another one, and leaves the global one as it was."""
    device = own.device
    shared = torch.default_generator if device.type == "cpu" else torch.cuda.default_generators[device.index or 0]
    before = shared.get_state()
    shared.set_state(own.get_state())
    try:
        return draw()
    finally:
        own.set_state(shared.get_state())
        shared.set_state(before)

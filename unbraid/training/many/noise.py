"""Noise of several runs at once: each run draws from a generator of its own, as if it were alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from unbraid.training.many.unbatchable import UnbatchableError


class OwnNoise(TorchFunctionMode):
    """Makes torch's random functions draw for each run from its own generator, inside of `torch.vmap` over runs.

    vmap knows one generator at most, and mixes the runs' draws. Here a random function that is given `generator`, which
    only stands for those of the runs, is called once a run, with what it would be given in this run alone.

    Attributes:
        generator: To be handed to what draws; nothing is drawn from it.

    Args:
        generators: One a run.
        run: The number of the run, batched by the vmap that is under way: a tensor () inside of it.

    Example:
        >>> def draw(run):
        ...     with OwnNoise([torch.Generator().manual_seed(seed) for seed in (0, 1)], run) as noise:
        ...         return torch.rand(3, generator=noise.generator)
        >>> torch.equal(torch.vmap(draw)(torch.arange(2))[1], torch.rand(3, generator=torch.Generator().manual_seed(1)))
        True
    """

    def __init__(self, generators: Sequence[torch.Generator], run: Tensor) -> None:
        super().__init__()
        self.generator = torch.Generator(generators[0].device)
        self._generators, self._run = generators, run

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Calls a function of torch; one that draws, once a run."""
        kwargs = dict(kwargs or {})
        if kwargs.get("generator") is not self.generator:
            return function(*args, **kwargs)
        if function is torch.randint:  # a seed for torch's functions that take no generator
            raise UnbatchableError("a variable is drawn by a function of torch that takes no generator")
        del kwargs["generator"]

        def draw(generator: torch.Generator, *given: Any) -> Tensor:
            drawn: Tensor = function(*given, **kwargs, generator=generator)
            return drawn

        return _EachRun.apply(draw, self._generators, self._run, *args)  # type: ignore[no-untyped-call]


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
        info: Any,
        in_dims: tuple[Any, ...],
        draw: Callable[..., Tensor],
        generators: Sequence[torch.Generator],
        _run: Tensor,
        *args: Any,
    ) -> tuple[Tensor, int]:
        """Draws for one run after the other."""

        def of(number: int) -> list[Any]:
            pairs = zip(args, in_dims[3:], strict=True)
            return [each.select(dim, number) if isinstance(dim, int) else each for each, dim in pairs]

        with torch.no_grad():
            return torch.stack([draw(generator, *of(number)) for number, generator in enumerate(generators)]), 0

"""Captures: passes of a model through its graph, each captured when it is made a second time, and compiled if asked."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from unbraid.capture.capturable import why_not
from unbraid.capture.guard import Guard, Slot
from unbraid.capture.line import names_in
from unbraid.capture.native import native
from unbraid.capture.program import program
from unbraid.capture.recorder import Recorder
from unbraid.capture.trial import Run, Trial

LIMIT = 64
"""How many kinds of pass are remembered; when there are more, as when an option changes with each step, all are
forgotten."""

Outputs = tuple[Any, Sequence[Tensor]]
"""What a pass computes: the tensors, and whatever says what each is, which is the same for all passes of a kind."""
Compute = Callable[[], Outputs]


@dataclass(frozen=True, slots=True)
class Capture:
    """One captured pass.

    Attributes:
        run: The pass as a function of its tensors.
        guard: What must have stayed as it was.
        slots: Where the parameters and buffers that it uses lie.
        meaning: What the tensors are that it computes.
    """

    run: Run
    guard: Guard
    slots: tuple[Slot, ...]
    meaning: Any

    def __call__(self, inputs: Sequence[Tensor], generator: torch.Generator | None) -> Outputs:
        """Replays the pass."""
        return self.meaning, self.run(generator, *inputs, *[held[name] for held, name in self.slots])


class Captures:
    """The captured passes of one model.

    Most of a small step's time is not spent in products but in Python that finds out what to call next, which is the
    same in every step: a pass of a kind that was there before is recorded as one straight line of calls, and from then
    on the line is run. Values, noise and gradients are bit for bit the same. A pass that is more than its torch calls
    (modules and variables of a user's own that are not declared `capturable`, hooks, values of tensors read in Python)
    is computed as it is written.

    Where `compile` is set, the line of a pass that is differentiated is also compiled when it has been run some times,
    and both forms are timed: the quicker one is run from then on. Compiled, values and gradients are the same up to
    rounding.

    Attributes:
        enabled: Whether passes are captured.
        compile: Whether captured passes are compiled, where that makes them quicker; needs a C++ compiler.
        reasons: Why a kind of pass is not captured, for those that were tried.
        trials: Of each kind of pass that is compiled when it has been run often enough.
    """

    def __init__(self) -> None:
        self.enabled = True
        self.compile = False
        self.reasons: dict[Hashable, str] = {}
        self.trials: dict[Hashable, Trial] = {}
        self._found: dict[Hashable, Capture | None] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> Captures:
        """Returns new ones: they are of one model's modules."""
        fresh = Captures()
        fresh.enabled, fresh.compile = self.enabled, self.compile
        return fresh

    def __reduce__(self) -> tuple[type[Captures], tuple[()]]:
        return Captures, ()

    @property
    def count(self) -> int:
        """How many passes are captured."""
        return sum(capture is not None for capture in self._found.values())

    def __str__(self) -> str:
        lines = [f"kinds of pass captured: {self.count}"]
        lines += [f"not captured: {reason}" for reason in self.reasons.values()]
        return "\n".join([*lines, *map(str, self.trials.values())])

    def outputs(
        self,
        kind: Hashable,
        modules: nn.Module,
        inputs: Sequence[Tensor],
        generator: torch.Generator | None,
        compute: Compute,
        takes_part: Iterable[object] = (),
    ) -> Outputs:
        """Returns what a pass computes, by replaying it where it was captured.

        Args:
            kind: Names all that decides which calls are made: shapes, types, options.
            modules: The modules whose tensors it uses.
            inputs: The tensors that it is given.
            generator: Where it draws noise from.
            compute: Computes it as it is written.
            takes_part: What else decides which calls are made, as families and estimators do. The pass is captured
                only if all are of unbraid, or `capturable`.
        """
        if not self.enabled or torch._C._len_torch_function_stack():
            return compute()
        kind = (kind, self.compile, _surroundings())
        capture = self._found.get(kind)
        if capture is not None and capture.guard.holds():
            return capture(inputs, generator)
        if kind in self.reasons:
            return compute()
        if kind not in self._found or capture is not None:
            if len(self._found) + len(self.reasons) >= LIMIT:
                for remembered in (self._found, self.reasons, self.trials):
                    remembered.clear()
            self._found[kind] = None
            return compute()
        if len(set(map(id, inputs))) < len(inputs):
            return compute()  # one tensor in two places: which of them a call is given could not be told
        guard = Guard(modules)
        reason = why_not(takes_part) or guard.reason()
        if reason is not None:
            self.reasons[kind] = reason
            return compute()
        return self._recorded(kind, guard, inputs, generator, compute)

    def leave(self, kind: Hashable, reason: str) -> None:
        """Remembers why a kind of pass is never captured.

        Args:
            kind: Names it.
            reason: As it is printed.
        """
        if self.enabled:
            self.reasons[kind] = reason

    def _recorded(
        self,
        kind: Hashable,
        guard: Guard,
        inputs: Sequence[Tensor],
        generator: torch.Generator | None,
        compute: Compute,
    ) -> Outputs:
        """Computes a pass as it is written, and captures it."""
        given = {f"x{i}": tensor for i, tensor in enumerate(inputs)}
        recorder = Recorder({**given, **guard.tensors()}, guard.fixed, generator)
        with recorder:
            meaning, outputs = compute()
        returned = recorder.names_of(outputs)
        if recorder.refused is not None:
            self.reasons[kind] = recorder.refused
            return meaning, outputs
        used = {name for line in recorder.lines for name in line.uses()} | set(names_in(returned))
        own = [name for name in guard.slots if name in used]
        lines, names, device = recorder.lines, ("generator", *given, *own), inputs[0].device
        run = program(lines, names, returned)
        if self.compile and torch.is_grad_enabled():
            run = self.trials[kind] = Trial(run, lambda: native(lines, names, returned, device))
        self._found[kind] = Capture(run, guard, tuple(guard.slots[name] for name in own), meaning)
        return meaning, outputs


def _surroundings() -> Hashable:
    """Returns what of torch's state decides which calls are made."""
    automatic = torch.is_autocast_enabled("cpu"), torch.is_autocast_enabled("cuda")
    kinds = tuple(torch.get_autocast_dtype(each) for each, on in zip(("cpu", "cuda"), automatic, strict=True) if on)
    return torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.get_default_dtype(), automatic, kinds


def signature(tensors: Iterable[Tensor]) -> Hashable:
    """Returns what of tensors decides which calls are made: their shapes, types, devices and whether rows lie in order.

    Of tensors that do, some calls return them as they are.
    """
    return tuple((tensor.shape, tensor.dtype, tensor.device, tensor.is_contiguous()) for tensor in tensors)

"""The recorder: what torch functions a computation calls, on which tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from typing import Any, Self

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from unbraid.capture.line import Constant, Line, Name

READS = frozenset(
    name
    for names in (
        "item tolist numpy __bool__ __int__ __float__ __index__ __contains__ is_nonzero equal allclose",
        "unique nonzero masked_select backward register_hook",
    )
    for name in names.split()
)
"""Functions whose result, or its shape, is a matter of what the tensors hold, or that do more than compute."""

RANDOM = frozenset(
    name
    for names in (
        "rand randn randint randperm bernoulli multinomial normal poisson binomial rand_like randn_like randint_like",
        "dropout dropped alpha_dropout feature_dropout rrelu",
    )
    for name in names.split()
)
"""Functions that draw, whose result is never a constant."""

PLAIN = (int, float, bool, str, type(None), type(...), torch.dtype, torch.device, torch.layout, torch.memory_format)


_ACTIVE: ContextVar[Recorder | None] = ContextVar("_ACTIVE", default=None)


def refuse_capture(reason: str) -> None:
    """Says that what is being computed must not become a straight line of calls, if it is being recorded.

    Args:
        reason: Why not.
    """
    recorder = _ACTIVE.get()
    if recorder is not None:
        recorder.refuse(reason)


class Recorder(TorchFunctionMode):
    """Writes down every torch function that is called while it is active.

    Args:
        tensors: The tensors that the computation is given, by the names that they have in the lines.
        constant: Which of them never change; what is computed of these alone becomes a constant.
        generator: Where the computation draws noise from.

    Attributes:
        lines: The calls, in order.
        refused: Why the calls are not the whole computation; None if they are.
    """

    def __init__(
        self, tensors: Mapping[str, Tensor], constant: Iterable[str], generator: torch.Generator | None
    ) -> None:
        super().__init__()
        self.lines: list[Line] = []
        self.refused: str | None = None
        self._alive: list[Tensor] = list(tensors.values())  # so that no two tensors have the same id
        self._names: dict[int, Name] = {id(tensor): Name(name) for name, tensor in tensors.items()}
        self._constant = {id(tensors[name]) for name in constant}
        self._generator = generator
        self._with_gradient = torch.is_grad_enabled()

    def __enter__(self) -> Self:
        self._token = _ACTIVE.set(self)
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        _ACTIVE.reset(self._token)

    def refuse(self, reason: str) -> None:
        """Stops recording, and lets go of all tensors."""
        self.refused = self.refused or reason
        self.lines.clear()
        self._alive.clear()

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Calls a function of torch, and writes the call down."""
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        if self.refused is None:
            try:
                self._write(function, args, kwargs, result)
            except UnrecordableError as error:
                self.refuse(str(error))
        return result

    def names_of(self, outputs: Iterable[Tensor]) -> tuple[Name | Constant, ...]:
        """Returns what the outputs of the computation are called; with one that no call has made it is refused."""
        if self.refused is not None:
            return ()
        try:
            return tuple(self._name_of(tensor) for tensor in outputs)
        except UnrecordableError as error:
            self.refuse(str(error))
            return ()

    def _name_of(self, tensor: Tensor) -> Name | Constant:
        if id(tensor) in self._constant:
            return Constant(tensor)
        found = self._names.get(id(tensor))
        if found is None:
            raise UnrecordableError("it uses a tensor that no torch function made of its arguments")
        return found

    def _write(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any
    ) -> None:
        called = getattr(function, "__name__", "")
        if called in READS:
            raise UnrecordableError(f"it reads the values of tensors ({called})")
        if torch.is_grad_enabled() != self._with_gradient:
            raise UnrecordableError("it turns gradients on or off")
        if called == "__setitem__":
            self._refuse_changed_constant(args[0])
            self.lines.append(Line(function, self._written(args), {}, None))
            return
        made = _tensors_of(result)
        if not made:
            if result is None:
                raise UnrecordableError(f"it calls {called}, which returns nothing")
            return  # a shape or a type, which is the same each time
        inputs = [each for each in _leaves((args, dict(kwargs))) if isinstance(each, Tensor)]
        in_place = "out" in kwargs or (called.endswith("_") and not called.endswith("__"))
        if in_place:
            self._refuse_changed_constant(result)
        elif self._is_constant(called, inputs, kwargs, made):
            self._keep(made)
            self._constant |= {id(each) for each in made}
            return
        written = self._written(args), {name: self._written(value) for name, value in kwargs.items()}
        self._keep(made)
        if isinstance(result, Tensor):
            new = id(result) not in self._names
            name = self._names.setdefault(id(result), Name(f"v{len(self.lines)}"))
            self.lines.append(Line(function, *written, name if new else None))
            return
        whole = Name(f"v{len(self.lines)}")
        self.lines.append(Line(function, *written, whole))
        for i, each in enumerate(made):
            self._names[id(each)] = Name(whole.name, i)

    def _keep(self, tensors: Iterable[Tensor]) -> None:
        self._alive.extend(tensors)

    def _refuse_changed_constant(self, changed: Any) -> None:
        if id(changed) in self._constant:
            raise UnrecordableError("it changes a constant")

    def _is_constant(self, called: str, inputs: list[Tensor], kwargs: Mapping[str, Any], made: list[Tensor]) -> bool:
        """Says whether a call computes something new of constants alone."""
        draws = called in RANDOM or kwargs.get("generator") is not None
        fresh = not any(each.requires_grad for each in made)
        return bool(inputs) and all(id(each) in self._constant for each in inputs) and fresh and not draws

    def _written(self, value: Any) -> Any:
        """Puts names in the places of tensors and of the generator."""
        if isinstance(value, Tensor):
            return self._name_of(value)
        if isinstance(value, torch.Generator):
            if value is not self._generator:
                raise UnrecordableError("it draws from a generator of its own")
            return Name("generator")
        if isinstance(value, torch.Size):
            return tuple(value)
        if isinstance(value, tuple | list):
            return type(value)(self._written(each) for each in value)
        if isinstance(value, slice):
            return slice(*(self._written(each) for each in (value.start, value.stop, value.step)))
        if isinstance(value, PLAIN):
            return value
        raise UnrecordableError(f"it gives a torch function a {type(value).__name__}")


class UnrecordableError(Exception):
    """A computation is more than its torch calls."""


def _tensors_of(result: Any) -> list[Tensor]:
    if isinstance(result, Tensor):
        return [result]
    if isinstance(result, tuple | list) and any(isinstance(each, Tensor) for each in result):
        if not all(isinstance(each, Tensor) for each in result):
            raise UnrecordableError("a torch function returns tensors and something else")
        return list(result)
    return []


def _leaves(value: Any) -> Iterable[Any]:
    if isinstance(value, tuple | list):
        for each in value:
            yield from _leaves(each)
    elif isinstance(value, dict):
        yield from _leaves(list(value.values()))
    elif isinstance(value, slice):
        yield from (value.start, value.stop, value.step)
    else:
        yield value

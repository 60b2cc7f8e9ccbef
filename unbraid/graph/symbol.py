"""Symbols: the values a program handles while it is traced."""

from __future__ import annotations

import operator
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import jaxtyping
import torch
from torch import nn

from unbraid.errors import ModelError

if TYPE_CHECKING:
    from unbraid.variables.family import Family

_FOLDERS = (str(Path(__file__).parents[1]), *torch.__path__, *jaxtyping.__path__)
_INTERNAL = ("<", *(folder + os.sep for folder in _FOLDERS))
"""Where code lies that is never a line of the user's program; jaxtyping wraps functions that are checked."""

# fmt: off
ELEMENTWISE = frozenset((
    "abs", "add", "clamp", "cos", "div", "elu", "eq", "exp", "expm1", "ge", "gelu", "gt", "le", "leaky_relu", "log",
    "log1p", "lt", "maximum", "minimum", "mul", "ne", "neg", "pow", "reciprocal", "relu", "sigmoid", "silu", "sin",
    "softplus", "sqrt", "square", "sub", "tanh", "truediv", "where",
))
# fmt: on
"""Functions that broadcast, so that what does not vary along an axis need not be repeated along it."""


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """The data of a row, known before anything runs."""

    name: str = "x"


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A torch function, an operator or a tensor's method, applied to rows."""

    function: Callable[..., Any]
    name: str
    elementwise: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A module.

    Attributes:
        module: The module, which maps rows to rows.
        kind: What it is called in messages and in its name.
        constant: Whether it takes nothing and returns its attribute `value`.
        vectors: Whether it maps vectors (*batch_i, n_i) whose batches broadcast, so that what does not vary along an
            axis need not be repeated along it.
        foreign: Whether it is a user's own, of which it is not known that it keeps the rows apart.
    """

    module: nn.Module
    kind: str
    constant: bool = False
    vectors: bool = False
    foreign: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """A random variable of a family; the symbol's keyword arguments are the parameters of its distribution."""

    family: Family


Operation = Data | Call | Layer | Draw


@dataclass(slots=True, eq=False)
class Trace:
    """What was seen while one method of a program was traced."""

    part: str
    draws: list[Symbol] = field(default_factory=list)


def _operator(function: Callable[..., Any], reflected: bool = False) -> Callable[..., Symbol]:
    """Makes the method of an operator: applied to a symbol it gives a symbol."""
    name = function.__name__

    def method(*operands: Any) -> Symbol:
        return Symbol(Call(function, name, name in ELEMENTWISE), operands[::-1] if reflected else operands)

    return method


class Several:
    """What holds several symbols and is none itself, as the steps of a `Repeat`; used as a symbol it is refused."""

    __slots__ = ()

    def instead(self) -> str:
        """Says what it is, and what to write in its place."""
        raise NotImplementedError

    def refuse(self, *_: Any) -> NoReturn:
        """Raises ModelError, whatever it was used for."""
        raise ModelError(f"{calling_line()}: {self.instead()}")

    @classmethod
    def __torch_function__(
        cls, function: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Symbol:
        return Symbol.__torch_function__(function, types, args, kwargs)

    __iter__ = __getitem__ = __setitem__ = __neg__ = __abs__ = __pow__ = __rpow__ = __matmul__ = __rmatmul__ = refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = refuse
    __lt__ = __le__ = __gt__ = __ge__ = __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = refuse
    __mod__ = __rmod__ = __floordiv__ = __rfloordiv__ = __invert__ = refuse
    __array_ufunc__ = None


class Symbol:
    """One value of a program: an operation and the symbols it is applied to.

    Torch functions, operators and tensor methods work on symbols and give symbols; nothing is computed until the
    graph that they make is run. A symbol stands for rows: its first dimension is the row, the rest is the event.
    """

    __slots__ = ("args", "kwargs", "line", "operation", "trace")

    def __init__(
        self, operation: Operation, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> None:
        self.operation = operation
        self.args = args
        self.kwargs = dict(kwargs or {})
        self.line = calling_line()
        self.trace: Trace | None = next((s.trace for s in symbols_in((args, self.kwargs)) if s.trace is not None), None)
        if isinstance(operation, Draw) and self.trace is not None:
            self.trace.draws.append(self)

    @classmethod
    def __torch_function__(
        cls,
        function: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Symbol:
        name = getattr(function, "__name__", str(function))
        if (name.endswith("_") and not name.startswith("_")) or (kwargs or {}).get("inplace"):
            raise ModelError(f"{calling_line()}: torch.{name} changes its input in place; a symbol's value is shared.")
        return cls(Call(function, name, name in ELEMENTWISE), args, kwargs)

    def __getattr__(self, name: str) -> Callable[..., Symbol]:
        if name in ("shape", "size", "dim", "ndim", "numel", "dtype", "device"):
            raise ModelError(
                f"{self.line}: '.{name}' of a symbol is not known while the program is traced. Layers of unbraid size "
                "themselves; with torch functions write the sizes out, or use -1 (for instance h.flatten(1))."
            )
        if name.endswith("_") and not name.startswith("_"):
            raise ModelError(f"{self.line}: '.{name}' changes its input in place, and a symbol's value is shared.")
        method = getattr(torch.Tensor, name, None)
        if method is None or name.startswith("__") or not callable(method):
            raise AttributeError(f"a tensor has no method {name!r}, so a symbol has none either")
        return lambda *args, **kwargs: Symbol(Call(method, name, name in ELEMENTWISE), (self, *args), kwargs)

    def __getitem__(self, index: Any) -> Symbol:
        return Symbol(Call(operator.getitem, "getitem"), (self, index))

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise ModelError(
            f"{calling_line()}: nothing can be assigned to a part of a symbol, whose value is shared. Make a new one: "
            "torch.where(mask, value, h), h * mask, or torch.cat of its parts."
        )

    __add__, __radd__ = _operator(operator.add), _operator(operator.add, reflected=True)
    __sub__, __rsub__ = _operator(operator.sub), _operator(operator.sub, reflected=True)
    __mul__, __rmul__ = _operator(operator.mul), _operator(operator.mul, reflected=True)
    __truediv__, __rtruediv__ = _operator(operator.truediv), _operator(operator.truediv, reflected=True)
    __pow__, __rpow__ = _operator(operator.pow), _operator(operator.pow, reflected=True)
    __matmul__, __rmatmul__ = _operator(operator.matmul), _operator(operator.matmul, reflected=True)
    __lt__, __le__, __gt__, __ge__ = (
        _operator(operator.lt),
        _operator(operator.le),
        _operator(operator.gt),
        _operator(operator.ge),
    )
    __neg__, __abs__ = _operator(operator.neg), _operator(operator.abs)
    __and__, __rand__ = _operator(operator.and_), _operator(operator.and_, reflected=True)
    __or__, __ror__ = _operator(operator.or_), _operator(operator.or_, reflected=True)
    __xor__, __rxor__ = _operator(operator.xor), _operator(operator.xor, reflected=True)
    __mod__, __rmod__ = _operator(operator.mod), _operator(operator.mod, reflected=True)
    __floordiv__, __rfloordiv__ = _operator(operator.floordiv), _operator(operator.floordiv, reflected=True)
    __invert__ = _operator(operator.invert)
    __array_ufunc__ = None  # so that numpy leaves an operator between an array and a symbol to the symbol

    def __eq__(self, other: object) -> Symbol:  # type: ignore[override]  # as a tensor's: element by element
        return _operator(operator.eq)(self, other)

    def __ne__(self, other: object) -> Symbol:  # type: ignore[override]
        return _operator(operator.ne)(self, other)

    __hash__ = object.__hash__

    def _no_value(self, wanted: str) -> NoReturn:
        raise ModelError(
            f"{self.line}: {wanted} needs the value of a symbol, and there is none while the program is traced. "
            "Programs are traced once, so Python's if, for and float() cannot look at data: use torch.where, indexing "
            "or torch functions."
        )

    def __bool__(self) -> bool:
        self._no_value("'if'")

    def __iter__(self) -> Iterator[Symbol]:
        self._no_value("unpacking or 'for'")

    def __len__(self) -> int:
        self._no_value("len()")

    def __float__(self) -> float:
        self._no_value("float()")

    def __int__(self) -> int:
        self._no_value("int()")

    def __repr__(self) -> str:
        return f"<symbol of {describe(self.operation)}, {self.line}>"


def describe(operation: Operation) -> str:
    """Says in a word what an operation is: ``x``, ``torch.cat``, ``mlp`` or ``Categorical(10)``."""
    match operation:
        case Data(name):
            return name
        case Call(_, name):
            return f"torch.{name}"
        case Layer(_, kind):
            return kind
        case Draw(family):
            return str(family)


def symbols_in(value: Any) -> Iterator[Symbol]:
    """Yields the symbols inside nested tuples, lists, dicts and slices, in order.

    Raises:
        ModelError: If there is something that is used as a symbol and is none.
    """
    if isinstance(value, Symbol):
        yield value
    elif isinstance(value, Several):
        value.refuse()
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from symbols_in(part)
    elif isinstance(value, Mapping):
        yield from symbols_in(tuple(value.values()))
    elif isinstance(value, slice):
        yield from symbols_in((value.start, value.stop, value.step))


def check_parents(parents: Iterable[Any], of: str) -> None:
    """Raises ModelError if a parent is no symbol, nor a list of symbols: it would take no part in the program.

    Args:
        parents: What a layer is called with.
        of: What that is, for the message.
    """
    for parent in parents:
        several = list(symbols_in(parent))
        if not several or (isinstance(parent, (tuple, list)) and len(several) < len(parent)):
            raise not_a_symbol(parent, of)


def not_a_symbol(parent: Any, of: str, besides: str = "") -> ModelError:
    """Words the error for a parent that is no symbol.

    Args:
        parent: It.
        of: What was called with it.
        besides: What else can be given, and how.
    """
    return ModelError(
        f"{calling_line()}: a parent of {of} is {type(parent).__name__}, not a symbol. Parents are x, latents and what "
        f"layers and torch functions make of them{besides}."
    )


def calling_line() -> str:
    """Names the line of the user's program that is being traced, as ``digits.py, line 12``."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_INTERNAL) and frame.f_back is not None:
        frame = frame.f_back
    return f"{Path(frame.f_code.co_filename).name}, line {frame.f_lineno}"

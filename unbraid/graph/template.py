"""Templates: a part of a program that was traced once, and is put into it again with other symbols in its place."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from unbraid.graph.graph import substitute
from unbraid.graph.symbol import Symbol, symbols_in


class Copy:
    """One copy of a traced part: its layers are shared with every other copy, its random variables are new.

    Args:
        replaced: What stands in the place of the symbols that differ from copy to copy, by their id.
        draws: The ids of the random variables that belong to the part.
    """

    def __init__(self, replaced: dict[int, Symbol], draws: Collection[int]) -> None:
        self.made, self.draws = dict(replaced), frozenset(draws)

    def of(self, symbol: Symbol) -> Symbol:
        """Returns the copy of a symbol; one that depends on nothing that differs is its own."""
        if id(symbol) not in self.made:
            self.made[id(symbol)] = self._copied(symbol)
        return self.made[id(symbol)]

    def _copied(self, symbol: Symbol) -> Symbol:
        below = list(symbols_in((symbol.args, symbol.kwargs)))
        if id(symbol) not in self.draws and all(self.of(each) is each for each in below):
            return symbol

        def leaf(value: Any) -> Any:
            return self.of(value) if isinstance(value, Symbol) else value

        copy = Symbol(symbol.operation, substitute(symbol.args, leaf), substitute(symbol.kwargs, leaf))
        copy.line = symbol.line
        return copy

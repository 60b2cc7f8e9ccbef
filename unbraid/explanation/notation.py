"""Notation: densities, divergences and expectations, written for a terminal or in LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Density:
    """A density of variables given others: q(style | x, digit).

    Attributes:
        letter: q or p.
        names: The variables.
        given: What they are conditioned on.
        means: Which of `given` stand there by their mean.
    """

    letter: str
    names: tuple[str, ...]
    given: tuple[str, ...] = ()
    means: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Notation:
    """How formulas are written: templates with places for their parts, in order.

    Attributes:
        name: Writes the name of a variable.
        mean: The mean of a variable.
        bar: Stands between variables and what they are conditioned on.
        log: The logarithm of a density.
        kl: The divergence of two densities.
        sum: The sum over a variable's values, weighted by a density.
        expectation: The expectation under a density.
        brackets: What an operator applies to.
        minus: The sign.
        times: Stands between a weight and a term.
        proportional: The sign between a density and what it is but for a factor.
        space: Stands between factors.
        inline: A formula within a sentence.
    """

    name: Callable[[str], str]
    mean: str
    bar: str
    log: str
    kl: str
    sum: str
    expectation: str
    brackets: str
    minus: str
    times: str
    proportional: str
    space: str
    inline: str

    def density(self, density: Density) -> str:
        """Writes a density."""
        given = ", ".join(self.mean_of(name) if name in density.means else self.name(name) for name in density.given)
        names = ", ".join(map(self.name, density.names))
        return f"{density.letter}({names}{self.bar if given else ''}{given})"

    def product(self, densities: Iterable[Density]) -> str:
        """Writes a product of densities."""
        return self.space.join(map(self.density, densities))

    def mean_of(self, name: str) -> str:
        """Writes the mean that stands for a variable."""
        return self.mean.format(self.name(name))

    def log_of(self, density: Density) -> str:
        """Writes the logarithm of a density."""
        return self.log.format(self.density(density))

    def kl_of(self, q: Density, p: Density) -> str:
        """Writes the divergence from p to q."""
        return self.kl.format(self.density(q), self.density(p))

    def sum_over(self, density: Density) -> str:
        """Writes the sum over the values of a density's variables, weighted by it."""
        return self.sum.format(",".join(map(self.name, density.names)), self.density(density))

    def expectation_over(self, density: Density) -> str:
        """Writes the expectation under a density, of what follows in brackets."""
        return self.expectation.format(self.density(density))

    def in_brackets(self, text: str) -> str:
        """Writes what an operator applies to."""
        return self.brackets.format(text)

    def in_line(self, formula: str) -> str:
        """Writes a formula within a sentence."""
        return self.inline.format(formula)


def factors(letter: str, parents: Mapping[str, Iterable[str]]) -> tuple[Density, ...]:
    """Returns the densities of a factorisation."""
    return tuple(Density(letter, (name,), tuple(above)) for name, above in parents.items())


def _latex_name(name: str) -> str:
    return name if len(name) == 1 else rf"\mathit{{{name.replace('_', chr(92) + '_')}}}"


TEXT = Notation(
    name=str, mean="ρ_{}", bar=" | ", log="log {}", kl="KL({} ‖ {})", sum="Σ_{} {}", expectation="E_{}",
    brackets="[ {} ]", minus="−", times=" · ", proportional="∝", space=" ", inline="{}",
)  # fmt: skip
LATEX = Notation(
    name=_latex_name, mean=r"\rho_{{{}}}", bar=r" \mid ", log=r"\log {}",
    kl=r"\mathrm{{KL}}\left({} \,\middle\Vert\, {}\right)", sum=r"\sum_{{{}}} {}", expectation=r"\mathbb{{E}}_{{{}}}",
    brackets=r"\left[ {} \right]", minus="-", times=r" \cdot ", proportional=r"\propto", space=r" \, ", inline="${}$",
)  # fmt: skip

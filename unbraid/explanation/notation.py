"""Notation: densities, divergences and expectations, written for a terminal or in LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Density:
    """A density of variables given others: q(style | x, digit).

    Attributes:
        letter: q or p.
        names: The variables.
        given: What they are conditioned on.
        means: Which of `given` stand there by their mean.
        relaxed: Which of all of them are relaxed samples.
    """

    letter: str
    names: tuple[str, ...]
    given: tuple[str, ...] = ()
    means: frozenset[str] = frozenset()
    relaxed: frozenset[str] = frozenset()

    def of_value(self) -> Density:
        """Returns the density of the variables themselves, where these are relaxed."""
        return replace(self, relaxed=self.relaxed - frozenset(self.names))


@dataclass(frozen=True, slots=True)
class Notation:
    """How formulas are written: templates with places for their parts, in order.

    Attributes:
        name: Writes the name of a variable.
        mean: The mean of a variable.
        relaxed: A relaxed sample of a variable.
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
        exp: The exponential.
        at_least: The greater of a number and a term.
        ratio: One product over another.
        average: The average over so many samples.
        left: Opens brackets over several lines.
        right: Closes them.
    """

    name: Callable[[str], str]
    mean: str
    relaxed: str
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
    exp: str
    at_least: str
    ratio: str
    average: str
    left: str
    right: str

    def density(self, density: Density) -> str:
        """Writes a density."""
        given = ", ".join(
            self.mean_of(name) if name in density.means else self._seen(density, name) for name in density.given
        )
        names = ", ".join(self._seen(density, name) for name in density.names)
        return f"{density.letter}({names}{self.bar if given else ''}{given})"

    def product(self, densities: Iterable[Density]) -> str:
        """Writes a product of densities."""
        return self.space.join(map(self.density, densities))

    def mean_of(self, name: str) -> str:
        """Writes the mean that stands for a variable."""
        return self.mean.format(self.name(name))

    def relaxed_of(self, name: str) -> str:
        """Writes a relaxed sample of a variable."""
        return self.relaxed.format(self.name(name))

    def _seen(self, density: Density, name: str) -> str:
        return self.relaxed_of(name) if name in density.relaxed else self.name(name)

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
    name=str, mean="ρ_{}", relaxed="~{}", bar=" | ", log="log {}", kl="KL({} ‖ {})", sum="Σ_{} {}", expectation="E_{}",
    brackets="[ {} ]", minus="−", times=" · ", proportional="∝", space=" ", inline="{}",
    exp="exp( {} )", at_least="max({}, {})", ratio="[ {} / ( {} ) ]", average="(1/{}) Σ_s", left="[", right="]",
)  # fmt: skip
LATEX = Notation(
    name=_latex_name, mean=r"\rho_{{{}}}", relaxed=r"\tilde{{{}}}", bar=r" \mid ", log=r"\log {}",
    kl=r"\mathrm{{KL}}\left({} \,\middle\Vert\, {}\right)", sum=r"\sum_{{{}}} {}", expectation=r"\mathbb{{E}}_{{{}}}",
    brackets=r"\left[ {} \right]", minus="-", times=r" \cdot ", proportional=r"\propto", space=r" \, ", inline="${}$",
    exp=r"\exp\left( {} \right)", at_least=r"\max\left({}, {}\right)", ratio=r"\left[ \frac{{{}}}{{{}}} \right]",
    average=r"\frac{{1}}{{{}}} \sum_s", left=r"\bigl[", right=r"\bigr]",
)  # fmt: skip

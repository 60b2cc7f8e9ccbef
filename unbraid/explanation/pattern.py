"""What happens to the latents of rows that all have the same ones observed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from unbraid.estimators.enumeration import Enumerate
from unbraid.estimators.estimator import Estimator
from unbraid.estimators.plug_in import PlugIn
from unbraid.explanation.notation import Density
from unbraid.graph.graph import Graph

Treatment = Literal["observed", "enumerated", "plugged in", "sampled"]


@dataclass(frozen=True, slots=True)
class Pattern:
    """The latents that are observed in some rows, and how the others are estimated there.

    Attributes:
        graph: The graph.
        observed: The latents that are observed.
        estimators: An estimator for each discrete latent.
        samples: How many samples of the sampled latents.
        rows: How many rows these are, if known.
    """

    graph: Graph
    observed: frozenset[str]
    estimators: Mapping[str, Estimator]
    samples: int = 1
    rows: int | None = None

    def treatment(self, name: str) -> Treatment:
        """Says what happens to a latent."""
        if name in self.observed:
            return "observed"
        match self.estimators.get(name):
            case Enumerate():
                return "enumerated"
            case PlugIn():
                return "plugged in"
            case _:
                return "sampled"

    def treated(self, treatment: Treatment) -> tuple[str, ...]:
        """Returns the latents to which this happens, in the order of q."""
        return self.ordered(name for name in self.graph.latents if self.treatment(name) == treatment)

    def ordered(self, names: Iterable[str]) -> tuple[str, ...]:
        """Returns names in the order x, then the latents as in q."""
        order = ["x", *self.graph.latents]
        return tuple(sorted(set(names), key=order.index))

    def q(self, name: str) -> Density:
        """Returns the recognition factor of a latent."""
        return self._given("q", name, self.graph.q_parents[name])

    def p(self, name: str) -> Density:
        """Returns the generative factor of a latent or of x."""
        return self._given("p", name, self.graph.p_parents[name])

    def behind(self, names: Iterable[str]) -> frozenset[str]:
        """Returns the unobserved latents among these, and those among their ancestors in q up to observed ones."""
        found: set[str] = set()
        pending = list(names)
        while pending:
            name = pending.pop()
            if name in self.graph.latents and name not in self.observed | found:
                found.add(name)
                pending += self.graph.q_parents[name]
        return frozenset(found)

    def over(self, names: Iterable[str]) -> tuple[str, ...]:
        """Returns the latents over which an expectation of something that depends on `names` is taken, in order."""
        return self.ordered(name for name in self.behind(names) if self.treatment(name) != "plugged in")

    def reweighted(self) -> tuple[str, ...]:
        """Returns the latents with a label below them in q, whose expectation is the one given the label."""
        return tuple(name for name in self.over(self.graph.latents) if self.graph.descendants(name) & self.observed)

    def evidence(self) -> tuple[str, ...]:
        """Returns the observed latents that reweight others."""
        return self.ordered(name for name in self.observed if self.over(self.graph.q_parents[name]))

    def reweighs(self) -> bool:
        """Says whether labels reweight anything; the weight of a single sample is 1."""
        return any(self.treatment(name) == "enumerated" or self.samples > 1 for name in self.reweighted())

    def posterior(self, names: tuple[str, ...]) -> Density:
        """Returns the density of reweighted latents given the labels."""
        involved = {parent for name in (*self.reweighted(), *self.evidence()) for parent in self.graph.q_parents[name]}
        known = {*self.evidence(), *(involved & self.observed), "x"}
        return Density("q", names, self.ordered(known))

    def evaluations(self) -> int:
        """Returns how many evaluations of p(x | ...) one row costs: values and samples that it varies with."""
        return math.prod(self._copies(self.graph.p_parents["x"]).values())

    def _copies(self, names: Iterable[str]) -> dict[str, int]:
        """Returns the number of values along each axis that values of these variables are spread over."""
        copies: dict[str, int] = {}
        for name in self.ordered(names):
            if name == "x" or name in self.observed:
                continue
            cardinality = self.graph.latents[name].family.cardinality
            own = 1 if cardinality is None else self.estimators[name].copies(cardinality)
            apart = own > 1 or self.treatment(name) == "enumerated"
            copies |= {name: own} if apart else self._copies(self.graph.q_parents[name])
            if cardinality is None:
                copies["samples"] = self.samples
        return copies

    def _given(self, letter: str, name: str, parents: tuple[str, ...]) -> Density:
        means = frozenset(parent for parent in parents if self.treatment(parent) == "plugged in")
        return Density(letter, (name,), parents, means)

"""What happens to the latents of rows that all have the same ones observed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from unbraid.estimators.enumeration import Enumerate
from unbraid.estimators.estimator import Estimator
from unbraid.estimators.gumbel import Gumbel
from unbraid.estimators.plug_in import PlugIn
from unbraid.estimators.reinforce import Reinforce
from unbraid.estimators.sum_and_sample import SumAndSample
from unbraid.explanation.notation import Density
from unbraid.graph.graph import Graph
from unbraid.objectives.options import Bound

Treatment = Literal["observed", "enumerated", "plugged in", "relaxed", "sampled"]


@dataclass(frozen=True, slots=True)
class Pattern:
    """The latents that are observed in some rows, and how the others are estimated there.

    Attributes:
        graph: The graph.
        observed: The latents that are observed.
        estimators: An estimator for each discrete latent.
        samples: How many samples of the sampled latents.
        rows: How many rows these are, if known.
        bound: Which bound is maximised.
    """

    graph: Graph
    observed: frozenset[str]
    estimators: Mapping[str, Estimator]
    samples: int = 1
    rows: int | None = None
    bound: Bound = "elbo"

    def treatment(self, name: str) -> Treatment:
        """Says what happens to a latent."""
        if name in self.observed:
            return "observed"
        match self.estimators.get(name):
            case Enumerate():
                return "enumerated"
            case SumAndSample(k=k) if k >= (self.graph.latents[name].family.n_values or 0):
                return "enumerated"
            case PlugIn():
                return "plugged in"
            case Gumbel(hard=False):
                return "relaxed"
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
        return self._density("q", (name,), self.graph.q_parents[name])

    def p(self, name: str) -> Density:
        """Returns the generative factor of a latent or of x."""
        return self._density("p", (name,), self.graph.p_parents[name])

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
        if self.bound == "importance":
            return ()
        return tuple(name for name in self.over(self.graph.latents) if self.graph.descendants(name) & self.observed)

    def evidence(self) -> tuple[str, ...]:
        """Returns the observed latents that reweight others."""
        if self.bound == "importance":
            return ()
        return self.ordered(name for name in self.observed if self.over(self.graph.q_parents[name]))

    def reweighs(self) -> bool:
        """Says whether labels reweight anything; the weight of a single sample is 1."""
        return any(self.draws(name) != 1 for name in self.reweighted())

    def draws(self, name: str) -> int:
        """Returns at how many values of an unobserved latent the objective is taken, for each row."""
        values = self.graph.latents[name].family.n_values
        own = 1 if values is None else self.estimators[name].copies(values)
        return own * (self.samples if self.along_samples(name) else 1)

    def along_samples(self, name: str) -> bool:
        """Says whether an unobserved latent is drawn anew for each of the samples."""
        return name not in self.observed and isinstance(self.estimators.get(name), Gumbel | Reinforce | None)

    def sampled_together(self) -> tuple[str, ...]:
        """Returns the latents that are drawn anew for each of the samples."""
        return self.ordered(filter(self.along_samples, self.graph.latents))

    def averages(self) -> bool:
        """Says whether there is an average over several samples."""
        return self.samples > 1 and bool(self.sampled_together())

    @property
    def samples_first(self) -> bool:
        """Whether samples are averaged before discrete latents are summed out, as in the objective's `Pass`."""
        free = [name for name in self.graph.latents if name not in self.observed]
        drawn = {name for name in free if name not in self.estimators}
        return all(self.graph.q_ancestors[name].isdisjoint(drawn) for name in free if name in self.estimators)

    def posterior(self, names: tuple[str, ...]) -> Density:
        """Returns the density of reweighted latents given the labels."""
        involved = {parent for name in (*self.reweighted(), *self.evidence()) for parent in self.graph.q_parents[name]}
        known = {*self.evidence(), *(involved & self.observed), "x"}
        return self._density("q", names, self.ordered(known))

    def evaluations(self) -> int:
        """Returns how many evaluations of p(x | ...) one row costs: values and samples that it varies with."""
        return math.prod(self._copies(self.graph.p_parents["x"]).values())

    def _copies(self, names: Iterable[str]) -> dict[str, int]:
        """Returns the number of values along each axis that values of these variables are spread over."""
        copies: dict[str, int] = {}
        for name in self.ordered(names):
            if name == "x" or name in self.observed:
                continue
            values = self.graph.latents[name].family.n_values
            own = 1 if values is None else self.estimators[name].copies(values)
            above = {} if self.treatment(name) == "enumerated" else self._copies(self.graph.q_parents[name])
            copies |= above | {name: own} | ({"samples": self.samples} if self.along_samples(name) else {})
        return copies

    def _density(self, letter: str, names: tuple[str, ...], given: tuple[str, ...]) -> Density:
        means, relaxed = (
            frozenset(name for name in (*names, *given) if name in self.graph.latents and self.treatment(name) == how)
            for how in ("plugged in", "relaxed")
        )
        return Density(letter, names, given, means, relaxed)

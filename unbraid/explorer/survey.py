"""A survey of rows: what is inferred of many of them says what is worth showing of each latent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Bernoulli, Categorical, Distribution

from unbraid.model import Model

CHUNK = 500
_TAIL = 0.01  # of the values, at either end, lies beyond a slider
_BOUNDS = {"unit": (0.0, 1.0), "positive": (0.0, torch.inf)}


@dataclass(frozen=True, slots=True)
class Survey:
    """What is inferred of rows.

    Attributes:
        values: By discrete latent outside of any `Repeat`, where its label is a whole number, the most probable one in
            each row, (rows,).
        certainty: The probability of that value, (rows,).
        means: By continuous latent the means of q, (items, *label): an item is a row, or a step of it that is there.
        deviations: Of these the standard deviations, where q has any.
    """

    values: Mapping[str, Tensor]
    certainty: Mapping[str, Tensor]
    means: Mapping[str, Tensor]
    deviations: Mapping[str, Tensor]

    @classmethod
    def of(cls, model: Model, x: Tensor) -> Survey:
        """Surveys rows (rows, *data_shape)."""
        chunks = [cls._of_chunk(model, chunk) for chunk in x.split(CHUNK)]
        together = zip(*chunks, strict=True)
        return cls(*({name: torch.cat([part[name] for part in parts]) for name in parts[0]} for parts in together))

    @staticmethod
    def _of_chunk(model: Model, x: Tensor) -> tuple[dict[str, Tensor], ...]:
        """Returns the four attributes of some rows."""
        values: dict[str, Tensor] = {}
        certainty: dict[str, Tensor] = {}
        means: dict[str, Tensor] = {}
        deviations: dict[str, Tensor] = {}
        labels, distributions = model.predict(x), model.infer(x)
        for name, family in model.latents.items():
            q, axes = distributions[name], len(model.graph.series[name].steps)
            if family.cardinality is not None and not axes:
                values[name] = labels[name].cpu()
                certainty[name] = probabilities(q).amax(-1).cpu()
            elif not family.discrete:
                each = labels[name].flatten(0, axes).cpu()
                there = ~(each.isnan().flatten(1).any(1) if each.dim() > 1 else each.isnan())
                means[name] = each[there]
                if (deviation := deviation_of(q)) is not None:
                    deviations[name] = deviation.flatten(0, axes).cpu()[there]
        return values, certainty, means, deviations

    def ranges(self, name: str, support: str) -> tuple[Tensor, Tensor]:
        """Returns from where to where each component of a continuous latent goes: two tensors like one label.

        That is where the rows' means lie, and two standard deviations of q further: so a component of which rows say
        nothing can be moved, too.
        """
        means = self.means[name].double()
        if len(means) == 0:
            means = means.new_zeros(1, *means.shape[1:])
        low, high = means.quantile(torch.tensor([_TAIL, 1 - _TAIL]).double(), dim=0)
        least, most = _BOUNDS.get(support, (-torch.inf, torch.inf))
        reach = (2 * self._deviation(name, (high - low) / 8)).clamp(min=1e-3)
        return (low - reach).clamp(least, most), (high + reach).clamp(least, most)

    def told(self, name: str) -> Tensor:
        """Returns which share of each component's variance the rows tell, like one label.

        It is the variance of q's means over rows, as a share of that and the mean variance of q together: 0 where q is
        the same for all rows, 1 where each row is certain.
        """
        means = self.means[name].double()
        if len(means) < 2:
            return torch.ones(means.shape[1:])
        between, within = means.var(0), self._deviation(name, torch.zeros(())).square()
        return (between / (between + within)).nan_to_num(nan=0.0)

    def _deviation(self, name: str, otherwise: Tensor) -> Tensor:
        """Returns the root of q's mean variance, like one label; something else where q has none, or no finite one."""
        if len(self.deviations.get(name, ())) == 0:
            return otherwise
        found = self.deviations[name].double().square().mean(0).sqrt()
        return torch.where(found.isfinite(), found, otherwise)


def probabilities(q: Distribution) -> Tensor:
    """Returns the probabilities of the values of a discrete latent whose label is a whole number, (*batch, values)."""
    assert isinstance(q, Categorical | Bernoulli)
    return torch.stack([1 - q.probs, q.probs], -1) if isinstance(q, Bernoulli) else q.probs


def deviation_of(q: Distribution) -> Tensor | None:
    """Returns the standard deviations of a continuous latent; None for a distribution that has none."""
    try:
        deviation: Tensor = q.stddev
    except NotImplementedError:
        return None
    return deviation

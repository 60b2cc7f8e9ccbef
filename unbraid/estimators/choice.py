"""Which estimator each discrete variable gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from unbraid.errors import OptionError, did_you_mean
from unbraid.estimators.enumeration import Enumerate
from unbraid.estimators.estimator import Estimator
from unbraid.estimators.gumbel import Gumbel
from unbraid.estimators.plug_in import PlugIn
from unbraid.estimators.reinforce import Reinforce
from unbraid.estimators.sum_and_sample import SumAndSample
from unbraid.graph.graph import Graph

ESTIMATORS: dict[str, Callable[[], Estimator]] = {
    "enumerate": Enumerate,
    "gumbel": Gumbel,
    "plug_in": PlugIn,
    "reinforce": Reinforce,
    "sum_and_sample": SumAndSample,
}
BUDGET = 64
"""How many evaluations a row the default may cost: the product of the enumerated variables' cardinalities."""


def choose_estimators(graph: Graph, chosen: Mapping[str, str | Estimator] | None = None) -> dict[str, Estimator]:
    """Gives each discrete latent an estimator: the chosen one or its program's, else what the budget allows.

    Enumeration within the budget, and plug-in beyond it.

    Args:
        graph: The graph.
        chosen: By latent, an estimator or the name of one.

    Returns:
        An estimator for each discrete latent.

    Raises:
        OptionError: If there is no such latent or estimator, or the latent is not discrete.
    """
    chosen = dict(chosen or {})
    for name in chosen:
        if name not in graph.latents:
            raise OptionError(
                f"an estimator for {name!r}, which is no latent of this model.{did_you_mean(name, graph.latents)}"
            )
        if graph.latents[name].family.cardinality is None:
            raise OptionError(
                f"{name!r} is {graph.latents[name].family}: it is sampled, and only discrete variables take an "
                "estimator."
            )
    estimators: dict[str, Estimator] = {}
    product = 1
    for name, node in graph.latents.items():
        cardinality = node.family.cardinality
        if cardinality is None:
            continue
        asked = chosen.get(name, node.family.estimator)
        if asked is not None:
            estimators[name] = named(asked)
        else:
            estimators[name] = Enumerate() if product * cardinality <= BUDGET else PlugIn()
        product *= estimators[name].copies(cardinality)
    return estimators


def named(estimator: str | Estimator) -> Estimator:
    """Returns an estimator by its name.

    Raises:
        OptionError: If there is none of this name.
    """
    if not isinstance(estimator, str):
        return estimator
    if estimator not in ESTIMATORS:
        raise OptionError(f"there is no estimator {estimator!r}.{did_you_mean(estimator, ESTIMATORS)}")
    return ESTIMATORS[estimator]()

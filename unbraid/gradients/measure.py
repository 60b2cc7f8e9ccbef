"""Measuring estimators: their gradients on a batch, drawn again and again, against the exact one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import reduce
from operator import add

import torch
from torch import Tensor, nn

from unbraid.errors import DataError, OptionError
from unbraid.estimators.choice import BUDGET, choose_estimators
from unbraid.estimators.enumeration import Enumerate
from unbraid.estimators.estimator import Estimator
from unbraid.estimators.named import named, text_of
from unbraid.gradients.groups import parameter_groups
from unbraid.gradients.moments import Draws, Moments
from unbraid.gradients.report import ALL, GradientReport, Row
from unbraid.graph.graph import Graph
from unbraid.objectives.bound import Surroundings
from unbraid.objectives.objective import objective
from unbraid.objectives.options import Options

BUILT_IN = (
    "enumerate", "plug_in", "gumbel", "gumbel(hard=true)", "reinforce(samples=1)", "reinforce(samples=2)",
    "reinforce(samples=4)", "sum_and_sample(k=1)", "sum_and_sample(k=2)",
)  # fmt: skip
"""What is compared if nothing is named."""
SUBSETS = 20
"""How many means are kept of the draws; the standard errors of biases come from these."""

Gradients = list[Tensor]


def gradient_report(
    graph: Graph,
    modules: nn.ModuleDict,
    x: Tensor,
    labels: Mapping[str, Tensor],
    estimators: Mapping[str, str | Estimator] | Iterable[str | Estimator] | None,
    options: Options,
    repeats: int,
    generator: torch.Generator | None,
) -> GradientReport:
    """Compares the gradients of estimators with that of enumeration on one batch.

    Args:
        graph: The graph.
        modules: Its modules by name.
        x: The data, shape (rows, *event).
        labels: By latent: int64 (rows,) with -1, or floats (rows, *event) with NaN, where a row is not labelled.
        estimators: What is compared, each for all discrete latents together: by the name that the report gives it,
            or a list; the built-in ones that fit if None.
        options: What is maximised.
        repeats: How often each gradient is drawn.
        generator: Where noise is drawn from.

    Returns:
        The report.

    Raises:
        DataError: If there are no rows, or the labels do not fit.
        OptionError: If there is nothing to estimate, enumeration is over its budget, an estimator does not exist or
            does not fit, or repeats is below 4.
    """
    if len(x) == 0:
        raise DataError("the batch has no rows: its gradient is not a number.")
    if repeats < 4:
        raise OptionError(f"gradient_report: repeats must be at least 4, got {repeats}.")
    discrete = _discrete(graph)
    groups = parameter_groups(graph, modules, discrete)
    parameters = [each for group in groups.values() for each in group]
    if not parameters:
        raise OptionError("gradient_report: no parameter of the model has a gradient: requires_grad_() gives them one.")

    def stepper(estimator: Estimator) -> Callable[[], Gradients]:
        chosen = choose_estimators(graph, dict.fromkeys(discrete, estimator))
        around = Surroundings(generator)

        def step() -> Gradients:
            loss = objective(graph, modules, x, labels, chosen, options, around).loss
            found = torch.autograd.grad(loss, parameters, allow_unused=True)
            return [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)]

        return step

    with _without_dropout(modules):
        chosen = _fitting(stepper) if estimators is None else _named(estimators)
        reference = drawn(stepper(Enumerate()), groups, repeats, None)
        rows = []
        for name, estimator in chosen.items():
            draws = drawn(stepper(estimator), groups, repeats, reference.mean())
            rows += _rows(name, draws, reference, tuple(groups))
    exact = reduce(add, (Moments.of(reference, reference, group) for group in groups)).error_of_exact()
    return GradientReport(tuple(rows), tuple(discrete), len(x), repeats, exact)


def drawn(
    step: Callable[[], Gradients],
    groups: Mapping[str, list[nn.Parameter]],
    repeats: int,
    reference: Mapping[str, Tensor] | None,
) -> Draws:
    """Draws a gradient again and again.

    Args:
        step: Draws one: a tensor for each parameter, group after group.
        groups: The parameters.
        repeats: How many draws.
        reference: By group, a gradient that each draw is multiplied with.
    """
    subsets = min(SUBSETS, repeats)
    subset = [each * subsets // repeats for each in range(repeats)]  # of equal size, to within one draw
    sums: dict[str, Tensor] = {}
    squares: dict[str, list[float]] = {name: [] for name in groups}
    inner: dict[str, list[float]] = {name: [] for name in groups}
    seconds = []
    for each in subset:
        begun = time.perf_counter()
        found = iter(step())
        seconds.append(time.perf_counter() - begun)
        for name, group in groups.items():
            flat = torch.cat([next(found).flatten() for _ in group])
            sums.setdefault(name, flat.new_zeros(subsets, len(flat)))[each] += flat / subset.count(each)
            squares[name].append(float(flat @ flat))
            inner[name].append(float(flat @ reference[name]) if reference is not None else 0.0)
    return Draws(sums, _tensors(squares), _tensors(inner), 1000 * sorted(seconds)[repeats // 2])


def _tensors(values: Mapping[str, list[float]]) -> dict[str, Tensor]:
    return {name: torch.tensor(each, dtype=torch.float64) for name, each in values.items()}


def _rows(name: str, draws: Draws, reference: Draws, groups: tuple[str, ...]) -> list[Row]:
    """Returns what is reported of one estimator: for all parameters, and for each group where there are several."""
    moments = {group: Moments.of(draws, reference, group) for group in groups}
    reported = {ALL: reduce(add, moments.values())} | (moments if len(groups) > 1 else {})
    return [
        Row(
            name, group, *each.squared_bias(), each.deviation(), each.cosine(), each.cosine_of_one(), draws.milliseconds
        )
        for group, each in reported.items()
    ]


def _discrete(graph: Graph) -> list[str]:
    """Returns the discrete latents, where they can be enumerated together."""
    values = {name: node.family.n_values for name, node in graph.latents.items() if node.family.n_values is not None}
    if not values:
        raise OptionError("gradient_report: this model has no discrete latent, so there is nothing to estimate.")
    product = math.prod(values.values())
    if product > BUDGET:
        which = " x ".join(f"{name} ({count:,})" for name, count in values.items())
        raise OptionError(
            f"gradient_report compares with enumeration, whose budget is {BUDGET} evaluations a row; {which} takes "
            f"{product:,}. Measure on a smaller model of the same kind."
        )
    return list(values)


def _fitting(stepper: Callable[[Estimator], Callable[[], Gradients]]) -> dict[str, Estimator]:
    """Returns the built-in estimators that fit the model."""
    fitting = {}
    for text in BUILT_IN:
        try:
            stepper(named(text))()
        except OptionError:
            continue
        fitting[text] = named(text)
    return fitting


def _named(estimators: Mapping[str, str | Estimator] | Iterable[str | Estimator]) -> dict[str, Estimator]:
    """Returns estimators by the name that the report gives them."""
    if isinstance(estimators, str):
        raise OptionError(f"gradient_report: estimators is a list, estimators=[{estimators!r}].")
    by_name = (
        estimators
        if isinstance(estimators, Mapping)
        else {each if isinstance(each, str) else text_of(each): each for each in estimators}
    )
    found = {name: named(estimator) for name, estimator in by_name.items()}
    if not found:
        raise OptionError("gradient_report: estimators names none.")
    return found


@contextmanager
def _without_dropout(modules: nn.ModuleDict) -> Iterator[None]:
    """Puts modules into evaluation mode."""
    modes = [(module, module.training) for module in modules.modules()]
    modules.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training

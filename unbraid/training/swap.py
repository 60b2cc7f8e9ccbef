"""Swaps: a latent set by hand is to be read again in what p makes of it: a regulariser on p and on what is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from unbraid.graph.frame import Frame
from unbraid.graph.series import Series
from unbraid.graph.spread import Spread
from unbraid.inference.generation import mean_of_x, sample
from unbraid.inference.known import Known
from unbraid.inference.labelled import label_or, label_or_guess
from unbraid.inference.probable import most_probable
from unbraid.model import Model
from unbraid.objectives.bound import sample as draw_latent
from unbraid.objectives.matching import matched
from unbraid.objectives.presence import present
from unbraid.objectives.terms import add
from unbraid.views.view import View


def swap_losses(
    model: Model,
    reader: Model,
    x: Tensor,
    labels: Mapping[str, Tensor],
    variables: Sequence[str],
    generator: torch.Generator | None = None,
    view: View | None = None,
) -> dict[str, Tensor]:
    """Sets a discrete latent v of each row to a value drawn from p(v), and asks q for it in the image that comes out.

    The loss is -E_q(u | x) E_p(v) [log q(v | x', ...)] with x' the mean of p(x | v, u) and u the row's other latents:
    a bound on the information that x' has about v (Chen et al., "InfoGAN", 2016, Eq. 5), where the other latents are
    those of real rows, so that whatever they say of v is unlearned (Hu et al., "Toward Controlled Generation of Text",
    2017, Eq. 8). What follows v in p is drawn anew. The reader learns nothing here: p cannot agree with it on signs of
    its own, and a view of x' leaves it fewer of them.

    Args:
        model: The model that learns.
        reader: Whose q is asked, in evaluation mode: the averaged model, or the model itself.
        x: The rows, (rows, *event).
        labels: By latent: int64 (rows,) with -1, or floats with NaN, where not labelled; where x is.
        variables: What is set, by turns: discrete latents that x depends on, one of a `Repeat` in all of its steps.
        generator: Where values, noise and views are drawn from.
        view: Transforms what comes out before it is read; it keeps these variables.

    Returns:
        By variable one number a row, (rows,), in nats.
    """
    root = model.frame(x)
    inferred = _inferred(model, root, matched(root, labels), len(x), generator)
    losses = {}
    for variable in variables:
        series = model.graph.series[variable]
        frame = _swapped(model, root, inferred, series, len(x), generator)
        values = {name: frame[model.graph.latents[name]] for name in model.graph.generative_order()}
        made = mean_of_x(frame, len(x))
        with _frozen(reader):
            losses[variable] = -_read(reader, view(made, generator) if view else made, values, series)
    return losses


def _inferred(
    model: Model, frame: Frame, labels: Mapping[str, Tensor], rows: int, generator: torch.Generator | None
) -> dict[str, Spread]:
    """Returns each latent's label, or the value that q finds most probable for a discrete one, or a draw from q."""
    values = {}
    for name, node in model.graph.latents.items():
        if node.family.cardinality is not None:
            guess = label_or_guess(frame, node, labels.get(name))
            value = Spread(guess.tensor.detach(), guess.axes)
        else:
            value = draw_latent(frame, node, 1, rows, generator)
            value = label_or(value, node, labels[name]) if name in labels else value
        values[name], frame = value, frame.fix(name, value)
    return values


def _swapped(
    model: Model,
    root: Frame,
    inferred: Mapping[str, Spread],
    series: Series,
    rows: int,
    generator: torch.Generator | None,
) -> Frame:
    """Sets the members of a series, and what follows them in p, to values drawn from p."""
    graph = model.graph
    anew = {*series.members}.union(*(graph.generated_from(member) for member in series.members))
    kept = {name: value for name, value in inferred.items() if name not in anew}
    return sample(root, Known(kept), rows, generator)


def _read(reader: Model, made: Tensor, values: Mapping[str, Spread], series: Series) -> Tensor:
    """Returns log q of the values of a series in images, (rows,); of real latents q takes its own guess above it."""
    frame, total = reader.frame(made), Spread(made.new_zeros(len(made)))
    for name, node in reader.graph.latents.items():
        if name in series.members:
            total = add(total, present(frame.score(node, values[name]), frame.presence(name)))
        discrete = node.family.cardinality is not None and name in values
        frame = frame.fix(name, values[name] if discrete else most_probable(frame, node))
    return total.tensor


@contextmanager
def _frozen(reader: Model) -> Iterator[None]:
    """Puts a model into evaluation mode, and keeps gradients from its parameters; they pass through to its input."""
    training, parameters = reader.training, list(reader.parameters())
    wanted = [each.requires_grad for each in parameters]
    reader.train(False)
    for each in parameters:
        each.requires_grad_(False)
    try:
        yield
    finally:
        reader.train(training)
        for each, learns in zip(parameters, wanted, strict=True):
            each.requires_grad_(learns)

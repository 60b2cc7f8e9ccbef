"""Pictures of counted digits: places, steps, counts set by hand, items exchanged (after the paper's Figure 8)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

import unbraid as ub
from unbraid.figures.style import PALETTE, SOFT, TEXT_SIZE, new_figure

ROOM = torch.tensor([(x, y) for x in (-0.5, 0.0, 0.5) for y in (-0.5, 0.0, 0.5)])
"""Where digits are added."""


def pictures(model: ub.Model, images: Tensor) -> Mapping[str, Figure]:
    """Draws what the model makes of some images."""
    return {"places": places(model, images), "counts": counts(model, images), "exchanged": exchanged(model, images)}


def places(
    model: ub.Model, images: Tensor, place: str = "items.place", scales: tuple[float, float] = (0.2, 0.8)
) -> Figure:
    """Draws the images with the places found, their reconstructions, and what each step adds.

    Args:
        model: With a count, and items of which one latent is a place.
        images: To draw.
        place: This latent.
        scales: The smallest and largest of the things, as `ub.to_place` takes them.
    """
    found = model.predict(images)
    where = ub.to_place(found[place], scales)
    items = place.partition(".")[0]
    digits = found.get(f"{items}.digit")
    steps, size = where.shape[1], images.shape[-1]
    alone = [model.generate({**found, **_only(found, step, items)}) for step in range(steps)]
    rows = [("image", images), ("reconstruction", model.reconstruct(images))]
    rows += [(f"step {step + 1}", each) for step, each in enumerate(alone)]
    figure, axes = _grid(rows, "Images with the digits found in them, their reconstructions, and what each step adds.")
    for column in range(len(images)):
        for step in range(int(found["count"][column])):
            scale, x, y = where[column, step].tolist()
            left, top = ((x + 1 - scale) * size / 2, (y + 1 - scale) * size / 2)
            colour = PALETTE[step % len(PALETTE)]
            axes[0][column].add_patch(
                Rectangle((left - 0.5, top - 0.5), scale * size, scale * size, fill=False, edgecolor=colour)
            )
            if digits is not None:
                axes[0][column].text(left, top - 1.5, str(int(digits[column, step])), color=colour, fontsize=TEXT_SIZE)
    return figure


def counts(model: ub.Model, images: Tensor) -> Figure:
    """Draws the images again with every count set by hand: digits taken away, and added."""
    most = model.latents["count"].cardinality or 1
    found = model.predict(images)
    more = with_added(found)
    changed = [model.generate({**more, "count": torch.full_like(found["count"], each)}) for each in range(most)]
    rows = [("image", images), *((f"count {each}", changed[each]) for each in range(most))]
    caption = (
        "The count set by hand: steps past it are taken away; an added digit is the next one up, where there is room."
    )
    return _grid(rows, caption)[0]


def with_added(found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Fills the steps past the count: the digit after the one before, in its style, where there is most room."""
    more = {name: each.clone() for name, each in found.items()}
    centres = ub.to_place(found["items.place"])[..., 1:]
    for row, count in enumerate(found["count"].tolist()):
        for step in range(count, centres.shape[1]):
            taken = centres[row, :step]
            centre = max(ROOM, key=lambda place: float((taken - place).norm(dim=1).min()) if step else 0.0)
            centres[row, step] = centre
            more["items.place"][row, step] = ub.from_place(torch.cat([torch.tensor([0.5]), centre]))
            more["items.digit"][row, step] = (more["items.digit"][row, step - 1] + 1) % 10 if step else 0
            more["items.style"][row, step] = more["items.style"][row, step - 1] if step else 0
    return more


def exchanged(model: ub.Model, images: Tensor) -> Figure:
    """Draws each image with its first item exchanged for that of its neighbour."""
    found = model.predict(images)
    other = torch.arange(len(images)).roll(1)
    mixed = {name: each.clone() for name, each in found.items()}
    both = (found["count"] > 0) & (found["count"][other] > 0)
    for name in ("items.digit", "items.style"):
        mixed[name][both, 0] = found[name][other][both, 0]
    rows = [("image", images), ("its neighbour", images[other]), ("exchanged", model.generate(mixed))]
    return _grid(rows, "The first digit of each image, with its style, exchanged for that of its neighbour.")[0]


def _only(found: Mapping[str, Tensor], step: int, items: str) -> dict[str, Tensor]:
    """Returns the latents with this step as the only one, in rows that have it."""
    moved = {name: each.roll(-step, 1) for name, each in found.items() if name.startswith(f"{items}.")}
    return {"count": (found["count"] > step).long(), **moved}


def _grid(rows: list[tuple[str, Tensor]], caption: str) -> tuple[Figure, list[list[Axes]]]:
    columns = len(rows[0][1])
    figure = new_figure(0.75 * columns + 1.0, 0.75 * len(rows) + 0.3, caption)
    axes = figure.subplots(len(rows), columns, squeeze=False)
    figure.subplots_adjust(
        left=1.0 / (0.75 * columns + 1.0), right=0.995, top=0.97, bottom=0.06, wspace=0.06, hspace=0.06
    )
    for line, (name, images) in zip(axes, rows, strict=True):
        for place, image in zip(line, images, strict=True):
            place.imshow(1 - image[0].numpy(), cmap="gray", vmin=0, vmax=1)
            place.set(xticks=[], yticks=[])
            place.spines[:].set(color=SOFT, linewidth=0.4)
        line[0].text(
            -0.1, 0.5, name, transform=line[0].transAxes, ha="right", va="center", fontsize=TEXT_SIZE, color=SOFT
        )
    return figure, [list(line) for line in axes]

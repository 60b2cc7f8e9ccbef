"""What the page asks of a model: plain values in, plain values out."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unbraid.data.row_tensor import RowsLike, dtype_of, row_tensor
from unbraid.errors import DataError
from unbraid.explorer.control import control, plain, settled
from unbraid.explorer.pixels import data_url, opened, small
from unbraid.explorer.survey import Survey, deviation_of, probabilities
from unbraid.figures.mosaic import is_mostly_black
from unbraid.figures.subject import is_picture
from unbraid.graph.graph import factorisation
from unbraid.model import Model

SURVEYED = 2000
"""How many rows are surveyed, and can be sorted."""
_DRAWN = 200  # rows that are drawn for the survey where none are given
_PAGE = 60
_MOST = 200  # images that are drawn for one question
_THUMB = 64  # pixels of the longer side of images in lists

Plain = dict[str, Any]


class Questions:
    """Answers what the page asks.

    Where a question is about a row, `of` says which: ``{"row": 17}``, ``{"draw": 3}`` (what the model draws, by seed)
    or ``{"file": ...}`` (an image file in base64). `changes` has the latents of the graph that are set by hand, by
    name.

    Args:
        model: That is explored, as it is now.
        images: (rows, *data_shape); None where there are no rows but those that the model draws.
        labels: Of these rows, by latent: -1 or NaN where missing. Those of what is no latent are not shown.
        categories: By discrete latent what its values are called.
        title: Of the page.

    Raises:
        DataError: The images or labels are not of the model's shape.
    """

    def __init__(
        self,
        model: Model,
        images: RowsLike | None = None,
        labels: Mapping[str, Any] | None = None,
        categories: Mapping[str, Sequence[str]] | None = None,
        title: str = "",
    ) -> None:
        model = copy.deepcopy(model)  # a training of the model, and questions to it, go on beside those of the page
        self.model, self.title = model, title or type(model).__name__
        empty = model.sample(0)
        self.images = empty if images is None else row_tensor(images, dtype_of(model))
        model.check_shape(self.images)
        shown = self.images[:SURVEYED] if len(self.images) else self._drawn(0, _DRAWN)
        self.picture = is_picture(model.data_shape)
        self.dark_on_white = self.picture and is_mostly_black(shown)
        known = {name: each for name, each in (labels or {}).items() if name in model.latents}
        self.labels = {name: _checked(name, each, len(self.images)) for name, each in known.items()}
        self.categories = dict(categories or {})
        self.survey = Survey.of(model, shown)
        self.orders = self._orders() if len(self.images) else {}

    def describe(self) -> Plain:
        """Says what there is: the program, the rows, and the controls of all latents."""
        model = self.model
        controls = [
            control(model, series, self.survey, self.categories.get(name, ()))
            for name, series in model.graph.series.items()
        ]
        return {
            "title": self.title,
            "program": {
                "q": factorisation(model.graph.q_parents, "q"),
                "p": factorisation(model.graph.p_parents, "p"),
            },
            "shape": list(model.data_shape),
            "picture": self.picture,
            "inverted": self.dark_on_white,
            "rows": len(self.images),
            "orders": list(self.orders),
            "controls": controls,
            "colours": next(({"name": name, "values": plain(each)} for name, each in self.survey.values.items()), None),
        }

    def rows(self, order: str, start: int) -> Plain:
        """Lists a page of rows.

        Args:
            order: One of the orders of `describe`.
            start: The place in this order of the first one.

        Raises:
            DataError: There is no such order.
        """
        if order not in self.orders:
            raise DataError(f"rows have no order {order!r}: {', '.join(self.orders) or 'there are no rows'}.")
        places = self.orders[order][start : start + _PAGE]
        return {
            "total": len(self.orders[order]),
            "start": start,
            "rows": [{"row": int(row), "image": self._thumb(self.images[row])} for row in places],
        }

    def look(self, of: Plain, changes: Plain) -> Plain:
        """Infers the latents of a row, and shows what it becomes with some of them set by hand."""
        x, factors = self._row(of), self._factors(changes)
        counts = {name: value for name, value in factors.items() if name in self._counts()}
        return {
            "input": self._shown(x[0]),
            "reconstruction": self._shown(self.model.reconstruct(x)[0]),
            "changed": self._shown(self.model.edit(x, **factors)[0]),
            "latents": self._inferred(x, counts),
            "truth": {name: plain(torch.as_tensor(each[of["row"]])) for name, each in self.labels.items()}
            if "row" in of
            else {},
        }

    def vary(self, of: Plain, changes: Plain, name: str, values: Sequence[Any]) -> Plain:
        """Shows what a row becomes with one latent at each of several values, and others set by hand.

        Raises:
            DataError: There are no values, or too many.
        """
        if not 0 < len(values) <= _MOST:
            raise DataError(f"{name!r} is shown at 1 to {_MOST} values at a time, not at {len(values)}.")
        x = self._row(of)
        factors = self._factors({other: value for other, value in changes.items() if other != name})
        several = torch.stack([torch.as_tensor(self._factors({name: value})[name]) for value in values])
        images = self.model.edit(x.expand(len(values), *x.shape[1:]), **factors, **{name: several})
        return {"images": [self._thumb(image) for image in images]}

    def _row(self, of: Plain) -> Tensor:
        """Returns the row that a question is about, (1, *data_shape)."""
        if "row" in of:
            row = of["row"]
            if not isinstance(row, int) or not 0 <= row < len(self.images):
                raise DataError(f"there is no row {row!r}: rows are 0 to {len(self.images) - 1}.")
            return self.images[row : row + 1]
        if "draw" in of:
            return self._drawn(int(of["draw"]), 1)
        if not self.picture:
            raise DataError("rows of this model are no images, so that no file can be opened as one.")
        return opened(of.get("file", ""), self.model.data_shape, self.dark_on_white).to(dtype_of(self.model))

    def _drawn(self, seed: int, rows: int) -> Tensor:
        """Draws rows from the model."""
        device = next((each.device for each in self.model.parameters()), torch.device("cpu"))
        return self.model.sample(rows, torch.Generator(device).manual_seed(seed)).cpu()

    def _factors(self, changes: Plain) -> dict[str, Any]:
        """Turns changes from the page into labels of latents of the graph."""
        latents = self.model.graph.latents
        try:
            return {
                name: settled(latents[name].family, value) if name in latents else value
                for name, value in changes.items()
            }
        except (RuntimeError, TypeError, ValueError) as error:
            raise DataError(f"a latent cannot be set to this value: {error}.") from error

    def _counts(self) -> set[str]:
        """Returns the latents that say how many steps there are."""
        return {count for pairs in self.model.graph.counts.values() for count, _ in pairs}

    def _inferred(self, x: Tensor, counts: Plain) -> Plain:
        """Returns by latent of the graph what is predicted and what q says; counts set by hand say what is there."""
        found: Plain = {}
        labels, distributions = self.model.predict(x, **counts), self.model.infer(x, **counts)
        for name, series in self.model.graph.series.items():
            family, q = self.model.latents[name], distributions[name]
            told: dict[str, Tensor | None] = {}
            if family.cardinality is not None:
                told["probabilities"] = probabilities(q)
            elif family.discrete:
                told["probabilities"] = q.mean
            elif family.support != "sphere":
                told["deviations"] = deviation_of(q)
            parts = {key: series.split(each) for key, each in told.items() if each is not None}
            for member, label in series.split(labels[name]).items():
                shown = {key: plain(each[member][0]) for key, each in parts.items()}
                found[member] = {"value": plain(label[0]), **shown}
        return found

    def _orders(self) -> dict[str, list[int]]:
        """Returns in which orders rows can be listed."""
        found = {"as they come": list(range(len(self.images)))}
        among = f" (of the first {SURVEYED:,})" if len(self.images) > SURVEYED else ""
        for name, values in self.survey.values.items():
            if name in self.labels and self.labels[name].ndim == 1:
                truth = torch.as_tensor(self.labels[name][: len(values)])
                wrong = ((truth >= 0) & (truth != values)).nonzero().flatten()
                found[f"{name}: predicted wrong{among}"] = wrong.tolist()
            found[f"{name}: least certain first{among}"] = self.survey.certainty[name].argsort().tolist()
        return found

    def _thumb(self, row: Tensor) -> Any:
        """Returns a row as lists show it."""
        return self._shown(small(row, _THUMB) if self.picture else row)

    def _shown(self, row: Tensor) -> Any:
        """Returns a row as the page shows it: a URL of an image, or numbers."""
        return data_url(row, self.dark_on_white) if self.picture else plain(row.detach().cpu().flatten())


def _checked(name: str, labels: Any, rows: int) -> np.ndarray[Any, Any]:
    """Returns labels as an array, if there is one for each row."""
    array = np.asarray(labels.cpu() if isinstance(labels, Tensor) else labels)
    if len(array) != rows:
        raise DataError(f"there are {len(array)} labels of {name!r} for {rows} rows: give one for each.")
    return array

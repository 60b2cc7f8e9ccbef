"""Data of one's own: what `unbraid train my_model.py:Cells --images ... --labels ...` reads."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unbraid.data.area import area_average
from unbraid.data.arrays import Layout, read_arrays
from unbraid.data.image_folder import image_folder
from unbraid.data.label_values import missing, with_component
from unbraid.data.pixels import Colour
from unbraid.data.rows import Rows
from unbraid.data.split import split_rows
from unbraid.errors import DataError, DataNotFoundError, did_you_mean
from unbraid.model import Model
from unbraid.objectives.given import given_labels
from unbraid.recipes.recipe import Recipe
from unbraid.training.settings import Settings
from unbraid.variables import Family

_ARRAYS = (".npy", ".npz")  # in any case of letters


@dataclass(frozen=True, slots=True)
class OwnData:
    """Data of one's own, as they stand in a run's config.json.

    Attributes:
        images: A folder of images, an .npz file of images and labels, or an .npy file of images.
        labels: A CSV file for a folder, an .npz file for an .npy file; None for no labels, or those of the .npz file.
        image_size: Height and width to which images are averaged; None for the size that they have.
        colour: What becomes of colour in a folder's images.
        layout: Of the images in arrays.
        test_share: Of the rows, which are drawn for the test.
    """

    images: str
    labels: str | None = None
    image_size: tuple[int, int] | None = None
    colour: Colour = "auto"
    layout: Layout = "channels_first"
    test_share: float = 0.1

    @property
    def in_arrays(self) -> bool:
        """Whether the images are NumPy's, not a folder's."""
        return Path(self.images).suffix.lower() in _ARRAYS

    def recipe(self, program: str, draw: int, model: Model) -> Recipe:
        """Returns the recipe of a program of one's own on these data: plain settings, no views.

        Args:
            program: Where its class is: file.py:Class, or module:Class.
            draw: The seed of the draw of test rows.
            model: The program's model, whose latents the labels are of.
        """
        return Recipe(
            name=program.rpartition(":")[2],
            about=(type(model).__doc__ or "").partition("\n")[0],
            model=type(model),
            load=lambda _: self.load(model, draw),
            variable="",
            settings=Settings(),
            views=None,
            developed="",
        )

    def load(self, model: Model, draw: int) -> tuple[Rows, Rows]:
        """Reads the rows, and draws those for the test.

        Args:
            model: Whose latents the labels are of.
            draw: The seed of the draw.

        Returns:
            The training rows and the test rows.

        Raises:
            DataError: If the data cannot be read, or labels are not the model's in any row, those for the test too.
        """
        return split_rows(self.read(model), self.test_share, draw)

    def read(self, model: Model) -> Rows:
        """Reads all rows; see `load`."""
        in_arrays = self.in_arrays
        rows = (self._arrays if in_arrays else self._folder)(model.latents)
        where = self.labels or self.images
        _check_words(rows, model, where)
        labels = {name: _fitted(name, values, model, where) for name, values in rows.labels.items()}
        rows = dataclasses.replace(rows, labels=labels)
        try:
            given_labels(model.graph, known_labels(rows), len(rows), missing_class="allow")
        except DataError as error:
            order = "" if in_arrays else " Rows are the images in the order of their names, from 0."
            raise DataError(f"{where}: {str(error).rstrip('.')}.{order}") from error
        return rows

    def _folder(self, latents: Mapping[str, Family]) -> Rows:
        """Reads a folder of images, and its CSV file."""
        real = [name for name, family in latents.items() if family.cardinality is None]
        return image_folder(
            self.images, self.labels, size=self.image_size, colour=self.colour, variables=latents, real=real
        )

    def _arrays(self, latents: Mapping[str, Family]) -> Rows:
        """Reads NumPy's files; every array but the images must be labels of a latent."""
        if not Path(self.images).is_file():
            raise DataNotFoundError(f"there is no file {self.images} to read images from")
        rows = read_arrays(self.images, self.labels, layout=self.layout)
        for name in rows.labels:
            if name not in latents:
                raise DataError(
                    f"{self.labels or self.images} holds the array {name!r}, which is no variable of the model."
                    f"{did_you_mean(name, latents)} Rename it, or take it out"
                )
        if self.image_size is None:
            return rows
        return dataclasses.replace(rows, images=area_average(rows.images, self.image_size))


def check_images(rows: Rows, model: Model, own: OwnData) -> None:
    """Refuses images that are not of the model's shape, with the option that makes them so.

    Args:
        rows: With the images.
        model: The model.
        own: Where they were read.

    Raises:
        DataError: If they are not.
    """
    found, expected = tuple(rows.images.shape[1:]), tuple(model.data_shape)
    if found == expected:
        return
    remedy = "change the program"
    if len(expected) == 3 and found[1:] != expected[1:]:
        remedy = f"resize them, --image-size {expected[1]} {expected[2]}"
    elif len(expected) == 3 and expected[0] in (1, 3) and not own.in_arrays:
        remedy = f"choose their colour, --colour {'grey' if expected[0] == 1 else 'rgb'}"
    elif len(expected) == 3:
        remedy = f"give arrays of {expected[0]} channels, or change the program"
    raise DataError(
        f"the images of '{rows.name}' are {found}, but {type(model).__name__} takes {expected} (channels, height, "
        f"width): {remedy}"
    )


def known_labels(rows: Rows) -> dict[str, NDArray[Any]]:
    """Returns the labels of the variables that have any in these rows."""
    return {name: values for name, values in rows.labels.items() if not missing(values).all()}


def _check_words(rows: Rows, model: Model, where: str) -> None:
    """Refuses more words than a variable has values: one of them may be misspelt, and would renumber the others."""
    for name, words in rows.categories.items():
        values = model.latents[name].cardinality or 0
        if len(words) > values:
            raise DataError(
                f"{where}: {name!r} holds {len(words)} words ({', '.join(words)}), but the model has {values} values "
                "of it: mend what is misspelt, or change the program"
            )


def _fitted(name: str, values: NDArray[Any], model: Model, where: str) -> NDArray[Any]:
    """Returns labels in the shape of the variable: a column is one number a row, also where a value is a vector."""
    family, steps = model.latents[name], model.graph.series[name].steps
    if family.cardinality is not None:
        return values
    numbers = values.astype(np.float64)
    expected = (*steps, *family.label_shape)
    whole = with_component(numbers, 1 + len(steps), family.label_shape)
    if whole.shape[1:] == expected:
        return whole
    repeated = f" in {' x '.join(map(str, steps))} steps" if steps else ""
    raise DataError(
        f"{where}: a label of {name!r} has the shape {numbers.shape[1:]}, but {family}{repeated} has values of the "
        f"shape {expected}: labels that are vectors, or of several steps, come as arrays in an .npz file"
    )

"""Recipes: a data set, a model for it, and settings that work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from unbraid.data.rows import Rows
from unbraid.model import Model
from unbraid.training.settings import Settings
from unbraid.views.view import View


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that a main job needs but the labels.

    Attributes:
        name: On the command line.
        about: One sentence.
        model: The class of its model.
        load: Reads the rows, training and test, from a folder or wherever they are found.
        variable: The latent that is labelled.
        settings: Of the training.
        views: What transforms rows, or None.
        developed: How the settings were found: on which rows, with which draws of labels.
    """

    name: str
    about: str
    model: type[Model]
    load: Callable[[Path | None], tuple[Rows, Rows]]
    variable: str
    settings: Settings
    views: View | None
    developed: str

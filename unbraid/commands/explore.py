"""The page of a trained run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from unbraid.commands.own_data import OwnData, check_images
from unbraid.commands.train import Job, recipe_of, rows_of
from unbraid.data.pixels import Colour
from unbraid.data.rows import Rows
from unbraid.errors import DataError, OptionError, did_you_mean
from unbraid.explorer import Explorer
from unbraid.model import Model
from unbraid.training.load import load
from unbraid.training.run_folder import RunFolder


def explore(out: Path, images: Path | None = None, labels: Path | None = None, port: int = 0) -> Explorer:
    """Serves the page that explores the model of a run.

    Args:
        out: The run folder.
        images: Rows to choose from, as `unbraid train PROGRAM --images` takes them; the run's test rows if not given. A
            run that `unbraid train` did not begin has none: then what the model draws can be explored.
        labels: Of these rows, as `unbraid train PROGRAM --labels` takes them.
        port: Where it is served; 0 for any that is free.

    Returns:
        What serves it, in the background.

    Raises:
        RunError: If the folder holds no run.
        DataError: If the rows cannot be read, or are not of the model's shape.
        OptionError: If there are labels without images, or the port is taken.
    """
    if labels is not None and images is None:
        raise OptionError("--labels are of the rows that --images names: give both.")
    config, model = RunFolder.open(out).read_config(), load(out)
    title = f"{type(model).__name__}, {out}"
    called: Mapping[str, Sequence[str]] = config.get("categories", {})
    if images is not None:
        rows = _renumbered(_rows(model, images, labels), called)
    elif "job" in config:
        job = Job.from_json(config["job"])
        _, _, rows = rows_of(job, recipe_of(job, model))
    else:
        return model.explore(categories=called, title=title, port=port)
    return model.explore(rows.images, rows.labels, categories={**rows.categories, **called}, title=title, port=port)


def _rows(model: Model, images: Path, labels: Path | None) -> Rows:
    """Reads images at the size, and in the colour, that the model takes."""
    shape = tuple(model.data_shape)
    size = (shape[-2], shape[-1]) if len(shape) == 3 else None
    colour: Colour = "rgb" if shape[0] == 3 else "grey"
    own = OwnData(str(images), str(labels) if labels else None, size, colour)
    rows = own.read(model)
    check_images(rows, model, own)
    return rows


def _renumbered(rows: Rows, called: Mapping[str, Sequence[str]]) -> Rows:
    """Numbers words as the training did: other rows may hold fewer of them."""
    labels = dict(rows.labels)
    for name, words in rows.categories.items():
        known = list(called.get(name, words))
        for word in words:
            if word not in known:
                meant = did_you_mean(word, known)
                raise DataError(f"no row of the training had the word {word!r} for {name!r}.{meant}")
        numbers = np.array([*map(known.index, words), -1])  # the last one is that of -1
        labels[name] = numbers[labels[name]]
    return dataclasses.replace(rows, labels=labels)

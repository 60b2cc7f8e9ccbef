"""Eq. 4 of the paper's first version un-learns labels, on MNIST: `python -m experiments.eq4`; --quick on drawn digits.

For each draw of 10 labels a class, the model of examples/digits.py is trained with `supervision="eq4"` and with the
default, all else the same. Measured before training and after each epoch: the error on the last 10,000 training rows,
which are held out, and the mean of q(right label | x) over the labelled rows. The test set is not read. One JSON record
a measurement goes to eq4.jsonl as it comes; the figure is drawn from that file at the end (`--figure` for that alone).
"""

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import unbraid as ub
from examples.digits import Digits
from experiments.record import RESULTS, append, here
from unbraid.evaluation import error_rate
from unbraid.figures import save
from unbraid.figures.style import INK, PALETTE, SOFT, TEXT_SIZE, count_epochs, new_figure, tidy

IMAGES = Path(__file__).parents[1] / "docs" / "images"
EPOCHS = 2
WAYS = {"eq4": "Eq. 4", "default": "default"}


def main(arguments: Sequence[str] | None = None) -> None:
    job = parsed(arguments)
    path = job.out / "eq4.jsonl"
    if not job.figure:
        train, held_out = rows(job.quick)
        for draw in range(1 if job.quick else 3):
            for way in WAYS:
                for record in measured(way, draw, train, held_out, hidden=32 if job.quick else 512):
                    append(path, record | {"experiment": "eq4", "rows": str(train), **here()})
                    print(json.dumps(record), flush=True)
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    save(figure(records), (job.out if job.quick else IMAGES) / "eq4.png")
    print("\n".join(summary(records)))


def rows(quick: bool) -> tuple[Any, Any]:
    """Returns the rows to train on and the rows held out."""
    if quick:
        return ub.data.tiny_digits(300), ub.data.tiny_digits(100, seed=1)
    train, _ = ub.data.mnist()
    return train[:50_000], train[50_000:]


def measured(way: str, draw: int, train: Any, held_out: Any, hidden: int) -> Iterator[dict[str, Any]]:
    """Trains for 0, 1, ... epochs and measures each time.

    The noise of an epoch depends on the seed and the epoch only, and the learning rate is constant: a training of one
    epoch is the first half of one of two.
    """
    labels = ub.data.few_labels(train.labels, per_class=10, seed=draw)
    for epochs in range(EPOCHS + 1):
        begun = time.perf_counter()
        model: ub.Model = Digits(hidden=hidden, seed=draw)
        if epochs:
            settings = ub.Settings().changed(supervision=way, epochs=epochs, seed=draw)
            model = ub.fit(model, train.images, labels, progress="quiet", settings=settings).model
        seconds = time.perf_counter() - begun
        found = {"error": error(model, held_out), "q_right": q_right(model, train.images, labels["digit"])}
        yield {"supervision": way, "draw": draw, "epoch": epochs, **found, "seconds": round(seconds, 1)}


def error(model: ub.Model, held_out: Any) -> float:
    """Returns the share of rows with a wrong digit."""
    predicted = model.predict(held_out.images)["digit"].numpy()
    return float(error_rate(predicted, np.asarray(held_out.labels["digit"])).error)


def q_right(model: ub.Model, images: torch.Tensor, digits: Any) -> float:
    """Returns the mean of q(right label | x) over the labelled rows."""
    digit = torch.as_tensor(np.asarray(digits))
    labelled = digit >= 0
    found = model.infer(images[labelled])["digit"]
    assert isinstance(found, torch.distributions.Categorical)
    return float(found.probs.gather(1, digit[labelled][:, None]).mean())


def figure(records: Sequence[Mapping[str, Any]]) -> Figure:
    """Draws error and q(right label | x) by epoch, a line for each draw of labels."""
    caption = (
        "Trained with Eq. 4 of the paper's first version, and with the default; a line for each draw of labels. Left: "
        "error on held-out rows. Right: what q gives the right label on the very rows that carry it. Dashed: guessing."
    )
    drawn = new_figure(6.6, 2.6, caption)
    drawn.set_layout_engine("constrained", w_pad=0.1, h_pad=0.06)
    panels = {"error": "error on held-out rows (%)", "q_right": "mean q(right label | x), labelled rows"}
    for axes, (key, title) in zip(drawn.subplots(1, 2), panels.items(), strict=True):
        tidy(axes, title)
        count_epochs(axes)
        scale, guess = (100.0, 90.0) if key == "error" else (1.0, 0.1)
        axes.axhline(guess, color=SOFT, linewidth=0.8, linestyle=(0, (4, 3)))
        for colour, (way, name) in zip((PALETTE[1], PALETTE[0]), WAYS.items(), strict=True):
            ends = [line(axes, each, key, scale, colour) for each in lines(records, way)]
            mean = sum(ends) / len(ends)
            label = f"{name}: {mean:.1f} %" if key == "error" else f"{name}: {mean:.4f}"
            write(axes, label, mean, colour)
        write(axes, "guessing", guess, SOFT)
        axes.set_ylim(-0.08 * scale, 1.05 * scale)
        axes.set_xlim(-0.05, EPOCHS + 1.15)
        axes.set_xticks(range(EPOCHS + 1))
        axes.xaxis.label.set_color(INK)
    return drawn


def write(axes: Axes, text: str, height: float, colour: str) -> None:
    """Writes at the right of the lines, over what is there."""
    axes.annotate(
        text, (EPOCHS, height), xytext=(7, 0), textcoords="offset points", va="center", color=colour,
        fontsize=TEXT_SIZE, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
    )  # fmt: skip


def lines(records: Sequence[Mapping[str, Any]], way: str) -> list[list[Mapping[str, Any]]]:
    """Returns the records of one way, by draw; of a measurement that was repeated, the last."""
    found: dict[int, dict[int, Mapping[str, Any]]] = {}
    for record in records:
        if record["supervision"] == way:
            found.setdefault(record["draw"], {})[record["epoch"]] = record
    return [[by_epoch[epoch] for epoch in sorted(by_epoch)] for _, by_epoch in sorted(found.items())]


def line(axes: Axes, records: Sequence[Mapping[str, Any]], key: str, scale: float, colour: str) -> float:
    """Draws one line and returns its end."""
    values = [scale * record[key] for record in records]
    axes.plot([record["epoch"] for record in records], values, "o-", color=colour, linewidth=1.3, markersize=3)
    return float(values[-1])


def summary(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns a Markdown table: mean over the draws after each epoch, and the range."""
    table = ["| | epoch | error (%) | mean q(right label given x) |", "| --- | ---: | ---: | ---: |"]
    for way, name in WAYS.items():
        draws = lines(records, way)
        for epoch in range(EPOCHS + 1):
            errors = [100 * draw[epoch]["error"] for draw in draws]
            right = [draw[epoch]["q_right"] for draw in draws]
            table.append(f"| {name} | {epoch} | {_spread(errors, '.1f')} | {_spread(right, '.4f')} |")
    return table


def _spread(values: Sequence[float], form: str) -> str:
    return f"{sum(values) / len(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a small model on drawn digits, one draw of labels")
    parser.add_argument("--figure", action="store_true", help="only draw what is in the records")
    parser.add_argument("--out", type=Path, default=RESULTS, help="the folder of the records")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()

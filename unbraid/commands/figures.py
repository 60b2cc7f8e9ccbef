"""Figures and report of a run."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unbraid.commands.command_line import command_of
from unbraid.data.rows import Rows
from unbraid.errors import UnbraidError
from unbraid.figures import save
from unbraid.figures.run import Drawings, drawings
from unbraid.model import Model
from unbraid.report import write_report
from unbraid.training.history import History
from unbraid.training.run_folder import RunFolder


def draw_run(out: Path, model: Model, rows: Rows, labels: Mapping[str, Any], test: Rows) -> list[Path]:
    """Draws every figure of a run into its folder, and writes the report, which says what could not be drawn.

    Args:
        out: The run folder, with its metrics.
        model: The trained model.
        rows: The training rows.
        labels: The labels that training was shown.
        test: The test rows; the figures show some of them.

    Returns:
        The paths of the figures and of the report.
    """
    folder = RunFolder.open(out)
    folder.figures.mkdir(exist_ok=True)
    history, config, metrics = (
        History(folder.history).records,
        folder.read_config(),
        folder.read_json(folder.metrics),
    )
    known = {name: each for name, each in test.labels.items() if name in model.latents}
    paths, failed = draw_each(drawings(model, test.images, known, history, shown=(rows.images, labels)), folder.figures)
    write_report(
        folder.report,
        title=f"{type(model).__name__} on {rows.name}",
        metrics=headlined(metrics, model),
        history=history,
        figures=paths,
        model_text=model.explain(labels),
        config={key: value for key, value in config.items() if key not in ("program", "plan")},
        plan_text=honesty(config),
        mermaid=model.mermaid(),
        command=command_of(config, model, out),
        failed=failed,
    )
    return [*paths.values(), folder.report]


def draw_each(figures: Drawings, folder: Path) -> tuple[dict[str, Path], dict[str, str]]:
    """Draws figures into a folder, and says on the standard error stream which of them failed.

    Returns:
        By name the files of those that were drawn, and why the others were not.
    """
    paths, failed = {}, {}
    for name, draw in figures.items():
        try:
            paths[name] = save(draw(), folder / f"{name}.png")
        except Exception as error:  # noqa: BLE001 - whatever it is, the other figures and the numbers are to be reported
            failed[name] = str(error) if isinstance(error, UnbraidError) else f"{type(error).__name__}: {error}"
            print(f"unbraid: the figure {name!r} could not be drawn: {failed[name]}", file=sys.stderr)
    return paths, failed


def headlined(metrics: Mapping[str, Any], model: Model) -> dict[str, Any]:
    """Returns the metrics as the report's headlines take them."""
    own = {name: metrics[name] for name in model.latents if name in metrics}
    baseline = {
        name: {key.removeprefix("baseline_"): value for key, value in found.items() if key.startswith("baseline_")}
        for name, found in own.items()
    }
    return {"test": own, "baseline": baseline, "bound": metrics["log_px"]}


def honesty(config: Mapping[str, Any]) -> str:
    """Says which labels were used, and for what."""
    job, settings = config["job"], config["settings"]
    if job.get("own"):
        shown = f"{config['labels']}: all that the training rows have; draw {job['draw']} took the test rows out."
    else:
        shown = f"{config['labels']}, draw {job['draw']}."
    shown += " Training saw these labels and no other."
    chosen = settings["choose"] == "best" or settings["patience"] > 0
    if job["validation"]:
        use = "and chose when to stop or which weights to keep" if chosen else "and chose nothing"
        rows = f"The labels of {job['validation']:,} more rows, which were not trained on"
        shown += f" {rows}, gave the error after each epoch, {use}."
    elif chosen:
        shown += " Labelled rows that were set aside chose when to stop or which weights to keep."
    return f"{shown} Test rows were looked at once, after training, for the numbers and figures of this page."

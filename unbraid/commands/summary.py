"""The last lines of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def print_metrics(metrics: Mapping[str, Any], out: Path) -> None:
    """Prints the last lines of a run: errors, the bound, where the report is; only the first process has any."""
    if not metrics:
        return
    for name, found in metrics.items():
        if not isinstance(found, Mapping) or not found.keys() & {"error", "rmse"}:
            continue
        kind, scale, unit = ("error", 100, " %") if "error" in found else ("rmse", 1, "")
        value, low, high = (scale * each for each in (found[kind], *found[f"{kind}_ci"]))
        print(f"test {kind} of {name}: {value:.2f}{unit} (95 % interval {low:.2f} to {high:.2f})")
        if f"baseline_{kind}" in found:
            alone = f"the same recogniser trained on the {metrics['labels']:,} labelled rows alone"
            print(f"{alone}: {scale * found[f'baseline_{kind}']:.2f}{unit}")
    bound = metrics["log_px"]
    print(f"log p(x) >= {bound['bound']:.2f} nats a row (standard error {bound['se']:.2f}, {bound['samples']} samples)")
    print(f"trained in {metrics['train_seconds']:.0f} s; report: {out / 'report.html'}")

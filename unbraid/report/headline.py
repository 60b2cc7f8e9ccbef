"""The few numbers at the head of a report, as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_BASELINE = "the same recogniser, trained on the labelled rows alone"


@dataclass(frozen=True, slots=True)
class Headline:
    """One number with what it is.

    Args:
        title: what was measured.
        value: the number, with its unit.
        detail: its interval and the rows it was measured on.
        beside: what to compare it with; empty where there is nothing.
    """

    title: str
    value: str
    detail: str
    beside: str = ""


def headlines(metrics: Mapping[str, Any]) -> list[Headline]:
    """Returns the headline numbers of the metrics of a run.

    Args:
        metrics: any of "test", "validation" and "baseline", each as `unbraid.evaluation.evaluate_labels` returns, and
            "bound" with the fields of `unbraid.evaluation.Bound`. Validation stands in where there is no test.
    """
    split = "test" if metrics.get("test") else "validation"
    baseline = metrics.get("baseline") or {}
    found = [_of_variable(split, name, own, baseline.get(name)) for name, own in (metrics.get(split) or {}).items()]
    bound = metrics.get("bound")
    return [*found, _of_bound(bound)] if bound else found


def _of_variable(split: str, name: str, own: Mapping[str, Any], baseline: Mapping[str, Any] | None) -> Headline:
    """Returns the error of one variable, with the matched baseline beside it."""
    metric, show = ("error", _percent) if "error" in own else ("rmse", _plain)
    beside = f"{show(baseline[metric])} for {_BASELINE}" if baseline and metric in baseline else ""
    interval = own.get(f"{metric}_ci")
    detail = ", ".join(part for part in (_interval(interval, show), _rows(own.get("n"))) if part)
    what = "error" if metric == "error" else "root mean squared error"
    title = f"{split.capitalize()} {what} of {name}"
    if metric not in own:
        return Headline(title, "not measured", "none of the labelled steps is predicted", beside)
    return Headline(title, show(own[metric]), detail, beside)


def _of_bound(bound: Mapping[str, Any]) -> Headline:
    """Returns the bound on the log-likelihood."""
    value = f"≥ {bound['bound']:.2f} nats".replace("-", "−")
    detail = f"standard error {bound['se']:.2f}, {bound['samples']} importance samples, {_rows(bound['n'])}"
    return Headline("log p(x) a row", value, detail)


def _interval(interval: Sequence[float] | None, show: Any) -> str:
    """Returns an interval as text; empty where there is none."""
    return f"95 % interval {show(interval[0])} to {show(interval[1])}" if interval else ""


def _rows(count: int | None) -> str:
    """Returns a number of rows as text."""
    return "" if count is None else f"{count:,} rows".replace(",", "\u202f")


def _percent(fraction: float) -> str:
    """Returns a fraction in percent."""
    return f"{100 * fraction:.2f} %"


def _plain(value: float) -> str:
    """Returns a number with three digits."""
    return f"{value:.3g}".replace("-", "−")

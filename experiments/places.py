"""Where records, tables, figures and kept models lie: the repository's own, or a folder of somebody else's runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from experiments.pictures import FIGURES, RUNS
from experiments.record import RESULTS

README = Path(__file__).parent / "README.md"


@dataclass(frozen=True, slots=True)
class Places:
    """Where things lie.

    Attributes:
        results: The folder of the records.
        readme: The file of the tables.
        figures: The folder of the figures.
        runs: The folder of the models that are kept for figures.
    """

    results: Path
    readme: Path
    figures: Path
    runs: Path

    @classmethod
    def of(cls, results: Path) -> Places:
        """Returns the repository's places for its own records; for others, places beside them."""
        if results.resolve() == RESULTS.resolve():
            return cls(RESULTS, README, FIGURES, RUNS)
        return cls(results, results / "README.md", results / "figures", results / "runs")

"""The tables of README.md: what stands between its marks is made of the records, and nothing else."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from experiments.experiment import Experiment
from experiments.pictures import FIGURES, RUNS, draw_all
from experiments.record import latest, read
from experiments.table import markdown, matching
from unbraid.errors import RunError
from unbraid.figures.save import caption_in

README = Path(__file__).parent / "README.md"


def write_tables(
    experiments: Sequence[Experiment], results: Path, readme: Path = README, figures: Path = FIGURES, runs: Path = RUNS
) -> list[Path]:
    """Writes the tables of all records into the README, draws the figures, and returns the files that it wrote.

    Tables and figures of an experiment without a record stay as they are.

    Args:
        experiments: Of which.
        results: The folder of the records.
        readme: The file with the marks `<!-- NAME:begin -->` and `<!-- NAME:end -->`.
        figures: The folder of the figures.
        runs: The folder of the models that were kept.

    Raises:
        RunError: If the marks of an experiment are missing, or no experiment has a record.
    """
    text, written = readme.read_text(encoding="utf-8"), [readme]
    found = {each.name: list(latest(read(results / f"{each.name}.jsonl")).values()) for each in experiments}
    if not any(found.values()):
        raise RunError(
            f"there is no record of any experiment in {results}: make some, or name their folder with --out FOLDER."
        )
    for experiment in experiments:
        records = found[experiment.name]
        if not records:
            text = between(text, experiment.name, standing(text, experiment.name) or "No run is recorded yet.")
            continue
        tables = [markdown(table, records) for table in experiment.tables if matching(records, table.where)]
        drawn = draw_all(experiment, records, figures, runs)
        written += drawn
        shown = [embedded(experiment, stem, said, figures, readme) for stem, said in experiment.figures.items()]
        content = "\n\n".join([*tables, *filter(None, shown)]) or "No run is recorded yet."
        text = between(text, experiment.name, content)
    readme.write_text(text, encoding="utf-8")
    return written


def embedded(experiment: Experiment, stem: str, said: str, figures: Path, readme: Path) -> str:
    """Returns a figure as Markdown, with the caption that is in its file; nothing where there is no such file."""
    path = figures / f"{experiment.name}-{stem}.png"
    if not path.is_file():
        return ""
    where = Path(os.path.relpath(path, readme.parent)).as_posix()
    return f"![{said}]({where})\n\n*{said}.* {caption_in(path)}"


def standing(text: str, name: str) -> str:
    """Returns what stands between the marks of a name.

    Raises:
        RunError: If they are not there.
    """
    return _marked(text, name)[1].strip("\n")


def between(text: str, name: str, content: str) -> str:
    """Replaces what stands between the marks of a name.

    Raises:
        RunError: If they are not there.
    """
    before, _, after = _marked(text, name)
    return f"{before}\n{content}\n{after}"


def _marked(text: str, name: str) -> tuple[str, str, str]:
    """Cuts a text at the marks of a name: what ends with the first, what is between, what begins with the second."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    found = re.search(f"(?<={re.escape(begin)}).*?(?={re.escape(end)})", text, re.DOTALL)
    if found is None:
        raise RunError(f"the README of the experiments has no {begin} ... {end}: add both lines where its tables go.")
    return text[: found.start()], found[0], text[found.end() :]

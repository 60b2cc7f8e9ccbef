"""The tables of README.md: what stands between its marks is made of the records, and nothing else."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from experiments.experiment import Experiment
from experiments.pictures import draw_all
from experiments.places import Places
from experiments.record import latest, read
from experiments.table import markdown, matching
from unbraid.errors import RunError
from unbraid.figures.save import caption_in


def write_tables(experiments: Sequence[Experiment], places: Places) -> list[Path]:
    """Writes the tables of all records into the README, draws the figures, and returns the files that it wrote.

    Tables and figures of an experiment without a record stay as they are.

    Args:
        experiments: Of which.
        places: Where all of it lies; a README that is not there is begun, one that is has the marks
            `<!-- NAME:begin -->` and `<!-- NAME:end -->`.

    Raises:
        RunError: If the marks of an experiment are missing, or no experiment has a record.
    """
    found = {each.name: list(latest(read(places.results / f"{each.name}.jsonl")).values()) for each in experiments}
    if not any(found.values()):
        raise RunError(
            f"there is no record of any experiment in {places.results}: make some, or name their folder with --out "
            "FOLDER."
        )
    text = places.readme.read_text(encoding="utf-8") if places.readme.exists() else begun(experiments)
    written = [places.readme]
    for experiment in experiments:
        records = found[experiment.name]
        if not records:
            text = between(text, experiment.name, standing(text, experiment.name) or "No run is recorded yet.")
            continue
        tables = [markdown(table, records) for table in experiment.tables if matching(records, table.where)]
        drawn = draw_all(experiment, records, places.figures, places.runs)
        written += drawn
        shown = [embedded(experiment, stem, said, places) for stem, said in experiment.figures.items()]
        content = "\n\n".join([*tables, *filter(None, shown)]) or "No run is recorded yet."
        text = between(text, experiment.name, content)
    places.readme.write_text(text, encoding="utf-8")
    return written


def begun(experiments: Sequence[Experiment]) -> str:
    """Returns the marks of all experiments, with nothing between them."""
    marks = (f"## {each.name}\n\n<!-- {each.name}:begin -->\n<!-- {each.name}:end -->\n" for each in experiments)
    return "\n".join(("# Tables\n", *marks))


def embedded(experiment: Experiment, stem: str, said: str, places: Places) -> str:
    """Returns a figure as Markdown, with the caption that is in its file; nothing where there is no such file."""
    path = places.figures / f"{experiment.name}-{stem}.png"
    if not path.is_file():
        return ""
    where = Path(os.path.relpath(path, places.readme.parent)).as_posix()
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

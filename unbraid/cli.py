"""The command line: `unbraid train`, `resume`, `evaluate`, `figures`, `explore`, `export`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import tyro
from tyro.conf import OmitArgPrefixes, Positional, arg

from unbraid.commands import again
from unbraid.commands.explore import explore as explore_run
from unbraid.commands.own_data import OwnData
from unbraid.commands.run_options import ProgressOption, RunOptions
from unbraid.commands.summary import print_metrics
from unbraid.commands.train import Job
from unbraid.commands.train import resume as resume_run
from unbraid.commands.train import train as train_run
from unbraid.data.arrays import Layout
from unbraid.data.pixels import Colour
from unbraid.errors import OptionError, UnbraidError, did_you_mean
from unbraid.exporting import Answer
from unbraid.model import Model
from unbraid.options import model_options, settings_options, values_of
from unbraid.recipes import RECIPES, Recipe
from unbraid.training.load import class_at, load
from unbraid.training.run_config import reference
from unbraid.training.settings import Settings

ABOUT = """Disentangled representations from a few labels.

  unbraid train mnist --labels 10 --out runs/a    train from 10 labels a class; figures and a report in runs/a
  unbraid train my_model.py:Cells --images cells/ --labels labels.csv   a model and data of your own
  unbraid resume runs/a                           go on after a stop, to the same end
  unbraid evaluate runs/a                         measure again: test error, baseline, bound
  unbraid figures runs/a                          draw again
  unbraid explore runs/a                          set any factor by hand, on a page in your browser
  unbraid export runs/a digits.pt2                predictions as a program that needs torch alone

A run is a folder: config.json, history.jsonl, checkpoint.safetensors, metrics.json, figures/, report.html."""

COMMANDS = ("train", "resume", "evaluate", "figures", "explore", "export")
RecipeArgument = Annotated[
    Positional[str],
    arg(help=f"what to train on: {', '.join(RECIPES)}; or file.py:Class, with --images", metavar="[RECIPE]"),
]
ProgramArgument = Annotated[Positional[str], arg(help="your model: file.py:Class or module:Class", metavar="PROGRAM")]
RunArgument = Annotated[Positional[Path], arg(help="the run folder", metavar="RUN")]
USUAL = RunOptions()


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        argv: Its words; those of the process if not given.

    Returns:
        The exit status: 0, 1 after an error that was explained, 130 after Ctrl-C, 141 where nobody reads on.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        with _output_read():
            _check_command(words)
            commands: dict[str, Callable[..., Any]] = {
                "train": program_command(words) if _is_program(words) else train_command(words),
                "resume": resume, "evaluate": evaluate, "figures": figures, "explore": explore, "export": export,
            }  # fmt: skip
            tyro.extras.subcommand_cli_from_dict(commands, prog="unbraid", description=ABOUT, args=words or ["--help"])
    except UnbraidError as error:
        print(f"unbraid: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as stop:
        notes = getattr(stop, "__notes__", ["`unbraid resume RUN` goes on from the last whole epoch."])
        print(f"\nunbraid: stopped. {' '.join(notes)}", file=sys.stderr)
        return 130
    return 0


def train_command(words: Sequence[str]) -> Callable[..., None]:
    """Makes the train command, with the settings of the recipe and the fields of the model that are named."""
    recipe = _recipe_in(words)
    cls = _model_in(words) or recipe.model
    settings_type, model_type = settings_options(recipe.settings), model_options(cls)
    settings_default, model_default = settings_type(), model_type()

    def train(
        recipe: RecipeArgument = recipe.name,
        labels: Annotated[int, arg(help="labelled rows of each class; 0 for all")] = 10,
        draw: Annotated[int | None, arg(help="seed of the draw of labelled rows; --seed if not given")] = None,
        model: Annotated[str | None, arg(help="another model for these data: module:Class or file.py:Class")] = None,
        data: Annotated[str | None, arg(help="folder of the data; else UNBRAID_DATA, the cache, a download")] = None,
        run: OmitArgPrefixes[RunOptions] = USUAL,
        settings: OmitArgPrefixes[Any] = settings_default,
        fields: OmitArgPrefixes[Any] = model_default,
    ) -> None:
        """Train a model on real data from a few labels, measure it, draw its figures and write a report."""
        chosen = Settings().changed(**values_of(settings))
        root = None if data is None else str(Path(data).expanduser().resolve())
        job = Job(recipe, labels, chosen.seed if draw is None else draw, root, run.validation, run.limit)
        made = cls(seed=chosen.seed, **values_of(fields))
        _train(job, made, chosen, run)

    return _with_options(train, settings_type, model_type)


def program_command(words: Sequence[str]) -> Callable[..., None]:
    """Makes the train command for a program and data of one's own, with the fields of the program."""
    cls = class_at(words[1])
    settings_type, model_type = settings_options(Settings()), model_options(cls)
    settings_default, model_default = settings_type(), model_type()

    def train(
        program: ProgramArgument,
        images: Annotated[Path, arg(help="a folder of images, an .npz file of images and labels, or an .npy file")],
        labels: Annotated[
            Path | None, arg(help="a CSV file: name, then a column for each variable; for an .npy file an .npz file")
        ] = None,
        image_size: Annotated[
            tuple[int, int] | None, arg(help="height and width to which images are averaged", metavar="H W")
        ] = None,
        colour: Annotated[Colour, arg(help="what becomes of colour in a folder's images")] = "auto",
        layout: Annotated[Layout, arg(help="of images in arrays")] = "channels_first",
        test_share: Annotated[float, arg(help="share of the rows that are drawn for the test")] = 0.1,
        draw: Annotated[int | None, arg(help="seed of the draw of test rows; --seed if not given")] = None,
        run: OmitArgPrefixes[RunOptions] = USUAL,
        settings: OmitArgPrefixes[Any] = settings_default,
        fields: OmitArgPrefixes[Any] = model_default,
    ) -> None:
        """Train a model of your own on your own data, measure it, draw its figures and write a report."""
        chosen = Settings().changed(**values_of(settings))
        own = OwnData(
            str(images.resolve()), str(labels.resolve()) if labels else None, image_size, colour, layout, test_share
        )
        seed = chosen.seed if draw is None else draw
        made = cls(seed=chosen.seed, **values_of(fields))
        job = Job(reference(cls), per_class=0, draw=seed, validation=run.validation, limit=run.limit, own=own)
        _train(job, made, chosen, run)

    return _with_options(train, settings_type, model_type)


def resume(
    run: RunArgument,
    progress: ProgressOption = "auto",
    device: Annotated[str, arg(help="where to train; where the run was begun if not given")] = "",
    devices: Annotated[int, arg(help="processes on this machine; 0 for as many as before")] = 0,
    nodes: Annotated[int, arg(help="machines; 0 for as many as before")] = 0,
) -> None:
    """Go on with a run after a stop; it ends as if it had never been stopped."""
    print_metrics(resume_run(run, progress, device, devices, nodes), run)


def evaluate(run: RunArgument) -> None:
    """Measure a trained run again: test error, the labelled rows alone, the bound on log p(x)."""
    print_metrics(again.evaluate(run), run)


def figures(run: RunArgument) -> None:
    """Draw the figures and write the report of a run again."""
    for path in again.figures(run):
        print(path)


def explore(
    run: RunArgument,
    images: Annotated[Path | None, arg(help="rows to choose from; the run's test rows if not given")] = None,
    labels: Annotated[Path | None, arg(help="of these rows; see `unbraid train PROGRAM`")] = None,
    port: Annotated[int, arg(help="where the page is served; 0 for any port that is free")] = 0,
    browser: Annotated[bool, arg(help="open the page in the browser")] = True,
) -> None:
    """Serve a page on which rows are chosen and any latent is set by hand; Ctrl-C ends it."""
    with explore_run(run, images, labels, port) as page:
        print(f"{page.url} (only on this machine); Ctrl-C ends it", flush=True)
        if browser:
            page.open()
        with suppress(KeyboardInterrupt):
            page.wait()


def export(
    run: RunArgument,
    out: Annotated[Positional[Path], arg(help="the file to write, such as digits.pt2", metavar="FILE")],
    answer: Annotated[Answer, arg(help="what the program answers")] = "predict",
) -> None:
    """Write what a trained model answers as a program that needs torch alone."""
    load(run).export(out, answer)
    print(out)


def _train(job: Job, model: Model, settings: Settings, run: RunOptions) -> None:
    """Trains, and prints what was measured."""
    metrics = train_run(
        job, model, settings, run.out, overwrite=run.overwrite, progress=run.progress, device=run.device,
        devices=run.devices, nodes=run.nodes,
    )  # fmt: skip
    print_metrics(metrics, run.out)


def _with_options(train: Callable[..., None], settings: type, fields: type) -> Callable[..., None]:
    """Gives the train command an option for each setting and for each field of the model."""
    without_prefix: Any = OmitArgPrefixes  # of types that no checker can know
    train.__annotations__ |= {"settings": without_prefix[settings], "fields": without_prefix[fields]}
    return train


@contextmanager
def _output_read() -> Iterator[None]:
    """Ends the command without a traceback where what it prints is not read to the end, as by `| head`."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        try:
            print(flush=True)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more as it ends
            raise SystemExit(141) from None  # as a shell says of a process that SIGPIPE ended
        raise  # another pipe's


def _check_command(words: Sequence[str]) -> None:
    """Refuses a command that does not exist."""
    if words and not words[0].startswith("-") and words[0] not in COMMANDS:
        raise OptionError(f"there is no command {words[0]!r}.{did_you_mean(words[0], COMMANDS)}")


def _is_program(words: Sequence[str]) -> bool:
    """Says whether the words ask to train a program of one's own: file.py:Class, or module:Class."""
    return words[:1] == ["train"] and any(":" in word or word.endswith(".py") for word in words[1:2])


def _recipe_in(words: Sequence[str]) -> Recipe:
    """Finds the recipe among the words of the command line."""
    named = [word for word in words[1:2] if not word.startswith("-")] if words[:1] == ["train"] else []
    name = named[0] if named else next(iter(RECIPES))
    if name not in RECIPES:
        raise OptionError(f"there is no recipe {name!r} to train on.{did_you_mean(name, RECIPES)}")
    return RECIPES[name]


def _model_in(words: Sequence[str]) -> type[Model] | None:
    """Finds the model's class among the words of the command line."""
    for place, word in enumerate(words):
        if word == "--model":
            return class_at("".join(words[place + 1 : place + 2]))
        if word.startswith("--model="):
            return class_at(word.partition("=")[2])
    return None

"""Loading the model of a run."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Mapping
from operator import attrgetter
from pathlib import Path
from types import ModuleType
from typing import Any

from unbraid.errors import OptionError, RunError, did_you_mean
from unbraid.model import Model
from unbraid.training.checkpoint import load_checkpoint
from unbraid.training.run_config import FROM_FILE
from unbraid.training.run_folder import RunFolder
from unbraid.training.settings import Settings
from unbraid.training.state import load_weights


def load(run: str | Path, model: Model | None = None) -> Model:
    """Loads the trained model of a run folder.

    Args:
        run: The folder.
        model: A model of the run's class and fields to be filled; made from the folder's config if not given. The
            config names the module or the file of the class, whose code is then imported.

    Returns:
        The model with the weights that are the run's result, in evaluation mode.

    Raises:
        RunError: If the folder holds no run, its config is not whole, the class cannot be found, or the weights are of
            another model.
    """
    folder = RunFolder.open(run)
    config = folder.read_config()
    checkpoint = load_checkpoint(folder.checkpoint)
    if isinstance(model, type):
        raise OptionError(f"load takes a model to be filled, got the class {model.__name__}: {model.__name__}().")
    if model is None:
        floats = [each.dtype for each in checkpoint.part("model").values() if each.is_floating_point()]
        model = model_of(config, folder.path)
        model = model.to(floats[0]) if floats else model
    settings = Settings.from_json(config["settings"])
    part = "average" if settings.average else "model"
    if settings.choose == "best" and checkpoint.part("best"):
        part = "best"
    found = {**checkpoint.part("model"), **checkpoint.part(part)}
    load_weights(model, found, str(checkpoint.state.get("model")), folder.checkpoint)
    return model.eval()


def model_of(config: Mapping[str, Any], path: Path) -> Model:
    """Makes a fresh model of the class and fields that a config names.

    Raises:
        RunError: If the class cannot be found.
    """
    cls = class_at(config["model"], path)
    return cls(seed=config["model_seed"], **config["fields"])


def class_at(reference: str, asking: Path | str = "the command line") -> type[Model]:
    """Returns the model class at "module:Class" or "file.py:Class".

    Raises:
        RunError: If there is none.
    """
    place, _, name = reference.rpartition(":")
    lost = f"the model {reference!r} of {asking} cannot be found"
    if not place:
        raise RunError(f"{lost}: it names no class. Give module:Class or file.py:Class.")
    if "<locals>" in name:
        raise RunError(
            f"{lost}: the class was made inside a function. Make the model yourself and pass it, ub.load(folder, "
            "model), or move the class out of the function before training."
        )
    try:
        module = _module_at(Path(place)) if place.endswith(".py") else importlib.import_module(place)
    except (ImportError, FileNotFoundError, SyntaxError, ValueError) as error:
        raise RunError(f"{lost}: {error}. Give module:Class or file.py:Class.") from error
    except Exception as error:
        raise RunError(f"{lost}, for {place} raises {type(error).__name__}: {error}{_line(error, place)}.") from error
    try:
        cls = attrgetter(name)(module)
    except AttributeError as error:
        raise RunError(f"{lost}: {error}.{did_you_mean(name, _models_in(module))}") from error
    if not (isinstance(cls, type) and issubclass(cls, Model)):
        raise RunError(f"{reference!r} of {asking} is no ub.Model class.")
    return cls


def _models_in(module: Any) -> list[str]:
    """Lists the model classes that a module defines."""
    return [
        name for name, each in vars(module).items()
        if isinstance(each, type) and issubclass(each, Model) and each.__module__ == module.__name__
    ]  # fmt: skip


def _line(error: Exception, place: str) -> str:
    """Says in which line of a file an error arose."""
    steps = traceback.extract_tb(error.__traceback__)
    lines = [step.lineno for step in steps if Path(step.filename).name == Path(place).name]
    return f" (line {lines[-1]})" if lines else ""


def _module_at(path: Path) -> ModuleType:
    """Imports a file by its path, once: it may be the running script, or load its own model while it is imported."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    file = path.resolve()
    main = sys.modules["__main__"]
    if (script := getattr(main, "__file__", None)) and Path(script).resolve() == file:
        return main
    content = hashlib.sha256(bytes(file) + file.read_bytes()).hexdigest()  # a file that was edited is imported anew
    name = f"{FROM_FILE}{path.stem}_{content[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module

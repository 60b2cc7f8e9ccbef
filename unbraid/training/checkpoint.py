"""Checkpoints: one safetensors file, replaced at once, that holds all a training needs to go on exactly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from unbraid.errors import RunError
from unbraid.training.atomic import write_atomically

FORMAT = 1
KEY = "unbraid"
LONGEST_HEADER = 100_000_000  # safetensors' own limit, in bytes
SHOWN = 4


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """What a training needs to go on: tensors, and the rest in plain values.

    Attributes:
        tensors: by name; the parts of a training are told apart by a prefix such as 'model/'.
        state: JSON values: the epoch, the model's name, an optimiser's numbers.
    """

    tensors: Mapping[str, Tensor]
    state: Mapping[str, Any] = field(default_factory=dict)

    def part(self, prefix: str) -> dict[str, Tensor]:
        """Returns the tensors of one part by their own names."""
        start = f"{prefix}/"
        return {name.removeprefix(start): each for name, each in self.tensors.items() if name.startswith(start)}


def prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names tensors as those of one part of a checkpoint; `Checkpoint.part` takes them out again.

    Example:
        >>> prefixed("model", {"weight": torch.zeros(2)})
        {'model/weight': tensor([0., 0.])}
    """
    return {f"{prefix}/{name}": tensor for name, tensor in tensors.items()}


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint at once: the file is the old or the new one, whenever the process dies.

    Args:
        path: the file; an old one is replaced.
        checkpoint: what to keep; tensors may share memory, have strides, need gradients and be on any device.

    Raises:
        RunError: the state is not JSON, or the file could not be written (the last checkpoint is intact).
    """
    try:
        header = json.dumps({"format": FORMAT, "state": dict(checkpoint.state)}, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise RunError(f"the state of a checkpoint must be JSON, without NaN or infinities: {error}") from error
    # safetensors takes neither shared memory nor strides, so each tensor is copied
    owned = {
        name: each.detach().cpu().clone(memory_format=torch.contiguous_format) for name, each in _sorted(checkpoint)
    }
    write_atomically(path, safetensors.torch.save(owned, metadata={KEY: header}))


def load_checkpoint(path: Path) -> Checkpoint:
    """Reads a checkpoint; nothing in the file is executed.

    Args:
        path: the file.

    Returns:
        The checkpoint, its tensors on the CPU.

    Raises:
        RunError: there is no such file, it is cut short, it is not one of unbraid's, or a newer version wrote it.
    """
    try:
        content = path.read_bytes()  # at once, so that a training may replace the file meanwhile
    except FileNotFoundError as error:
        raise RunError(
            f"there is no checkpoint {path}: the training was stopped before its first, or has moved"
        ) from error
    except OSError as error:
        raise RunError(f"the checkpoint {path} cannot be read: {error.strerror or error}") from error
    state = _state(path, _header(path, content))
    try:
        return Checkpoint(safetensors.torch.load(content), state)
    except (safetensors.SafetensorError, KeyError, RuntimeError, ValueError) as error:
        raise RunError(f"the checkpoint {path} is damaged ({error}): restore a copy, or train again") from error


def check_tensors(
    found: Mapping[str, Tensor], expected: Mapping[str, Tensor], *, path: Path, model_in_file: str, model_here: str
) -> None:
    """Checks that the tensors of a checkpoint are those of the model here.

    Args:
        found: the tensors in the file.
        expected: those of the model, such as its `state_dict()`.
        path: the file, for the message.
        model_in_file: the name of the model that the file was written for.
        model_here: the name of the model that is to be filled.

    Raises:
        RunError: a tensor is missing, is not known here, or has another shape or type.
    """
    wrong = {
        "missing there": [name for name in expected if name not in found],
        "unknown here": [name for name in found if name not in expected],
        "of another shape or type": [
            f"{name} ({_form(found[name])} there, {_form(each)} here)"
            for name, each in expected.items()
            if name in found and _form(found[name]) != _form(each)
        ],
    }
    if any(wrong.values()):
        details = "; ".join(f"{what}: {_few(names)}" for what, names in wrong.items() if names)
        raise RunError(
            f"the checkpoint {path} is of another model: {model_in_file} in the file, {model_here} here. {details}. "
            "Build the model with the fields in the run's config.json, or train in another folder"
        )


def _sorted(checkpoint: Checkpoint) -> list[tuple[str, Tensor]]:
    """Returns the tensors in the order of their names, so that equal checkpoints make equal files."""
    return sorted(checkpoint.tensors.items())


def _header(path: Path, content: bytes) -> dict[str, Any]:
    """Reads the JSON header of a safetensors file, and checks the length of the file against it."""
    foreign = f"{path} is not a safetensors file, so it is no checkpoint of unbraid"
    cut = f"the checkpoint {path} is cut short (was it copied in part?): restore a copy, or train again"
    size = int.from_bytes(content[:8], "little")
    if len(content) >= 8 and (size > LONGEST_HEADER or content[8:9] not in (b"{", b"")):
        raise RunError(foreign)
    if len(content) < 8 + size or len(content) < 10:
        raise RunError(cut)
    try:
        header = json.loads(content[8 : 8 + size])
        end = max((each["data_offsets"][1] for name, each in header.items() if name != "__metadata__"), default=0)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise RunError(foreign) from error
    if len(content) < 8 + size + end:
        raise RunError(cut)
    return dict(header)


def _state(path: Path, header: Mapping[str, Any]) -> dict[str, Any]:
    """Takes unbraid's own part out of a header."""
    metadata = header.get("__metadata__") or {}
    if KEY not in metadata:
        raise RunError(f"{path} holds tensors, but not unbraid's: it is no checkpoint of a run")
    try:
        ours = json.loads(metadata[KEY])
        version, state = int(ours["format"]), dict(ours["state"])
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"the state in {path} is damaged ({error!r}): restore a copy, or train again") from error
    if version > FORMAT:
        raise RunError(
            f"{path} was written by a newer unbraid (format {version}; this one reads {FORMAT}): upgrade unbraid"
        )
    return state


def _form(tensor: Tensor) -> str:
    """Says the type and shape of a tensor: 'float32 (3, 2)'."""
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def _few(names: list[str]) -> str:
    """Lists some names, and counts the others."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more

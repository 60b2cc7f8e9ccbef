"""The state of an optimiser as named tensors and plain values, and back exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from unbraid.errors import RunError


def flatten_optimizer(optimizer: Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Takes the state of an optimiser apart.

    Args:
        optimizer: any whose state is made of tensors, numbers, text, booleans, None, and lists and tuples of these.

    Returns:
        Its tensors by name ('state.0.exp_avg': of parameter 0), and the rest as JSON values.

    Raises:
        RunError: the optimiser keeps something else.
    """
    content = optimizer.state_dict()
    tensors: dict[str, Tensor] = {}
    state = {str(key): _take(f"state.{key}", each, tensors) for key, each in content["state"].items()}
    groups = [_take(f"group.{index}", each, tensors) for index, each in enumerate(content["param_groups"])]
    return tensors, {"optimizer": type(optimizer).__name__, "state": state, "groups": groups}


def restore_optimizer(optimizer: Optimizer, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
    """Gives an optimiser the state that `flatten_optimizer` took.

    Args:
        optimizer: of the same class, for the same parameters.
        tensors: on the CPU; the optimiser copies them to where its parameters are.
        values: the rest.

    Raises:
        RunError: the state is of another class of optimiser, of other parameters, or incomplete.
    """
    here = type(optimizer).__name__
    if values.get("optimizer") != here:
        raise RunError(f"the checkpoint has the state of {values.get('optimizer')}, but the optimiser here is {here}")
    try:
        state = {int(key): _give(each, tensors) for key, each in values["state"].items()}
        groups = [_give(each, tensors) for each in values["groups"]]
        _check_shapes(optimizer, groups, state)
        optimizer.load_state_dict({"state": state, "param_groups": groups})
        _lay_out(optimizer)
    except KeyError as error:
        raise RunError(f"the checkpoint's state of {here} is incomplete: it lacks {error}") from error
    except ValueError as error:
        raise RunError(f"the checkpoint's state of {here} does not fit the model here: {error}") from error


def _lay_out(optimizer: Optimizer) -> None:
    """Gives tensors of a parameter's shape its order in memory, on which fused optimisers rely."""
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape and value.stride() != parameter.stride():
                state[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def _take(name: str, values: Mapping[str, Any], tensors: dict[str, Tensor]) -> dict[str, Any]:
    """Puts the tensors among some values aside, under their names, and makes JSON of the others."""
    return {key: _to_json(f"{name}.{key}", value, tensors) for key, value in values.items()}


def _give(values: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """Undoes `_take`; the tensors are copied."""
    return {key: _from_json(value, tensors) for key, value in values.items()}


def _to_json(name: str, value: Any, tensors: dict[str, Tensor]) -> Any:
    """Makes a JSON value that remembers what was a tuple, and where a tensor stood."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Tensor):
        tensors[name] = value
        return {"tensor": name}
    if isinstance(value, list | tuple):
        values = [_to_json(f"{name}.{index}", each, tensors) for index, each in enumerate(value)]
        return {"tuple": values} if isinstance(value, tuple) else values
    raise RunError(
        f"the optimiser's '{name}' is a {type(value).__name__}, which a checkpoint cannot hold: take another"
    )


def _from_json(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    """Undoes `_to_json`."""
    if isinstance(value, list):
        return [_from_json(each, tensors) for each in value]
    if not isinstance(value, dict):
        return value
    return tensors[value["tensor"]].clone() if "tensor" in value else tuple(_from_json(value["tuple"], tensors))


def _check_shapes(optimizer: Optimizer, groups: list[dict[str, Any]], state: Mapping[int, Mapping[str, Any]]) -> None:
    """Raises an error where the averages kept for a parameter have another shape than the parameter."""
    numbers = [number for group in groups for number in group["params"]]
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for number, parameter in zip(numbers, parameters, strict=False):  # load_state_dict compares their numbers
        for key in ("exp_avg", "momentum_buffer"):
            kept = state.get(number, {}).get(key)
            if isinstance(kept, Tensor) and kept.shape != parameter.shape:
                raise ValueError(f"'{key}' of parameter {number} is {tuple(kept.shape)}, not {tuple(parameter.shape)}")

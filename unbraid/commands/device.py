"""The device that a command trains on."""

from __future__ import annotations

import torch

from unbraid.errors import OptionError
from unbraid.model import Model


def to_device(model: Model, device: str) -> Model:
    """Moves a model to a device by its name, as torch has it: cpu, cuda, cuda:1, mps.

    Returns:
        The model itself.

    Raises:
        OptionError: If there is no such device on this machine.
    """
    try:
        if torch.device(device).type == "meta":
            raise RuntimeError("'meta' holds no numbers")
        return model.to(device)
    except (RuntimeError, AssertionError) as error:  # torch asserts that it was built for the device
        said = str(error).partition("\n")[0].rstrip(".")
        raise OptionError(f"--device {device}: {said}. This machine has {', '.join(devices())}.") from error


def devices() -> list[str]:
    """Returns the names of the devices that torch finds."""
    gpus = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return ["cpu", *gpus, *(["mps"] if torch.backends.mps.is_available() else [])]

"""Precision: in which numbers networks multiply."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from unbraid.training.settings import Precision


def multiplies_bf16(device: torch.device) -> bool:
    """Says whether a device multiplies bf16 numbers in hardware."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(device.type == "cpu" and supported and supported())


def networks_in(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Returns the context in which networks run: products in bf16, densities always in single precision."""
    if precision == "bf16" or (precision == "auto" and multiplies_bf16(device)):
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()

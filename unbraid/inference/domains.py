"""Domains: parameters of distributions that a program gave, and that lie where they cannot."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from unbraid.graph.frame import Frame
from unbraid.graph.graph import Node
from unbraid.variables.constraint import Constraint


def outside_domain(frame: Frame, density: str, factors: Mapping[str, Node]) -> str:
    """Says which parameter of the factors of a density is finite and outside its domain in some row.

    Args:
        frame: With all latents fixed.
        density: What it is called: q or p.
        factors: By variable.

    Returns:
        A sentence with what to do; the empty text where there is none.
    """
    for variable, node in factors.items():
        for name, value in frame.parameters(node).items():
            constraint = node.family.constraints[name]
            if found := _outside(constraint, value.tensor):
                return (
                    f"The {name} of {density}({variable}) is {found}, outside its domain, {constraint}: map it "
                    "there, with torch.nn.functional.softplus for instance, or give the variable parents and no "
                    f"{name}, as {node.family}(h) does."
                )
    return ""


def _outside(constraint: Constraint, value: Tensor) -> str:
    """Returns a number, or else a row, of a parameter (rows, *event) that is outside; the empty text for none."""
    if value.is_meta or constraint.contains(value):  # the meta device has shapes, and no numbers
        return ""
    for row in value:
        if bool(torch.isfinite(row).all()) and not constraint.contains(row):
            wrong = [each for each in row.flatten() if not constraint.contains(each[None])]
            return f"{float(wrong[0]):.3g}" if wrong else str(row.tolist())
    return ""

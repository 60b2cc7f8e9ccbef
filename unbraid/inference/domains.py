"""Domains: parameters of distributions that a program gave, and that lie where they cannot."""

from __future__ import annotations

import torch
from torch import Tensor

from unbraid.graph.frame import Frame
from unbraid.inference.known import Known
from unbraid.inference.passes import recognise
from unbraid.variables.constraint import Constraint


def outside_domain(frame: Frame) -> str:
    """Says which parameter of q or p is finite and outside its domain in some row, with the latents most probable.

    Returns:
        A sentence with what to do; the empty text where there is none.
    """
    graph, frame = frame.graph, recognise(frame, Known())
    for density, factors in (("q", graph.latents), ("p", graph.factors)):
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
    for row in value:
        if bool(torch.isfinite(row).all()) and not constraint.contains(row):
            wrong = [each for each in row.flatten() if not constraint.contains(each[None])]
            return f"{float(wrong[0]):.3g}" if wrong else str(row.tolist())
    return ""

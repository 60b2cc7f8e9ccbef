"""Objectives: plain functions from a batch to one record."""

from unbraid.objectives.objective import DEFAULT_ALPHA, objective
from unbraid.objectives.terms import Objective, Term

__all__ = ["DEFAULT_ALPHA", "Objective", "Term", "objective"]

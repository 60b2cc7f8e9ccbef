"""Objectives: plain functions from a batch to one record."""

from unbraid.objectives.bound import Surroundings
from unbraid.objectives.objective import objective
from unbraid.objectives.options import DEFAULT_ALPHA, Options
from unbraid.objectives.terms import Objective, Term

__all__ = ["DEFAULT_ALPHA", "Objective", "Options", "Surroundings", "Term", "objective"]

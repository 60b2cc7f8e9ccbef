"""Unbraid: disentangled representations from a few labels."""

from unbraid import data
from unbraid.model import Model
from unbraid.nn import conv, deconv, dense, mlp, module
from unbraid.objectives import Objective, Term
from unbraid.variables import Bernoulli, Categorical, ContinuousBernoulli, Family, Learnable, Normal

__all__ = [
    "Bernoulli",
    "Categorical",
    "ContinuousBernoulli",
    "Family",
    "Learnable",
    "Model",
    "Normal",
    "Objective",
    "Term",
    "conv",
    "data",
    "deconv",
    "dense",
    "mlp",
    "module",
]

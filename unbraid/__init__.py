"""Unbraid: disentangled representations from a few labels."""

from unbraid import data
from unbraid.estimators import Enumerate, Estimator, Gumbel, PlugIn, Reinforce, SumAndSample
from unbraid.model import Model
from unbraid.nn import conv, deconv, dense, dropout, mlp, module
from unbraid.objectives import Objective, Term
from unbraid.training import Run, Runs, Settings, fit, fit_many, load
from unbraid.variables import (
    Angle,
    Bernoulli,
    Beta,
    Categorical,
    ContinuousBernoulli,
    Direction,
    Family,
    Gamma,
    Learnable,
    LogNormal,
    Mixture,
    Normal,
    from_torch,
)
from unbraid.version import __version__
from unbraid.views import Warp

__all__ = [
    "Angle",
    "Bernoulli",
    "Beta",
    "Categorical",
    "ContinuousBernoulli",
    "Direction",
    "Enumerate",
    "Estimator",
    "Family",
    "Gamma",
    "Gumbel",
    "Learnable",
    "LogNormal",
    "Mixture",
    "Model",
    "Normal",
    "Objective",
    "PlugIn",
    "Reinforce",
    "Run",
    "Runs",
    "Settings",
    "SumAndSample",
    "Term",
    "Warp",
    "__version__",
    "conv",
    "data",
    "deconv",
    "dense",
    "dropout",
    "fit",
    "fit_many",
    "from_torch",
    "load",
    "mlp",
    "module",
]

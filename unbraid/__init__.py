"""Unbraid: disentangled representations from a few labels."""

from unbraid import data
from unbraid.capture import capturable
from unbraid.estimators import Enumerate, Estimator, Gumbel, PlugIn, Reinforce, SumAndSample
from unbraid.model import Model
from unbraid.nn import compose, conv, deconv, dense, dropout, from_place, glimpse, mlp, module, place, to_place
from unbraid.objectives import Objective, Term
from unbraid.repeat import Repeat, Submodel
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
    "Repeat",
    "Run",
    "Runs",
    "Settings",
    "Submodel",
    "SumAndSample",
    "Term",
    "Warp",
    "__version__",
    "capturable",
    "compose",
    "conv",
    "data",
    "deconv",
    "dense",
    "dropout",
    "fit",
    "fit_many",
    "from_place",
    "from_torch",
    "glimpse",
    "load",
    "mlp",
    "module",
    "place",
    "to_place",
]

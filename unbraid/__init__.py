"""Unbraid: disentangled representations from a few labels."""

from unbraid import data
from unbraid.estimators import Enumerate, PlugIn
from unbraid.model import Model
from unbraid.nn import conv, deconv, dense, dropout, mlp, module
from unbraid.objectives import Objective, Term
from unbraid.training import Run, Settings, fit, load
from unbraid.variables import Bernoulli, Categorical, ContinuousBernoulli, Family, Learnable, Normal
from unbraid.version import VERSION as __version__
from unbraid.views import Warp

__all__ = [
    "Bernoulli",
    "Categorical",
    "ContinuousBernoulli",
    "Enumerate",
    "Family",
    "Learnable",
    "Model",
    "Normal",
    "Objective",
    "PlugIn",
    "Run",
    "Settings",
    "Term",
    "Warp",
    "__version__",
    "conv",
    "data",
    "deconv",
    "dense",
    "dropout",
    "fit",
    "load",
    "mlp",
    "module",
]

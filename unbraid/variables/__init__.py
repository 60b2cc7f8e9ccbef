"""Random variables: families, their own priors, and likelihoods."""

from unbraid.variables.angle import Angle
from unbraid.variables.bernoulli import Bernoulli
from unbraid.variables.beta import Beta
from unbraid.variables.categorical import Categorical
from unbraid.variables.continuous_bernoulli import ContinuousBernoulli
from unbraid.variables.direction import Direction
from unbraid.variables.family import Family, Learnable
from unbraid.variables.from_torch import from_torch
from unbraid.variables.gamma import Gamma
from unbraid.variables.log_normal import LogNormal
from unbraid.variables.mixture import Mixture
from unbraid.variables.normal import Normal

__all__ = [
    "Angle",
    "Bernoulli",
    "Beta",
    "Categorical",
    "ContinuousBernoulli",
    "Direction",
    "Family",
    "Gamma",
    "Learnable",
    "LogNormal",
    "Mixture",
    "Normal",
    "from_torch",
]

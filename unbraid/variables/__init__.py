"""Random variables: families, their own priors, and likelihoods."""

from unbraid.variables.bernoulli import Bernoulli, ContinuousBernoulli
from unbraid.variables.categorical import Categorical
from unbraid.variables.family import Family, Learnable
from unbraid.variables.normal import Normal

__all__ = ["Bernoulli", "Categorical", "ContinuousBernoulli", "Family", "Learnable", "Normal"]

"""Estimators of the expectation over an unobserved discrete variable."""

from unbraid.estimators.choice import choose_estimators
from unbraid.estimators.enumeration import Enumerate
from unbraid.estimators.estimator import Downstream, Estimator, Site
from unbraid.estimators.gumbel import Gumbel
from unbraid.estimators.named import named, text_of
from unbraid.estimators.plug_in import PlugIn
from unbraid.estimators.reinforce import Reinforce
from unbraid.estimators.sum_and_sample import SumAndSample

__all__ = [
    "Downstream",
    "Enumerate",
    "Estimator",
    "Gumbel",
    "PlugIn",
    "Reinforce",
    "Site",
    "SumAndSample",
    "choose_estimators",
    "named",
    "text_of",
]

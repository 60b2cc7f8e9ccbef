"""Estimators of the expectation over an unobserved discrete variable."""

from unbraid.estimators.choice import choose_estimators
from unbraid.estimators.enumeration import Enumerate
from unbraid.estimators.estimator import Estimator
from unbraid.estimators.plug_in import PlugIn

__all__ = ["Enumerate", "Estimator", "PlugIn", "choose_estimators"]

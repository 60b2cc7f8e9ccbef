"""What estimators do to the gradient: bias, variance, direction and time, measured on a batch."""

from unbraid.gradients.measure import gradient_report
from unbraid.gradients.report import GradientReport, Row

__all__ = ["GradientReport", "Row", "gradient_report"]

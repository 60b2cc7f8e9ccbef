"""What a trained model is worth: errors with their intervals, confusions, and a bound on log p(x)."""

from unbraid.evaluation.confusion import class_errors, confusion_matrix
from unbraid.evaluation.error import ErrorRate, MeanError, error_rate, evaluate_labels, mean_error
from unbraid.evaluation.likelihood import Bound, log_likelihood_bound

__all__ = [
    "Bound",
    "ErrorRate",
    "MeanError",
    "class_errors",
    "confusion_matrix",
    "error_rate",
    "evaluate_labels",
    "log_likelihood_bound",
    "mean_error",
]

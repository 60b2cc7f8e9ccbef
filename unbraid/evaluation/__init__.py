"""What a trained model is worth: errors with their intervals, confusions, a bound on log p(x), and disentanglement."""

from unbraid.evaluation.confusion import class_errors, confusion_matrix
from unbraid.evaluation.disentanglement import Disentanglement, dci, factor_vae, measure_disentanglement, mig, sap
from unbraid.evaluation.error import ErrorRate, MeanError, error_rate, evaluate_labels, mean_error
from unbraid.evaluation.judge import Judge, train_judge
from unbraid.evaluation.likelihood import Bound, log_likelihood_bound
from unbraid.evaluation.swap import Deviation, Share, SwapTest, swap_test

__all__ = [
    "Bound",
    "Deviation",
    "Disentanglement",
    "ErrorRate",
    "Judge",
    "MeanError",
    "Share",
    "SwapTest",
    "class_errors",
    "confusion_matrix",
    "dci",
    "error_rate",
    "evaluate_labels",
    "factor_vae",
    "log_likelihood_bound",
    "mean_error",
    "measure_disentanglement",
    "mig",
    "sap",
    "swap_test",
    "train_judge",
]

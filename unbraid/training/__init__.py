"""Training: plan, sweep, loop, checkpoint."""

from unbraid.training.fit import fit
from unbraid.training.load import load
from unbraid.training.many import Runs, fit_many
from unbraid.training.run import Run
from unbraid.training.settings import Settings

__all__ = ["Run", "Runs", "Settings", "fit", "fit_many", "load"]

"""Training: plan, sweep, loop, checkpoint."""

from unbraid.training.fit import fit
from unbraid.training.load import load
from unbraid.training.run import Run
from unbraid.training.settings import Settings

__all__ = ["Run", "Settings", "fit", "load"]

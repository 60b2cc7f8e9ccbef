"""Many runs at once: the same training with several seeds."""

from unbraid.training.many.fit_many import fit_many
from unbraid.training.many.runs import Runs

__all__ = ["Runs", "fit_many"]

"""A page on which a model is explored: choose a row, see what is inferred, set any latent by hand."""

from unbraid.explorer.questions import Questions
from unbraid.explorer.server import Explorer

__all__ = ["Explorer", "Questions"]

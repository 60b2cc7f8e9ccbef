"""What is maximised for given labels, in maths, and how each latent is treated."""

from unbraid.explanation.explain import explain

__all__ = ["explain"]

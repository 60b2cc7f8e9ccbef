"""Repeat: latents of variable number."""

from unbraid.repeat.repeat import Repeat
from unbraid.repeat.submodel import Submodel

__all__ = ["Repeat", "Submodel"]

"""Models of the literature, each in a few lines."""

from unbraid.zoo.adgm import ADGM
from unbraid.zoo.m2 import M2

__all__ = ["ADGM", "M2"]

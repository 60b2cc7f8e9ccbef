"""Networks that take their sizes from what they are given, and a canvas for the images that they make."""

from unbraid.nn.canvas import glimpse, place
from unbraid.nn.compose import compose
from unbraid.nn.conv import conv, deconv
from unbraid.nn.dense import dense
from unbraid.nn.dropout import dropout
from unbraid.nn.mlp import mlp
from unbraid.nn.module import module
from unbraid.nn.placing import from_place, to_place

__all__ = [
    "compose",
    "conv",
    "deconv",
    "dense",
    "dropout",
    "from_place",
    "glimpse",
    "mlp",
    "module",
    "place",
    "to_place",
]

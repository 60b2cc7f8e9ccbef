"""Networks that take their sizes from what they are given."""

from unbraid.nn.conv import conv, deconv
from unbraid.nn.dense import dense
from unbraid.nn.dropout import dropout
from unbraid.nn.mlp import mlp
from unbraid.nn.module import module

__all__ = ["conv", "deconv", "dense", "dropout", "mlp", "module"]

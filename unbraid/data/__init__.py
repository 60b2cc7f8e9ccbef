"""Rows and labels: what a model is trained on, how a few labels are kept, and where data sets come from."""

from unbraid.data.idx import read_idx, write_idx
from unbraid.data.labels import few_labels, missing, normalise_labels, unlabelled_classes
from unbraid.data.mnist import mnist
from unbraid.data.multi_mnist import multi_mnist
from unbraid.data.rows import Rows
from unbraid.data.scenes import Scenes, compose_digits
from unbraid.data.sprites import SPRITE_SHAPES, sprites
from unbraid.data.stored import load_rows, save_rows
from unbraid.data.synthetic import tiny_digits

__all__ = [
    "SPRITE_SHAPES",
    "Rows",
    "Scenes",
    "compose_digits",
    "few_labels",
    "load_rows",
    "missing",
    "mnist",
    "multi_mnist",
    "normalise_labels",
    "read_idx",
    "save_rows",
    "sprites",
    "tiny_digits",
    "unlabelled_classes",
    "write_idx",
]

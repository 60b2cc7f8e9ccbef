"""Rows and labels: what a model is trained on, how a few labels are kept, and where data sets come from."""

from unbraid.data.area import area_average
from unbraid.data.idx import read_idx, write_idx
from unbraid.data.labels import few_labels, missing, normalise_labels, unlabelled_classes
from unbraid.data.mnist import mnist
from unbraid.data.rows import Rows
from unbraid.data.split import hold_out, split_rows
from unbraid.data.svhn import read_svhn, svhn
from unbraid.data.synthetic import tiny_digits
from unbraid.data.yale import light_direction, yale_faces

__all__ = [
    "Rows",
    "area_average",
    "few_labels",
    "hold_out",
    "light_direction",
    "missing",
    "mnist",
    "normalise_labels",
    "read_idx",
    "read_svhn",
    "split_rows",
    "svhn",
    "tiny_digits",
    "unlabelled_classes",
    "write_idx",
    "yale_faces",
]

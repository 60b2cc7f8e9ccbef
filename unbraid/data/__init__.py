"""Rows and labels: what a model is trained on, how a few labels are kept, and where data sets come from."""

from unbraid.data.area import area_average
from unbraid.data.arrays import from_arrays, read_arrays
from unbraid.data.hugging_face import from_hugging_face
from unbraid.data.idx import read_idx, write_idx
from unbraid.data.image_folder import image_files, image_folder
from unbraid.data.labels import few_labels, missing, normalise_labels, unlabelled_classes
from unbraid.data.mnist import mnist
from unbraid.data.multi_mnist import multi_mnist
from unbraid.data.rows import Rows
from unbraid.data.scenes import Scenes, compose_digits
from unbraid.data.split import hold_out, split_rows
from unbraid.data.sprites import SPRITE_SHAPES, sprites
from unbraid.data.stored import load_rows, save_rows
from unbraid.data.svhn import read_svhn, svhn
from unbraid.data.synthetic import tiny_digits
from unbraid.data.yale import light_direction, yale_faces

__all__ = [
    "SPRITE_SHAPES",
    "Rows",
    "Scenes",
    "area_average",
    "compose_digits",
    "few_labels",
    "from_arrays",
    "from_hugging_face",
    "hold_out",
    "image_files",
    "image_folder",
    "light_direction",
    "load_rows",
    "missing",
    "mnist",
    "multi_mnist",
    "normalise_labels",
    "read_arrays",
    "read_idx",
    "read_svhn",
    "save_rows",
    "split_rows",
    "sprites",
    "svhn",
    "tiny_digits",
    "unlabelled_classes",
    "write_idx",
    "yale_faces",
]

"""Extended Yale B, cropped: 38 people under 64 lights.

References:
    Georghiades, Belhumeur and Kriegman, "From few to many: illumination cone models for face recognition under
    variable lighting and pose", IEEE PAMI, 2001.
    Lee, Ho and Kriegman, "Acquiring linear subspaces for face recognition under variable lighting", IEEE PAMI, 2005:
    the cropped images.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from unbraid.data.area import area_average, check_size
from unbraid.data.places import looked_in, places
from unbraid.data.rows import Rows
from unbraid.errors import DataError, DataNotFoundError

SIZE = (192, 168)
"""Height and width of the cropped images, in pixels."""
_FOLDER = "CroppedYale"
_NAME = re.compile(r"yaleB\d\d_P\d\d(?:A([+-]\d{3})E([+-]\d\d)|_Ambient)\.pgm")


def yale_faces(
    root: str | os.PathLike[str] | None = None, size: tuple[int, int] = (48, 42), *, ambient: bool = False
) -> Rows:
    """Reads the cropped faces of Extended Yale B.

    The folder `CroppedYale` is looked for in `root` where it is given (which may be that folder itself), else in the
    folder that the environment variable `UNBRAID_DATA` names. It holds a folder for each person, `yaleBpp`, with the
    images `yaleBpp_P00A+aaaE+ee.pgm`: aaa is the azimuth and ee the elevation of the light, in degrees. Images marked
    `.bad` are known to be corrupt, and are left out.

    `split_rows` splits them at random; ``hold_out(faces, of=("azimuth", "elevation"))`` keeps lights out of training.

    Args:
        root: the folder that holds the images.
        size: height and width to which the images, (192, 168), are averaged down.
        ambient: whether the images without a flash, `_Ambient.pgm`, are read too, with NaN as their light. Only those
            that are cropped like the others are: in the archive as it is handed out, 28 of 38 are not.

    Returns:
        Images (rows, 1, *size) in [0, 1]; labels: `identity` (rows,) int64, 0 to 37 in the order of the folders;
        `lighting` (rows, 3) float32, a unit vector towards the light, see `light_direction`; `azimuth` and `elevation`
        (rows,) float32, in degrees. 2,414 rows, by person and by file name.

    Raises:
        DataNotFoundError: the folder is in none of these places.
        DataError: an image cannot be read, has another size or another name.

    Example:
        >>> yale_faces()  # doctest: +SKIP
        Rows(name='Extended Yale B', images=(2414, 1, 48, 42), labels=['identity', 'lighting', 'azimuth', 'elevation'])
    """
    check_size(size)
    people = _people(root)
    images, identity, angles = [], [], []
    for number, person in enumerate(people):
        paths = [path for path in sorted(person.glob("*.pgm")) if ambient or "_Ambient" not in path.name]
        read = [(_read(path), _angles(path)) for path in paths]
        kept = [(pixels, angle) for pixels, angle in read if pixels.shape == SIZE]
        images.append(_average([pixels for pixels, _ in kept], size))
        identity += [number] * len(kept)
        angles += [angle for _, angle in kept]
    azimuth, elevation = np.array(angles, dtype=np.float32).reshape(-1, 2).T
    labels: dict[str, NDArray[Any]] = {
        "identity": np.array(identity, dtype=np.int64),
        "lighting": light_direction(azimuth, elevation),
        "azimuth": azimuth.copy(),
        "elevation": elevation.copy(),
    }
    return Rows(torch.cat(images), labels, name="Extended Yale B")


def light_direction(azimuth: ArrayLike, elevation: ArrayLike) -> NDArray[np.float32]:
    """Returns the unit vector towards a light: (-sin a cos e, sin e, cos a cos e).

    The axes are those of the image: x to the right, y upwards, z towards the camera. A positive azimuth is to the right
    of the person, which is on the left of the image.

    Args:
        azimuth: (rows,), in degrees.
        elevation: (rows,), in degrees; positive above the face.

    Returns:
        (rows, 3).

    Example:
        >>> light_direction([0, 90, 0], [0, 0, 90]).round(3) + 0.0
        array([[ 0.,  0.,  1.],
               [-1.,  0.,  0.],
               [ 0.,  1.,  0.]], dtype=float32)
    """
    a, e = (np.deg2rad(np.asarray(angle, dtype=np.float64)) for angle in (azimuth, elevation))
    return np.stack([-np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)], axis=-1).astype(np.float32)


def _people(root: str | os.PathLike[str] | None) -> list[Path]:
    """Finds the folders of the people, in order."""
    folders = places(root, _FOLDER)
    for place in folders:
        people = sorted(path for path in place.glob("yaleB[0-9][0-9]") if path.is_dir())
        if people:
            return people
    raise DataNotFoundError(
        f"Extended Yale B was not found.{looked_in(folders, 'the folders yaleB01, yaleB02, ...')}\nWhat to do: get the "
        "cropped images (CroppedYale.zip of the Extended Yale Face Database B, free for research) and unpack them, so "
        f"that {(folders[0] if folders else Path(_FOLDER)) / 'yaleB01'} is there; name the folder with "
        "yale_faces(root=...) or UNBRAID_DATA. Nothing is downloaded."
    )


def _angles(path: Path) -> tuple[float, float]:
    """Reads azimuth and elevation, in degrees, out of a file name; NaN for ambient light."""
    found = _NAME.fullmatch(path.name)
    if not found:
        raise DataError(f"{path} is not called yaleBpp_P00A+aaaE+ee.pgm, so its light is not known: take it away")
    return (float(found[1]), float(found[2])) if found[1] else (np.nan, np.nan)


def _read(path: Path) -> NDArray[np.uint8]:
    """Reads one image, (192, 168) bytes; an ambient one may have another size."""
    try:
        with Image.open(path) as image:
            pixels = np.asarray(image)
    except (OSError, ValueError, SyntaxError) as error:  # what pillow raises for broken files
        raise DataError(f"{path} is cut short or is no image ({error}): delete it and get it again") from error
    if pixels.dtype != np.uint8 or pixels.ndim != 2 or (pixels.shape != SIZE and "_Ambient" not in path.name):
        raise DataError(f"{path} is {pixels.dtype} {pixels.shape}, expected bytes in {SIZE}: get it again")
    return pixels


def _average(images: Sequence[NDArray[np.uint8]], size: tuple[int, int]) -> torch.Tensor:
    """Averages the images of one person down: (rows, 1, *size) in [0, 1]."""
    if not images:
        return torch.zeros(0, 1, *size)
    return area_average(torch.from_numpy(np.stack(images)).float()[:, None] / 255, size)

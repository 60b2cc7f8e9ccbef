"""Extended Yale B: names read, light turned into a direction, broken images named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unbraid.data import hold_out, light_direction, yale_faces
from unbraid.errors import DataError, DataNotFoundError

LIGHTS = ("A+000E+00", "A+035E-20", "A-110E+65")


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """Two people under three lights, one more image that is marked as bad, and ambient ones of both sizes."""
    for person in ("yaleB01", "yaleB15"):
        folder = tmp_path / "CroppedYale" / person
        folder.mkdir(parents=True)
        for number, light in enumerate(LIGHTS):
            pixels = np.full((192, 168), 50 * number + int(person[-2:]), np.uint8)
            pixels[:96] += 4
            Image.fromarray(pixels).save(folder / f"{person}_P00{light}.pgm")
        (folder / f"{person}_P00A+120E+00.pgm.bad").write_bytes(b"broken")
        (folder / f"{person}_P00.info").write_text("names")
        size = (192, 168) if person == "yaleB01" else (480, 640)
        Image.fromarray(np.zeros(size, np.uint8)).save(folder / f"{person}_P00_Ambient.pgm")
    return tmp_path


def test_people_and_lights(faces: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNBRAID_DATA", str(faces))
    for root in (None, faces, faces / "CroppedYale"):
        rows = yale_faces(root, size=(2, 3))
        assert (rows.images.shape, rows.labels["identity"].tolist()) == ((6, 1, 2, 3), [0, 0, 0, 1, 1, 1])
    assert rows.labels["azimuth"].tolist() == [0, 35, -110] * 2
    assert rows.labels["elevation"].tolist() == [0, -20, 65] * 2
    assert np.allclose(np.linalg.norm(rows.labels["lighting"], axis=1), 1, atol=1e-6)
    bright = (rows.images[:, 0, :, 0] * 255).round().int().tolist()
    assert bright == [[5, 1], [55, 51], [105, 101], [19, 15], [69, 65], [119, 115]]


def test_ambient_light_has_no_direction(faces: Path) -> None:
    rows = yale_faces(faces, size=(2, 3), ambient=True)
    dark = np.isnan(rows.labels["azimuth"])
    assert (len(rows), dark.sum(), rows.labels["identity"][dark].tolist()) == (7, 1, [0])  # the other is not cropped
    assert np.isnan(rows.labels["lighting"][dark]).all()


def test_axes_of_light() -> None:
    """Light from the person's right falls from the left of the image; one from above, from above."""
    ahead, right, above = light_direction([0, 60, 0], [0, 0, 30])
    assert ahead == pytest.approx([0, 0, 1])
    assert right == pytest.approx([-np.sqrt(3) / 2, 0, 0.5])
    assert above == pytest.approx([0, 0.5, np.sqrt(3) / 2])


def test_broken_images_are_named(faces: Path) -> None:
    path = faces / "CroppedYale" / "yaleB15" / "yaleB15_P00A+035E-20.pgm"
    whole = path.read_bytes()
    for content in (whole[:1000], b"P5\n168 x\n", b""):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"yaleB15_P00A\+035E-20\.pgm is cut short or is no image"):
            yale_faces(faces)
    Image.fromarray(np.zeros((192, 160), np.uint8)).save(path)
    with pytest.raises(DataError, match=r"E-20\.pgm is uint8 \(192, 160\), expected bytes in \(192, 168\)"):
        yale_faces(faces)
    path.write_bytes(whole)
    assert len(yale_faces(faces)) == 6
    path.rename(path.with_name("somebody.pgm"))
    with pytest.raises(DataError, match=r"somebody\.pgm is not called .*so its light is not known"):
        yale_faces(faces)


def test_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNBRAID_DATA", raising=False)
    with pytest.raises(DataNotFoundError, match=r"(?s)lacks the folders yaleB01.*What to do: get the cropped images"):
        yale_faces(tmp_path)
    with pytest.raises(DataNotFoundError, match="No folder was named"):
        yale_faces()


def test_the_real_faces(data_folder: Path) -> None:
    if not (data_folder / "CroppedYale").is_dir():
        pytest.skip(f"no faces: {data_folder} holds no CroppedYale/")
    rows = yale_faces(data_folder, size=(12, 10))
    assert len(rows) == 2414
    assert np.bincount(rows.labels["identity"]).min() >= 59
    left, right = (rows.images[..., part].mean((1, 2, 3)).numpy() for part in (slice(5), slice(5, None)))
    x = rows.labels["lighting"][:, 0]
    assert (left > right)[x < -0.5].mean() > 0.95  # light from the left of the image
    assert (left < right)[x > 0.5].mean() > 0.95
    train, test = hold_out(rows, of=("azimuth", "elevation"))
    lights = [{tuple(each) for each in part.labels["lighting"]} for part in (train, test)]
    assert (len(lights[0]), len(lights[1]), lights[0] & lights[1]) == (51, 13, set())

"""Folders of images: every form of image, labels by name, and what is wrong said with its place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from unbraid.data import image_files, image_folder
from unbraid.errors import DataError, DataNotFoundError, OptionError


def image(path: Path, size: tuple[int, int] = (4, 6), level: int = 51, mode: str = "L") -> None:
    """Writes an image of one grey level; its upper left pixel is black."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full(size, level, np.uint8)
    pixels[0, 0] = 0
    Image.fromarray(pixels).convert(mode).save(path)


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    """Three grey images, one of them in a sub-folder; and files that are no images."""
    image(tmp_path / "cells" / "b.png", level=102)
    image(tmp_path / "cells" / "a.PNG")
    image(tmp_path / "cells" / "more" / "c.bmp", level=153)
    (tmp_path / "cells" / "notes.txt").write_text("notes")
    image(tmp_path / "cells" / ".hidden" / "d.png")
    return tmp_path / "cells"


def table(folder: Path, text: str) -> Path:
    """Writes a CSV file beside the folder."""
    path = folder.parent / "labels.csv"
    path.write_text(text)
    return path


def test_a_folder_without_labels(cells: Path) -> None:
    rows = image_folder(cells)
    assert list(image_files(cells)) == ["a.PNG", "b.png", "more/c.bmp"]
    assert (rows.images.shape, rows.labels, rows.name) == ((3, 1, 4, 6), {}, "cells")
    torch.testing.assert_close(rows.images[:, 0, 1, 1], torch.tensor([0.2, 0.4, 0.6]))
    assert rows.images[:, 0, 0, 0].tolist() == [0, 0, 0]


def test_labels_go_to_the_rows_that_they_name(cells: Path) -> None:
    path = table(cells, "name,kind,weight,shape\nmore/c.bmp,1,0.5,flat\na.PNG,,2.0,round\n")
    rows = image_folder(cells, path)
    assert rows.labels["kind"].tolist() == [-1, -1, 1]
    np.testing.assert_array_equal(rows.labels["weight"], [2.0, np.nan, 0.5])
    assert rows.labels["shape"].tolist() == [1, -1, 0]
    assert rows[1:].categories == {"shape": ("flat", "round")}
    assert image_folder(cells, table(cells, "name\na.PNG\n")).labels == {}


def test_an_image_of_any_suffix_can_be_named(cells: Path) -> None:
    (cells / "a.PNG").rename(cells / "a.dat")
    assert len(image_folder(cells)) == 2
    rows = image_folder(cells, table(cells, "name,kind\na.dat,4\n"))
    assert rows.labels["kind"].tolist() == [4, -1, -1]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_forms_of_images(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    pixels = np.zeros((2, 3), np.uint8)
    pixels[1] = 255
    if mode == "I;16":
        Image.fromarray(pixels.astype(np.uint16) * 257).save(path)
    else:
        Image.fromarray(pixels).convert(mode).save(path)
    found = image_folder(tmp_path, colour="grey").images
    torch.testing.assert_close(found, torch.tensor([[0.0] * 3, [1.0] * 3])[None, None])
    assert image_folder(tmp_path).images.shape[1] == (3 if mode in ("P", "RGB", "RGBA") else 1)


def test_colour(cells: Path) -> None:
    Image.new("RGB", (6, 4), (255, 0, 51)).save(cells / "b.png")
    for colour in ("auto", "rgb"):
        images = image_folder(cells, colour=colour).images
        assert images.shape == (3, 3, 4, 6)
        torch.testing.assert_close(images[1, :, 2, 2], torch.tensor([1.0, 0.0, 0.2]))
        torch.testing.assert_close(images[2, :, 2, 2], torch.full((3,), 0.6))
    torch.testing.assert_close(image_folder(cells, colour="grey").images[1, 0, 2, 2], torch.tensor(0.299 + 0.2 * 0.114))
    with pytest.raises(OptionError, match="colour must be 'auto', 'grey' or 'rgb', got 'red'"):
        image_folder(cells, colour="red")  # type: ignore[arg-type]


def test_the_camera_s_orientation_is_followed(tmp_path: Path) -> None:
    pixels = np.zeros((2, 4), np.uint8)
    pixels[0] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    torch.testing.assert_close(image_folder(tmp_path).images[0, 0], torch.tensor([[0.0, 1.0]] * 4))


@pytest.mark.parametrize("depth", [255, 1023, 65535])
def test_the_white_of_a_pgm_is_what_its_head_says(depth: int, tmp_path: Path) -> None:
    kind = np.dtype(np.uint8 if depth < 256 else ">u2")
    pixels = np.array([[0, depth // 2, depth]]).astype(kind)
    (tmp_path / "a.pgm").write_bytes(f"P5\n3 1\n{depth}\n".encode() + pixels.tobytes())
    torch.testing.assert_close(
        image_folder(tmp_path).images[0, 0, 0], torch.tensor([0.0, 0.5, 1.0]), atol=0.003, rtol=0
    )


@pytest.mark.parametrize("other", ["{cells}/b.png", "../cells/b.png", "sub/../b.png"])
def test_an_image_has_one_name(other: str, cells: Path) -> None:
    """Else it would be two rows, one to train on and one to test on perhaps."""
    (cells / "sub").mkdir(exist_ok=True)
    name = other.format(cells=cells)
    with pytest.raises(DataError, match=r"labels\.csv:2: '.*b\.png' is the image 'b\.png': call it so, and only once"):
        image_folder(cells, table(cells, f"name,kind\n{name},1\n"))
    (cells.parent / "c.dat").write_bytes((cells / "b.png").read_bytes())
    with pytest.raises(DataError, match=r"labels\.csv:3: .* is the image '\.\./c\.dat': call it so"):
        image_folder(cells, table(cells, f"name,kind\n../c.dat,1\n{cells.parent}/c.dat,1\n"))


def test_sizes(cells: Path) -> None:
    image(cells / "b.png", size=(8, 12), level=102)
    path = table(cells, "name,kind\na.PNG,1\nb.png,1\n")
    with pytest.raises(DataError, match=r"csv:3: .*b\.png: the image has the size \(8, 12\), but .*csv:2: .*\(4, 6\)"):
        image_folder(cells, path)
    rows = image_folder(cells, path, size=(2, 3))
    torch.testing.assert_close(rows.images[:, 0, 1, 1], torch.tensor([0.2, 0.4, 0.6]))
    assert image_folder(cells, size=(2, 3)).images[1, 0, 0, 0].item() == pytest.approx(0.4 * 15 / 16)


def test_broken_images_are_named(cells: Path) -> None:
    content = (cells / "b.png").read_bytes()
    path = table(cells, "name,kind\na.PNG,1\nb.png,1\n")
    for broken in (b"", b"no image", content[:20], content[:-20]):
        (cells / "b.png").write_bytes(broken)
        with pytest.raises(DataError, match=r"labels\.csv:3: .*b\.png is cut short or is no image"):
            image_folder(cells, path)
        with pytest.raises(DataError, match=r"cells/b\.png is cut short or is no image"):
            image_folder(cells)
    Image.fromarray(np.zeros((4, 6), np.float32)).save(cells / "b.tif")
    (cells / "b.png").write_bytes(content)
    with pytest.raises(DataError, match=r"b\.tif: 32-bit images do not say what is white"):
        image_folder(cells)


def test_what_is_not_there(cells: Path, tmp_path: Path) -> None:
    path = table(cells, "name,kind\nb.png,1\na.png,1\n")
    with pytest.raises(DataNotFoundError, match=r"labels\.csv:3: there is no image 'a\.png' in .*Did you mean"):
        image_folder(cells, path)
    with pytest.raises(DataNotFoundError, match=r"there is no image 'zzzzzz' in .*cells\. Mend the name"):
        image_folder(cells, table(cells, "name\nzzzzzz\n"))
    with pytest.raises(DataNotFoundError, match=r"there is no folder .*nowhere to read images from"):
        image_folder(tmp_path / "nowhere")
    with pytest.raises(DataNotFoundError, match=r"there is no file .*nothing\.csv to read labels from"):
        image_folder(cells, cells / "nothing.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataNotFoundError, match=r"empty holds no image: its files end in none of \.bmp"):
        image_folder(tmp_path / "empty")

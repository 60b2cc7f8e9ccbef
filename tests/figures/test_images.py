"""Figures that show images: mosaics, analogies, samples, reconstructions, traversals, labelled rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from unbraid.errors import DataError, ModelError
from unbraid.figures import analogies, caption_of, labelled, reconstructions, samples, traversal
from unbraid.figures.mosaic import mosaic


def pixels(figure: Figure) -> Any:
    return np.asarray(figure.axes[0].images[0].get_array())


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_mosaic_sets_images_apart() -> None:
    images = torch.zeros(2, 3, 1, 14, 14)
    images[1, 2] = 0.25
    picture = mosaic(images, dark_on_white=False, columns_apart={0}, rows_apart={0})
    assert picture.lefts.tolist() == [0, 18, 33]
    assert picture.tops.tolist() == [0, 18]
    assert picture.pixels.shape == (32, 47, 3)
    assert (picture.pixels[18:, 33:] == 0.25).all()
    assert (picture.pixels[14:18] == 1).all()


@pytest.mark.parametrize(("shape", "value"), [((1, 4, 4), 0.9), ((4, 4), 0.9), ((3, 4, 4), 0.1)])
def test_only_one_channel_on_black_is_inverted(shape: tuple[int, ...], value: float) -> None:
    images = torch.zeros(1, 1, *shape)
    images[..., 0, 0] = 0.1
    assert mosaic(images).pixels[0, 0] == pytest.approx([value] * 3)
    assert mosaic(images, dark_on_white=False).pixels[0, 0] == pytest.approx([0.1] * 3)


def test_values_outside_are_clipped() -> None:
    assert mosaic(torch.full((1, 1, 1, 2, 2), 7.0)).pixels.max() == 1


def test_a_photograph_is_not_inverted() -> None:
    assert mosaic(torch.full((1, 1, 1, 2, 2), 0.3)).pixels[0, 0, 0] == pytest.approx(0.3)


def test_analogies_show_input_and_every_value(painter: Any) -> None:
    images = painter.images(5)
    figure = analogies(painter, images)
    assert texts(figure) == ["input", "0", "1", "2", "3"]
    assert pixels(figure)[:6, :8, 0] == pytest.approx(images[0, 0].double().numpy())
    assert len(figure.axes[0].patches) == sum(value < 4 for value in painter.predict(images)["digit"].tolist())
    assert "only digit is set" in caption_of(figure)


def test_analogies_of_chosen_values(painter: Any) -> None:
    assert texts(analogies(painter, painter.images(2), factor="digit", values=[3, 1])) == ["input", "3", "1"]


def test_many_values_are_thinned(make_painter: Any) -> None:
    model = make_painter(shape=(3, 6, 38), digits=38)
    assert texts(analogies(model, model.images(2)))[1:] == ["0", "4", "8", "12", "16", "21", "25", "29", "33", "37"]


def test_samples_have_a_row_for_each_value(painter: Any) -> None:
    figure = samples(painter, draws=7, generator=torch.Generator().manual_seed(0), dark_on_white=False)
    assert texts(figure) == ["0", "1", "2", "3"]
    assert pixels(figure).shape == (4 * 6 + 3, 7 * 8 + 6, 3)
    assert (pixels(figure)[7:13, 1] > 0).all()  # the row of 1 lights column 1


def test_samples_follow_the_seed(painter: Any) -> None:
    one, two, other = (pixels(samples(painter, generator=torch.Generator().manual_seed(seed))) for seed in (1, 1, 2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_samples_without_a_factor(make_painter: Any) -> None:
    figure = samples(make_painter(digits=None), draws=3)
    assert texts(figure) == []
    assert "drawn from its prior" in caption_of(figure)


def test_reconstructions_lie_below_their_inputs(painter: Any) -> None:
    images = painter.images(5)
    figure = reconstructions(painter, images, columns=2, dark_on_white=False)
    assert texts(figure) == ["input", "model"] * 2
    assert pixels(figure)[:6, 9:17, 0] == pytest.approx(images[1, 0].double().numpy())
    assert pixels(figure)[7:13, 9:17, 0] == pytest.approx(painter.reconstruct(images)[1, 0].double().numpy())


def test_traversal_of_two_axes_has_the_quantiles_of_the_prior(make_painter: Any) -> None:
    model = make_painter(size=2)
    seen: list[torch.Tensor] = []
    generate = model.generate

    def watched(values: dict[str, torch.Tensor]) -> Any:
        seen.append(values["style"])
        return generate(values)

    model.generate = watched
    figure = traversal(model, model.images(), values=[1], steps=3)
    z = 1.6448536
    expected = [[-z, z], [0, z], [z, z], [-z, 0], [0, 0], [z, 0], [-z, -z], [0, -z], [z, -z]]
    torch.testing.assert_close(seen[0], torch.tensor(expected), atol=1e-5, rtol=0.0)
    assert "the two axes of style" in caption_of(figure)


def test_traversal_of_a_long_style_goes_along_principal_directions(make_painter: Any) -> None:
    model = make_painter(size=4)
    figure = traversal(model, model.images(), steps=5)
    assert "leading principal directions" in caption_of(figure)
    assert texts(figure)[:3] == ["digit 0", "digit 2", "digit 3"]
    assert texts(figure)[3:] == ["style, direction 1 →", "style, direction 2 →"]


def test_traversal_of_a_line(make_painter: Any) -> None:
    model = make_painter(size=1)
    figure = traversal(model, model.images(), values=[0, 2], steps=5)
    assert texts(figure) == ["digit 0", "digit 2", "style →"]
    assert pixels(figure).shape == (2 * 6 + 1, 5 * 8 + 4, 3)


def test_traversal_without_a_factor(make_painter: Any) -> None:
    model = make_painter(digits=None)
    assert caption_of(traversal(model, model.images())).startswith("Walk in style: only style changes")


def test_labelled_rows_stand_by_their_label(painter: Any) -> None:
    labels = np.full(30, -1)
    labels[[3, 5, 8]] = [2, 0, 2]
    figure = labelled(painter.images(), labels, "digit", dark_on_white=False)
    assert texts(figure) == ["0", "2"]
    assert pixels(figure)[7:13, 9:17, 0] == pytest.approx(painter.images()[8, 0].double().numpy())
    assert (pixels(figure)[:6, 9:] == 1).all()
    assert "these 3 images" in caption_of(figure)
    assert "but for 1 more" in caption_of(labelled(painter.images(), labels, "digit", most=1))


def test_refuses_what_the_model_has_not(make_painter: Any) -> None:
    model, images = make_painter(), make_painter().images(2)
    with pytest.raises(ModelError, match=r"'digits' is no discrete latent of the model\. Did you mean 'digit'"):
        analogies(model, images, factor="digits")
    with pytest.raises(ModelError, match="'digit' has the values 0 to 3, got 4"):
        analogies(model, images, values=[4])
    with pytest.raises(ModelError, match="has no discrete latent"):
        analogies(make_painter(digits=None), images)
    with pytest.raises(ModelError, match="has no real-valued vector latent"):
        traversal(make_painter(size=None), images)


def test_refuses_what_is_no_image(make_painter: Any) -> None:
    with pytest.raises(DataError, match=r"images of the shape \(rows, 1, 6, 8\), got \(2, 8, 6\)"):
        reconstructions(make_painter(), torch.zeros(2, 8, 6))
    with pytest.raises(DataError, match=r"rows of the shape \(5,\) are no images"):
        reconstructions(make_painter(shape=(5,)), torch.zeros(2, 5))
    with pytest.raises(DataError, match=r"rows of the shape \(5,\) are no images"):
        samples(make_painter(shape=(5,)))
    with pytest.raises(DataError, match="no row has a label of 'digit': all 2 are -1"):
        labelled(torch.zeros(2, 1, 4, 4), [-1, -1], "digit")
    with pytest.raises(DataError, match="'digit' has 1 labels for images"):
        labelled(torch.zeros(2, 1, 4, 4), [1], "digit")

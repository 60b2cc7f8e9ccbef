"""What the page asks, and what it is told."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import unbraid as ub
from tests.models import REGISTRY, Characters, rows_of
from tests.repeat.models import Events, Tree
from unbraid.errors import DataError
from unbraid.explorer import Questions
from unbraid.explorer.pixels import data_url
from unbraid.explorer.questions import SURVEYED


class Large(ub.Model):
    """A large image, and a long latent."""

    def encode(self, x: Any) -> Any:
        return {"style": ub.Normal(300)(x[:, :, ::20, ::20].flatten(1))}

    def decode(self, style: Any) -> Any:
        return ub.Normal(3, 100, 200)(loc=ub.dense(3)(style)[:, :, None, None] + 0 * torch.ones(3, 100, 200))


class Heavy(ub.Model):
    """A latent with tails so heavy that it has no variance."""

    def encode(self, x: Any) -> Any:
        return {"tail": ub.from_torch(torch.distributions.StudentT, 2, df=1.5, loc=0.0, scale=1.0)(x)}

    def decode(self, tail: Any) -> Any:
        return ub.Normal(3)(tail)


MODELS: dict[str, type[ub.Model]] = {**REGISTRY, "Events": Events, "Tree": Tree}


def asked_in_json(answer: Any) -> Any:
    """Returns an answer as the page gets it; NaN and infinity are no JSON."""
    return json.loads(json.dumps(answer, allow_nan=False))


def pixels(url: str) -> Tensor:
    """Returns the image of a URL, (height, width, 3) in [0, 1]."""
    kind, _, content = url.partition(",")
    assert kind == "data:image/png;base64"
    return torch.from_numpy(np.asarray(Image.open(BytesIO(b64decode(content)))) / 255)


def file(image: Image.Image) -> str:
    """Returns an image file in base64."""
    content = BytesIO()
    image.save(content, "PNG")
    return b64encode(content.getvalue()).decode()


@pytest.fixture
def digits() -> tuple[ub.Model, ub.data.Rows]:
    return Characters(seed=1), ub.data.tiny_digits(30)


@pytest.mark.parametrize("name", MODELS)
def test_every_kind_of_latent_has_a_control_and_can_be_set_to_what_was_inferred(name: str) -> None:
    model = MODELS[name](seed=2)
    questions = Questions(model, rows_of(model, 6))
    about = asked_in_json(questions.describe())
    assert [each["name"] for each in about["controls"]] == list(model.latents)
    assert [member for each in about["controls"] for member in each["members"]] == [
        member for each in model.graph.series.values() for member in each.members
    ]
    found = asked_in_json(questions.look({"row": 3}, {}))
    assert found["changed"] == found["reconstruction"]
    values = {member: each["value"] for member, each in found["latents"].items()}
    there = {member: value for member, value in values.items() if not np.isnan(np.array(value, float)).any()}
    for control in about["controls"]:
        member = control["members"][0]
        if member not in there or there[member] == -1:
            continue
        again = asked_in_json(questions.look({"row": 3}, {member: there[member]}))
        if not control["follows"]:
            assert close(again["changed"], found["reconstruction"])
        varied = asked_in_json(questions.vary({"row": 3}, {}, member, [there[member]] * 2))
        assert close(varied["images"][1], again["changed"])


def close(one: Any, other: Any) -> bool:
    """Says whether two rows are the same on the page, up to the four digits that it is told."""
    if isinstance(one, str):
        return bool((pixels(one) - pixels(other)).abs().max() < 0.01)
    return bool(np.allclose(one, other, atol=2e-3, rtol=2e-3))


def test_what_is_set_reaches_the_image(digits: tuple[ub.Model, ub.data.Rows]) -> None:
    model, rows = digits
    questions = Questions(model, rows.images, rows.labels)
    found = questions.look({"row": 7}, {"digit": 3, "style": [0.5, -1.0]})
    expected = model.edit(rows.images[[7]], digit=3, style=torch.tensor([0.5, -1.0]))[0, 0]
    torch.testing.assert_close(1 - pixels(found["changed"])[..., 0], expected.double(), atol=0.5 / 255 + 1e-6, rtol=0)
    torch.testing.assert_close(
        1 - pixels(found["input"])[..., 0], rows.images[7, 0].double(), atol=0.5 / 255 + 1e-6, rtol=0
    )
    q = model.infer(rows.images[[7]])
    assert np.allclose(found["latents"]["digit"]["probabilities"], q["digit"].probs[0], atol=1e-3)  # type: ignore[attr-defined]
    assert np.allclose(found["latents"]["style"]["deviations"], q["style"].stddev[0], rtol=1e-3)
    assert found["truth"]["digit"] == int(rows.labels["digit"][7])


def test_one_latent_varies_and_the_others_stay_set(digits: tuple[ub.Model, ub.data.Rows]) -> None:
    model, rows = digits
    questions = Questions(model, rows.images)
    varied = questions.vary({"row": 2}, {"style": [1.0, 1.0], "digit": 9}, "digit", range(4))["images"]
    one_by_one = [questions.look({"row": 2}, {"style": [1.0, 1.0], "digit": value})["changed"] for value in range(4)]
    assert varied == one_by_one
    assert len(set(varied)) > 1


def test_a_count_that_is_raised_brings_an_item() -> None:
    model = Events(seed=3)
    x = rows_of(model, 20)
    few = int((model.predict(x)["count"] < 3).nonzero()[0])
    questions = Questions(model, x)
    before, after = (questions.look({"row": few}, changes)["latents"] for changes in ({}, {"count": 3}))
    assert before["events[2].kind"]["value"] == -1
    assert before["events[2].size"]["value"] == [None, None]
    assert after["events[2].kind"]["value"] == int(model.predict(x[[few]], count=3)["events.kind"][0, 2])
    alone = questions.look({"row": few}, {"count": 3, "events[2].kind": 1})["changed"]
    expected = model.edit(x[[few]], count=3, **{"events[2].kind": 1})[0]
    assert np.allclose(alone, expected, rtol=1e-3, atol=1e-3)


def test_a_direction_of_any_length_is_one() -> None:
    model = REGISTRY["Skies"](seed=0)
    questions = Questions(model, rows_of(model, 4))
    assert (
        questions.look({"row": 0}, {"light": [0.0, 3.0, 4.0]})["changed"]
        == questions.look({"row": 0}, {"light": [0.0, 0.6, 0.8]})["changed"]
    )
    with pytest.raises(DataError, match="'light'"):
        questions.look({"row": 0}, {"light": [0.0, 0.0, 0.0]})


def test_numbers_stay_in_their_support() -> None:
    model = REGISTRY["Positives"](seed=0)
    questions = Questions(model, rows_of(model, 9))
    controls = {each["name"]: each for each in questions.describe()["controls"]}
    assert min(controls["size"]["low"]) == 0
    assert (min(controls["share"]["low"]), max(controls["share"]["high"])) >= (0, 1)
    for name in ("size", "share"):
        low = controls[name]["low"]
        assert np.isfinite(questions.look({"row": 0}, {name: low})["changed"]).all()


def test_rows_are_listed_in_the_orders_that_are_offered(digits: tuple[ub.Model, ub.data.Rows]) -> None:
    model, rows = digits
    labels = rows.labels["digit"].copy()
    labels[:5] = -1
    questions = Questions(model, rows.images, {"digit": labels})
    as_they_come, wrong, least_certain = questions.describe()["orders"]
    assert [each["row"] for each in questions.rows(as_they_come, 2)["rows"]] == list(range(2, 30))
    predicted = model.predict(rows.images)["digit"].numpy()
    expected = np.flatnonzero((labels >= 0) & (labels != predicted)).tolist()
    assert [each["row"] for each in questions.rows(wrong, 0)["rows"]] == expected
    certainty = model.infer(rows.images)["digit"].probs.amax(1)  # type: ignore[attr-defined]
    listed = [each["row"] for each in questions.rows(least_certain, 0)["rows"]]
    assert sorted(listed) == list(range(30))
    assert (certainty[listed].diff() >= 0).all()
    assert questions.rows(as_they_come, 0)["total"] == 30


def test_of_many_rows_only_the_first_are_sorted() -> None:
    model = REGISTRY["Digits"](seed=0)
    questions = Questions(model, rows_of(model, SURVEYED + 1))
    about = questions.describe()
    assert about["rows"] == SURVEYED + 1
    assert about["orders"] == ["as they come", "digit: least certain first (of the first 2,000)"]
    assert questions.rows(about["orders"][1], 0)["total"] == SURVEYED


def test_without_rows_the_model_draws_some(digits: tuple[ub.Model, ub.data.Rows]) -> None:
    model, _ = digits
    questions = Questions(model)
    about = questions.describe()
    assert (about["rows"], about["orders"]) == (0, [])
    one, same, other = (questions.look({"draw": seed}, {}) for seed in (1, 1, 2))
    assert one == same
    assert one["input"] != other["input"]
    assert one["truth"] == {}
    drawn = model.sample(1, torch.Generator().manual_seed(1))[0, 0]
    assert not about["inverted"]  # an untrained model draws grey
    torch.testing.assert_close(pixels(one["input"])[..., 0], drawn.double(), atol=0.5 / 255 + 1e-6, rtol=0)


def test_values_have_names() -> None:
    model = REGISTRY["Digits"](seed=0)
    named = Questions(model, categories={"digit": ("ace", "king", "queen", "jack")}).describe()
    assert named["controls"][0]["values"] == ["ace", "king", "queen", "jack"]
    assert Questions(model).describe()["controls"][0]["values"] == ["0", "1", "2", "3"]


def test_lists_show_large_images_small() -> None:
    model = Large(seed=0)
    questions = Questions(model, torch.rand(2, 3, 100, 200, generator=torch.Generator().manual_seed(0)))
    assert pixels(questions.look({"row": 1}, {})["input"]).shape == (100, 200, 3)
    assert pixels(questions.rows("as they come", 0)["rows"][1]["image"]).shape == (32, 64, 3)
    assert pixels(questions.vary({"row": 1}, {}, "style", [[0.0] * 300])["images"][0]).shape == (32, 64, 3)
    assert questions.describe()["controls"][0]["points"] == []


def test_a_latent_whose_variance_is_infinite() -> None:
    model = Heavy(seed=0)
    questions = Questions(model, torch.rand(9, 3, generator=torch.Generator().manual_seed(0)))
    about = asked_in_json(questions.describe())["controls"][0]
    assert all(low < high for low, high in zip(about["low"], about["high"], strict=True))
    found = asked_in_json(questions.look({"row": 0}, {}))["latents"]["tail"]
    assert found["deviations"] == [None, None]


def test_what_follows_in_p_is_said_and_what_x_does_not_need() -> None:
    model = REGISTRY["TwoDiscrete"](seed=0)
    kind, sort, style = Questions(model).describe()["controls"]
    assert (kind["follows"], sort["follows"], style["follows"]) == (["style"], [], [])
    assert kind["shown"]
    assert sort["shown"]


def test_a_file_is_cut_averaged_and_turned_as_the_rows_are(digits: tuple[ub.Model, ub.data.Rows]) -> None:
    model, rows = digits
    questions = Questions(model, rows.images)
    ink = Image.new("RGB", (200, 100), "white")  # dark on white, as rows are not; twice as wide as high
    ink.paste("black", (90, 20, 110, 80))
    shown = pixels(questions.look({"file": file(ink)}, {})["input"])
    assert shown.shape == (28, 28, 3)
    assert shown[14, 14].max() < 0.01
    assert shown[14, 2].min() > 0.99
    white_on_black = Image.eval(ink, lambda value: 255 - value)
    assert torch.equal(pixels(questions.look({"file": file(white_on_black)}, {})["input"]), shown)
    assert questions.vary({"file": file(ink)}, {}, "digit", [1])["images"]


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (lambda asked: asked.look({"row": 30}, {}), "there is no row 30: rows are 0 to 29"),
        (lambda asked: asked.look({"row": -1}, {}), "there is no row -1"),
        (lambda asked: asked.rows("by colour", 0), "no order 'by colour': as they come, digit: least certain first"),
        (lambda asked: asked.look({"row": 0}, {"digit": 10}), "'digit' takes whole numbers from 0 to 9, got 10"),
        (lambda asked: asked.look({"row": 0}, {"digits": 1}), "'digits' is no latent.*Did you mean 'digit'"),
        (lambda asked: asked.look({"row": 0}, {"style": [1.0]}), "a latent cannot be set to this value"),
        (lambda asked: asked.vary({"row": 0}, {}, "digit", []), "'digit' is shown at 1 to 200 values"),
        (lambda asked: asked.vary({"row": 0}, {}, "digit", [1] * 201), "at a time, not at 201"),
        (lambda asked: asked.look({"file": "bm8gaW1hZ2U="}, {}), "cannot be read as an image.*open a PNG or JPEG"),
        (lambda asked: asked.look({"file": "no base64"}, {}), "cannot be read as an image"),
    ],
)
def test_what_cannot_be_asked(digits: tuple[ub.Model, ub.data.Rows], question: Any, message: str) -> None:
    model, rows = digits
    questions = Questions(model, rows.images)
    with pytest.raises(DataError, match=message):
        question(questions)
    assert questions.look({"row": 0}, {"digit": 9})


def test_rows_and_labels_that_do_not_fit(digits: tuple[ub.Model, ub.data.Rows]) -> None:
    model, rows = digits
    with pytest.raises(DataError, match=r"x has shape \(30, 1, 14, 14\)"):
        Questions(model, rows.images[:, :, ::2, ::2])
    with pytest.raises(DataError, match="there are 29 labels of 'digit' for 30 rows"):
        Questions(model, rows.images, {"digit": rows.labels["digit"][1:]})
    with pytest.raises(DataError, match="no images, so that no file"):
        Questions(REGISTRY["Bits"](seed=0)).look({"file": ""}, {})


def test_pages_files_name_each_other() -> None:
    folder = Path(ub.__file__).parent / "explorer" / "page"
    text = (folder / "page.html").read_text(encoding="utf-8")
    assert "//" not in text.replace("<!doctype", "")  # nothing is fetched from anywhere else
    names = {path.name for path in folder.iterdir()}
    for path in folder.glob("*.js"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("import"):
                assert line.split('"./')[1].removesuffix('";') in names


def test_the_page_has_a_model_of_its_own() -> None:
    """A training of the model goes on beside it: the page neither sees it nor turns its dropout off."""
    model = Characters(seed=0).train()
    questions = Questions(model, ub.data.tiny_digits(4).images)
    assert questions.model is not model
    shown = questions.look({"row": 0}, {})
    with torch.no_grad():
        for each in model.parameters():
            each.zero_()
    assert questions.look({"row": 0}, {}) == shown
    assert model.training


def test_a_file_is_opened_for_a_model_of_doubles() -> None:
    model = Characters(seed=0).double()
    file = data_url(torch.rand(1, 28, 28), dark_on_white=False).partition(",")[2]
    assert Questions(model).look({"file": file}, {})["input"]

"""The served page: its files, its questions, and what it refuses."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import torch

import unbraid as ub
from tests.models import Characters
from tests.repeat.models import Events
from unbraid.errors import OptionError
from unbraid.explorer import Explorer, Questions

FOLDER = Path(ub.__file__).parent / "explorer" / "page"
NODE = shutil.which("node")


@pytest.fixture(scope="module")
def rows() -> ub.data.Rows:
    return ub.data.tiny_digits(20)


@pytest.fixture(scope="module")
def page(rows: ub.data.Rows) -> Iterator[Explorer]:
    with Characters(seed=1).explore(rows.images, rows.labels, title="Two <b>names</b>") as served:
        yield served


def get(url: str) -> tuple[int, str, str]:
    """Returns status, type and text of a page."""
    try:
        with urllib.request.urlopen(url, timeout=30) as reply:
            return reply.status, reply.headers["Content-Type"], reply.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read().decode()


def post(url: str, words: Any, **headers: str) -> tuple[int, Any]:
    """Asks a question; returns the status and the answer."""
    content = words if isinstance(words, bytes) else json.dumps(words).encode()
    asked = urllib.request.Request(url, content, {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(asked, timeout=30) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_every_file_of_the_page_is_served(page: Explorer) -> None:
    status, kind, text = get(page.url)
    assert (status, kind) == (200, "text/html; charset=utf-8")
    kinds = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}
    for file in FOLDER.iterdir():
        assert get(page.url + file.name) == (200, f"{kinds[file.suffix]}; charset=utf-8", file.read_text("utf-8"))
    for name in re.findall(r'(?:src|href)="(page[^"]+)"', text):
        assert (FOLDER / name).is_file()


def test_questions_are_answered(page: Explorer, rows: ub.data.Rows) -> None:
    status, about = post(page.url + "describe", {})
    assert status == 200
    assert about["title"] == "Two <b>names</b>"
    assert about["rows"] == 20
    status, found = post(page.url + "look", {"of": {"row": 3}, "changes": {"digit": 5}})
    assert status == 200
    assert found["truth"]["digit"] == int(rows.labels["digit"][3])
    assert post(page.url + "rows", {"order": "as they come", "start": 18})[1]["rows"][0]["row"] == 18
    varied = {"of": {"row": 3}, "changes": {}, "name": "digit", "values": [4, 5]}
    assert post(page.url + "vary", varied)[1]["images"][1] == found["changed"]


@pytest.mark.parametrize(
    ("question", "words", "headers", "message"),
    [
        ("look", {"of": {"row": 99}, "changes": {}}, {}, "there is no row 99"),
        ("look", {"of": {"row": 1}}, {}, "'look' was not asked as the page asks it: .*changes"),
        ("look", b"{", {}, "'look' was not asked as the page asks it"),
        ("look", b"[1]", {}, "'look' was not asked as the page asks it"),
        ("train", {}, {}, "'train' is no question"),
        ("describe", {}, {"Content-Type": "text/plain"}, "'describe' is no question in JSON"),
    ],
)
def test_a_wrong_question_is_told_what_is_wrong(
    page: Explorer, question: str, words: Any, headers: dict[str, str], message: str
) -> None:
    status, answer = post(page.url + question, words, **headers)
    assert status == 400
    assert re.search(message, answer["error"])
    assert post(page.url + "describe", {})[0] == 200


def test_what_goes_wrong_inside_is_said_and_the_page_lives_on(page: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("no memory")

    monkeypatch.setattr(Characters, "edit", fails)
    status, answer = post(page.url + "look", {"of": {"row": 0}, "changes": {}})
    assert (status, answer) == (500, {"error": "RuntimeError: no memory"})
    monkeypatch.undo()
    assert post(page.url + "look", {"of": {"row": 0}, "changes": {}})[0] == 200


@pytest.mark.parametrize("path", ["nothing", "../questions.py", "page/page.html", "%2e%2e/server.py"])
def test_no_other_file_is_served(page: Explorer, path: str) -> None:
    status, _, text = get(page.url + path)
    assert (status, text) == (404, "there is no such page")


def bare(page: Explorer) -> tuple[http.client.HTTPConnection, str]:
    """Returns a connection to a page's server, and the path of the page there."""
    _, _, address, key, _ = page.url.split("/")
    return http.client.HTTPConnection(address, timeout=30), f"/{key}/"


@pytest.mark.parametrize("name", ["evil.example", "evil.example:80", "127.0.0.1.evil.example:80", ""])
def test_a_page_of_another_name_is_refused(page: Explorer, name: str) -> None:
    for method, question in (("GET", ""), ("POST", "describe")):
        connection, path = bare(page)
        connection.request(method, path + question, headers={"Host": name, "Content-Type": "application/json"})
        assert connection.getresponse().status == 403
        connection.close()
    assert get(page.url.replace("127.0.0.1", "localhost"))[0] == 200


@pytest.mark.parametrize("path", ["/", "/describe", "/page.html", "//", "/wrong-key/", "/wr\u00f6ng/describe"])
def test_who_does_not_know_the_key_is_refused(page: Explorer, path: str) -> None:
    for method in ("GET", "POST"):
        connection, _ = bare(page)
        connection.request(method, quote(path), headers={"Content-Type": "application/json"})
        reply = connection.getresponse()
        assert reply.status == 403
        assert b"take the whole address that was printed" in reply.read()
        connection.close()


def test_a_file_that_is_too_large_is_refused(page: Explorer) -> None:
    connection, path = bare(page)
    connection.putrequest("POST", path + "look")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(2**30))
    connection.endheaders()
    reply = connection.getresponse()
    assert reply.status == 400
    assert "larger than 64 MB" in json.load(reply)["error"]
    connection.close()


@pytest.mark.parametrize(("fault", "told"), [(BrokenPipeError(), False), (ValueError("no such thing"), True)])
def test_a_browser_that_has_gone_is_no_fault(
    page: Explorer, capsys: pytest.CaptureFixture[str], fault: Exception, told: bool
) -> None:
    try:
        raise fault
    except (BrokenPipeError, ValueError):
        page._server.handle_error(None, ("127.0.0.1", 1))
    assert ("no such thing" in capsys.readouterr().err) == told


def test_a_port_that_is_taken(page: Explorer) -> None:
    port = bare(page)[0].port
    questions = Questions(Characters(seed=0))
    for wrong in (port, 70_000, -1):
        with pytest.raises(OptionError, match=f"cannot be served at port {wrong} .*give another, or 0"):
            Explorer(questions, wrong)


def test_it_ends() -> None:
    page = Characters(seed=0).explore()
    assert repr(page) == f"Explorer({page.url})"
    assert page.url in page._repr_html_()
    page.close()
    page.wait()  # returns at once
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(page.url, timeout=5)


@pytest.mark.skipif(NODE is None, reason="no node to read the page's scripts with")
@pytest.mark.parametrize("script", sorted(FOLDER.glob("*.js")), ids=lambda path: path.name)
def test_the_scripts_parse(script: Path, tmp_path: Path) -> None:
    module = tmp_path / f"{script.stem}.mjs"
    module.write_bytes(script.read_bytes())
    assert NODE is not None
    found = subprocess.run([NODE, "--check", str(module)], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr


@pytest.mark.skipif(NODE is None, reason="no node to run the page's scripts with")
@pytest.mark.parametrize(
    ("model", "of", "changes"),
    [
        (Characters(seed=1), {"row": 2}, {}),
        (Characters(seed=1), {"draw": 5}, {"digit": 3, "style": [0.25, -1.5]}),
        (Events(seed=3), {"row": 2}, {"count": 2, "events[1].size": [0.5, 2]}),
    ],
)
def test_the_python_on_the_page_makes_the_same_image(
    model: ub.Model, of: dict[str, int], changes: dict[str, Any], tmp_path: Path
) -> None:
    images = torch.rand(4, *model.data_shape, generator=torch.Generator().manual_seed(0))
    questions = Questions(model, images)
    module = tmp_path / "python.mjs"
    module.write_bytes((FOLDER / "python.js").read_bytes())
    words = ", ".join(json.dumps(each) for each in (questions.describe(), of, changes))
    program = f"import {{python}} from {json.dumps(module.as_uri())}; console.log(python({words}));"
    assert NODE is not None
    code = subprocess.run(
        [NODE, "--input-type=module", "-e", program], capture_output=True, text=True, check=True
    ).stdout
    names: dict[str, Any] = {"model": model, "images": images, "torch": torch}
    exec(code, names)
    assert questions._shown(names["image"][0]) == questions.look(of, changes)["changed"]


def test_a_connection_that_is_open_is_ended_too() -> None:
    page = Characters(seed=0).explore()
    connection, path = bare(page)

    def ask() -> bytes:
        connection.request("POST", path + "describe", headers={"Content-Type": "application/json"})
        return connection.getresponse().read()

    assert ask()
    page.close()
    with pytest.raises((http.client.HTTPException, OSError)):
        ask()
    connection.close()


def test_a_name_without_a_port_is_port_80(page: Explorer) -> None:
    connection, path = bare(page)
    connection.request("GET", path, headers={"Host": "localhost"})
    assert connection.getresponse().status == 200
    connection.close()

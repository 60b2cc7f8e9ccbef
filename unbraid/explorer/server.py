"""The page that explores a model, served to a browser on this machine."""

from __future__ import annotations

import json
import secrets
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any

from unbraid.errors import DataError, OptionError, UnbraidError
from unbraid.explorer.questions import Questions

HOST = "127.0.0.1"
_NAMES = ("127.0.0.1", "localhost", "[::1]")
_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_LONGEST = 64 * 2**20  # bytes of a question, which may hold an image file


class Explorer:
    """A served page; it lives until it is closed, or the process ends.

    Its address holds a key, so that only who is given the address can ask; others on the same machine cannot.

    Args:
        questions: What it asks.
        port: Where it is served on this machine, and nowhere else; 0 for any that is free.

    Raises:
        OptionError: The port is taken, or is none.

    Attributes:
        url: Where a browser finds it.
    """

    def __init__(self, questions: Questions, port: int = 0) -> None:
        try:
            self._server = _Server((HOST, port), questions)
        except (OSError, OverflowError, TypeError) as error:
            raise OptionError(
                f"the page cannot be served at port {port!r} ({error}): give another, or 0 for any that is free."
            ) from error
        self.url = f"http://{HOST}:{self._server.server_port}/{self._server.key}/"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True, name="unbraid explorer")
        self._thread.start()

    def open(self) -> None:
        """Opens the page in the browser, where there is one."""
        webbrowser.open(self.url)

    def wait(self) -> None:
        """Waits until the page is closed, or Ctrl-C is pressed."""
        while self._thread.is_alive():
            self._thread.join(0.5)  # a join without a limit would not hear Ctrl-C everywhere

    def close(self) -> None:
        """Ends serving, of pages that are open too."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Explorer:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Explorer({self.url})"

    def _repr_html_(self) -> str:
        return f'<a href="{self.url}" target="_blank">{self.url}</a>'


class _Server(ThreadingHTTPServer):
    """Holds what is asked; one question is answered at a time, for a model is not asked by two threads at once."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], questions: Questions) -> None:
        self.asked: dict[str, Callable[..., Any]] = {
            name: getattr(questions, name) for name in ("describe", "rows", "look", "vary")
        }
        self.key = secrets.token_urlsafe(16)
        self.turn = threading.Lock()
        self.connected: set[Any] = set()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answers a connection, in a thread of its own, which may wait for further questions."""
        self.connected.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Ends a connection."""
        self.connected.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Takes no more connections, and ends those that there are."""
        super().server_close()
        for request in tuple(self.connected):
            with suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Is silent where a browser has gone before it was answered; other faults are told."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Answers the browser: the page's files, and questions as JSON."""

    server: _Server
    server_version = "unbraid"
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Sends a file of the page."""
        if (wanted := self._wanted()) is None:
            return
        wanted = wanted or "page.html"
        for file in files("unbraid.explorer").joinpath("page").iterdir():
            if file.name == wanted:
                kind = _KINDS.get(Path(wanted).suffix, "application/octet-stream")
                self._send(200, f"{kind}; charset=utf-8", file.read_bytes())
                return
        self._send(404, "text/plain", b"there is no such page")

    def do_POST(self) -> None:
        """Answers a question."""
        if (question := self._wanted()) is None:
            return
        try:
            status, answer = 200, self._answer(question)
        except UnbraidError as error:
            status, answer = 400, {"error": str(error)}
        except Exception as error:  # noqa: BLE001 - whatever it is, the page has to say it
            status, answer = 500, {"error": f"{type(error).__name__}: {error}"}
        self._send(status, "application/json", json.dumps(answer).encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: the terminal is the user's."""

    def _answer(self, question: str) -> Any:
        """Asks the model."""
        length = int(self.headers.get("Content-Length") or 0)
        if length > _LONGEST:
            self.close_connection = True  # what was not read would be taken for the next question
            raise DataError(f"the file is larger than {_LONGEST // 2**20} MB: make the image smaller.")
        body = self.rfile.read(length)
        if self.headers.get_content_type() != "application/json" or question not in self.server.asked:
            raise DataError(f"{question!r} is no question in JSON.")
        try:
            asked = json.loads(body or b"{}")
            with self.server.turn:
                return self.server.asked[question](**asked)
        except (json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError) as error:
            raise DataError(f"{question!r} was not asked as the page asks it: {error}.") from error

    def _wanted(self) -> str | None:
        """Returns what is wanted under the address of the page; refuses who does not know its key, and returns None.

        Another site's page could send what it does not know by a name of its own (DNS rebinding), so that is refused.
        """
        _, key, *rest = [*self.path.partition("?")[0].split("/"), ""]
        host = self.headers.get("Host", "")
        named = host in _NAMES or host.rpartition(":")[0] in _NAMES  # port 80 is not named
        if named and secrets.compare_digest(key.encode(), self.server.key.encode()):
            return "/".join(rest).removesuffix("/")
        self.close_connection = True
        self._send(403, "text/plain", b"take the whole address that was printed, at 127.0.0.1 or localhost")
        return None

    def _send(self, status: int, kind: str, content: bytes) -> None:
        """Sends an answer."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(content)

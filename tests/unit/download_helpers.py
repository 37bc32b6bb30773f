"""What the tests of downloads share: mirrors on this machine, with small files for MNIST's."""

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from digits_helpers import idx
from numpy.typing import NDArray

from digitnet.digits import download
from digitnet.digits.download import DownloadFailed, Fetched, download_mnist

Answer = Callable[[BaseHTTPRequestHandler], None]
"""What a mirror does when it is asked for a file."""


def noise(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(shape).integers(0, 256, shape, np.uint8)


CONTENTS = {
    "train-images-idx3-ubyte": idx(noise(9, 28, 28)),
    "train-labels-idx1-ubyte": idx(noise(9)),
    "t10k-images-idx3-ubyte": idx(noise(4, 28, 28)),
    "t10k-labels-idx1-ubyte": idx(noise(4)),
}
"""Small files in place of MNIST's."""

DIGESTS = {stem: sha256(content).hexdigest() for stem, content in CONTENTS.items()}

FILES = {f"{stem}.gz": gzip.compress(content, mtime=0) for stem, content in CONTENTS.items()}

FIRST, SECOND, THIRD, FOURTH = FILES

OTHERS = {
    FIRST: gzip.compress(idx(noise(9, 28, 27))),
    SECOND: gzip.compress(idx(noise(8))),
    THIRD: gzip.compress(idx(noise(4, 28, 27))),
    FOURTH: gzip.compress(idx(noise(5))),
}
"""Good IDX files, but not the ones asked for."""


def sends(content: bytes, claims: int | None = None, status: int = 200) -> Answer:
    """Sends this body. claims: its length according to the header."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Length", str(len(content) if claims is None else claims))
        request.end_headers()
        request.wfile.write(content)

    return answer


def sends_without_length(content: bytes) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        request.wfile.write(content)

    return answer


def sends_half(content: bytes) -> Answer:
    return sends(content[: len(content) // 2], claims=len(content))


def resumes(content: bytes, most: int) -> Answer:
    """Sends at most so many bytes, from where it is asked to begin, and breaks off."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        asked = request.headers.get("Range", "bytes=0-")
        rest = content[int(asked.removeprefix("bytes=").removesuffix("-")) :]
        sends(rest[:most], claims=len(rest), status=206 if "Range" in request.headers else 200)(
            request
        )

    return answer


def hangs_up(request: BaseHTTPRequestHandler) -> None:
    """Closes the connection without an answer."""


def answers(make: Callable[[bytes], Answer], **instead: Answer) -> dict[str, Answer]:
    """A mirror's response for each file. instead: responses by the file's index."""
    places = dict(zip(FILES, ("first", "second", "third", "fourth"), strict=True))
    return {name: instead.get(places[name], make(content)) for name, content in FILES.items()}


@dataclass
class Mirror:
    """A local server, and the names of the files requested from it."""

    url: str
    over: threading.Event
    asked: list[str] = field(default_factory=list)


Start = Callable[[dict[str, Answer]], Mirror]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts mirrors that are stopped at the end of the test."""
    servers: list[tuple[ThreadingHTTPServer, threading.Thread]] = []
    over = threading.Event()

    def start(answers: dict[str, Answer]) -> Mirror:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.removeprefix("/mnist/")
                mirror.asked.append(name)
                answers.get(name, sends(b"no such file", status=404))(self)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # client hung up
        mirror = Mirror(f"http://127.0.0.1:{server.server_port}/mnist/", over)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        servers.append((server, thread))
        return mirror

    yield start
    over.set()
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaces MNIST's files by small ones, and disables proxies."""
    monkeypatch.setattr(download, "MNIST_DIGESTS", DIGESTS)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def nobody() -> str:
    """The address of a mirror that does not answer."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    return f"http://127.0.0.1:{port}/mnist/"


def fetch(folder: Path, *mirrors: str) -> list[Fetched]:
    reports: list[Fetched] = []
    download_mnist(folder, reports.append, mirrors)
    return reports


def failure(folder: Path, *mirrors: str) -> str:
    """The error of a failed download; checks that it is one line."""
    with pytest.raises(DownloadFailed) as caught:
        fetch(folder, *mirrors)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


def inside(folder: Path) -> dict[str, bytes]:
    """Everything in a folder: names and bytes."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}

"""That MNIST is fetched whole, from whichever mirror has it right, and each failure is told."""

import gzip
import os
import signal
import threading
import time
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
from digitnet.digits.download import download_mnist
from digitnet.digits.files import ReadSoFar
from digitnet.engine.report import Refused, Stopped
from digitnet.repl.interrupts import Interrupts, interruptible

Answer = Callable[[BaseHTTPRequestHandler], None]  # what a mirror does when it is asked for a file


def noise(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(shape).integers(0, 256, shape, np.uint8)


CONTENTS = {
    "train-images-idx3-ubyte": idx(noise(9, 28, 28)),
    "train-labels-idx1-ubyte": idx(noise(9)),
    "t10k-images-idx3-ubyte": idx(noise(4, 28, 28)),
    "t10k-labels-idx1-ubyte": idx(noise(4)),
}
"""Small files in place of MNIST's."""

FILES = {f"{stem}.gz": gzip.compress(content, mtime=0) for stem, content in CONTENTS.items()}

FIRST, SECOND, THIRD, FOURTH = FILES

NOBODY = "http://127.0.0.1:1/mnist/"


def sends(content: bytes, claims: int | None = None, status: int = 200) -> Answer:
    """Sends this body. claims: its length according to the header, which is left out if it is 0."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        if claims != 0:
            request.send_header("Content-Length", str(claims or len(content)))
        request.end_headers()
        request.wfile.write(content)

    return answer


def resumes(content: bytes, most: int) -> Answer:
    """Sends at most so many bytes, from where it is asked to begin, and breaks off."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        asked = request.headers.get("Range", "bytes=0-")
        rest = content[int(asked.removeprefix("bytes=").removesuffix("-")) :]
        sends(rest[:most], claims=len(rest), status=206 if "Range" in request.headers else 200)(
            request
        )

    return answer


def goes_silent(sent: int | None, wait: Callable[[], object] = lambda: time.sleep(1)) -> Answer:
    """Sends so many bytes of the first file, or no answer, and then waits."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        if sent is not None:
            sends(FILES[FIRST][:sent], claims=len(FILES[FIRST]))(request)
        wait()

    return answer


def hangs_up(request: BaseHTTPRequestHandler) -> None:
    """Closes the connection without an answer."""


def answers(make: Callable[[bytes], Answer]) -> dict[str, Answer]:
    """A mirror's response for each file."""
    return {name: make(content) for name, content in FILES.items()}


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
    digests = {stem: sha256(content).hexdigest() for stem, content in CONTENTS.items()}
    monkeypatch.setattr(download, "MNIST_DIGESTS", digests)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("no_proxy", "*")


def fetch(folder: Path, *mirrors: str) -> list[ReadSoFar]:
    reports: list[ReadSoFar] = []
    download_mnist(folder, reports.append, mirrors)
    return reports


def failure(folder: Path, *mirrors: str) -> str:
    """The error of a failed download; checks that it is one line."""
    with pytest.raises(Refused) as caught:
        fetch(folder, *mirrors)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


def inside(folder: Path) -> dict[str, bytes]:
    """Everything in a folder: names and bytes."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("claims", [None, 0], ids=["", "without a length"])
def test_four_files_are_fetched_and_the_bytes_so_far_reported(
    tmp_path: Path, start: Start, capfd: pytest.CaptureFixture[str], claims: int | None
) -> None:
    mirror = start(answers(lambda content: sends(content, claims)))
    reports = fetch(tmp_path / "cache" / "digits", mirror.url)
    assert inside(tmp_path / "cache" / "digits") == FILES
    assert mirror.asked == list(FILES) == list(dict.fromkeys(report.name for report in reports))
    assert capfd.readouterr() == ("", "")
    for name, content in FILES.items():
        counts = [report.done for report in reports if report.name == name]
        assert counts == sorted(counts)
        assert counts[-1] == len(content)
        total = len(content) if claims is None else None
        assert {r.total for r in reports if r.name == name} == {total}


@pytest.mark.parametrize(
    ("content", "asked"),
    [
        (FILES[SECOND][:-3], [SECOND]),
        (gzip.compress(idx(noise(8))), [SECOND]),
        (b"", [SECOND]),
        (FILES[SECOND], []),
    ],
    ids=["cut", "another", "empty", "whole"],
)
def test_only_a_file_that_is_not_whole_is_fetched_anew(
    tmp_path: Path, start: Start, content: bytes, asked: list[str]
) -> None:
    for name, whole in FILES.items():
        (tmp_path / name).write_bytes(content if name == SECOND else whole)
    mirror = start(answers(sends))
    reports = fetch(tmp_path, mirror.url)
    assert mirror.asked == asked
    assert {report.name for report in reports} == {*asked}
    assert inside(tmp_path) == FILES


def test_files_fetched_before_a_failure_are_kept_and_the_rest_fetched_later(
    tmp_path: Path, start: Start
) -> None:
    failing = start({name: sends(FILES[name]) for name in (FIRST, SECOND)})
    assert "answered 404" in failure(tmp_path, failing.url)
    assert inside(tmp_path) == {name: FILES[name] for name in (FIRST, SECOND)}
    mirror = start(answers(sends))
    fetch(tmp_path, mirror.url)
    assert mirror.asked == [THIRD, FOURTH]
    assert inside(tmp_path) == FILES


def test_it_stops_between_two_pieces_of_a_file_and_keeps_none(tmp_path: Path, start: Start) -> None:
    def endless(request: BaseHTTPRequestHandler) -> None:
        sends(b"", claims=1 << 40)(request)
        end = time.monotonic() + 5
        while time.monotonic() < end:  # or until the client hangs up
            request.wfile.write(bytes(2000))
            time.sleep(0.005)

    def stop_at_the_second(done: ReadSoFar) -> None:
        if done.name == SECOND:
            raise Stopped

    mirror = start(answers(sends) | {SECOND: endless})
    with pytest.raises(Stopped):
        download_mnist(tmp_path, stop_at_the_second, (mirror.url,))
    assert inside(tmp_path) == {FIRST: FILES[FIRST]}
    assert mirror.asked == [FIRST, SECOND]


@pytest.mark.serial
@pytest.mark.parametrize("sent", [None, 2048], ids=["before-it-answers", "in-the-middle"])
def test_ctrl_c_ends_it_at_once_while_a_mirror_is_silent(
    tmp_path: Path, start: Start, sent: int | None
) -> None:
    def press_ctrl_c() -> None:
        time.sleep(0.1)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        mirror.over.wait(5)

    mirror = start(answers(sends) | {FIRST: goes_silent(sent, press_ctrl_c)})
    interrupts = Interrupts()
    begun = time.monotonic()
    during = interrupts.during_command(list)
    with interruptible(interrupts), during, pytest.raises(KeyboardInterrupt):
        fetch(tmp_path, mirror.url, mirror.url)
    assert time.monotonic() - begun < 2.5
    assert inside(tmp_path) == {}


def test_a_connection_that_breaks_off_is_resumed_for_as_long_as_more_arrives(
    tmp_path: Path, start: Start
) -> None:
    mirrors = [start(answers(lambda content: resumes(content, 2000))) for _ in range(2)]
    reports = fetch(tmp_path, *(mirror.url for mirror in mirrors))
    assert inside(tmp_path) == FILES
    counts = [report.done for report in reports if report.name == FIRST]
    assert counts == sorted(counts)  # nothing was sent twice
    assert [mirror.asked.count(FIRST) for mirror in mirrors] == [2, 2]
    assert {r.total for r in reports if r.name == FIRST} == {len(FILES[FIRST])}


BAD_ANSWERS: dict[str, tuple[Answer, str]] = {
    "not-found": (sends(b"no such file", status=404), "answered 404 Not Found"),
    "forbidden": (sends(b"no", status=403), "answered 403 Forbidden"),
    "server-error": (sends(b"oh", status=500), "answered 500 Internal Server Error"),
    "another-file": (
        sends(gzip.compress(idx(noise(9, 28, 27)))),
        "sent a file that is not the original file: its SHA-256 differs",
    ),
    "another-of-the-four": (sends(FILES[SECOND]), "has 1 dimensions, not 3"),
    "a-page": (sends(b"<html>Log in to this network</html>"), "is not an IDX file"),
    "nothing": (sends(b""), "is too short to be an IDX file"),
    "cut": (sends(FILES[FIRST][:-9]), "is cut short"),
    "junk-at-the-end": (sends(FILES[FIRST] + b"junk"), "goes on after the end"),
    "hangs-up": (hangs_up, "no connection"),
    "breaks-off": (
        sends(FILES[FIRST][:500], claims=len(FILES[FIRST])),
        "the connection broke off",
    ),
    "is-silent": (goes_silent(None), "no answer within 0.5 seconds"),
    "falls-silent": (goes_silent(2048), "no answer within 0.5 seconds"),
}


@pytest.mark.parametrize(("bad", "says"), BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_what_a_mirror_has_wrong_is_told_and_the_next_one_gives(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch, bad: Answer, says: str
) -> None:
    in_place: list[str] = []

    def looks(request: BaseHTTPRequestHandler) -> None:
        in_place.extend(name for name in FILES if (folder / name).exists())
        sends(FILES[FIRST])(request)

    monkeypatch.setattr(download, "TIMEOUT_SECONDS", 0.5)
    first, folder = start(answers(sends) | {FIRST: bad}), tmp_path / "digits: mine"
    of_first, of_second = failure(folder, first.url, NOBODY).split("; ")
    assert of_first.startswith(f"{first.url}: ")
    assert says in of_first
    assert of_second == f"{NOBODY}: no connection"
    assert inside(folder) == {}
    before = len(first.asked)
    second = start(answers(sends) | {FIRST: looks})
    fetch(folder, first.url, second.url)
    assert in_place == []  # while the second was asked, the first's was nowhere
    assert inside(folder) == FILES
    assert second.asked == [FIRST]
    assert first.asked[before:] == list(FILES)


def test_what_is_there_under_the_temporary_name_is_replaced_and_not_followed(
    tmp_path: Path, start: Start
) -> None:
    (tmp_path / "elsewhere").write_bytes(b"mine")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / f"{FIRST}.{os.getpid()}.new").symlink_to(tmp_path / "elsewhere")
    fetch(tmp_path / "cache", start(answers(sends)).url)
    assert inside(tmp_path / "cache") == FILES
    assert (tmp_path / "elsewhere").read_bytes() == b"mine"


def test_a_folder_that_cannot_be_made_is_a_failed_download(tmp_path: Path, start: Start) -> None:
    (tmp_path / "file").write_bytes(b"")
    mirror = start(answers(sends))
    assert str(tmp_path / "file") in failure(tmp_path / "file" / "digits", mirror.url)
    assert mirror.asked == []

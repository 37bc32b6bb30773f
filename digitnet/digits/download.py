"""Downloads MNIST from two mirrors; each file is checked, then moved into place atomically."""

import os
from http import client as http
from pathlib import Path
from urllib import request as web
from urllib.error import HTTPError, URLError

from digitnet.digits.datasets import MNIST_DIGESTS
from digitnet.digits.files import MAX_IDX, BadFile, ReadSoFar, read_idx
from digitnet.engine.report import Refused, Report, ignore

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)

TIMEOUT_SECONDS = 20
PIECE = 1 << 16  # maximum bytes between two reports


class _BrokenOff(Refused):
    """A connection ended before the file did; what has arrived may be continued."""


def download_mnist(
    folder: Path, report: Report = ignore, mirrors: tuple[str, ...] = MIRRORS
) -> None:
    """Downloads MNIST's four files to `folder`, except those that are there and valid.

    Reports ReadSoFar. A file is checked against its SHA-256 before it takes its name; a connection
    that breaks off is resumed at the next mirror. Raises Refused, with what went wrong at each
    mirror. However it ends, complete files are kept, and not downloaded again, and nothing else is
    left.
    """
    for stem, digest in MNIST_DIGESTS.items():
        path = folder / f"{stem}.gz"
        if _problem(path, stem, digest):
            _fetch(path, stem, digest, mirrors, report)


def _problem(path: Path, stem: str, digest: str) -> str:
    try:
        read_idx(path, 3 if "idx3" in stem else 1, digest)
    except BadFile as error:
        return error.reason
    return ""


def _fetch(path: Path, stem: str, digest: str, mirrors: tuple[str, ...], report: Report) -> None:
    """Downloads one file, from every mirror in turn for as long as more of it arrives."""
    data = bytearray()
    before = -1
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"{path.parent} cannot be made: {error.strerror}") from None
    while len(data) > before:
        before, problems = len(data), []
        for mirror in mirrors:
            try:
                _receive(mirror + path.name, path.name, data, report)
                _put(path, stem, digest, data)
                return
            except (OSError, ValueError, http.HTTPException, Refused) as error:
                if not isinstance(error, (_BrokenOff, TimeoutError)):
                    data.clear()
                problems.append(f"{mirror}: {_in_a_line(error)}")
    raise Refused("; ".join(problems))


def _receive(url: str, name: str, data: bytearray, report: Report) -> None:
    """Appends what `data` lacks of a file; starts again where a server cannot resume."""
    request = web.Request(url, headers={"Range": f"bytes={len(data)}-"} if data else {})
    with web.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
        if response.status != 206:
            data.clear()
        length = response.headers.get("Content-Length")
        total = len(data) + int(length) if length else None
        while piece := response.read1(PIECE):
            data += piece
            if len(data) > MAX_IDX:
                raise Refused("sends too much data")
            report(ReadSoFar(name, len(data), total))
    if total is not None and len(data) < total:
        raise _BrokenOff("the connection broke off")


def _put(path: Path, stem: str, digest: str, data: bytearray) -> None:
    """Writes a file under a temporary name that nothing else has, checks it and renames it."""
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    new.unlink(missing_ok=True)
    try:
        with new.open("xb") as file:
            file.write(data)
        if problem := _problem(new, stem, digest):
            raise Refused(f"sent a file that {problem}")
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _in_a_line(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return f"answered {error.code} {error.reason}"
    if isinstance(error, TimeoutError) or isinstance(getattr(error, "reason", None), TimeoutError):
        return f"no answer within {TIMEOUT_SECONDS} seconds"
    if isinstance(error, (URLError, http.HTTPException, ConnectionError)):
        return "no connection"
    return str(error).partition("\n")[0] or type(error).__name__

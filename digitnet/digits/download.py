"""Fetches MNIST: two mirrors, every file checked, nothing half-written ever in place."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from digitnet.digits.datasets import MNIST_DIGESTS
from digitnet.digits.idx import MAX_BYTES, BadData, read_idx
from digitnet.engine.background import watched

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
TIMEOUT_SECONDS = 20


class DownloadFailed(Exception):
    """MNIST could not be fetched: what went wrong at each mirror."""


@dataclass(frozen=True)
class Fetched:
    """A report of a download under way: bytes of this file so far, and in all where known."""

    file: str
    done: int
    total: int | None


def download_mnist(
    folder: Path, stop: Callable[[], bool], mirrors: tuple[str, ...] = MIRRORS
) -> Iterator[Fetched]:
    """Brings MNIST's four files into `folder`; files that are there and whole are not fetched.

    A file is written beside its place, checked against its SHA-256, and only then moved into it.
    Raises DownloadFailed; files fetched before the failure stay and are not fetched again.
    """
    for stem, digest in MNIST_DIGESTS.items():
        path = folder / f"{stem}.gz"
        if not _is_whole(path, stem, digest):
            yield from _fetch(path, stem, digest, stop, mirrors)


def _is_whole(path: Path, stem: str, digest: str) -> bool:
    """Whether the file is there and is the original."""
    try:
        read_idx(path, 3 if "idx3" in stem else 1, digest)
    except BadData:
        return False
    return True


def _fetch(
    path: Path, stem: str, digest: str, stop: Callable[[], bool], mirrors: tuple[str, ...]
) -> Iterator[Fetched]:
    """Fetches one file from the first mirror that has it right."""
    problems = []
    for mirror in mirrors:
        work = partial(_download, mirror, path, stem, digest)
        try:
            if (yield from watched(work, stop)):
                return
        except DownloadFailed as problem:
            problems.append(f"{mirror}: {problem}")
            continue
        raise DownloadFailed("stopped; files already whole were kept")
    raise DownloadFailed("; ".join(problems))


def _download(
    mirror: str, path: Path, stem: str, digest: str, tell: Callable[[Fetched], None]
) -> None:
    """Downloads one file. Raises DownloadFailed, in words: the exception of the library would hold
    on to the open connection.
    """
    import pooch  # slow to import, and needed once in a lifetime

    class Checked(pooch.HTTPDownloader):  # type: ignore[misc]
        """Refuses a file that is not the original before it is moved into place."""

        def __call__(self, url: str, output_file: object, pooch: object, **more: object) -> None:
            super().__call__(url, output_file, pooch, **more)
            read_idx(Path(str(output_file)), 3 if "idx3" in stem else 1, digest)

    class Meter:
        """What pooch asks of a progress bar, as reports."""

        total: int | None = None

        def __init__(self) -> None:
            self.done = 0

        def update(self, count: int) -> None:
            if self.done > MAX_BYTES:
                raise DownloadFailed("sends without an end")
            # pooch counts whole chunks, and 0 for a length that it was not told
            self.done += count
            total = self.total or None
            tell(Fetched(path.name, min(self.done, total or self.done), total))

        def reset(self) -> None:
            self.done = 0

        def close(self) -> None:
            pass

    problem = ""
    try:
        pooch.get_logger().setLevel("ERROR")
        fetched = pooch.retrieve(
            mirror + path.name,
            known_hash=None,
            fname=f"{path.name}.{os.getpid()}.new",
            path=path.parent,
            downloader=Checked(progressbar=Meter(), timeout=TIMEOUT_SECONDS),
        )
        Path(fetched).replace(path)
    except Exception as error:  # whatever it was, the person at the prompt is told
        problem = _in_a_line(error)
    if problem:  # out here, where the library's exception is gone and the connection closed
        raise DownloadFailed(problem)


def _in_a_line(error: Exception) -> str:
    """What went wrong, without the library's layers around it."""
    import requests

    match error:
        case requests.exceptions.HTTPError() if error.response is not None:
            return f"answered {error.response.status_code} {error.response.reason}"
        case requests.exceptions.Timeout():
            return f"no answer within {TIMEOUT_SECONDS} seconds"
        case requests.exceptions.ChunkedEncodingError():
            return "the connection broke off"
        case requests.exceptions.ConnectionError():
            return "no connection"
        case BadData():
            return f"sent a file that {error.reason}"
        case _:
            return str(error).splitlines()[0] if str(error) else type(error).__name__

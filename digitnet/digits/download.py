"""Downloads MNIST from two mirrors; each file is checked, then moved into place atomically."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from digitnet.digits.datasets import MNIST_DIGESTS
from digitnet.digits.idx import MAX_BYTES, BadData, read_idx
from digitnet.engine.background import run_in_thread

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)

TIMEOUT_SECONDS = 20


class DownloadFailed(Exception):
    """MNIST could not be downloaded; the message says what went wrong at each mirror."""


@dataclass(frozen=True)
class Fetched:
    """The progress of a download: bytes of this file so far, and in total if known."""

    file: str
    done: int
    total: int | None


def download_mnist(
    folder: Path, stop: Callable[[], bool], mirrors: tuple[str, ...] = MIRRORS
) -> Iterator[Fetched]:
    """Downloads MNIST's four files to `folder`, except those that are there and valid.

    A file is written under a temporary name, checked against its SHA-256, and then renamed. Raises
    DownloadFailed; files downloaded before the failure are kept, and not downloaded again.
    """
    for stem, digest in MNIST_DIGESTS.items():
        path = folder / f"{stem}.gz"
        if not _is_whole(path, stem, digest):
            yield from _fetch(path, stem, digest, stop, mirrors)


def _is_whole(path: Path, stem: str, digest: str) -> bool:
    """Whether the file exists and has the right SHA-256."""
    try:
        read_idx(path, 3 if "idx3" in stem else 1, digest)
    except BadData:
        return False
    return True


def _fetch(
    path: Path, stem: str, digest: str, stop: Callable[[], bool], mirrors: tuple[str, ...]
) -> Iterator[Fetched]:
    """Downloads one file from the first mirror that delivers it correctly."""
    problems = []
    for mirror in mirrors:
        work = partial(_download, mirror, path, stem, digest)
        try:
            if (yield from run_in_thread(work, stop)):
                return
        except DownloadFailed as problem:
            problems.append(f"{mirror}: {problem}")
            continue
        raise DownloadFailed("stopped; complete files were kept")
    raise DownloadFailed("; ".join(problems))


def _download(
    mirror: str, path: Path, stem: str, digest: str, tell: Callable[[Fetched], None]
) -> None:
    """Downloads one file. Raises DownloadFailed."""
    import pooch  # slow to import, and rarely needed

    class Checked(pooch.HTTPDownloader):  # type: ignore[misc]
        """Checks a file before it is moved into place."""

        def __call__(self, url: str, output_file: object, pooch: object, **more: object) -> None:
            super().__call__(url, output_file, pooch, **more)
            read_idx(Path(str(output_file)), 3 if "idx3" in stem else 1, digest)

    problem = ""
    try:
        pooch.get_logger().setLevel("ERROR")
        fetched = pooch.retrieve(
            mirror + path.name,
            known_hash=None,
            fname=f"{path.name}.{os.getpid()}.new",
            path=path.parent,
            downloader=Checked(progressbar=_Meter(path.name, tell), timeout=TIMEOUT_SECONDS),
        )
        Path(fetched).replace(path)
    except Exception as error:  # any failure is reported at the prompt
        problem = _in_a_line(error)
    if problem:  # raised here, as the library's exception would keep the connection open
        raise DownloadFailed(problem)


class _Meter:
    """A progress bar for pooch that turns its calls into reports."""

    total: int | None = None

    def __init__(self, file: str, tell: Callable[[Fetched], None]) -> None:
        self.file, self.tell, self.done = file, tell, 0

    def update(self, count: int) -> None:
        if self.done > MAX_BYTES:
            raise DownloadFailed("sends too much data")
        # pooch counts whole chunks, and has total 0 for an unknown length
        self.done += count
        total = self.total or None
        self.tell(Fetched(self.file, min(self.done, total or self.done), total))

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        pass


def _in_a_line(error: Exception) -> str:
    """The cause of a failure in one line, without the library's wrapping."""
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

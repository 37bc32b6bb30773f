"""The progress of a training, in a small file beside the autosaves, for other terminals to read."""

import os
import re
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic, time
from typing import Any

import numpy as np

from digitnet.engine.run import Report
from digitnet.registry.codec import Fields, array_document, decode, encode, seal, unseal
from digitnet.registry.files import TEMPORARY, DamagedSave, make_folder, read_file, refuse_link
from digitnet.registry.recovery import FOLDER

FIRST_SECONDS, SECONDS = 2.0, 1.0
"""A training is written for the first time when it has taken so long, and then at this interval."""

SILENT_SECONDS = 60.0
"""After so long without a change, a training counts as ended."""

CURVES = ("cost", "validation_cost", "accuracy", "rate")
"""The curves that are drawn: lists of (mini-batch, value)."""

MAX_POINTS = 1000

_NAME = re.compile(r"[0-9]{1,10}\.progress")


class ProgressFile:
    """The file that this process writes while it trains; replaced by its next training.

    Nothing is promised of it: what cannot be written is left out.
    """

    def __init__(self, saves: Path, name: str, shape: str) -> None:
        self.path = saves / FOLDER / f"{os.getpid()}.progress"
        self._fields: dict[str, Any] = {"name": name, "shape": shape, "ended": ""}
        self._next, self._is_written = monotonic() + FIRST_SECONDS, False

    def write(self, report: Report, curves: object) -> None:
        """Writes what is drawn, if it is time. curves: has CURVES and `since` as attributes."""
        if monotonic() >= self._next:
            points = {name: np.reshape(getattr(curves, name), (-1, 2)) for name in CURVES}
            drawn = {name: array_document(array.astype(float)) for name, array in points.items()}
            self._fields |= {
                "report": asdict(report),
                "since": getattr(curves, "since", 0),
                **drawn,
            }
            self._write()
            self._next = monotonic() + SECONDS

    def end(self, reason: str) -> None:
        """Writes that the training has ended, if it was written before."""
        self._fields["ended"] = reason
        if self._is_written:
            self._write()

    def _write(self) -> None:
        temporary = self.path.with_name(f"{TEMPORARY}{secrets.token_hex(8)}-{self.path.name}")
        with suppress(OSError, TypeError, ValueError):
            refuse_link(self.path.parent)
            make_folder(self.path.parent)
            for path in self.path.parent.glob("*.progress"):  # of trainings that ended long ago
                if _NAME.fullmatch(path.name) and _silent(path) > SILENT_SECONDS:
                    path.unlink()
            with temporary.open("xb") as file:
                file.write(seal(encode(self._fields)))
            temporary.replace(self.path)
            self._is_written = True


@dataclass(frozen=True)
class Followed:
    """A training of another process. name: of the network, empty if it has none. curves, since: as
    they are drawn. ended: why, or empty. silent: the seconds since its last report.
    """

    path: Path
    name: str
    shape: str
    report: Report
    curves: dict[str, list[tuple[float, float]]]
    since: int
    ended: str
    silent: float


def followed(saves: Path) -> list[Followed]:
    """The trainings that have not ended, as far as their files can be read."""
    folder, found = saves / FOLDER, list[Followed]()
    for path in [] if folder.is_symlink() else sorted(folder.glob("*.progress")):
        if _NAME.fullmatch(path.name):
            with suppress(DamagedSave):
                found.append(read_progress(path))
    return [one for one in found if not one.ended and one.silent < SILENT_SECONDS]


def read_progress(path: Path) -> Followed:
    """Reads such a file. Raises DamagedSave if it is gone or not what `ProgressFile` writes."""
    try:
        silent = _silent(path)
        fields = Fields(decode(unseal(read_file(path))), "progress")
    except OSError as error:
        raise DamagedSave(f"it cannot be read: {error.strerror}") from None
    name, shape, ended = (fields.text(field) for field in ("name", "shape", "ended"))
    maybe = {name: lambda f, n: f.maybe(n, Fields.real) for name in ("part", "remaining")}
    report = Report(**fields.inner("report").record(Report, **maybe))
    tables = {name: fields.table(name, 2, MAX_POINTS) for name in CURVES}
    curves = {name: [(x, y) for x, y in table.tolist()] for name, table in tables.items()}
    return Followed(path, name, shape, report, curves, fields.whole("since"), ended, silent)


def _silent(path: Path) -> float:
    return time() - path.lstat().st_mtime

"""The progress of a training, in a small file beside the autosaves, for other terminals to read."""

import json
import os
import re
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from time import monotonic, time
from typing import Any

from digitnet.digits.files import BadFile, read_bounded
from digitnet.engine.run import Report
from digitnet.registry.codec import Fields
from digitnet.registry.files import TEMPORARY, DamagedSave, make_folder, refuse_link
from digitnet.registry.recovery import FOLDER

Point = tuple[float, float]

FIRST_SECONDS, SECONDS = 2.0, 1.0
"""A training is written for the first time when it has taken so long, and then at this interval."""

SILENT_SECONDS = 60.0
"""After so long without a change, a training counts as ended."""

MAX_BYTES, MAX_POINTS = 1 << 20, 1000

CURVES = ("cost", "validation_cost", "accuracy", "rate")
"""The curves that are drawn."""

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
            drawn = {name: getattr(curves, name) for name in (*CURVES, "since")}
            self._fields |= {"report": asdict(report), **drawn}
            self._write()
            self._next = monotonic() + SECONDS

    def end(self, reason: str) -> None:
        """Writes that the training has ended, if it was written before."""
        self._fields["ended"] = reason
        if self._is_written:
            self._write()

    def _write(self) -> None:
        temporary = self.path.with_name(f"{TEMPORARY}{secrets.token_hex(8)}-{self.path.name}")
        with suppress(OSError, ValueError):  # ValueError: for a cost that is not finite
            text = json.dumps(self._fields, allow_nan=False)
            refuse_link(self.path.parent)
            if not self._is_written:
                make_folder(self.path.parent)
                self._remove_old()
            with temporary.open("x", encoding="utf-8") as file:
                file.write(text)
            temporary.replace(self.path)
            self._is_written = True

    def _remove_old(self) -> None:
        """Removes the files of trainings that ended long ago."""
        for path in self.path.parent.glob("*.progress"):
            if _NAME.fullmatch(path.name) and time() - path.lstat().st_mtime > SILENT_SECONDS:
                path.unlink()


@dataclass(frozen=True)
class Followed:
    """A training of another process. name: of the network, empty if it has none. curves, since: as
    they are drawn. ended: why, or empty. silent: the seconds since its last report.
    """

    path: Path
    name: str
    shape: str
    report: Report
    curves: dict[str, list[Point]]
    since: int
    ended: str
    silent: float


def followed(saves: Path) -> list[Followed]:
    """The trainings of others that have not ended, as far as their files can be read."""
    folder, found = saves / FOLDER, []
    for path in [] if folder.is_symlink() else sorted(folder.glob("*.progress")):
        if _NAME.fullmatch(path.name):
            with suppress(DamagedSave):
                found.append(read_progress(path))
    return [one for one in found if not one.ended and one.silent < SILENT_SECONDS]


def read_progress(path: Path) -> Followed:
    """Reads such a file. Raises DamagedSave if it is gone or not what `ProgressFile` writes."""
    try:
        silent = time() - path.lstat().st_mtime
        fields = Fields(json.loads(read_bounded(path, MAX_BYTES, follow=False)), "progress")
    except (OSError, BadFile, ValueError, RecursionError):
        raise DamagedSave("it cannot be read") from None
    name, shape, ended = (fields.text(field) for field in ("name", "shape", "ended"))
    numbers = {"part": _real_or_none, "remaining": _real_or_none}
    report = Report(**fields.inner("report").record(Report, **numbers))
    since, others = fields.whole("since"), fields.rest()
    curves = {curve: _points(others.pop(curve, None)) for curve in CURVES}
    return Followed(path, name, shape, report, curves, since, ended, silent)


def _real_or_none(fields: Fields, name: str) -> float | None:
    value: float | None = fields.maybe(name, Fields.real)
    return value


def _points(values: object) -> list[Point]:
    if not isinstance(values, list) or len(values) > MAX_POINTS:
        raise DamagedSave("it has a curve that cannot be")
    for pair in values:
        if not (isinstance(pair, list) and len(pair) == 2) or not all(
            type(n) in (int, float) and isfinite(n) for n in pair
        ):
            raise DamagedSave("it has a curve that cannot be")
    return [(float(x), float(y)) for x, y in values]

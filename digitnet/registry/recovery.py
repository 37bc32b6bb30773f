"""What a training leaves in `.recovery/` in the saves folder while it runs.

Autosaves, in case of a kill or a power cut: each process that trains has its own file, with the
format of saves, and holds a lock on it as long as it lives. A file that is not locked has been
orphaned and can be adopted. And its progress, for other terminals to read.
"""

import errno
import os
import re
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from platform import node
from time import monotonic, time
from typing import Any

import numpy as np
from filelock import BaseFileLock

from digitnet.engine.run import Status
from digitnet.registry.codec import Fields, array_document, decode, encode, seal, unseal
from digitnet.registry.files import (
    TEMPORARY,
    DamagedSave,
    RegistryError,
    acquired_lock,
    make_folder,
    read_file,
    refuse_link,
    write_durably,
)
from digitnet.registry.model import Model
from digitnet.registry.schema import from_document, sealed, to_document

FOLDER = ".recovery"

_NAME = re.compile(r"[0-9]{1,10}-[0-9a-f]{8}\.pickle")
"""The pattern of the names of recovery files: process ID and a random part."""

UNNAMED = "unsaved training"  # the name in the autosave of a network without a name
BUSY_SECONDS = 60.0  # interval of autosaves while a command is training
IDLE_SECONDS = 5.0  # minimum interval of autosaves between commands


class Recovery:
    """The unsaved training of a session, its autosaves, and those that others have left.

    is_adopted: whether the file of this process was adopted from another. warning: why the last
    autosave failed, in one line; empty if it did not.
    """

    def __init__(self, saves: Path) -> None:
        self.folder = saves / FOLDER
        self.is_adopted = False
        self.warning = self._last_warning = ""
        self._path: Path | None = None
        self._released = set[Path | None]()
        self._lock: BaseFileLock | None = None
        self._last = monotonic()
        self._autosaved: object = None

    def during_command(self, model: Model | None) -> None:
        if model is not None and monotonic() - self._last >= BUSY_SECONDS:
            self.autosave(model)

    def after_command(self, model: Model | None, state: object) -> None:
        """Call this after each command. model: the network in hand, if it is unsaved. state:
        another object after each training, and each undo of one.
        """
        if model is None:
            self.discard()
        elif monotonic() - self._last >= IDLE_SECONDS and self._autosaved is not state:
            self.autosave(model)
            self._autosaved = state

    def at_exit(self, model: Model | None, *, meant: bool, asked: bool) -> bool:
        """Call this when the session ends. model: the network in hand, if it is unsaved.

        It is autosaved if the session did not end on purpose (`meant`), or if it was recovered from
        an autosave and the user was not `asked` whether to discard it. Returns whether it was.
        """
        if model is None or (meant and (asked or not self.is_adopted)):
            self.discard()
            return False
        is_autosaved = self.autosave(model)
        self.release()
        return is_autosaved

    def new_warning(self) -> str:
        """The warning if it differs from the last one returned; otherwise empty."""
        before, self._last_warning = self._last_warning, self.warning
        return "" if self.warning == before else self.warning

    def autosave(self, model: Model) -> bool:
        """Writes the current state of the model; returns whether it is on disk.

        Never raises: if the write fails, `warning` says why and the previous autosave is kept.
        """
        self._last, self.warning = monotonic(), ""
        try:
            document = to_document(model, model.name or UNNAMED)
            at = model.saved_at or document["saved_at"]  # for p to tell what was saved since
            data = sealed(document | {"saved_at": at})
            if self._path is None:
                refuse_link(self.folder)
                make_folder(self.folder)
                path = self.folder / f"{os.getpid()}-{secrets.token_hex(4)}.pickle"
                self._lock, self._path = _lock_beside(path), path
            write_durably(self._path, data)
            return True
        except OSError as error:
            why = error.strerror or str(error)
        except (RegistryError, MemoryError) as error:
            why = str(error) or "there is not enough memory"
        self.warning = f"the training was not autosaved: {why}"
        if self._path and not self._path.exists():  # do not leave a lock without a file
            self.discard()
        return False

    def release(self) -> None:
        if self._lock is not None:
            self._lock.release()
        self._released.add(self._path)
        self._path = self._lock = None
        self.is_adopted = False

    def discard(self) -> None:
        """Removes the file if that is possible, because the training was saved or discarded."""
        self._autosaved, path = None, self._path
        with suppress(OSError):
            if path is not None:
                for each in (path, *self.folder.glob(f"{TEMPORARY}*-{path.name}")):
                    each.unlink(missing_ok=True)
            self.release()
            if path is not None:
                path.with_suffix(".lock").unlink(missing_ok=True)

    def adopt(self) -> tuple[Model, Path, int]:
        """Takes over the latest orphaned file; returns its network and path, and the number of
        other orphans.

        Raises RegistryError if there is none that can be read.
        """
        damaged, left = "", self.orphans()
        for count, path in enumerate(left, 1):
            lock = None
            try:
                lock = _lock_beside(path)
                model = from_document(decode(unseal(read_file(path))))
            except TimeoutError:
                continue  # another process was faster
            except (DamagedSave, OSError) as error:
                if lock:
                    lock.release()
                hint = ", and it can be removed" * isinstance(error, DamagedSave)
                damaged = f"; {path} cannot be read: {getattr(error, 'strerror', error)}{hint}"
                continue
            self.discard()
            self._path, self._lock, self.is_adopted = path, lock, True
            if model.name == UNNAMED:
                model.name = ""
            return model, path, len(left) - count
        raise RegistryError(f"there is no unfinished training{damaged}")

    def orphans(self) -> list[Path]:
        """The recovery files that no living process has locked: the latest first, and last those
        that this one has released.
        """
        found: list[tuple[bool, float, Path]] = []
        for path in {*_files(self.folder, _NAME)} - {self._path}:
            when = 0.0
            try:
                _lock_beside(path).release()
                when = path.stat().st_mtime
            except OSError as error:  # whoever wants to read it is told, unless it is a link
                if isinstance(error, TimeoutError) or error.errno in (errno.ELOOP, errno.ENOENT):
                    continue
            found.append((path not in self._released, when, path))
        return [path for *_, path in sorted(found, reverse=True)]


def _files(folder: Path, names: re.Pattern[str]) -> list[Path]:
    """The files in a folder with such names; links, and what is in one, are left out."""
    if folder.is_symlink():
        return []
    with suppress(FileNotFoundError):
        paths = sorted(folder.iterdir())
        return [path for path in paths if names.fullmatch(path.name) and not path.is_symlink()]
    return []


def _lock_beside(path: Path) -> BaseFileLock:
    """Acquires the lock file that belongs to `path`. Raises OSError."""
    return acquired_lock(path.with_suffix(".lock"), 0)


# the progress

FIRST_SECONDS, SECONDS = 2.0, 1.0
"""A training is written for the first time when it has taken so long, and then at this interval."""

SILENT_SECONDS = 60.0  # after so long without a change, a training counts as ended

CURVES = ("cost", "validation_cost", "accuracy", "rate")
"""The curves that are drawn: lists of (mini-batch, value)."""

MAX_POINTS = 1000
_PROGRESS = re.compile(r"[0-9]{1,10}\.progress")


class ProgressFile:
    """The file that this process writes while it trains; replaced by its next training.

    Nothing is promised of it: what cannot be written is left out.
    """

    def __init__(self, saves: Path, name: str, shape: str) -> None:
        self.path = saves / FOLDER / f"{os.getpid()}.progress"
        self._fields: dict[str, Any] = {"name": name, "shape": shape, "host": node(), "ended": ""}
        self._next, self._is_written = monotonic() + FIRST_SECONDS, False

    def write(self, report: Status, curves: object) -> None:
        """Writes what is drawn, if it is time. curves: has CURVES and `since` as attributes."""
        self._drawn = report, curves
        if monotonic() >= self._next:
            self._write()
            self._next = monotonic() + SECONDS

    def end(self, reason: str) -> None:
        """Writes that the training has ended, if it was written before."""
        self._fields["ended"] = reason
        if self._is_written:
            self._write()

    def _write(self) -> None:
        report, curves = self._drawn
        points = {name: np.reshape(getattr(curves, name), (-1, 2)) for name in CURVES}
        self._fields |= {"report": asdict(report), "since": getattr(curves, "since", 0)}
        self._fields |= {n: array_document(array.astype(float)) for n, array in points.items()}
        temporary = self.path.with_name(f"{TEMPORARY}{secrets.token_hex(8)}-{self.path.name}")
        with suppress(OSError, TypeError, ValueError):
            refuse_link(self.path.parent)
            make_folder(self.path.parent)
            for path in _files(self.path.parent, _PROGRESS):
                if _silent(path) > SILENT_SECONDS:
                    path.unlink()
            with temporary.open("xb") as file:
                file.write(seal(encode(self._fields)))
            temporary.replace(self.path)
            self._is_written = True


@dataclass(frozen=True)
class Followed:
    """A training of another process. name: of the network, empty if it has none. curves, since: as
    they are drawn. ended: why, `killed` if its process is gone, or empty. silent: the seconds
    since its last report.
    """

    path: Path
    name: str
    shape: str
    report: Status
    curves: dict[str, Any]
    since: int
    ended: str
    silent: float


def followed(saves: Path) -> list[Followed]:
    """The trainings that have not ended, as far as their files can be read."""
    found = list[Followed]()
    for path in _files(saves / FOLDER, _PROGRESS):
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
    name, shape, host, ended = (fields.text(n) for n in ("name", "shape", "host", "ended"))
    if not ended and host == node() and _is_gone(int(path.stem)):
        ended = "killed"
    maybe = {name: lambda f, n: f.maybe(n, Fields.real) for name in ("part", "remaining", "rate")}
    report = Status(**fields.inner("report").record(Status, **maybe))
    tables = {name: fields.table(name, 2, MAX_POINTS) for name in CURVES}
    curves = {name: [(x, y) for x, y in table.tolist()] for name, table in tables.items()}
    return Followed(path, name, shape, report, curves, fields.whole("since"), ended, silent)


def _is_gone(process: int) -> bool:
    """Whether no such process runs on this machine, as far as can be told."""
    try:
        if os.name != "nt":  # there, the signal 0 is Ctrl-C
            os.kill(process, 0)
    except (OSError, OverflowError) as error:  # others: of another user's, or of no number of one
        return isinstance(error, ProcessLookupError)
    return False


def _silent(path: Path) -> float:
    return time() - path.lstat().st_mtime

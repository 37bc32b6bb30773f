"""Atomic and durable changes of files, and the locks that keep programs from disturbing each other.

Inside the saves folder and outside it.
"""

import errno
import os
import secrets
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLock

from digitnet.digits.files import BadFile, read_bounded
from digitnet.engine.report import Refused


class DamagedSave(Refused):
    """A file that is not a complete, valid save; the message says what is wrong with it."""


class NewerFormat(DamagedSave):
    """An undamaged save in a format that only a newer digitnet reads."""


class RegistryError(Refused):
    """A failed operation on saves; the message says what failed, why, and what was kept."""


class NotConfirmed(OSError):
    """The change was made, but the disk did not confirm that it is durable."""


MAX_BYTES = 256 << 20
TEMPORARY = ".writing-"  # prefix of the names of temporary files


def read_file(path: Path) -> bytes:
    """Returns the bytes of a file in the saves folder; links are not followed.

    Raises DamagedSave if it is no regular file of at most MAX_BYTES, OSError if it cannot be read.
    """
    try:
        return read_bounded(path, MAX_BYTES, follow=False)
    except BadFile as error:
        raise DamagedSave(f"it {error}") from None


def write_durably(path: Path, data: bytes, keep_old_as: Path | None = None) -> None:
    """Writes `data` to `path` atomically and durably.

    An existing file is first kept as `keep_old_as`, if given. If OSError is raised, nothing has
    changed, unless it is NotConfirmed.
    """
    # an unpredictable name and mode "x", so that a symbolic link placed there is not followed
    temporary = path.with_name(f"{TEMPORARY}{secrets.token_hex(8)}-{path.name}")
    try:
        with temporary.open("xb") as file:
            _keep_mode(path, file.fileno())
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if keep_old_as is not None:
            keep_durably(path, keep_old_as)
        with made_if_gone(temporary):
            temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()  # fails if the rename did happen: then the old file is needed
            if keep_old_as is not None:
                keep_old_as.unlink()
        raise
    sync_folder(path.parent, NotConfirmed)


def _keep_mode(path: Path, descriptor: int) -> None:
    """Copies the permissions of `path`, if it exists, to the file that will replace it."""
    with suppress(OSError):
        status = path.lstat()
        if stat.S_ISREG(status.st_mode) and hasattr(os, "fchmod"):
            os.fchmod(descriptor, stat.S_IMODE(status.st_mode) & 0o777)


def keep_durably(path: Path, other: Path) -> None:
    """Makes `other` a hard link to `path` or, if links are not supported, a copy of it."""
    try:
        os.link(path, other)
    except OSError:
        with unconfirmed_is_undone():
            write_durably(other, path.read_bytes())
        return
    sync_folder(other.parent)


def move_durably(path: Path, other: Path) -> None:
    """Renames a file durably, within a file system.

    Raises OSError; NotConfirmed if the file has been renamed.
    """
    with made_if_gone(path):
        if other.exists() and path.samefile(other):
            path.unlink()  # two links to one file: renaming would do nothing
        else:
            path.replace(other)
    for folder in {other.parent: True, path.parent: True}:
        sync_folder(folder, NotConfirmed)


@contextmanager
def made_if_gone(path: Path) -> Iterator[None]:
    """If a step fails but `path` is gone, it did happen: raises NotConfirmed, else OSError."""
    try:
        yield
    except OSError as error:
        kind = OSError if path.exists() else NotConfirmed
        raise kind(error.errno, error.strerror) from None


@contextmanager
def unconfirmed_is_undone() -> Iterator[None]:
    """For a step before the change itself, which has not been made if this one is not durable."""
    try:
        yield
    except NotConfirmed as error:
        raise OSError(error.errno, error.strerror) from None


def sync_folder(folder: Path, failure: type[OSError] = OSError) -> None:
    """Fsyncs a folder; does nothing on Windows, which needs none. Raises `failure`."""
    if os.name == "nt":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise failure(error.errno, error.strerror, error.filename) from None


def make_folder(folder: Path) -> None:
    """Makes `folder` and its parents, durably."""
    if folder.is_dir() or folder == folder.parent:
        return
    make_folder(folder.parent)
    with suppress(FileExistsError):
        folder.mkdir()
        _share(folder)
    sync_folder(folder.parent)


def _share(path: Path) -> None:
    """Opens what was just made to those who may write in its folder: the group of a shared one,
    and its owner, if this is root.
    """
    folder, is_root = path.parent.stat(), hasattr(os, "geteuid") and os.geteuid() == 0
    for_group = folder.st_mode & stat.S_IWGRP
    with suppress(OSError):
        if hasattr(os, "chown") and (for_group or is_root):
            os.chown(path, folder.st_uid if is_root else -1, folder.st_gid)
        if for_group:
            path.chmod(path.stat().st_mode | folder.st_mode & (stat.S_IRGRP | stat.S_IWGRP))


def refuse_link(path: Path) -> None:
    """Raises OSError if something in the saves folder leads to, or is, a file elsewhere: in saves
    from someone else it could be any.
    """
    with suppress(FileNotFoundError):
        status = path.lstat()
        kind = "symbolic" if stat.S_ISLNK(status.st_mode) else "hard"
        if kind == "symbolic" or (stat.S_ISREG(status.st_mode) and status.st_nlink > 1):
            raise OSError(
                errno.ELOOP, f"{path.name} is a {kind} link, which is not followed: remove it"
            )


POLLING_SECONDS = 0.01  # polling interval of locks: waiters are not queued, so poll often


def acquired_lock(path: Path, seconds: float) -> BaseFileLock:
    """Waits for the lock at `path` and acquires it. Raises Timeout, OSError.

    On a disk without locks, a file that is there while the lock is held stands for it.
    """
    refuse_link(path)
    is_new = not path.exists()
    lock: BaseFileLock = FileLock(path, fallback_to_soft=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a disk without locks
        try:
            lock.acquire(seconds, POLLING_SECONDS)
        except OSError as error:
            if error.errno not in (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK):
                raise
            lock = SoftFileLock(path.with_name(f"{path.name}ed"))
            lock.acquire(seconds, POLLING_SECONDS)
    if is_new:
        _share(path)
    return lock


def write_outside(path: Path, data: bytes) -> None:
    """Writes `data` to `path`, replacing an existing file.

    Raises RegistryError: the file is unchanged, unless it is said to be written.
    """
    try:
        write_durably(path, data)
    except NotConfirmed as error:
        raise RegistryError(
            f"{shown(path)} is written, but the disk reports: {error.strerror}; it may not "
            "outlast a power cut"
        ) from None
    except OSError as error:
        why = error.strerror or error
        raise RegistryError(f"cannot write {shown(path)}: {why}; nothing was written") from None


def shown(path: Path) -> str:
    """A path for use in a message: quoted, on one line, and shortened if it is long."""
    text = str(path)
    return repr(text if len(text) <= 100 else f"...{text[-100:]}")

"""Files that are there or not, and never half: durable writes and bounded reads.

The order of steps is the one LevelDB and SQLite keep to: write a temporary file, fsync it, rename
it over the old one, fsync the folder. Only then may anybody be told that it is done.
"""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from digitnet.registry.errors import DamagedSave

MAX_BYTES = 256 << 20
TEMPORARY = ".writing-"
"""How the name of a file begins that is still being written."""


class NotConfirmed(OSError):
    """A change that was made, but of which the disk did not say that it is there to stay."""


def read_bounded(path: Path) -> bytes:
    """The bytes of a regular file of at most MAX_BYTES.

    Raises DamagedSave for a file that is larger or not a file at all, OSError as the system does.
    """
    # without O_NONBLOCK, opening a named pipe would block
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise DamagedSave("it is not a regular file")
        if status.st_size > MAX_BYTES:
            raise DamagedSave(f"it is larger than {MAX_BYTES >> 20} MiB")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(status.st_size)
    finally:
        os.close(descriptor)


def write_durably(path: Path, data: bytes, keep_old_as: Path | None = None) -> None:
    """Puts `data` at `path`, whole and on the disk, or leaves everything as it was.

    What was at `path` before is first kept as `keep_old_as`, if given. Raises OSError; then the
    old content is still there and nothing new is left, unless it is a NotConfirmed.
    """
    # a name that nobody can foresee, and "x": a link that waits there is not written through
    temporary = path.with_name(f"{TEMPORARY}{secrets.token_hex(8)}-{path.name}")
    try:
        with temporary.open("xb") as file:
            _keep_mode(path, file.fileno())
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if keep_old_as is not None:
            keep_durably(path, keep_old_as)
        with _made_if_gone(temporary):
            temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()  # fails where the rename was done after all: the old one is needed
            if keep_old_as is not None:
                keep_old_as.unlink()
        raise
    _confirm(path.parent)


def _keep_mode(path: Path, descriptor: int) -> None:
    """Gives the file that will replace `path` its permissions, if it is there."""
    with suppress(OSError):
        status = path.lstat()
        if stat.S_ISREG(status.st_mode) and hasattr(os, "fchmod"):
            os.fchmod(descriptor, stat.S_IMODE(status.st_mode) & 0o777)


def keep_durably(path: Path, other: Path) -> None:
    """Gives the file at `path` a second name; where links are not to be had, a copy."""
    try:
        os.link(path, other)
    except OSError:
        try:
            write_durably(other, path.read_bytes())
        except NotConfirmed as error:  # of `path` nothing has changed yet
            raise OSError(error.errno, error.strerror) from None
        return
    sync_folder(other.parent)


def move_durably(path: Path, other: Path) -> None:
    """Renames a file, within one file system, and waits until that is on the disk.

    Raises OSError, and NotConfirmed where the file has moved already.
    """
    with _made_if_gone(path):
        if other.exists() and path.samefile(other):
            path.unlink()  # two names of one file: renaming one to the other would do nothing
        else:
            path.replace(other)
    _confirm(other.parent)
    if other.parent != path.parent:
        _confirm(path.parent)


def rewrite_durably(path: Path, other: Path, data: bytes) -> None:
    """Removes the file at `path`, once `data` is on the disk at `other`, where nothing is yet.

    Raises OSError; then `path` is still there and `other` is not, unless it is a NotConfirmed.
    """
    try:
        write_durably(other, data)
        with _made_if_gone(path):
            path.unlink()
    except BaseException as error:
        if path.exists():
            with suppress(OSError):
                other.unlink()
            if isinstance(error, NotConfirmed):  # that was of `other`
                raise OSError(error.errno, error.strerror) from None
        raise
    _confirm(path.parent)


@contextmanager
def _made_if_gone(path: Path) -> Iterator[None]:
    """If the step fails but `path` is gone, it did happen: raises NotConfirmed."""
    try:
        yield
    except OSError as error:
        if path.exists():
            raise
        raise NotConfirmed(error.errno, error.strerror) from None


def _confirm(folder: Path) -> None:
    """Waits until a change in `folder` is on the disk."""
    try:
        sync_folder(folder)
    except OSError as error:
        raise NotConfirmed(error.errno, error.strerror) from None


def sync_folder(folder: Path) -> None:
    """Waits until the names in `folder` are on the disk (Windows does that by itself)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Makes `folder` and the ones above it, and waits until their names are on the disk."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    with suppress(FileExistsError):
        folder.mkdir()
    sync_folder(folder.parent)


def refuse_link(folder: Path) -> None:
    """Raises OSError where a folder of our own within the saves is a symbolic link: a stranger's
    saves could lead anywhere with it.
    """
    if folder.is_symlink():
        raise OSError(errno.ELOOP, f"{folder.name} is a symbolic link, and is not followed")


def remove_leftovers(*folders: Path) -> None:
    """Removes what a writer that was killed left behind; for the holder of the lock only."""
    for folder in folders:
        if folder.name.startswith(".") and folder.is_symlink():
            continue
        for path in folder.glob(f"{TEMPORARY}*"):
            with suppress(OSError):
                path.unlink()

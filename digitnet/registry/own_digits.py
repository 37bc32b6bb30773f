"""The user's own digits on disk: added durably, under a lock."""

import errno
from pathlib import Path

from filelock import FileLock, Timeout

from digitnet.digits.idx import idx_bytes
from digitnet.digits.image import Picture
from digitnet.digits.own import FILE, NONE, Bytes, read_rows, with_case
from digitnet.registry.errors import RegistryError
from digitnet.registry.files import make_folder, refuse_link, remove_leftovers
from digitnet.registry.outside import write_outside

LOCK, LOCK_SECONDS = "own.lock", 5


def add_case(folder: Path, picture: Picture, answer: int) -> Bytes:
    """Adds a case to the file in `folder`, which is made if missing; returns all answers in it.

    Raises RegistryError if the file cannot be written and BadData if it is invalid; it is then
    unchanged.
    """
    try:
        refuse_link(folder)
        make_folder(folder)
        lock = folder / LOCK
        if lock.is_symlink():  # would make, or lock, a file elsewhere
            raise OSError(errno.ELOOP, f"{LOCK} is a symbolic link, remove it")
        with FileLock(lock, timeout=LOCK_SECONDS):
            remove_leftovers(folder)
            path = folder / FILE
            rows = with_case(read_rows(path) if path.exists() else NONE, picture, answer)
            write_outside(path, idx_bytes(rows))
    except Timeout:
        raise RegistryError(
            f"another digitnet has been writing in {folder} for {LOCK_SECONDS} seconds; "
            "nothing was added. Try again"
        ) from None
    except OSError as error:
        raise RegistryError(
            f"cannot write in {folder}: {error.strerror or error}; nothing was added"
        ) from None
    return rows[:, 0]

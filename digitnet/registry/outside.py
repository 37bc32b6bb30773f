"""Writes files outside the saves folder, as durably as saves."""

from pathlib import Path

from digitnet.registry.errors import RegistryError
from digitnet.registry.files import NotConfirmed, write_durably


def write_outside(path: Path, data: bytes) -> None:
    """Writes `data` to `path`, replacing an existing file. If RegistryError is raised, that file is
    unchanged.
    """
    try:
        write_durably(path, data)
    except NotConfirmed as error:
        raise RegistryError(
            f"{shown(path)} is written, but the disk reports: {error.strerror}; it may not "
            "outlast a power cut"
        ) from None
    except OSError as error:
        raise RegistryError(
            f"cannot write {shown(path)}: {error.strerror or error}; nothing was written"
        ) from None


def shown(path: Path) -> str:
    """A path for use in a message: quoted, on one line, and shortened if it is long."""
    text = str(path)
    return repr(text if len(text) <= 100 else f"...{text[-100:]}")

"""Writes files outside the saves folder, as durably as saves."""

from pathlib import Path

from digitnet.registry.errors import RegistryError
from digitnet.registry.files import NotConfirmed, write_durably


class NotWritten(RegistryError):
    """The file could not be written; one that was there is unchanged. why: the reason, alone."""

    def __init__(self, why: str) -> None:
        """The message adds that nothing was written."""
        super().__init__(f"{why}; nothing was written")
        self.why = why


def write_outside(path: Path, data: bytes) -> None:
    """Writes `data` to `path`, replacing an existing file.

    Raises NotWritten, or another RegistryError if it is written but may not be durable.
    """
    try:
        write_durably(path, data)
    except NotConfirmed as error:
        raise RegistryError(
            f"{shown(path)} is written, but the disk reports: {error.strerror}; it may not "
            "outlast a power cut"
        ) from None
    except OSError as error:
        raise NotWritten(f"cannot write {shown(path)}: {error.strerror or error}") from None


def shown(path: Path) -> str:
    """A path for use in a message: quoted, on one line, and shortened if it is long."""
    text = str(path)
    return repr(text if len(text) <= 100 else f"...{text[-100:]}")

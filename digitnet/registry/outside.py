"""Files outside the saves that a person asks for: written as durably as saves are."""

from pathlib import Path

from digitnet.registry.errors import RegistryError
from digitnet.registry.files import NotConfirmed, write_durably


def write_outside(path: Path, data: bytes) -> None:
    """Puts `data` at `path`, over what is there. Raises RegistryError; then that is as it was."""
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
    """A path in a message: in quotes, on one line, and not so long that the rest is lost."""
    text = str(path)
    return repr(text if len(text) <= 100 else f"...{text[-100:]}")

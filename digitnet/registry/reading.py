"""Finds and reads save files."""

import os
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from digitnet.registry.codec import decode
from digitnet.registry.contents import contents
from digitnet.registry.errors import DamagedSave, NewerFormat, RegistryError
from digitnet.registry.files import read_bounded
from digitnet.registry.listing import Entry, state
from digitnet.registry.model import Model
from digitnet.registry.names import IS_SAVE, file_name
from digitnet.registry.seal import unseal
from digitnet.registry.study_record import StudyRecord


def saves_in(folder: Path) -> list[Path]:
    """The files whose names are those of saves. Raises RegistryError if `folder` is unreadable."""
    try:
        with os.scandir(folder) as found:
            names = [item.name for item in found if IS_SAVE.fullmatch(item.name)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RegistryError(f"cannot read {folder}: {error.strerror}") from None
    return [folder / name for name in sorted(names)]


def read_save(path: Path, called: str = "") -> Model | StudyRecord:
    """Reads a save. Its file name (`called`, if given) must match the name in the file.

    Raises DamagedSave, and OSError if the file cannot be read.
    """
    found = contents(read_bounded(path))
    if file_name(found.name) != (called or path.name):
        kind = "study" if isinstance(found, StudyRecord) else "network"
        raise DamagedSave(
            f"it holds the {kind} {found.name!r} and should be called {file_name(found.name)}"
        )
    return found


def read_entry(path: Path, called: str = "") -> Entry:
    """Makes the list entry of a file by reading it. Raises FileNotFoundError if it is missing."""
    called = called or path.name
    entry = Entry(called, path.name)
    try:
        if path.is_symlink():
            raise DamagedSave("it is a symbolic link, which is not followed")
        size, changed_ns, inode = state(path)
        entry = replace(entry, bytes=size, changed_ns=changed_ns, inode=inode)
        found = read_save(path, called)
    except DamagedSave as error:
        return replace(entry, damaged=str(error))
    except FileNotFoundError:
        raise
    except OSError as error:
        return replace(entry, damaged=f"it cannot be read: {error.strerror}")
    if isinstance(found, StudyRecord):
        return replace(
            entry,
            name=found.name,
            kind="study",
            shape=f"study, {len(found.results):,} done",
            saved_at=found.saved_at,
        )
    return replace(
        entry,
        name=found.name,
        shape=found.network.shape,
        parameters=found.network.size,
        trained_batches=found.trainer.progress.batches,
        accuracy=found.accuracy.value if found.accuracy else None,
        measured_on=found.accuracy.on if found.accuracy else "",
        saved_at=found.saved_at,
    )


def is_whole(path: Path, called: str = "") -> bool:
    """Whether a file is an undamaged save, in a known or a newer format."""
    try:
        read_save(path, called)
    except NewerFormat:
        return True
    except (DamagedSave, OSError):
        return False
    return True


def is_same(path: Path, data: bytes, *but: str) -> bool:
    """Whether a file equals `data`, apart from the fields `but`."""
    with suppress(DamagedSave, OSError):
        one, two = (decode(unseal(d)) | dict.fromkeys(but) for d in (read_bounded(path), data))
        return one == two
    return False


def is_renamed(old: Path, new: Path) -> bool:
    """Whether two files, neither of them a symbolic link, are equal but for the name in them."""
    with suppress(DamagedSave, OSError):
        is_link = old.is_symlink() or new.is_symlink()
        return not is_link and is_same(old, read_bounded(new), "name")
    return False


@lru_cache
def included_in(folder: Path) -> tuple[Entry, ...]:
    """The entries of the networks that come with digitnet; cached, as they do not change."""
    return tuple(replace(read_entry(path), included=True) for path in saves_in(folder))

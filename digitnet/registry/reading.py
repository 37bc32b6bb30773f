"""Reading saves: which files of a folder are saves, and what is in one."""

import os
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from digitnet.registry.contents import contents
from digitnet.registry.errors import DamagedSave, NewerFormat, RegistryError
from digitnet.registry.files import read_bounded
from digitnet.registry.listing import Entry, state
from digitnet.registry.model import Model
from digitnet.registry.names import IS_SAVE, file_name
from digitnet.registry.study_record import StudyRecord


def saves_in(folder: Path) -> list[Path]:
    """Every file that is called like a save. Raises RegistryError where `folder` cannot be read."""
    try:
        with os.scandir(folder) as found:
            names = [item.name for item in found if IS_SAVE.fullmatch(item.name)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RegistryError(f"cannot read {folder}: {error.strerror}") from None
    return [folder / name for name in sorted(names)]


def read_save(path: Path, called: str = "") -> Model | StudyRecord:
    """What is in a file, which must be called (or have been `called`) as its name asks.

    Raises DamagedSave, and OSError where the file cannot be read.
    """
    named = contents(read_bounded(path))
    if file_name(named.name) != (called or path.name):
        kind = "study" if isinstance(named, StudyRecord) else "network"
        raise DamagedSave(
            f"it holds the {kind} {named.name!r} and should be called {file_name(named.name)}"
        )
    return named


def read_entry(path: Path, called: str = "") -> Entry:
    """The entry for a file, from the file itself. Raises FileNotFoundError where there is none."""
    called = called or path.name
    entry = Entry(called, path.name)
    try:
        if path.is_symlink():
            raise DamagedSave("it is a symbolic link, which is not followed")
        size, changed_ns, inode = state(path)
        entry = replace(entry, bytes=size, changed_ns=changed_ns, inode=inode)
        named = read_save(path, called)
    except DamagedSave as error:
        return replace(entry, damaged=str(error))
    except FileNotFoundError:
        raise
    except OSError as error:
        return replace(entry, damaged=f"it cannot be read: {error.strerror}")
    if isinstance(named, StudyRecord):
        return replace(
            entry,
            name=named.name,
            kind="study",
            shape=f"study, {len(named.results):,} done",
            saved_at=named.saved_at,
        )
    return replace(
        entry,
        name=named.name,
        shape=named.network.shape,
        parameters=named.network.size,
        trained_batches=named.trainer.progress.batches,
        accuracy=named.accuracy.value if named.accuracy else None,
        measured_on=named.accuracy.on if named.accuracy else "",
        saved_at=named.saved_at,
    )


def is_whole(path: Path, called: str = "") -> bool:
    """Whether a file is a whole save, of this digitnet's formats or of a newer one's."""
    try:
        read_save(path, called)
    except NewerFormat:
        return True
    except (DamagedSave, OSError):
        return False
    return True


@lru_cache
def included_in(folder: Path) -> tuple[Entry, ...]:
    """The networks that come with digitnet, whose folder does not change while it runs."""
    return tuple(replace(read_entry(path), included=True) for path in saves_in(folder))

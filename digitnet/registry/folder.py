"""The saves in a folder, as they are listed, offered and loaded; nothing here writes."""

from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from time import monotonic

from digitnet.registry.errors import DamagedSave, RegistryError
from digitnet.registry.listing import Entry, read_list
from digitnet.registry.model import Model
from digitnet.registry.names import file_name
from digitnet.registry.reading import included_in, read_entry, read_save, saves_in
from digitnet.registry.study_record import StudyRecord
from digitnet.registry.trash import Trash

OFFER_SECONDS = 0.1
"""Seconds to read saves that are not in the list, for completion while the user types."""


@lru_cache(4)
def _known(folder: Path) -> dict[str, Entry]:
    """A cache of the entries of a folder's files: from the list at first, then as they are read."""
    return read_list(folder, len(saves_in(folder)))


class Folder:
    """The saves in `folder`, and the networks that come with digitnet.

    included: the folder of these, read-only. A network of the same name in `folder` hides the
    included one.
    """

    def __init__(self, folder: Path, included: Path | None = None) -> None:
        """Reads nothing yet."""
        self.folder, self.included = folder, included
        self.trash = Trash(folder)

    def entries(self) -> list[Entry]:
        """All saves, sorted by name, then the included networks. A damaged save has the reason, and
        its file name in place of its name.
        """
        own = self._entries()
        files = {entry.file for entry in own}
        included = included_in(self.included) if self.included else ()
        return [*own, *(entry for entry in included if entry.file not in files)]

    def _entries(self, changed: Path | None = None) -> list[Entry]:
        """The entries of all saves; those in the list are used if their files are unchanged.

        changed: a file that was just written, whose size and time may be the same as before.
        """
        paths, entries = saves_in(self.folder), []
        listed = read_list(self.folder, len(paths))
        if changed is not None:
            listed.pop(changed.name, None)
        for path in paths:
            with suppress(FileNotFoundError):  # just deleted by another process
                entry = listed.get(path.name)
                if entry is None or not entry.is_of(path):
                    entry = read_entry(path)
                entries.append(entry)
        return sorted(entries, key=lambda entry: (entry.name.casefold(), entry.name))

    def offered(self) -> list[Entry]:
        """The saves that are quickly available, for completion while the user types.

        Files that are not in the list are read for OFFER_SECONDS, and the rest the next time.
        """
        paths, offered = saves_in(self.folder), []
        known = _known(self.folder)
        until = monotonic() + OFFER_SECONDS
        for path in paths:
            with suppress(FileNotFoundError):
                entry = known.get(path.name)
                if entry is None or not entry.is_of(path):
                    if monotonic() > until:
                        continue
                    entry = known[path.name] = read_entry(path)
                offered.append(entry)
        files = {path.name for path in paths}
        included = included_in(self.included) if self.included else ()
        return [*offered, *(entry for entry in included if entry.file not in files)]

    def names(self) -> list[str]:
        """The names of all undamaged networks."""
        return [e.name for e in self.entries() if e.kind == "network" and not e.damaged]

    def exists(self, name: str) -> bool:
        """Whether there is a save or an included network of that name, damaged or not."""
        return self.owns(name) or self.includes(name)

    def owns(self, name: str) -> bool:
        """Whether there is a save of that name in the folder, damaged or not."""
        return self._path(name).exists()

    def includes(self, name: str) -> bool:
        """Whether a network of that name is included and not hidden by a save."""
        there = self.included and (self.included / file_name(name)).exists()
        return bool(there) and not self.owns(name)

    def load(self, name: str) -> Model:
        """Loads the network saved under `name`.

        Raises RegistryError if there is none or its file is damaged.
        """
        found = self._load(name)
        if isinstance(found, StudyRecord):
            raise RegistryError(f"{name!r} is a study: study {name!r} shows it")
        return found

    def load_study(self, name: str) -> StudyRecord:
        """Loads the study saved under `name`. Raises RegistryError as `load` does."""
        found = self._load(name)
        if isinstance(found, Model):
            raise RegistryError(f"{name!r} is a network, not a study: l {name!r} loads it")
        return found

    def _load(self, name: str) -> Model | StudyRecord:
        path = self._path(name)
        if self.included and self.includes(name):
            path = self.included / path.name
        try:
            return read_save(path)
        except FileNotFoundError:
            raise RegistryError(f"there is no network named {name!r}") from None
        except DamagedSave as error:
            raise RegistryError(
                f"{name!r} cannot be loaded: {error}. Its file was left as it is: {path.name}"
                f"{self._undo_hint(path)}"
            ) from None
        except OSError as error:
            raise RegistryError(f"{name!r} cannot be read: {error.strerror}") from None

    def _path(self, name: str) -> Path:
        """The path of the file of the save called `name`.

        Raises RegistryError if it is a symbolic link: digitnet does not read, keep or overwrite its
        target.
        """
        path = self.folder / file_name(name)
        if path.is_symlink():
            raise RegistryError(
                f"{path.name}, the file of {name!r}, is a symbolic link, which is not followed: "
                "put the file itself there, or remove it"
            )
        return path

    def _undo_hint(self, path: Path) -> str:
        """The end of a message that says how to restore the version before a damaged file, if an
        undamaged one was kept.
        """
        with suppress(DamagedSave, OSError, StopIteration):
            kept = self.trash.restorable(path.name)
            latest = next(k for k in kept if (k.kind, k.file) != ("renamed", path.name))
            name = read_save(self.trash.folder / latest.name, latest.file).name
            return f"; undo {name!r} brings back the version before"
        return ""

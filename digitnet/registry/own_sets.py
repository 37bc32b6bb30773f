"""Data sets of one's own, kept like the saves; and as earlier versions kept them.

These had folders NAME.NUMBER in `digits`: the highest number is the current version, and an empty
folder means that the set was deleted. A set is read where it is, until its first change.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from digitnet.digits.files import BadFile
from digitnet.digits.own import MINE, OwnCases, read_own
from digitnet.registry.files import (
    DamagedSave,
    RegistryError,
    read_file,
    sync_folder,
    unconfirmed_is_undone,
)
from digitnet.registry.model import OWN_NAME, OwnSet
from digitnet.registry.saves import Change, Registry
from digitnet.registry.schema import contents

Version = tuple[object, ...] | None  # a version of a data set, for comparison


class OwnData:
    """The user's own data sets, in the folder of the saves."""

    def __init__(self, folder: Path) -> None:
        self.store = Registry(folder)

    def names(self) -> list[str]:
        """The names of all sets; none if the folder cannot be read."""
        try:
            entries = (entry for entry in self.store.entries() if entry.kind == "data")
            return sorted({entry.name for entry in entries} | {*self._earlier()})
        except RegistryError:
            return []

    def _earlier(self) -> dict[str, Path]:
        """name → the current version of a set that an earlier digitnet kept and did not delete."""
        try:
            versions = _versions(self.store.folder).items()
            return {name: places[-1] for name, places in versions if _has_cases(places[-1])}
        except OSError as error:
            where = self.store.folder / FOLDER
            raise RegistryError(f"cannot read {where}: {error.strerror}") from None

    def version(self, name: str) -> Version:
        """The current version of a set, which a change replaces; None if there is no such set."""
        entry = self.store.find(name, data=True)
        if entry:
            return entry.file, entry.bytes, entry.changed_ns, entry.inode
        place = self._earlier().get(name)
        return (place,) if place else None

    def read(self, name: str) -> OwnCases:
        """The cases of a set; none if there is no such set. Raises BadFile if it is damaged."""
        if entry := self.store.find(name, data=True):
            path = self.store.folder / entry.file
            try:
                found = contents(read_file(path))
            except DamagedSave as error:
                raise BadFile(f"is the data set {name}, and damaged: {error}", path) from None
            except OSError as error:
                raise BadFile(error.strerror or str(error), path) from None
            return found.cases if isinstance(found, OwnSet) else OwnCases.none()
        place = self._earlier().get(name)
        return read_own(place) if place else OwnCases.none()

    def keep(self, name: str, cases: OwnCases, over: Version) -> Change:
        """Writes a new version of a set, durably; one without cases deletes the set.

        over: the version that the change is based on. Raises RegistryError if the write fails or
        another process has changed the set meanwhile; nothing is then changed.
        """
        with self.store.locked(failure := f"the data set {name} was not changed"):
            if self.version(name) != over:
                raise RegistryError(
                    f"the data set {name} was changed by another program: try again"
                )
            return self._write(name, cases, failure)

    def change(
        self, name: str, change: Callable[[OwnCases], OwnCases]
    ) -> tuple[OwnCases, OwnCases, Change]:
        """Replaces the cases of a set by what `change` makes of them, durably; returns both, and
        what was done.

        Raises RegistryError if the write fails and BadFile if the set is damaged; nothing is then
        changed.
        """
        with self.store.locked(failure := f"the data set {name} was not changed"):
            before = self.read(name)
            after = change(before)
            return before, after, self._write(name, after, failure)

    def _write(self, name: str, cases: OwnCases, failure: str) -> Change:
        with unconfirmed_is_undone():
            self._take_over(name, failure)
        if len(cases):
            return self.store.save(OwnSet(name, cases), name, failure)
        is_there = self.store.find(name, data=True)
        return self.store.delete(name, data=True) if is_there else Change()

    def _take_over(self, name: str, failure: str) -> None:
        """Saves a set of an earlier version as it is, and hides the files that it had.

        One that cannot be read is only hidden. Nothing is deleted.
        """
        places = _versions(self.store.folder).get(name, [])
        if places and _has_cases(places[-1]) and not self.store.find(name, data=True):
            with suppress(BadFile):
                self.store.save(OwnSet(name, read_own(places[-1])), name, failure)
        for path in places:  # oldest first: so that none comes back after an interruption
            path.replace(path.with_name(f".{path.name}"))
        if places:
            sync_folder(self.store.folder / FOLDER)


# earlier versions

FOLDER = "digits"
ROWS = "mine-cases-idx2-ubyte"  # the file of `mine` in the first version
_VERSION = re.compile(rf"({OWN_NAME.pattern})\.(0|[1-9][0-9]{{0,8}})")


def _versions(folder: Path) -> dict[str, list[Path]]:
    """name → the places of its versions, oldest first. Raises OSError."""
    digits, found = folder / FOLDER, dict[str, list[tuple[int, Path]]]()
    if digits.is_symlink() or not digits.is_dir():
        return {}
    for path in digits.iterdir():
        match = _VERSION.fullmatch(path.name)
        if match and path.is_dir() and not path.is_symlink():
            found.setdefault(match[1], []).append((int(match[2]), path))
        elif path.name == ROWS and path.is_file() and not path.is_symlink():
            found.setdefault(MINE, []).append((0, path))
    return {name: [path for _, path in sorted(each)] for name, each in found.items()}


def _has_cases(place: Path) -> bool:
    return place.is_file() or any(place.iterdir())

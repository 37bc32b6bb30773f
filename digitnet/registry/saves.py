"""What is saved: the networks and studies of the user, those included, and own data sets."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from math import inf
from pathlib import Path

from digitnet.digits.idx import BadData
from digitnet.digits.own import OwnCases, read_own
from digitnet.registry import earlier
from digitnet.registry.files import DamagedSave, NotConfirmed, RegistryError, read_file
from digitnet.registry.model import Model, OwnSet, StudyRecord
from digitnet.registry.schema import (
    contents,
    own_to_document,
    sealed,
    study_to_document,
    to_document,
)
from digitnet.registry.store import Entry, Saved, Store, files_in, read_entry

OFFER_SECONDS = 0.1
"""Seconds to read files that are not in the list, for completion while the user types."""


@lru_cache
def included_in(folder: Path) -> tuple[Entry, ...]:
    """The entries of the networks that come with digitnet; cached, as they do not change."""
    return tuple(replace(read_entry(path), included=True) for path in files_in(folder))


class Registry(Store):
    """The saves in a folder, and the networks that come with digitnet.

    included: the folder of these, read-only. A save of the same name hides the included one.
    """

    def __init__(self, folder: Path, included: Path | None = None) -> None:
        """Reads nothing yet."""
        super().__init__(folder)
        self.included = included

    def saves(self, seconds: float = inf) -> list[Entry]:
        """The networks and studies, sorted by name, then the included networks."""
        own = [entry for entry in self.entries(seconds) if entry.kind != "data"]
        names = {entry.name for entry in own}
        included = included_in(self.included) if self.included else ()
        return [*own, *(entry for entry in included if entry.name not in names)]

    def offered(self) -> list[Entry]:
        """The saves that are quickly available, for completion while the user types."""
        return self.saves(OFFER_SECONDS)

    def names(self) -> list[str]:
        """The names of all undamaged networks."""
        entries = (e for e in self.saves() if e.kind == "network" and not e.damaged)
        return [*dict.fromkeys(entry.name for entry in entries)]

    def owns(self, name: str) -> bool:
        """Whether there is a save of that name in the folder, damaged or not."""
        return self.find(name) is not None

    def includes(self, name: str) -> bool:
        """Whether a network of that name is included and not hidden by a save."""
        return any(entry.included and entry.name == name for entry in self.saves())

    def exists(self, name: str) -> bool:
        """Whether there is a save or an included network of that name, damaged or not."""
        return self.owns(name) or self.includes(name)

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
        for entry in self.saves():
            if entry.name == name and not entry.hidden:
                store = Store(self.included) if entry.included and self.included else self
                content = store.read(entry)
                if not isinstance(content, OwnSet):
                    return content
        raise RegistryError(f"there is no network named {name!r}")

    def save(self, model: Model, name: str) -> Saved:
        """Saves a model under `name`, durably; keeps the previous version if it differs.

        If RegistryError is raised, the previous version is unchanged.
        """
        failure = "nothing was saved; the network is still in hand"
        return self.write(model, to_document(model, name), failure)

    def save_study(self, study: StudyRecord) -> None:
        """Saves a study under its name, durably. The previous version, which has fewer results, is
        not kept.

        If RegistryError is raised, the previous version is unchanged.
        """
        failure = "the last result was not saved; those before it are"
        self.write(study, study_to_document(study), failure, keep=False)

    def rename(self, old: str, new: str) -> Entry:
        """Renames a save, as `Store` does; refuses an included one."""
        if self.includes(old):
            raise RegistryError(f"{old!r} is included with digitnet and cannot be renamed")
        return super().rename(old, new)

    def delete(self, name: str, *, data: bool = False) -> None:
        """Deletes a thing, as `Store` does; refuses an included save."""
        if not data and self.includes(name):
            raise RegistryError(f"{name!r} is included with digitnet and cannot be deleted")
        super().delete(name, data=data)

    def adopt(self) -> None:
        """Takes over data sets that an earlier version has kept."""
        try:
            earlier.adopt(self)
        except NotConfirmed as error:  # the change for which they are taken over is not made yet
            raise OSError(error.errno, error.strerror) from None


Version = tuple[object, ...] | None
"""A version of a data set, for comparison."""


class OwnData:
    """The user's own data sets, in the folder of the saves."""

    def __init__(self, folder: Path) -> None:
        """Reads nothing yet."""
        self.store = Registry(folder)

    def names(self) -> list[str]:
        """The names of all sets; none if the folder cannot be read."""
        try:
            entries = (entry for entry in self.store.entries() if entry.kind == "data")
            return sorted({entry.name for entry in entries} | {*self._earlier()})
        except RegistryError:
            return []

    def _earlier(self) -> dict[str, Path]:
        """The sets that an earlier version has kept, and no change has taken over yet."""
        try:
            return earlier.current(self.store.folder)
        except OSError as error:
            raise RegistryError(f"cannot read {earlier.FOLDER}: {error.strerror}") from None

    def version(self, name: str) -> Version:
        """The current version of a set, which a change replaces; None if there is no such set."""
        entry = self.store.find(name, data=True)
        if entry:
            return entry.file, entry.bytes, entry.changed_ns, entry.inode
        place = self._earlier().get(name)
        return (place,) if place else None

    def read(self, name: str) -> OwnCases:
        """The cases of a set; none if there is no such set. Raises BadData if it is damaged."""
        if entry := self.store.find(name, data=True):
            path = self.store.folder / entry.file
            try:
                found = contents(read_file(path))
            except DamagedSave as error:
                raise BadData(f"is the data set {name}, and damaged: {error}", path) from None
            except OSError as error:
                raise BadData(error.strerror or str(error), path) from None
            return found.cases if isinstance(found, OwnSet) else OwnCases.none()
        place = self._earlier().get(name)
        return read_own(place) if place else OwnCases.none()

    def keep(self, name: str, cases: OwnCases, over: Version) -> None:
        """Writes a new version of a set, durably; one without cases deletes the set.

        over: the version that the change is based on. Raises RegistryError if the write fails or
        another process has changed the set meanwhile; nothing is then changed.
        """
        with self.store.locked(f"the data set {name} was not changed"):
            if self.version(name) != over:
                raise RegistryError(
                    f"the data set {name} was changed by another program: try again"
                )
            self._write(name, cases)

    def change(self, name: str, change: Callable[[OwnCases], OwnCases]) -> OwnCases:
        """Replaces the cases of a set by what `change` makes of them, durably; returns those.

        Raises RegistryError if the write fails and BadData if the set is damaged; nothing is then
        changed.
        """
        with self.store.locked(f"the data set {name} was not changed"):
            cases = change(self.read(name))
            self._write(name, cases)
        return cases

    def _write(self, name: str, cases: OwnCases) -> None:
        """Writes a version, for whoever holds the lock."""
        self.store.adopt()
        if len(cases):
            document = own_to_document(name, cases)
            self.store.write_locked(OwnSet(name, cases, ""), document, sealed(document))
        elif self.store.find(name, data=True):
            self.store.delete_locked(name, data=True)
        else:  # an earlier version's, which cannot be read
            earlier.hide(self.store.folder, name)
            return
        try:
            earlier.hide(self.store.folder, name)
        except OSError as error:
            raise NotConfirmed(error.errno, error.strerror) from None

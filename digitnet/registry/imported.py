"""Imported data sets on disk, with atomic changes that can be undone.

A data set is a folder NAME.NUMBER with its files. A change writes a new folder under a temporary
name and renames it to the next number. The highest number is the current version; an empty folder
means that the set was deleted. `undo` removes the highest number.
"""

import re
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from digitnet.registry.errors import RegistryError
from digitnet.registry.files import TEMPORARY, make_folder, sync_folder, write_durably

KEPT = 5
"""Maximum number of versions kept of each set, including the current one."""
NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_VERSION = re.compile(rf"({NAME.pattern})\.([0-9]{{1,9}})")


class ImportedData:
    """The imported data sets in a folder."""

    def __init__(self, folder: Path) -> None:
        """Does not make the folder yet."""
        self.folder = folder

    def names(self) -> list[str]:
        """The names of all sets."""
        return sorted(name for name, found in self._versions().items() if _is_there(found[-1]))

    def is_known(self, name: str) -> bool:
        """Whether there is a set of that name, possibly deleted."""
        return name in self._versions()

    def place(self, name: str) -> Path | None:
        """The folder with a set's files; None if there is no such set."""
        found = self._versions().get(name)
        return found[-1] if found and _is_there(found[-1]) else None

    def keep(self, name: str, files: Mapping[str, bytes], over: Path | None) -> None:
        """Writes a new version of a set, durably; one without files deletes the set.

        over: the folder of the version that the change is based on. Raises RegistryError if the
        write fails or another process has changed the set meanwhile; nothing is then changed.
        """
        try:
            self._keep(name, files, over)
        except OSError as error:
            reason = error.strerror or str(error)
            raise RegistryError(f"the data set {name} was not changed: {reason}") from None

    def _keep(self, name: str, files: Mapping[str, bytes], over: Path | None) -> None:
        if self.place(name) != over:
            raise RegistryError(f"the data set {name} was changed by another program: try again")
        make_folder(self.folder)
        found = self._versions().get(name, [])
        number = _number(found[-1]) + 1 if found else 1
        fresh = self.folder / f"{TEMPORARY}{secrets.token_hex(8)}"
        fresh.mkdir()
        try:
            for file, data in files.items():
                write_durably(fresh / file, data)
            sync_folder(fresh)
            # fails if another process has made this number meanwhile
            fresh.replace(self.folder / f"{name}.{number}")
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        sync_folder(self.folder)
        for old in found[: 1 - KEPT]:
            shutil.rmtree(old, ignore_errors=True)

    def undo(self, name: str) -> None:
        """Undoes the last change of a set. Raises RegistryError if there is none."""
        found = self._versions().get(name, [])
        if not found or (len(found) == 1 and _number(found[0]) > 1):  # those before are not kept
            raise RegistryError(f"there is no change of the data set {name} to take back")
        try:
            gone = self.folder / f"{TEMPORARY}{secrets.token_hex(8)}"
            found[-1].replace(gone)
            sync_folder(self.folder)
        except OSError as error:
            raise RegistryError(f"nothing was taken back: {error.strerror or error}") from None
        shutil.rmtree(gone, ignore_errors=True)

    def last_change(self) -> tuple[float, str]:
        """The time of the last change and the set changed; (0, "") if there was none."""
        latest = (0.0, "")
        for name, found in self._versions().items():
            with suppress(OSError):
                latest = max(latest, (found[-1].stat().st_ctime, name))
        return latest

    def _versions(self) -> dict[str, list[Path]]:
        """name → the folders of its versions, in order of their numbers."""
        found: dict[str, list[Path]] = {}
        if self.folder.is_dir() and not self.folder.is_symlink():
            for path in self.folder.iterdir():
                match = _VERSION.fullmatch(path.name)
                if match and path.is_dir() and not path.is_symlink():
                    found.setdefault(match[1], []).append(path)
        return {name: sorted(paths, key=_number) for name, paths in found.items()}


def _number(path: Path) -> int:
    return int(path.name.rpartition(".")[2])


def _is_there(path: Path) -> bool:
    """Whether a version has files, and so is not a deletion."""
    return any(path.iterdir())

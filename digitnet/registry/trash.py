"""The trash: deleted and overwritten saves, which `undo` can restore, also after a restart.

A file in `.trash/` is called NUMBER.KIND.FILE, where the highest number is the latest and FILE is
its name among the saves.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from digitnet.registry.files import make_folder, move_durably, refuse_link
from digitnet.registry.names import IS_SAVE

KEPT_VERSIONS = 5
"""Maximum number of overwritten versions kept per network; deleted networks are all kept."""

_KEPT = re.compile(rf"([0-9]{{8,}})\.(deleted|replaced)\.({IS_SAVE.pattern})")


@dataclass(frozen=True, order=True)
class Trashed:
    """A file in the trash. kind: `deleted`, or `replaced` (overwritten)."""

    number: int
    kind: str
    file: str

    @property
    def name(self) -> str:
        """Its file name in the trash."""
        return f"{self.number:08d}.{self.kind}.{self.file}"


class Trash:
    """The folder `.trash` in the saves folder. Whoever changes it must hold the registry's lock."""

    def __init__(self, saves: Path) -> None:
        """Does not make the folder yet."""
        self.folder = saves / ".trash"

    def contents(self) -> list[Trashed]:
        """The files in the trash, oldest first. Symbolic links are ignored."""
        if not self.folder.is_dir() or self.folder.is_symlink():
            return []
        files = (path for path in self.folder.iterdir() if not path.is_symlink())
        matches = (_KEPT.fullmatch(path.name) for path in files)
        return sorted(Trashed(int(m[1]), m[2], m[3]) for m in matches if m)

    def place(self, kind: str, file: str) -> Path:
        """A new path in the trash, for a save called `file`."""
        refuse_link(self.folder)
        make_folder(self.folder)
        number = max((trashed.number for trashed in self.contents()), default=0) + 1
        return self.folder / Trashed(number, kind, file).name

    def restorable(self, saves: Path, file: str = "") -> list[Trashed]:
        """What `undo` can restore, the latest first; for one save only, if `file` is given.

        Versions that are still in place, because saving was interrupted, are left out.
        """
        return [
            trashed
            for trashed in reversed(self.contents())
            if file in ("", trashed.file) and not self._is_in_place(trashed, saves / trashed.file)
        ]

    def _is_in_place(self, trashed: Trashed, path: Path) -> bool:
        """Whether the file at `path` is the same file, a hard link."""
        return path.exists() and path.samefile(self.folder / trashed.name)

    def restore(self, trashed: Trashed, to: Path) -> None:
        """Moves a file out of the trash to `to`, replacing what is there."""
        move_durably(self.folder / trashed.name, to)

    def prune_versions(self, file: str) -> None:
        """Removes all but the latest KEPT_VERSIONS overwritten versions of a save."""
        versions = [k for k in self.contents() if k.file == file and k.kind != "deleted"]
        for trashed in versions[:-KEPT_VERSIONS]:
            with suppress(OSError):
                (self.folder / trashed.name).unlink()

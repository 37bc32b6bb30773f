"""What was deleted or overwritten, kept so that `undo` can bring it back, also after a restart.

Each file in `.trash/` is called NUMBER.KIND.FILE: the highest number is the latest, FILE is what it
was called among the saves.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from digitnet.registry.files import make_folder, move_durably, refuse_link
from digitnet.registry.names import IS_SAVE

KEPT_VERSIONS = 5
"""Overwritten versions kept of each network; deleted networks are all kept."""

_KEPT = re.compile(rf"([0-9]{{8,}})\.(deleted|replaced)\.({IS_SAVE.pattern})")


@dataclass(frozen=True, order=True)
class Kept:
    """One file in the trash. kind: deleted, or replaced (overwritten)."""

    number: int
    kind: str
    file: str

    @property
    def name(self) -> str:
        """What it is called in the trash."""
        return f"{self.number:08d}.{self.kind}.{self.file}"


class Trash:
    """The folder `.trash` among the saves. To be changed under the registry's lock only."""

    def __init__(self, saves: Path) -> None:
        """Nothing is made until something is kept."""
        self.folder = saves / ".trash"

    def contents(self) -> list[Kept]:
        """What is kept, oldest first; symbolic links are not ours."""
        if not self.folder.is_dir() or self.folder.is_symlink():
            return []
        files = (path for path in self.folder.iterdir() if not path.is_symlink())
        matches = (_KEPT.fullmatch(path.name) for path in files)
        return sorted(Kept(int(m[1]), m[2], m[3]) for m in matches if m)

    def place(self, kind: str, file: str) -> Path:
        """Where to keep a file now."""
        refuse_link(self.folder)
        make_folder(self.folder)
        number = max((kept.number for kept in self.contents()), default=0) + 1
        return self.folder / Kept(number, kind, file).name

    def to_bring_back(self, saves: Path, file: str = "") -> list[Kept]:
        """What `undo` can bring back, the latest first; of one network, where its file is given.

        Versions that never gave way, because saving was cut short, are not worth bringing back.
        """
        return [
            kept
            for kept in reversed(self.contents())
            if file in ("", kept.file) and not self._is_in_place(kept, saves / kept.file)
        ]

    def _is_in_place(self, kept: Kept, path: Path) -> bool:
        """Whether what is kept is a second name of the file at `path`."""
        return path.exists() and path.samefile(self.folder / kept.name)

    def bring_back(self, kept: Kept, to: Path) -> None:
        """Moves a file out of the trash, over what is at `to`."""
        move_durably(self.folder / kept.name, to)

    def forget_old_versions(self, file: str) -> None:
        """Removes all but the latest KEPT_VERSIONS overwritten versions of one network."""
        versions = [k for k in self.contents() if k.file == file and k.kind != "deleted"]
        for kept in versions[:-KEPT_VERSIONS]:
            with suppress(OSError):
                (self.folder / kept.name).unlink()

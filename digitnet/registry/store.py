"""The trash: what `undo` takes back, also after a restart."""

import re
import stat
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from digitnet.registry.codec import decode, encode, seal, unseal
from digitnet.registry.fields import Fields
from digitnet.registry.files import (
    DamagedSave,
    make_folder,
    move_durably,
    read_bounded,
    refuse_link,
    remove_durably,
    write_durably,
)
from digitnet.registry.model import IS_SAVE, file_name
from digitnet.registry.schema import read_name

MAX_NOTE_BYTES = 4096


@dataclass(frozen=True)
class Renaming:
    """A rename. undoes: the number, in the trash, of the rename that it undoes; 0 for none."""

    old: str
    new: str
    undoes: int = 0

    @property
    def files(self) -> tuple[str, str]:
        """The file names of the save, before and after."""
        return file_name(self.old), file_name(self.new)

    def to_bytes(self) -> bytes:
        """The content of the note."""
        return seal(encode(asdict(self)))


def read_renaming(path: Path) -> Renaming | None:
    """Reads a note. None if it is missing, damaged, or not a regular file."""
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_NOTE_BYTES:
            return None
        fields = Fields(decode(unseal(read_bounded(path))), "note")
        old, new = read_name(fields, "old"), read_name(fields, "new")
        renaming = Renaming(old, new, fields.whole("undoes"))
        fields.end()
    except (DamagedSave, OSError):
        return None
    return renaming if old != new else None


KEPT_VERSIONS = 5
"""Maximum number of overwritten versions, and of renames, kept per save; deleted saves are all
kept.
"""

_KEPT = re.compile(rf"([0-9]{{8,}})\.(deleted|replaced|renamed)\.({IS_SAVE.pattern})")


@dataclass(frozen=True, order=True)
class Trashed:
    """A file in the trash. kind: `deleted`, `replaced` (overwritten) or `renamed` (a note)."""

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
        self.saves, self.folder = saves, saves / ".trash"
        self._note = self.folder / "renaming"

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

    def restorable(self, file: str = "") -> list[Trashed]:
        """What `undo` can take back, the latest first; for one save only, if `file` is given.

        Left out are versions that are still in place, because saving was interrupted, and renames
        of saves that have since been deleted or renamed again.
        """
        found, gone = [], set[str]()
        for trashed in reversed(self.contents()):
            names = {trashed.file}
            if trashed.kind != "renamed":
                possible = not self._is_in_place(trashed)
                leaves = trashed.file if possible and trashed.kind == "deleted" else ""
            elif renaming := self.renaming(trashed):
                leaves, _ = renaming.files
                possible = trashed.file not in gone and (self.saves / trashed.file).exists()
                names.add(leaves)
            else:
                continue
            gone.add(leaves)
            if possible and (not file or file in names):
                found.append(trashed)
        return found

    def _is_in_place(self, trashed: Trashed) -> bool:
        """Whether a version and the save of its name are the same file, by a hard link."""
        path = self.saves / trashed.file
        return path.exists() and path.samefile(self.folder / trashed.name)

    def restore(self, trashed: Trashed, to: Path) -> None:
        """Moves a file out of the trash to `to`, replacing what is there."""
        move_durably(self.folder / trashed.name, to)

    def prune(self, kind: str, file: str) -> None:
        """Removes all but the latest KEPT_VERSIONS overwritten versions, or renames, of a save."""
        kept = [k for k in self.contents() if (k.kind, k.file) == (kind, file)]
        for trashed in kept[:-KEPT_VERSIONS]:
            with suppress(OSError):
                (self.folder / trashed.name).unlink()

    # renames

    def renaming(self, trashed: Trashed) -> Renaming | None:
        """The rename in a note; None if it is no note, or invalid."""
        renaming = read_renaming(self.folder / trashed.name) if trashed.kind == "renamed" else None
        return renaming if renaming and renaming.files[1] == trashed.file else None

    def renamed_to(self, name: str, since: int = 0) -> str:
        """What the save called `name` was last renamed to, after the number `since`; empty if it
        was not.
        """
        later = [trashed for trashed in self.contents() if trashed.number > since]
        renamings = (self.renaming(trashed) for trashed in reversed(later))
        return next((each.new for each in renamings if each and each.old == name), "")

    def has_note(self) -> bool:
        """Whether there is the note of a rename that was not completed."""
        with suppress(OSError):
            return not self.folder.is_symlink() and not stat.S_ISDIR(self._note.lstat().st_mode)
        return False

    def begin(self, renaming: Renaming) -> None:
        """Notes a rename, durably, before its first step."""
        refuse_link(self.folder)
        make_folder(self.folder)
        write_durably(self._note, renaming.to_bytes())

    def under_way(self) -> Renaming | None:
        """The rename that was begun; None if its note is invalid."""
        return read_renaming(self._note)

    def end(self, made: Renaming | None) -> None:
        """Ends what `begin` began: keeps the note of the rename for `undo`, if it was made.

        An undo of a rename leaves no note, neither its own nor that of the rename.
        """
        if made and not made.undoes:
            move_durably(self._note, self.place("renamed", made.files[1]))
            self.prune("renamed", made.files[1])
            return
        for trashed in self.contents():
            if made and (trashed.number, trashed.kind) == (made.undoes, "renamed"):
                self.restore(trashed, self._note)  # in one step, so that never one is left alone
        remove_durably(self._note)

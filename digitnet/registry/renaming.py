"""The note of a rename, which allows it to be completed or undone.

A note is as untrusted as a save: it is read with the same reader, and its fields are checked.
"""

import stat
from dataclasses import asdict, dataclass
from pathlib import Path

from digitnet.registry.codec import decode, encode
from digitnet.registry.document import read_name
from digitnet.registry.errors import DamagedSave
from digitnet.registry.fields import Fields
from digitnet.registry.files import read_bounded
from digitnet.registry.names import file_name
from digitnet.registry.seal import seal, unseal

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

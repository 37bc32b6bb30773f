"""The list of saves, `registry.pickle`, which spares `ls` reading every file.

The list is a cache: an entry is used only while size, time and inode of its file match, and a list
with any error is ignored.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from digitnet.registry.codec import MAX_VALUES, decode, encode
from digitnet.registry.document import saved_at
from digitnet.registry.errors import DamagedSave
from digitnet.registry.fields import MAX_INTEGER, Fields
from digitnet.registry.files import read_bounded, write_durably
from digitnet.registry.names import clean_name, file_name
from digitnet.registry.seal import seal, unseal

LIST = "registry.pickle"
KINDS = ("network", "study")
"""The kinds of save."""


@dataclass(frozen=True)
class Entry:
    """An entry of the list.

    damaged: what is wrong with the file; empty if nothing is.
    kind: one of KINDS. For a study, only name, file, shape and times are set.
    included: it comes with digitnet; not stored in the list on disk.
    """

    name: str
    file: str
    shape: str = ""
    parameters: int = 0
    trained_batches: int = 0
    accuracy: float | None = None
    measured_on: str = ""
    saved_at: str = ""
    bytes: int = 0
    changed_ns: int = 0
    inode: int = 0
    damaged: str = ""
    kind: str = "network"
    included: bool = False

    def is_of(self, path: Path) -> bool:
        """Whether the file is unchanged since the entry was made."""
        return state(path) == (self.bytes, self.changed_ns, self.inode)


def state(path: Path) -> tuple[int, int, int]:
    """Size, modification time and inode of a file, which change when it is replaced."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ino % MAX_INTEGER


def read_list(folder: Path, saves: int) -> dict[str, Entry]:
    """Reads the list: file → entry. Empty if it is missing or invalid.

    saves: the number of saves, which limits the size of the list.
    """
    try:
        data = read_bounded(folder / LIST)
        fields = Fields(decode(unseal(data), _max_values(saves)), "list")
        entries = [_entry(inner) for inner in fields.inners("networks")]
        fields.end()
    except (DamagedSave, OSError):
        return {}
    return {entry.file: entry for entry in entries}


def _max_values(saves: int) -> int:
    """The maximum number of values in a list of `saves` saves; the file cannot raise it."""
    return max(MAX_VALUES, 32 * saves)


def write_list(folder: Path, entries: Iterable[Entry]) -> None:
    """Writes the list, without damaged saves.

    A failure is ignored: the list is only a cache.
    """
    whole = [asdict(entry) for entry in entries if not entry.damaged]
    for fields in whole:
        del fields["included"]
    with suppress(OSError, ValueError):
        write_durably(folder / LIST, seal(encode({"networks": whole}, _max_values(len(whole)))))


def _entry(fields: Fields) -> Entry:
    """Reads an entry. Raises DamagedSave if it is invalid."""
    accuracy = fields.fraction("accuracy") if fields.maybe("accuracy") else None
    entry = Entry(
        name=fields.text("name"),
        file=fields.text("file"),
        shape=fields.text("shape"),
        parameters=fields.whole("parameters"),
        trained_batches=fields.whole("trained_batches"),
        accuracy=accuracy,
        measured_on=fields.text("measured_on"),
        saved_at=saved_at(fields),
        bytes=fields.whole("bytes"),
        changed_ns=fields.whole("changed_ns"),
        inode=fields.whole("inode"),
        damaged=fields.text("damaged", ("",)),
        kind=fields.text("kind", KINDS),
    )
    fields.end()
    try:
        sound = clean_name(entry.name) == entry.name and file_name(entry.name) == entry.file
    except ValueError:
        sound = False
    if not sound:
        raise DamagedSave("an entry of the list has a name and a file that do not belong together")
    return entry

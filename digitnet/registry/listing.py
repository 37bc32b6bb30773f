"""The list of saves, `registry.pickle`, so that `ls` need not read every file.

The list is a cache: an entry counts only while its file has the size and time that the entry tells,
and a list in which anything is wrong counts for nothing.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from digitnet.registry.codec import MAX_VALUES, decode, encode
from digitnet.registry.document import saved_at
from digitnet.registry.errors import DamagedSave
from digitnet.registry.fields import LARGEST_WHOLE, Fields
from digitnet.registry.files import read_bounded, write_durably
from digitnet.registry.names import clean_name, file_name
from digitnet.registry.seal import seal, unseal

LIST = "registry.pickle"
KINDS = ("network", "study")
"""What a save can hold."""


@dataclass(frozen=True)
class Entry:
    """One line of the list. `damaged` says what is wrong with the file, empty if nothing is.

    kind: of KINDS; of a study, only name, file, shape and times are told. included: it comes with
    digitnet, which a list on the disk never says.
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
        """Whether the file is still the one that the entry was read from."""
        return state(path) == (self.bytes, self.changed_ns, self.inode)


def state(path: Path) -> tuple[int, int, int]:
    """What tells whether a file is still the one it was: its size, time and number on the disk."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ino % LARGEST_WHOLE


def read_list(folder: Path, saves: int) -> dict[str, Entry]:
    """The list of so many saves as it was last written, by file; empty where it cannot be
    trusted.
    """
    try:
        data = read_bounded(folder / LIST)
        fields = Fields(decode(unseal(data), _most_values(saves)), "list")
        entries = [_entry(inner) for inner in fields.inners("networks")]
        fields.end()
    except (DamagedSave, OSError):
        return {}
    return {entry.file: entry for entry in entries}


def _most_values(saves: int) -> int:
    """Values that the list of so many saves may have: a long list is read where the saves are many,
    and not because a file asks for it.
    """
    return max(MAX_VALUES, 32 * saves)


def write_list(folder: Path, entries: Iterable[Entry]) -> None:
    """Writes the list anew, of the whole saves.

    The files are what counts and are safe by now, so a list that cannot be written is no error.
    """
    whole = [asdict(entry) for entry in entries if not entry.damaged]
    for fields in whole:
        del fields["included"]
    with suppress(OSError, ValueError):
        write_durably(folder / LIST, seal(encode({"networks": whole}, _most_values(len(whole)))))


def _entry(fields: Fields) -> Entry:
    """An entry of the list as it was read."""
    accuracy = fields.share("accuracy") if fields.maybe("accuracy") else None
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

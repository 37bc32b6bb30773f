"""Notes of renames that a stranger made: they cost no save, and touch nothing outside."""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from registry_helpers import make_pipe, plain, soon

from digitnet.registry import saves as room
from digitnet.registry.codec import encode, seal
from digitnet.registry.files import MAX_BYTES, RegistryError
from digitnet.registry.model import file_name
from digitnet.registry.saves import Registry, read_entry, saves_in

SAVES = {"a": 1, "b": 2, "c": 3}
"""The saves that are there, with their mini-batches."""
GOOD = {"old": "a", "new": "b", "undoes": 0}


def sealed(**changes: Any) -> bytes:
    """A note with other fields."""
    return seal(encode(GOOD | changes))


NOTES: dict[str, bytes] = {
    "empty": b"",
    "text": b"a -> b",
    "cut short": sealed()[:-1],
    "of another sum": sealed()[:-1] + b"\0",
    "a pickle that runs": b"cos\nsystem\n(S'true'\ntR.",
    "a list": seal(b"\x80\x03]."),
    "no old name": seal(encode({"new": "b", "undoes": 0})),
    "one field more": sealed(more=1),
    "deep": sealed(old={"old": "a"}),
    "a number for a name": sealed(old=1),
    "a path": sealed(old="../outside"),
    "a path for the new name": sealed(new="../../outside"),
    "an absolute path": sealed(new="/etc/passwd"),
    "the list": sealed(new="registry"),
    "escapes": sealed(old="a\x1b[2J"),
    "a line": sealed(new="b\nc"),
    "spaces around": sealed(new=" b"),
    "not NFC": sealed(new="e\u0301"),
    "no name": sealed(old=""),
    "a long name": sealed(old="a" * 65),
    "itself": sealed(new="a"),
    "what is there": sealed(),
    "what is there, the other way": sealed(old="b", new="a"),
    "what is not there": sealed(old="x", new="y"),
    "from nothing": sealed(old="x"),
    "to nothing": sealed(new="y"),
    "undoes a delete": sealed(old="x", undoes=1),
    "undoes an overwrite": sealed(old="x", undoes=2),
    "undoes less than nothing": sealed(undoes=-1),
    "undoes what is not there": sealed(old="x", undoes=1 << 61),
}
Place = Callable[[Registry, bytes], None]


def written(path: Path, note: bytes) -> None:
    path.write_bytes(note)


def linked(path: Path, note: bytes) -> None:
    outside = path.parents[2] / "outside" / "note"
    outside.write_bytes(note)
    path.symlink_to(outside)


HOW = {"written": written, "linked": linked}
WHERE = {
    "under way": "renaming",
    "of the new name": f"00000009.renamed.{file_name('b')}",
    "of the old name": f"00000009.renamed.{file_name('a')}",
    "as deleted": f"00000009.deleted.{file_name('c')}",
}


@pytest.fixture
def saves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three saves, one deleted and one overwritten, and a folder beside them."""
    monkeypatch.setattr(os, "fsync", os.fstat)
    (tmp_path / "outside").mkdir()
    registry = Registry(tmp_path / "saves")
    registry.save(plain(batches=4), "d")
    registry.delete("d")
    registry.save(plain(batches=5), "a")
    for name, batches in SAVES.items():
        registry.save(plain(batches=batches), name)
    return registry.folder


def everything(saves: Path) -> set[int]:
    """The mini-batches of every network that is there, saved or kept."""
    kept = {saves / ".trash" / k.name: k.file for k in Registry(saves).trash.contents()}
    files = kept | {path: path.name for path in saves_in(saves)}
    return {read_entry(path, called).trained_batches for path, called in files.items()}


def is_survived(saves: Path, where: str, how: str, note: bytes) -> bool:
    """Whether all networks can still be had, and nothing outside the folder has changed."""
    again, outside = saves.with_name("again"), saves.with_name("outside")
    for folder in (again, outside):
        shutil.rmtree(folder, ignore_errors=True)
    outside.mkdir()
    shutil.copytree(saves, again)
    HOW[how](again / ".trash" / WHERE[where], note)
    Registry(again).save(plain(batches=9), "next")
    for name in ("", "", "a", "b", "d"):
        with suppress(RegistryError):
            Registry(again).undo(name)
    with suppress(RegistryError):
        Registry(again).rename("b", "last")
    untouched = all(path.read_bytes() == note for path in outside.iterdir())
    beside = {path.name for path in saves.parent.iterdir()} == {"saves", "again", "outside"}
    return {1, 2, 3, 4, 5, 9} <= everything(again) and untouched and beside


def test_no_note_of_a_stranger_costs_a_network(saves: Path, tally: Any) -> None:
    every = [(where, how, name) for where in WHERE for how in HOW for name in NOTES]
    lost = [each for each in every if not is_survived(saves, *each[:2], NOTES[each[2]])]
    assert lost == []
    tally("notes of renames by a stranger", len(every), len(every) - len(lost))


@pytest.mark.parametrize("what", ["pipe", "folder", "large"])
def test_what_is_no_note_is_waited_for_by_nobody(saves: Path, what: str) -> None:
    for place in WHERE.values():
        path = saves / ".trash" / place
        if what == "pipe":
            make_pipe(path)
        elif what == "folder":
            path.mkdir()
        else:
            path.touch()
            os.truncate(path, MAX_BYTES)
    assert soon(lambda: Registry(saves).undo()).kind == "replaced"
    soon(lambda: Registry(saves).save(plain(batches=9), "next"))
    assert set(Registry(saves).names()) == {*SAVES, "next"}


@pytest.mark.full
def test_without_the_comparison_a_note_would_cost_a_network(
    saves: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_survived(saves, "under way", "written", NOTES["what is there"])
    monkeypatch.setattr(room, "is_renamed", lambda old, new: True)
    assert not is_survived(saves, "under way", "written", NOTES["what is there"])

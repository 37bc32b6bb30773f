"""The list of saves is a cache: it spares reading the files, and is never believed over them."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import registry_helpers
from registry_helpers import batches_of, file_of, make_loop, make_pipe, plain, put, soon

from digitnet.registry import files
from digitnet.registry import saves as saves_module
from digitnet.registry import saves as store_module
from digitnet.registry import schema as contents
from digitnet.registry.codec import decode, encode, seal, unseal
from digitnet.registry.saves import LIST, Entry, Registry, claim, read_list, write_list
from digitnet.registry.schema import to_document

registry, two = registry_helpers.registry, registry_helpers.two
ID = "0123456789abcdef.pickle"


def anew(two: Registry) -> Registry:
    """The registry as a new process opens it, which knows nothing but the list."""
    store_module._known.cache_clear()
    return Registry(two.folder)


def test_the_list_saves_reading_the_files(two: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = two.entries()
    monkeypatch.setattr(contents, "read_document", None)
    assert anew(two).entries() == expected


def test_a_damaged_file_does_not_spoil_the_list(
    two: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_of(two.folder).write_bytes(b"damaged")
    two.save(plain(), "third")
    monkeypatch.setattr(contents, "read_document", None)
    assert [e.name for e in anew(two).entries() if not e.damaged] == ["other", "third"]


@pytest.mark.parametrize("name", ["cases", 64 * "\U0001f600"], ids=len)
def test_the_beginning_of_a_file_tells_name_and_kind(registry: Registry, name: str) -> None:
    registry.save(plain(), name)
    assert claim(file_of(registry.folder, name)) == (name, "network")


def listed(change: Callable[[list[Any]], Any]) -> Callable[[Path], None]:
    """Changes the entries in the list, those of `other` and `x`; with the right sum."""

    def rewrite(path: Path) -> None:
        document = decode(unseal(path.read_bytes()))
        change(document["networks"])
        path.write_bytes(seal(encode(document)))

    return rewrite


def first(**changes: Any) -> Callable[[Path], None]:
    """Changes fields of the first entry of the list, that of `other`."""
    return listed(lambda entries: entries[0].update(changes))


SPOILT: dict[str, Callable[[Path], Any]] = {
    "missing": Path.unlink,
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "sealed garbage": lambda path: path.write_bytes(seal(b"garbage")),
    "one more field": lambda path: path.write_bytes(seal(encode({"networks": [], "x": 1}))),
    "numbers": lambda path: path.write_bytes(seal(encode({"networks": [1, 2]}))),
    "huge": lambda path: os.truncate(path, files.MAX_BYTES + 1),
    "folder": lambda path: (path.unlink(), path.mkdir()),
    "pipe": lambda path: (path.unlink(), make_pipe(path)),
    "loop": lambda path: (path.unlink(), make_loop(path)),
    "another name": first(name="mine"),
    "another file": listed(lambda entries: entries[0].update(file=entries[1]["file"])),
    "a file elsewhere": first(file="../../etc/passwd"),
    "name and file of none": first(name="none", file=ID),
    "a name to steer terminals": first(name="\x1b[2J"),
    "another size": first(bytes=1, parameters=7),
    "another time": first(changed_ns=1, parameters=7),
    "another file of that name": first(inode=1, parameters=7),
    "parameters below zero": first(parameters=-1),
    "an accuracy over one": first(accuracy=7.0),
    "another kind": first(kind="data"),
    "no time": first(saved_at="yesterday"),
    "damage": first(damaged="it is mine now"),
    "one field less": listed(lambda entries: entries[0].pop("shape")),
    "none at all": listed(lambda entries: entries.clear()),
    "a network that is not there": listed(
        lambda entries: entries.append(entries[0] | {"name": "ghost", "file": ID})
    ),
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_a_spoilt_list_is_not_believed_and_made_again_from_the_files(
    two: Registry, spoil: Callable[[Path], Any]
) -> None:
    expected = two.entries()
    spoil(two.folder / LIST)
    assert soon(anew(two).entries) == expected
    assert batches_of(two) == 2
    soon(lambda: two.save(plain(batches=5), "third"))
    assert soon(two.names) == ["other", "third", "x"]
    is_list = not (two.folder / LIST).is_dir()
    assert len(read_list(two.folder, 3)) == 3 * is_list


def test_files_that_came_went_or_changed_by_other_hands_are_seen(two: Registry) -> None:
    put(two.folder, to_document(plain(batches=77), "x"))
    put(two.folder, to_document(plain(batches=88), "new"), "new")
    file_of(two.folder, "other").unlink()
    assert {e.name: e.trained_batches for e in two.entries()} == {"x": 77, "new": 88}


def test_the_list_is_right_where_the_clock_of_the_files_is_slow(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.replace

    def rename(old: Any, new: Any, **how: Any) -> None:
        os.utime(old, ns=(10**18, 10**18))  # two saves within one tick have the same time
        real(old, new, **how)

    monkeypatch.setattr(os, "replace", rename)
    registry.save(plain(batches=1), "x")
    entry = registry.save(plain(batches=2), "x").entry
    assert (entry.trained_batches, registry.entries()[0].trained_batches) == (2, 2)


def test_a_list_of_many_saves_is_written_and_read(tmp_path: Path) -> None:
    many = [
        Entry(f"net {k}", f"{k:016x}.pickle", "4-3-2", saved_at="2026-01-01T00:00:00+00:00")
        for k in range(10_500)
    ]
    write_list(tmp_path, many)
    assert [*read_list(tmp_path, len(many)).values()] == many
    assert read_list(tmp_path, 2) == {}  # so few saves have no such list


def test_what_is_offered_is_never_waited_for(
    two: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    (two.folder / LIST).unlink()
    monkeypatch.setattr(saves_module, "OFFER_SECONDS", -1)
    assert anew(two).offered() == []
    monkeypatch.setattr(saves_module, "OFFER_SECONDS", 5)
    assert [entry.name for entry in two.offered()] == ["other", "x"]
    monkeypatch.setattr(contents, "read_document", None)
    assert [entry.name for entry in two.offered()] == ["other", "x"]
    file_of(two.folder).unlink()
    assert [entry.name for entry in two.offered()] == ["other"]

"""Damaged and odd files among the saves are named, left as they are, and hide no others."""

import gc
import os
import pickle
import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
import registry_helpers
from registry_helpers import batches_of, make_loop, make_pipe, plain, soon, temporary_files

from digitnet.registry import files
from digitnet.registry.codec import encode, seal
from digitnet.registry.files import RegistryError
from digitnet.registry.model import file_name
from digitnet.registry.saves import Registry

registry, two = registry_helpers.registry, registry_helpers.two


DAMAGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda data: b"", "cut short"),
    "longer": (lambda data: data + b"\n", "something after its end"),
    "flipped": (lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:], "SHA-256 differs"),
    "sealed nonsense": (lambda data: seal(b"nonsense"), "does not begin as a pickle"),
    "sealed object": (lambda data: seal(pickle.dumps(Path("x"), 3)), "no save uses"),
    "empty document": (lambda data: seal(encode({})), "has no 'name'"),
    "the list": (lambda data: seal(encode({"networks": []})), "has no 'name'"),
}


@pytest.mark.parametrize(("damage", "reason"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_listed_with_the_reason_and_left_as_it_is(
    two: Registry, damage: Callable[[bytes], bytes], reason: str
) -> None:
    path = two.folder / file_name("x")
    data = damage(path.read_bytes())
    path.write_bytes(data)
    entries = two.entries()
    assert [(entry.name, bool(entry.damaged)) for entry in entries] == [
        ("other", False),
        (path.name, True),
    ]
    assert reason in entries[1].damaged
    assert two.names() == ["other"]
    assert two.exists("x")
    with pytest.raises(RegistryError, match=rf"'x' cannot be loaded.*{reason}.*{path.name}"):
        two.load("x")
    two.save(plain(), "third")
    two.delete("third")
    two.undo()
    assert path.read_bytes() == data
    assert batches_of(two, "other") == 9
    assert [entry.name for entry in two.entries() if entry.damaged] == [path.name]


def test_a_file_under_a_wrong_name_is_damaged_and_says_its_right_one(two: Registry) -> None:
    shutil.copy2(two.folder / file_name("x"), two.folder / file_name("y"))
    shutil.copy2(two.folder / file_name("x"), two.folder / "x-0123456789abcdef.pickle")
    damaged = {entry.name: entry.damaged for entry in two.entries() if entry.damaged}
    assert set(damaged) == {file_name("y"), "x-0123456789abcdef.pickle"}
    for reason in damaged.values():
        assert f"holds the network 'x' and should be called {file_name('x')}" in reason
    with pytest.raises(RegistryError, match="holds the network 'x'"):
        two.load("y")
    assert two.names() == ["other", "x"]


def test_files_that_are_called_like_no_save_are_not_looked_at(two: Registry) -> None:
    slug, code = "x", "0123456789abcdef"
    for name in ("notes.txt", "x.pickle", f"X-{code.upper()}.pickle", f".{slug}-{code}.pickle"):
        (two.folder / name).write_bytes(b"?")
    assert [entry.name for entry in two.entries()] == ["other", "x"]


def test_a_file_over_the_limit_is_refused_without_being_read(two: Registry) -> None:
    os.truncate(two.folder / file_name("x"), files.MAX_BYTES + 1)
    tracemalloc.start()
    try:
        entries = two.entries()
        with pytest.raises(RegistryError, match="larger than 256 MiB"):
            two.load("x")
        assert tracemalloc.get_traced_memory()[1] < 10 << 20
    finally:
        tracemalloc.stop()
    assert "larger than 256 MiB" in entries[1].damaged


def test_a_file_of_just_the_limit_is_read(two: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    size = (two.folder / file_name("x")).stat().st_size
    monkeypatch.setattr(files, "MAX_BYTES", size)
    assert batches_of(two) == 2
    monkeypatch.setattr(files, "MAX_BYTES", size - 1)
    with pytest.raises(RegistryError, match="larger than"):
        two.load("x")


ODD_FILES: dict[str, Callable[[Path], None]] = {
    "pipe": make_pipe,
    "folder": Path.mkdir,
    "loop": make_loop,
    "dangling link": lambda path: path.symlink_to("nowhere"),
    "link to a folder": lambda path: path.symlink_to("/"),
    "link to a device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize("make", ODD_FILES.values(), ids=ODD_FILES)
def test_what_is_called_like_a_save_and_is_no_file_hides_no_other_and_stops_no_change(
    two: Registry, make: Callable[[Path], None]
) -> None:
    make(two.folder / file_name("odd"))
    entries = soon(two.entries)
    assert [entry.name for entry in entries if not entry.damaged] == ["other", "x"]
    with pytest.raises(RegistryError, match="'odd'"):
        two.load("odd")
    soon(lambda: two.save(plain(batches=5), "x"))
    assert batches_of(two) == 5
    soon(lambda: two.delete("x"))
    assert not two.exists("x")
    soon(two.undo)
    assert batches_of(two) == 5


@pytest.mark.parametrize("make", ODD_FILES.values(), ids=ODD_FILES)
def test_a_save_takes_the_place_of_what_is_no_file_or_says_that_it_cannot(
    two: Registry, make: Callable[[Path], None]
) -> None:
    path = two.folder / file_name("odd")
    make(path)
    gives_way = make is not Path.mkdir and not path.is_symlink()

    def save() -> bool:
        try:
            two.save(plain(batches=5), "odd")
        except RegistryError:
            return False
        return True

    assert soon(save) == gives_way
    if gives_way:
        assert batches_of(two, "odd") == 5
    assert temporary_files(two.folder) == []


@pytest.mark.parametrize("make", ODD_FILES.values(), ids=ODD_FILES)
def test_looking_at_what_is_no_file_leaves_nothing_open(
    two: Registry, make: Callable[[Path], None]
) -> None:
    make(two.folder / file_name("odd"))

    def lowest_free() -> int:
        gc.collect()
        descriptor = os.open(os.devnull, os.O_RDONLY)
        os.close(descriptor)
        return descriptor

    before = lowest_free()
    for _ in range(3):
        with pytest.raises(RegistryError):
            two.load("odd")
    assert lowest_free() == before

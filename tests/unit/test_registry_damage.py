"""Damaged and odd files and folders are named, left as they are, and hide no others."""

import errno
import gc
import os
import pickle
import shutil
import subprocess
import sys
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import registry_helpers
from registry_helpers import (
    batches_of,
    failure,
    file_of,
    make_loop,
    make_pipe,
    plain,
    soon,
    temporary_files,
)

from digitnet.registry import files
from digitnet.registry import saves as store_module
from digitnet.registry.codec import encode, seal
from digitnet.registry.files import RegistryError
from digitnet.registry.saves import LIST, Registry
from digitnet.registry.undo import undo

registry, two = registry_helpers.registry, registry_helpers.two
ID = "0123456789abcdef.pickle"

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
    path = file_of(two.folder)
    path.write_bytes(data := damage(path.read_bytes()))
    entries = {entry.name: entry for entry in two.entries()}
    assert {name: bool(entry.damaged) for name, entry in entries.items()} == {
        "other": False,
        "x": True,
    }
    assert reason in entries["x"].damaged
    assert two.names() == ["other"]
    assert two.exists("x")
    with pytest.raises(RegistryError, match=rf"'x' cannot be loaded.*{reason}.*{path.name}"):
        two.load("x")
    two.save(plain(), "third")
    two.delete("third")
    undo(two)
    assert path.read_bytes() == data
    assert batches_of(two, "other") == 9


@pytest.mark.parametrize("known", [["list", "head"], ["head"], ["trash"], []], ids="+".join)
def test_a_damaged_file_is_called_what_it_was_called(two: Registry, known: list[str]) -> None:
    path = file_of(two.folder)
    data = path.read_bytes()
    path.write_bytes(data[:-9] if "head" in known else data[9:-9])
    store_module._known.cache_clear()
    if "list" not in known:
        (two.folder / LIST).unlink()
    if not known:
        shutil.rmtree(two.trash.folder)
    (entry,) = (entry for entry in two.entries() if entry.damaged)
    assert entry.name == ("x" if known else path.name)
    two.delete(entry.name)
    assert two.names() == ["other"]


def test_files_that_are_called_like_no_save_are_not_looked_at(two: Registry) -> None:
    for name in ("notes.txt", "x.pickle", f"X-{ID.upper()}", f".x-{ID}", f"x-y{ID}"):
        (two.folder / name).write_bytes(b"?")
    assert [entry.name for entry in two.entries()] == ["other", "x"]


def test_a_file_over_the_limit_is_refused_without_being_read(
    two: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file_of(two.folder)
    size = path.stat().st_size
    monkeypatch.setattr(files, "MAX_BYTES", size)
    assert batches_of(two) == 2
    monkeypatch.setattr(files, "MAX_BYTES", size - 1)
    with pytest.raises(RegistryError, match="larger than"):
        two.load("x")
    monkeypatch.undo()
    os.truncate(path, files.MAX_BYTES + 1)
    tracemalloc.start()
    try:
        with pytest.raises(RegistryError, match="larger than 256 MiB"):
            two.load("x")
        assert tracemalloc.get_traced_memory()[1] < 10 << 20
    finally:
        tracemalloc.stop()


ODD_FILES: dict[str, Callable[[Path], None]] = {
    "pipe": make_pipe,
    "folder": Path.mkdir,
    "loop": make_loop,
    "dangling link": lambda path: path.symlink_to("nowhere"),
    "link to a folder": lambda path: path.symlink_to("/"),
    "link to a device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize("make", ODD_FILES.values(), ids=ODD_FILES)
@pytest.mark.parametrize("was", ["x", ""])
def test_what_is_no_file_hides_no_other_stops_no_change_and_leaves_nothing_open(
    two: Registry, make: Callable[[Path], None], was: str
) -> None:
    path = file_of(two.folder, "other") if was else two.folder / ID
    path.unlink(missing_ok=True)
    make(path)

    def lowest_free() -> int:
        gc.collect()
        descriptor = os.open(os.devnull, os.O_RDONLY)
        os.close(descriptor)
        return descriptor

    before = lowest_free()
    assert [e.name for e in soon(two.entries) if not e.damaged] == (
        ["x"] if was else ["other", "x"]
    )
    assert lowest_free() == before
    soon(lambda: two.save(plain(batches=5), "x"))
    soon(lambda: two.delete("x"))
    soon(lambda: undo(two))
    assert batches_of(two) == 5
    assert os.path.lexists(path)
    assert temporary_files(two.folder) == []


# the folder


HOLD = """
import sys
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def held(two: Registry) -> Iterator[None]:
    """The lock on the folder of `two` is held by another process."""
    command = [sys.executable, "-c", HOLD, str(two.folder / ".lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout and other.stdout.readline().strip() == b"held"
        yield
        other.communicate()


@pytest.mark.usefixtures("held")
def test_while_another_process_writes_changes_wait_and_then_say_so(
    two: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store_module.LOCK_SECONDS == 30
    monkeypatch.setattr(store_module, "LOCK_SECONDS", 0.1)
    changes: list[tuple[Callable[[], Any], str]] = [
        (lambda: two.save(plain(batches=3), "x"), "nothing was saved"),
        (lambda: two.delete("x"), "nothing was deleted"),
        (lambda: undo(two), "nothing was changed"),
    ]
    for change, kept in changes:
        with pytest.raises(RegistryError, match=rf"another digitnet has been writing in .*{kept}"):
            change()
    assert batches_of(two) == 2
    assert temporary_files(two.folder) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has other locks")
@pytest.mark.parametrize("left", [None, b"", b"junk"], ids=["no lock left", "empty", "junk"])
@pytest.mark.parametrize(
    "code", [errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK], ids=errno.errorcode.get
)
def test_a_disk_without_locks_is_saved_to_by_one_program_at_a_time(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, code: int, left: bytes | None
) -> None:
    def flock(descriptor: int, how: int) -> None:
        raise failure(code)

    monkeypatch.setattr("fcntl.flock", flock)
    monkeypatch.setattr(store_module, "LOCK_SECONDS", 0.1)
    registry.folder.mkdir()
    if left is not None:
        (registry.folder / ".lock").write_bytes(left)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        soon(lambda: registry.save(plain(batches=3), "x"))
        with registry.locked(""):
            child = os.fork()
            if child == 0:
                try:
                    Registry(registry.folder).save(plain(batches=4), "x")
                except RegistryError as error:
                    os._exit("or remove .locked if none is running" not in str(error))
                os._exit(2)
            assert os.waitpid(child, 0)[1] == 0
    assert batches_of(registry) == 3


@pytest.mark.skipif(not hasattr(os, "chown"), reason="Windows has no groups")
def test_what_is_made_in_a_shared_folder_can_be_used_by_its_group(registry: Registry) -> None:
    registry.folder.mkdir()
    os.chown(registry.folder, -1, group := [os.getegid(), *os.getgroups()][-1])
    registry.folder.chmod(0o770)
    for batches in (1, 2):
        registry.save(plain(batches=batches), "x")
    for path, mode in ((registry.folder / ".lock", 0o060), (registry.trash.folder, 0o070)):
        status = path.stat()
        assert (status.st_gid, status.st_mode & mode) == (group, mode)


@pytest.mark.parametrize("place", ["saves", "saves/.lock", "saves/.trash"])
def test_a_folder_that_cannot_be_used_is_named(registry: Registry, place: str) -> None:
    if place != "saves":
        registry.save(plain(batches=1), "x")
        shutil.rmtree(registry.folder / ".trash", ignore_errors=True)
        (registry.folder / ".lock").unlink(missing_ok=True)
    blocked = registry.folder.parent / place
    if place.endswith(".lock"):
        blocked.mkdir()
    else:
        blocked.write_bytes(b"in the way")
    with pytest.raises(RegistryError, match=r"cannot write in .*nothing was saved") as caught:
        registry.save(plain(batches=2), "x")
    assert str(registry.folder) in str(caught.value)
    if place != "saves":
        assert batches_of(registry) == 1
        assert temporary_files(registry.folder) == []


@pytest.mark.parametrize("target", ["elsewhere", "nowhere", "a hard link"])
def test_a_lock_that_leads_elsewhere_is_not_followed(two: Registry, target: str) -> None:
    elsewhere = two.folder.parent / "elsewhere"
    elsewhere.write_bytes(b"somebody else's")
    (two.folder / ".lock").unlink(missing_ok=True)
    if target == "a hard link":
        (two.folder / ".lock").hardlink_to(elsewhere)
    else:
        (two.folder / ".lock").symlink_to(f"../{target}")
    with pytest.raises(
        RegistryError, match=r"(symbolic|hard) link.*: remove it; nothing was saved"
    ):
        two.save(plain(batches=3), "x")
    assert batches_of(two) == 2
    assert sorted(path.name for path in two.folder.parent.iterdir()) == ["elsewhere", "saves"]
    assert elsewhere.read_bytes() == b"somebody else's"

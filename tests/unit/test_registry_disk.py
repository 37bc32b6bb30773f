"""Disks that fail in the middle: nothing is lost, and what is said of it is true."""

import errno
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import registry_helpers
from registry_helpers import Disk, batches_of, failure, plain, temporary_files

from digitnet.registry.files import RegistryError
from digitnet.registry.saves import LIST, Registry, Undone

registry, two, disk = registry_helpers.registry, registry_helpers.two, registry_helpers.disk


SAVE_STEPS = {
    "opening the file": ("open", 1),
    "writing the file": ("write", 1),
    "syncing the file": ("fsync", 1),
    "syncing the trash": ("fsync", 2),
    "renaming": ("replace", 1),
}


LIST_STEPS = {
    "opening the list": ("open", 2),
    "writing the list": ("write", 2),
    "syncing the list": ("fsync", 4),
    "renaming the list": ("replace", 2),
    "syncing the folder again": ("fsync", 5),
}


@pytest.mark.parametrize("code", [errno.EROFS, errno.ENOSPC], ids=errno.errorcode.get)
@pytest.mark.parametrize("step", SAVE_STEPS.values(), ids=SAVE_STEPS)
def test_a_save_that_fails_says_so_and_is_nothing_to_undo(
    two: Registry, disk: Disk, step: tuple[str, int], code: int
) -> None:
    expected, kept = two.entries(), two.trash.contents()
    disk.fail(*step, failure(code))
    with pytest.raises(RegistryError) as caught:
        two.save(plain(batches=3), "x")
    disk.heal()
    assert str(caught.value) == (
        f"cannot write in {two.folder}: {os.strerror(code)}; nothing was saved; "
        "the network is still in hand. --saves DIR chooses another folder"
    )
    assert temporary_files(two.folder) == []
    assert batches_of(two) == 2
    assert two.entries() == expected
    assert two.trash.contents() == kept
    two.undo()
    assert batches_of(two) == 1


@pytest.mark.parametrize("step", [("open", 1), ("write", 1), ("fsync", 1), ("replace", 1)], ids=str)
def test_a_first_save_that_fails_leaves_nothing(
    two: Registry, disk: Disk, step: tuple[str, int]
) -> None:
    disk.fail(*step, failure(errno.EIO))
    with pytest.raises(RegistryError, match="nothing was saved"):
        two.save(plain(), "third")
    disk.heal()
    assert two.names() == ["other", "x"]
    assert temporary_files(two.folder) == []


CHANGES: dict[str, Callable[[Registry], Any]] = {
    "save again": lambda registry: registry.save(plain(batches=3), "x"),
    "save": lambda registry: registry.save(plain(batches=3), "third"),
    "delete": lambda registry: registry.delete("x"),
    "undo": lambda registry: registry.undo(),
}


@pytest.mark.parametrize(
    ("change", "sync"),
    [
        *(("save again", 3), ("save", 2), ("delete", 1), ("delete", 2)),
        *(("undo", 2), ("undo", 3)),
    ],
)
def test_what_is_said_is_true_when_the_disk_fails_after_a_file_was_renamed(
    two: Registry, disk: Disk, change: str, sync: int
) -> None:
    before = {entry.name: entry.trained_batches for entry in two.entries()}
    disk.fail("fsync", sync, failure(errno.EIO))
    with pytest.raises(RegistryError) as caught:
        CHANGES[change](two)
    disk.heal()
    after = {entry.name: entry.trained_batches for entry in two.entries()}
    assert after != before
    assert str(caught.value) == (
        f"the change is made, but the disk reports: {os.strerror(errno.EIO)}; it may not outlast a "
        f"power cut. The folder is {two.folder}"
    )
    assert temporary_files(two.folder) == []


@pytest.mark.parametrize("step", SAVE_STEPS.values(), ids=SAVE_STEPS)
def test_a_disk_that_fails_for_good_loses_nothing(
    two: Registry, disk: Disk, step: tuple[str, int]
) -> None:
    disk.fail(*step, failure(errno.EIO), forever=True)
    for change in (lambda: two.save(plain(batches=3), "x"), lambda: two.delete("other"), two.undo):
        disk.counts.clear()
        try:
            change()
        except RegistryError as error:
            assert os.strerror(errno.EIO) in str(error)
    disk.heal()
    versions = set()
    for path in [*two.folder.rglob("*-*.pickle")]:
        document = pickle.loads(path.read_bytes())
        versions.add((document["name"], document["progress"]["batches"]))
    assert versions >= {("x", 1), ("x", 2), ("other", 9)}
    assert not any(entry.damaged for entry in two.entries())
    assert temporary_files(two.folder) == []


@pytest.mark.parametrize("step", LIST_STEPS.values(), ids=LIST_STEPS)
def test_a_list_that_cannot_be_written_is_no_failure(
    two: Registry, disk: Disk, step: tuple[str, int]
) -> None:
    disk.fail(*step, failure(errno.ENOSPC))
    entry = two.save(plain(batches=3), "x").entry
    disk.heal()
    assert entry.trained_batches == batches_of(two) == 3
    assert [e.trained_batches for e in two.entries()] == [9, 3]
    assert temporary_files(two.folder) == []


def test_a_disk_without_links_keeps_a_copy(two: Registry, disk: Disk) -> None:
    disk.fail("link", 1, failure(errno.EPERM), forever=True)
    two.save(plain(batches=3), "x")
    assert batches_of(two) == 3
    two.undo()
    assert batches_of(two) == 2
    disk.heal()
    assert temporary_files(two.folder) == []


@pytest.mark.parametrize(
    "step", [("open", 2), ("write", 2), ("fsync", 2), ("replace", 1), ("fsync", 3)], ids=str
)
def test_a_copy_that_cannot_be_kept_stops_the_save(
    two: Registry, disk: Disk, monkeypatch: pytest.MonkeyPatch, step: tuple[str, int]
) -> None:
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(failure(errno.EPERM)))
    disk.fail(*step, failure(errno.ENOSPC))
    before = two.trash.contents()
    with pytest.raises(RegistryError, match="No space left on device; nothing was saved"):
        two.save(plain(batches=3), "x")
    disk.heal()
    assert batches_of(two) == 2
    assert two.trash.contents() == before
    assert temporary_files(two.folder) == []


@pytest.mark.parametrize("step", SAVE_STEPS.values(), ids=SAVE_STEPS)
def test_an_interrupt_in_the_middle_of_a_save_leaves_the_old_one_whole(
    two: Registry, disk: Disk, step: tuple[str, int]
) -> None:
    disk.fail(*step, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        two.save(plain(batches=3), "x")
    disk.heal()
    assert batches_of(two) == 2
    assert temporary_files(two.folder) == []
    two.save(plain(batches=4), "x")  # the lock is free again
    assert batches_of(two) == 4


@pytest.mark.parametrize("error", [KeyboardInterrupt(), failure(errno.EIO)], ids=repr)
def test_a_rename_that_ends_in_an_error_after_all_loses_neither_version(
    two: Registry, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    real = os.replace

    def rename(*args: Any, **how: Any) -> None:
        real(*args, **how)
        raise error  # as Ctrl-C in that moment does, and a network disk that answers twice

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", rename)
        with pytest.raises((KeyboardInterrupt, RegistryError)) as caught:
            two.save(plain(batches=3), "x")
    if caught.type is RegistryError:
        assert str(caught.value).startswith("the change is made, but the disk reports")
    versions = [batches_of(two), (two.undo(), batches_of(two))[1]]
    assert versions == [3, 2]


def test_a_delete_that_fails_says_so_and_nothing_was_deleted(two: Registry, disk: Disk) -> None:
    disk.fail("replace", 1, failure(errno.EIO))
    with pytest.raises(RegistryError, match=r"cannot write in .*; nothing was deleted"):
        two.delete("x")
    disk.heal()
    assert batches_of(two) == 2
    assert two.names() == ["other", "x"]


@pytest.mark.parametrize("step", [("fsync", 1), ("replace", 1)], ids=str)
def test_an_undo_that_fails_can_be_done_again(
    two: Registry, disk: Disk, step: tuple[str, int]
) -> None:
    disk.fail(*step, failure(errno.EIO))
    with pytest.raises(RegistryError, match=r"cannot write in .*; nothing was changed"):
        two.undo()
    disk.heal()
    assert batches_of(two) == 2
    assert two.undo() == Undone("x", "replaced", swapped=True, older=0)
    assert batches_of(two) == 1


def test_each_step_of_a_save_is_on_the_disk_before_the_next(
    two: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    folders = {two.folder.stat().st_ino: "folder", two.trash.folder.stat().st_ino: "trash"}

    def recorded(name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def call(*args: Any, **how: Any) -> Any:
            if name == "fsync":
                what = folders.get(os.fstat(args[0]).st_ino, "file")
            else:
                what = "list" if Path(args[1]).name == LIST else "save"
            steps.append(f"{name} {what}")
            return real(*args, **how)

        return call

    for name in ("fsync", "link", "replace"):
        monkeypatch.setattr(os, name, recorded(name))
    two.save(plain(batches=3), "x")
    assert steps == [
        *("fsync file", "link save", "fsync trash", "replace save", "fsync folder"),
        *("fsync file", "replace list", "fsync folder"),
    ]
    steps.clear()
    two.delete("x")
    assert steps[:3] == ["replace save", "fsync trash", "fsync folder"]

"""Names, deleted networks and overwritten versions come back with undo, and go with another."""

import errno
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import registry_helpers
from filelock import UnixFileLock
from registry_helpers import Disk, batches_of, everything, failure, file_of, plain, rich

from digitnet.registry.files import RegistryError
from digitnet.registry.saves import KEPT_VERSIONS, Registry, Trash
from digitnet.registry.schema import to_document
from digitnet.registry.undo import Undone, undo

registry, two, disk = registry_helpers.registry, registry_helpers.two, registry_helpers.disk
NOTHING = "there is no delete, overwrite or rename"


def batches(two: Registry) -> dict[str, int]:
    return {e.name: e.trained_batches for e in two.entries() if not e.damaged and not e.hidden}


def test_a_rename_changes_the_name_in_the_file_and_nothing_else(registry: Registry) -> None:
    before = registry.save(rich(), "first").entry
    document = pickle.loads((registry.folder / before.file).read_bytes())
    entry = registry.rename("first", "best").entry
    assert (entry.name, entry.file) == ("best", before.file)
    renamed = pickle.loads((registry.folder / entry.file).read_bytes())
    assert renamed == document | {"name": "best"}
    assert everything(registry.load("best")) == everything(rich())
    assert registry.entries() == [entry]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("x", "other", "a network named 'other' already.*another name, or delete that one first"),
        ("x", "x", "'x' is called that already"),
        ("nobody", "y", "no network named 'nobody'"),
        ("damaged", "y", "'damaged' cannot be loaded: .*left as it is"),
        ("x", "a\nb", "'name' is too long or holds control characters; nothing"),
    ],
)
def test_what_cannot_be_renamed_stays_as_it_is(
    two: Registry, old: str, new: str, says: str
) -> None:
    two.save(plain(), "damaged")
    path = file_of(two.folder, "damaged")
    path.write_bytes(b"damaged")
    before = {path: path.read_bytes() for path in two.folder.glob("*.pickle")}
    with pytest.raises(RegistryError, match=says):
        two.rename(old, new)
    assert {path: path.read_bytes() for path in two.folder.glob("*.pickle")} == before


Do = Callable[[Registry], object]
DELETE, RENAME, SAVE = (
    lambda two: two.delete("x"),
    lambda two: two.rename("x", "y"),
    lambda two: two.save(plain(batches=5), "x"),
)
RENAMED = [Undone("x", False, 0, was="y"), Undone("y", False, 0, was="x")]
RESTORED: dict[str, tuple[list[Do], list[Undone], dict[str, int]]] = {
    "an overwritten version": ([], [Undone("x", True, 0)], {"x": 1}),
    "and back": ([], [Undone("x", True, 0)] * 2, {"x": 2}),
    "a deleted one": ([DELETE], [Undone("x", False, 1)], {"x": 2}),
    "a deleted one whose name was taken": ([DELETE, SAVE], [Undone("x", True, 1)], {"x": 2}),
    "and the other one": ([DELETE, SAVE], [Undone("x", True, n) for n in (1, 0)], {"x": 5}),
    "a name": ([RENAME], RENAMED[:1], {"x": 2}),
    "and the other name": ([RENAME], RENAMED, {"y": 2}),
    "a name that was taken": ([RENAME, SAVE], [Undone("x", True, 0, was="y")], {"x": 2}),
    "a version of one that was removed by hand": (
        [lambda two: file_of(two.folder).unlink()],
        [Undone("x", False, 0)],
        {"x": 1},
    ),
    "what came last of several": (
        [DELETE, lambda two: two.rename("other", "y")],
        [Undone("other", False, 0, was="y")],
        {},
    ),
}
"""What is done, what `undo` says each time, and what is there then."""


@pytest.mark.parametrize(("changes", "says", "left"), RESTORED.values(), ids=RESTORED)
def test_undo_brings_back(
    two: Registry, changes: list[Do], says: list[Undone], left: dict[str, int]
) -> None:
    for change in changes:
        change(two)
    assert [undo(Registry(two.folder)) for _ in says] == says
    assert batches(two) == {"other": 9} | left


def test_a_deleted_network_comes_back_by_its_name_whatever_happened_since(two: Registry) -> None:
    two.delete("x")
    two.save(plain(batches=3), "other")
    assert undo(two).name == undo(two).name == "other"  # these two swap for ever
    assert undo(two, "x").name == "x"
    assert batches(two) == {"x": 2, "other": 3}
    for name, number in (("nobody", 1), ("x", 2)):
        with pytest.raises(RegistryError, match=f"'{name}'"):
            undo(two, name, number)


def test_every_kept_version_comes_back_by_its_number(registry: Registry) -> None:
    for number in range(1, 5):
        registry.save(plain(batches=number), "x")
    registry.rename("x", "y")
    assert undo(registry, "y", 3) == Undone("x", True, 0, was="y")
    assert batches_of(registry) == 1
    undo(registry, "x")
    assert batches_of(registry, "y") == 4


def test_saving_the_same_again_keeps_no_version_of_it(two: Registry) -> None:
    before = two.load("x")
    for _ in range(2 * KEPT_VERSIONS):
        two.save(two.load("x"), "x")
    assert len(two.trash.contents()) == 1
    assert [(undo(two), batches_of(two))[1] for _ in range(2)] == [1, 2]
    at = {"saved_at": ""}
    assert to_document(two.load("x"), "x") | at == to_document(before, "x") | at


def test_the_latest_versions_of_each_are_kept_and_every_deleted_network(registry: Registry) -> None:
    for name, number in (("y", 100), ("y", 101), ("x", 50)):
        registry.save(plain(batches=number), name)
    registry.delete("x")
    for number in range(KEPT_VERSIONS + 4):
        registry.save(plain(batches=number), "x")
    for _ in range(KEPT_VERSIONS):
        registry.rename("x", "z")
        registry.rename("z", "x")
    kept: dict[tuple[str, str], list[int]] = {}
    for k in registry.trash.contents():
        document = pickle.loads((registry.trash.folder / k.name).read_bytes())
        kept.setdefault((k.kind, document["name"]), []).append(document["progress"]["batches"])
    assert kept == {
        ("replaced", "y"): [100],
        ("deleted", "x"): [50],
        ("replaced", "x"): [3, 4, 5, 6, 7],
        ("named", "x"): [8, 8],
        ("named", "z"): [8, 8, 8],
    }


ID = "0123456789abcdef.pickle"
STRAYS = [
    *("notes.txt", f"7.deleted.{ID}", f"٣.deleted.{ID}", "00000009.deleted.notes", ".DS_Store"),
    f"000000009.deleted.{ID}",
    f"{'9' * 12}.deleted.{ID}",
    f"{'9' * (255 - len(ID) - 9)}.deleted.{ID}",
    "renaming",
    f"00000009.renamed.x-{ID}",
]


@pytest.mark.parametrize("stray", STRAYS)
def test_a_stray_file_in_the_trash_is_not_in_the_way(two: Registry, stray: str) -> None:
    """Among them notes of renames by an earlier version, and numbers that nobody came to."""
    (two.trash.folder / stray).write_bytes(b"stray")
    assert undo(two).name == "x"
    two.save(plain(batches=3), "x")
    undo(two, "x")
    assert batches_of(two) == 1


def test_the_trash_goes_on_past_eight_digits(two: Registry) -> None:
    (kept,) = two.trash.contents()
    (two.trash.folder / kept.name).rename(two.trash.folder / f"99999999.replaced.{kept.file}")
    two.delete("other")
    two.delete("x")
    assert [k.number for k in two.trash.contents()] == [99_999_999, 100_000_000, 100_000_001]
    assert [undo(two).name for _ in range(3)] == ["x", "other", "x"]


# two files of one name


def test_of_two_files_of_one_name_the_newer_answers_and_both_are_listed(two: Registry) -> None:
    path = file_of(two.folder)
    shutil.copyfile(path, copy := path.with_name(ID))
    assert [(e.name, e.file, e.hidden) for e in two.entries() if e.name == "x"] == sorted(
        [("x", path.name, ID), ("x", ID, "")]
    )
    two.save(plain(batches=5), "x")
    assert batches_of(two) == 5
    assert path.exists()
    two.delete("x")
    assert batches_of(two) == 2
    assert not copy.exists()
    undo(two, "x")
    assert batches_of(two) == 5
    assert [e.name for e in two.entries()] == ["other", "x"]


def test_a_save_answers_to_its_name_whatever_the_clock_says(
    two: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file_of(two.folder)
    monkeypatch.setattr("digitnet.registry.schema.now", lambda: "2099-01-01T00:00:00+00:00")
    two.save(plain(batches=3), "x")
    shutil.copyfile(path, path.with_name(ID))
    monkeypatch.undo()
    two.save(plain(batches=4), "x")
    assert batches_of(two) == 4


# what is said of a damaged network: undo is named only where it helps


def kept(two: Registry) -> Path:
    (one,) = two.trash.contents()
    return two.trash.folder / one.name


AFTERWARDS: dict[str, tuple[Do, bool]] = {
    "nothing": (lambda two: None, True),
    "the list is lost": (lambda two: (two.folder / "registry.pickle").unlink(), True),
    "another is deleted": (lambda two: two.delete("other"), True),
    "another is overwritten": (lambda two: two.save(plain(), "other"), True),
    "the version before is damaged": (lambda two: kept(two).write_bytes(b"damaged"), False),
    "the version before is lost": (lambda two: kept(two).unlink(), False),
    "the trash is lost": (lambda two: shutil.rmtree(two.trash.folder), False),
}


@pytest.mark.parametrize(("happens", "helps"), AFTERWARDS.values(), ids=AFTERWARDS)
def test_of_a_damaged_network_undo_is_named_where_it_brings_back_the_version_before(
    two: Registry, happens: Do, helps: bool
) -> None:
    path = file_of(two.folder)
    happens(two)
    path.write_bytes(b"damaged")
    with pytest.raises(RegistryError, match="'x' cannot be loaded") as caught:
        two.load("x")
    assert str(caught.value).endswith("; undo 'x' brings back the version before") == helps
    if helps:
        undo(two, "x")
        assert batches_of(two) in (1, 2)


# what faults/test_failing_disks.py does not look at


def test_where_the_trash_cannot_be_read_nothing_is_saved(
    two: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def contents(trash: Trash) -> None:
        raise failure(errno.EACCES)

    monkeypatch.setattr(Trash, "contents", contents)
    with pytest.raises(RegistryError, match="nothing was saved"):
        two.save(plain(), "new")
    assert not two.exists("new")


def test_a_change_that_is_made_before_the_lock_fails_is_called_made(
    two: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes: list[Do] = [
        lambda two: two.save(plain(batches=3), "x"),
        lambda two: two.rename("x", "y"),
        lambda two: two.delete("y"),
        undo,
    ]

    real = UnixFileLock._release

    def release(lock: UnixFileLock) -> None:
        real(lock)
        raise failure(errno.ENOLCK)

    for change in changes:
        with monkeypatch.context() as patch:
            patch.setattr(UnixFileLock, "_release", release)
            with pytest.raises(RegistryError, match=r"^the change is made, but .*No locks"):
                change(two)
    assert batches(two) == {"other": 9, "y": 3}


@pytest.mark.parametrize("step", [("open", 1), ("write", 1), ("fsync", 2), ("replace", 1)], ids=str)
def test_an_interrupt_in_the_middle_of_a_save_leaves_the_old_one_whole(
    two: Registry, disk: Disk, step: tuple[str, int]
) -> None:
    disk.fail(*step, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        two.save(plain(batches=3), "x")
    disk.heal()
    assert batches_of(two) == 2
    assert registry_helpers.temporary_files(two.folder) == []
    two.save(plain(batches=4), "x")  # the lock is free again
    assert batches_of(two) == 4


@pytest.mark.parametrize("error", [KeyboardInterrupt(), failure(errno.EIO)], ids=repr)
def test_a_replacement_that_ends_in_an_error_after_all_loses_neither_version(
    two: Registry, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    real = os.replace

    def replaced(*args: object, **how: object) -> None:
        real(*args, **how)  # type: ignore[arg-type]
        raise error  # as Ctrl-C in that moment does, and a network disk that answers twice

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replaced)
        with pytest.raises((KeyboardInterrupt, RegistryError)) as caught:
            two.save(plain(batches=3), "x")
    if caught.type is RegistryError:
        assert str(caught.value).startswith("the change is made, but the disk reports")
    assert [batches_of(two), (undo(two), batches_of(two))[1]] == [3, 2]

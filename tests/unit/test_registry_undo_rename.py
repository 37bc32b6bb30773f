"""A rename is taken back as a delete is, whatever has happened to the network since."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import registry_helpers
from filelock import FileLock
from registry_helpers import batches_of, plain, soon

from digitnet.registry.files import MAX_BYTES, RegistryError
from digitnet.registry.model import file_name
from digitnet.registry.saves import LOCK, Registry, Undone
from digitnet.registry.store import KEPT_VERSIONS, Renaming, read_renaming

registry, two = registry_helpers.registry, registry_helpers.two
BACK = Undone("x", "renamed", swapped=False, older=0, was="y")


@pytest.mark.parametrize("name", ["", "x", "y"])
def test_after_a_restart_it_is_taken_back_by_either_name(two: Registry, name: str) -> None:
    before = (two.folder / file_name("x")).read_bytes()
    two.rename("x", "y")
    assert Registry(two.folder).undo(name) == BACK
    assert two.names() == ["other", "x"]
    assert (two.folder / file_name("x")).read_bytes() == before
    assert [kept.kind for kept in two.trash.contents()] == ["replaced"]
    assert two.undo().name == "x"  # then what was before it
    assert batches_of(two) == 1


def test_what_came_last_is_taken_back_first(registry: Registry) -> None:
    registry.save(plain(batches=1), "a")
    registry.rename("a", "b")
    registry.save(plain(batches=2), "c")
    registry.delete("c")
    registry.rename("b", "d")
    registry.delete("d")
    back = [Registry(registry.folder).undo() for _ in range(4)]
    assert [(each.kind, each.name) for each in back] == [
        *(("deleted", "d"), ("renamed", "b"), ("deleted", "c"), ("renamed", "a"))
    ]
    assert (batches_of(registry, "a"), batches_of(registry, "c")) == (1, 2)
    with pytest.raises(RegistryError, match="no delete, overwrite or rename to undo"):
        registry.undo()


def test_what_was_overwritten_before_still_comes_back_by_its_number(two: Registry) -> None:
    two.save(plain(batches=3), "x")
    two.rename("x", "y")
    restored = two.undo("x", 2)
    assert restored == Undone("x", "replaced", swapped=False, older=0, renamed_to="y")
    assert (batches_of(two, "x"), batches_of(two, "y")) == (1, 3)


Step = Callable[[Registry], object]
SINCE: dict[str, tuple[Step, str, dict[str, int]]] = {
    "saved over": (lambda two: two.save(plain(batches=3), "y"), "y", {"y": 2}),
    "saved over, by the old name": (lambda two: two.save(plain(batches=3), "y"), "x", {"x": 3}),
    "deleted": (lambda two: two.delete("y"), "y", {"y": 2}),
    "deleted, by the old name": (lambda two: two.delete("y"), "x", {"x": 1}),
    "renamed again": (lambda two: two.rename("y", "z"), "y", {"y": 2}),
    "renamed again, by the old name": (lambda two: two.rename("y", "z"), "x", {"x": 1, "z": 2}),
    "renamed there and back": (
        lambda two: (two.rename("y", "z"), two.rename("z", "y")),
        "x",
        {"x": 1, "y": 2},
    ),
    "deleted, another is called so": (
        lambda two: (two.delete("y"), two.save(plain(batches=3), "y")),
        "x",
        {"x": 1, "y": 3},
    ),
    "removed by hand": (lambda two: (two.folder / file_name("y")).unlink(), "", {"x": 1}),
    "damaged": (lambda two: (two.folder / file_name("y")).write_bytes(b"x"), "", {"x": 1}),
    "the old name is taken": (lambda two: two.save(plain(batches=3), "x"), "", {"x": 2}),
}
"""What happened after x was renamed to y; which name `undo` is given; what is there after it."""


@pytest.mark.parametrize(("happens", "name", "expected"), SINCE.values(), ids=SINCE)
def test_what_has_happened_since_is_heeded(
    two: Registry, happens: Step, name: str, expected: dict[str, int]
) -> None:
    two.rename("x", "y")
    happens(two)
    two.undo(name)
    there = {e.name: e.trained_batches for e in two.entries() if not e.damaged}
    assert there == expected | {"other": 9}


def test_a_save_that_has_taken_the_old_name_is_kept(two: Registry) -> None:
    two.rename("x", "y")
    two.save(plain(batches=3), "x")
    assert two.undo() == Undone("x", "renamed", swapped=True, older=0, was="y")
    assert two.names() == ["other", "x"]
    assert [(two.undo("x").kind, batches_of(two)) for _ in range(2)] == [
        *(("replaced", 3), ("replaced", 2))
    ]


@pytest.mark.parametrize("happens", [lambda r: r.delete("b"), lambda r: r.rename("b", "c")])
def test_where_nothing_is_left_to_undo_it_says_what_became_of_the_network(
    registry: Registry, happens: Step
) -> None:
    registry.save(plain(), "a")
    registry.rename("a", "b")
    happens(registry)
    with pytest.raises(RegistryError) as caught:
        registry.undo("a")
    assert str(caught.value) == (
        "there is no delete, overwrite or rename of 'a' to undo: it was renamed to 'b', "
        "try undo 'b'"
    )
    assert [registry.undo(name).name for name in ("b", "a")] == ["b", "a"]


def test_only_the_latest_renames_to_a_name_are_kept(registry: Registry) -> None:
    registry.save(plain(), "a")
    for _ in range(2 * KEPT_VERSIONS):
        registry.rename("a", "b")
        registry.rename("b", "a")
    notes = [kept.file for kept in registry.trash.contents() if kept.kind == "renamed"]
    assert notes == KEPT_VERSIONS * [file_name("b"), file_name("a")]


# cut short: each of these states is what a crash leaves


def begun(two: Registry, renaming: Renaming, *, written: bool, removed: bool) -> None:
    """Does some of the steps of a rename."""
    old, new = (two.folder / file for file in renaming.files)
    aside = two.folder / "aside"
    shutil.copy(old, aside)
    two.rename(renaming.old, renaming.new)
    for kept in two.trash.contents():
        if kept.kind == "renamed":
            (two.trash.folder / kept.name).unlink()
    if not written:
        new.unlink()
    if not removed:
        aside.rename(old)
    two.trash.begin(renaming)


@pytest.mark.parametrize(
    ("written", "removed", "name"), [(False, False, "x"), (True, False, "y"), (True, True, "y")]
)
def test_a_rename_that_was_cut_short_is_complete_or_none(
    two: Registry, *, written: bool, removed: bool, name: str
) -> None:
    begun(two, Renaming("x", "y"), written=written, removed=removed)
    opened = Registry(two.folder)
    assert opened.names() == sorted(["other", name])
    assert batches_of(opened, name) == 2
    assert not opened.trash.has_note()
    assert opened.undo().kind == ("renamed" if name == "y" else "replaced")
    assert opened.names() == ["other", "x"]


def test_it_is_not_completed_at_the_cost_of_another_network(two: Registry) -> None:
    two.trash.begin(Renaming("x", "other"))
    assert Registry(two.folder).names() == ["other", "x"]
    assert not two.trash.has_note()
    assert two.undo().kind == "replaced"


def test_one_that_is_under_way_elsewhere_is_left_alone(two: Registry) -> None:
    begun(two, Renaming("x", "y"), written=True, removed=False)
    with FileLock(two.folder / LOCK):
        assert soon(lambda: Registry(two.folder)).names() == ["other", "x", "y"]
    assert Registry(two.folder).names() == ["other", "y"]


def test_a_note_is_small_and_a_regular_file(tmp_path: Path) -> None:
    note = tmp_path / "note"
    note.write_bytes(Renaming("x", "y").to_bytes())
    assert read_renaming(note) == Renaming("x", "y")
    (tmp_path / "link").symlink_to(note)
    assert read_renaming(tmp_path / "link") is None
    os.truncate(note, MAX_BYTES)
    assert read_renaming(note) is None

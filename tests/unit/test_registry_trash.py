"""What was deleted or overwritten comes back with undo, and with undo again goes away."""

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import registry_helpers
from registry_helpers import batches_of, plain

from digitnet.registry.files import RegistryError
from digitnet.registry.model import file_name
from digitnet.registry.saves import LIST, Registry, Undone
from digitnet.registry.schema import to_document
from digitnet.registry.store import KEPT_VERSIONS

registry, two = registry_helpers.registry, registry_helpers.two


def test_an_overwritten_version_comes_back(two: Registry) -> None:
    assert batches_of(two) == 2
    assert Registry(two.folder).undo() == Undone("x", "replaced", swapped=True, older=0)
    assert batches_of(two) == 1
    assert [e.trained_batches for e in two.entries()] == [9, 1]


def test_a_deleted_network_comes_back(two: Registry) -> None:
    before = (two.folder / file_name("x")).read_bytes()
    two.delete("x")
    assert two.names() == ["other"]
    assert not two.exists("x")
    with pytest.raises(RegistryError, match="no network named 'x'"):
        two.load("x")
    assert Registry(two.folder).undo() == Undone("x", "deleted", swapped=False, older=1)
    assert two.names() == ["other", "x"]
    assert (two.folder / file_name("x")).read_bytes() == before


def test_undo_of_an_undo_brings_back_what_gave_way(two: Registry) -> None:
    newer = (two.folder / file_name("x")).read_bytes()
    back = [(Registry(two.folder).undo(), batches_of(two)) for _ in range(4)]
    replaced = Undone("x", "replaced", swapped=True, older=0)
    assert back == [(replaced, 1), (replaced, 2), (replaced, 1), (replaced, 2)]
    assert (two.folder / file_name("x")).read_bytes() == newer
    assert len(two.trash.contents()) == 1


def test_undo_goes_back_step_by_step_while_nothing_gives_way(registry: Registry) -> None:
    for name in ("a", "b"):
        registry.save(plain(batches=1), name)
        registry.delete(name)
    back = [registry.undo() for _ in range(2)]
    assert back == [Undone(name, "deleted", swapped=False, older=0) for name in ("b", "a")]
    assert registry.names() == ["a", "b"]
    with pytest.raises(RegistryError, match="no delete, overwrite or rename to undo"):
        registry.undo()
    assert registry.names() == ["a", "b"]


def test_undo_takes_back_what_came_last_among_several_networks(registry: Registry) -> None:
    for name in ("a", "b"):
        registry.save(plain(batches=1), name)
    registry.save(plain(batches=2), "a")
    registry.delete("b")
    assert [registry.undo().name for _ in range(2)] == ["b", "a"]
    assert (batches_of(registry, "a"), batches_of(registry, "b")) == (1, 1)


def test_undo_of_a_delete_swaps_with_a_newer_network_of_that_name(two: Registry) -> None:
    two.delete("x")
    two.save(plain(batches=5), "x")
    back = [(two.undo().kind, batches_of(two)) for _ in range(3)]
    assert back == [("deleted", 2), ("replaced", 5), ("replaced", 2)]


def test_an_overwritten_version_comes_back_although_the_newer_one_was_removed(
    two: Registry,
) -> None:
    (two.folder / file_name("x")).unlink()
    assert two.undo() == Undone("x", "replaced", swapped=False, older=0)
    assert batches_of(two) == 1


def test_a_deleted_network_comes_back_by_its_name_whatever_happened_since(two: Registry) -> None:
    two.delete("x")
    two.save(plain(batches=3), "other")
    assert two.undo().name == two.undo().name == "other"  # these two swap for ever
    assert two.undo("x").name == "x"
    assert (batches_of(two), batches_of(two, "other")) == (2, 3)
    for name, number in (("nobody", 1), ("x", 2)):
        with pytest.raises(RegistryError, match=f"'{name}'"):
            two.undo(name, number)


def test_every_kept_version_comes_back_by_its_number(registry: Registry) -> None:
    for batches in range(1, 5):
        registry.save(plain(batches=batches), "x")
    assert registry.undo("x", 3) == Undone("x", "replaced", swapped=True, older=0)
    assert batches_of(registry) == 1
    registry.undo("x")
    assert batches_of(registry) == 4
    registry.undo("x", 2)
    assert batches_of(registry) == 3


def test_saving_the_same_again_keeps_no_version_of_it(two: Registry) -> None:
    before = two.load("x")
    for _ in range(2 * KEPT_VERSIONS):
        two.save(two.load("x"), "x")
    assert len(two.trash.contents()) == 1
    two.undo()
    assert batches_of(two) == 1
    two.undo()
    assert to_document(two.load("x"), "x") | AT == to_document(before, "x") | AT


AT = {"saved_at": ""}


def test_only_the_latest_versions_of_each_are_kept_but_every_deleted_network(
    registry: Registry,
) -> None:
    registry.save(plain(batches=100), "y")
    registry.save(plain(batches=101), "y")
    for batches in (50, 51):
        registry.save(plain(batches=batches), "x")
        registry.delete("x")
    for batches in range(KEPT_VERSIONS + 4):
        registry.save(plain(batches=batches), "x")
    kept: dict[tuple[str, str], list[int]] = {}
    for k in registry.trash.contents():
        document = pickle.loads((registry.trash.folder / k.name).read_bytes())
        kept.setdefault((k.kind, document["name"]), []).append(document["progress"]["batches"])
    assert kept == {
        ("replaced", "y"): [100],
        ("deleted", "x"): [50, 51],
        ("replaced", "x"): [3, 4, 5, 6, 7],
    }


def test_a_second_name_of_the_file_in_place_is_not_brought_back(two: Registry) -> None:
    two.trash.folder.joinpath(f"00000009.replaced.{file_name('x')}").hardlink_to(
        two.folder / file_name("x")  # as a save or an undo leaves it that was killed halfway
    )
    assert two.undo() == Undone("x", "replaced", swapped=True, older=0)
    assert batches_of(two) == 1


def test_a_second_name_of_the_file_in_place_is_nothing_to_undo(registry: Registry) -> None:
    registry.save(plain(batches=1), "x")
    registry.trash.folder.mkdir()
    os.link(
        registry.folder / file_name("x"),
        registry.trash.folder / f"00000001.replaced.{file_name('x')}",
    )
    with pytest.raises(RegistryError, match="no delete, overwrite or rename to undo"):
        registry.undo()
    registry.delete("x")
    assert registry.undo() == Undone("x", "deleted", swapped=False, older=1)
    assert batches_of(registry) == 1


def test_the_trash_goes_on_past_eight_digits(two: Registry) -> None:
    (kept,) = two.trash.contents()
    kept_path = two.trash.folder / kept.name
    kept_path.rename(two.trash.folder / f"99999999.replaced.{kept.file}")
    two.delete("other")
    two.delete("x")
    assert [k.number for k in two.trash.contents()] == [99_999_999, 100_000_000, 100_000_001]
    assert [two.undo().name for _ in range(3)] == ["x", "other", "x"]
    assert batches_of(two) == 1


def test_a_damaged_network_can_be_deleted_and_comes_back_as_it_was(two: Registry) -> None:
    path = two.folder / file_name("x")
    path.write_bytes(b"damaged")
    two.delete("x")
    assert not path.exists()
    two.undo()
    assert path.read_bytes() == b"damaged"


def test_a_damaged_network_that_is_overwritten_is_kept_and_replaces_none_that_is_whole(
    two: Registry,
) -> None:
    path = two.folder / file_name("x")
    path.write_bytes(b"damaged")
    two.save(plain(batches=5), "x")
    assert batches_of(two) == 5
    two.undo()
    assert batches_of(two) == 1
    two.delete("x")
    two.undo("x", 2)
    assert batches_of(two) == 5
    assert b"damaged" in [kept.read_bytes() for kept in two.trash.folder.iterdir()]


@pytest.mark.parametrize(
    "stray", ["notes.txt", "7.deleted.{}", "٣.deleted.{}", "00000009.deleted.notes", ".DS_Store"]
)
def test_a_stray_file_in_the_trash_is_not_in_the_way(two: Registry, stray: str) -> None:
    (two.trash.folder / stray.format(file_name("stray"))).write_bytes(b"stray")
    assert two.undo().name == "x"
    assert batches_of(two) == 1


# what is said of a damaged network: undo is named only where it helps

AFTERWARDS: dict[str, tuple[Callable[[Registry], object], bool]] = {
    "nothing": (lambda two: None, True),
    "the list is lost": (lambda two: (two.folder / LIST).unlink(), True),
    "another is deleted": (lambda two: two.delete("other"), True),
    "another is overwritten": (lambda two: two.save(plain(), "other"), True),
    "the version before is damaged": (lambda two: kept(two).write_bytes(b"damaged"), False),
    "the version before is lost": (lambda two: kept(two).unlink(), False),
    "the trash is lost": (lambda two: shutil.rmtree(two.trash.folder), False),
    "the trash is no folder": (
        lambda two: two.trash.folder.rename(two.folder / "x") and two.trash.folder.touch(),
        False,
    ),
    "it was deleted before": (lambda two: (two.delete("x"), two.save(plain(), "x")), True),
}


def kept(two: Registry) -> Path:
    """The version of `x` that is kept."""
    (one,) = two.trash.contents()
    return two.trash.folder / one.name


@pytest.mark.parametrize(("happens", "helps"), AFTERWARDS.values(), ids=AFTERWARDS)
def test_of_a_damaged_network_undo_is_named_where_it_brings_back_the_version_before(
    two: Registry, happens: Callable[[Registry], object], helps: bool
) -> None:
    happens(two)
    (two.folder / file_name("x")).write_bytes(b"damaged")
    with pytest.raises(RegistryError, match="'x' cannot be loaded") as caught:
        two.load("x")
    assert str(caught.value).endswith("; undo 'x' brings back the version before") == helps
    assert ("undo" in str(caught.value)) == helps
    if helps:
        two.undo("x")
        assert batches_of(two) in (1, 2)

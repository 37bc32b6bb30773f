"""A rename: another name and file, all else the same; cut short, no network is without a name."""

import errno
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import registry_helpers
from registry_helpers import Disk, batches_of, everything, failure, rich, temporary_files

from digitnet.registry.files import RegistryError
from digitnet.registry.model import file_name
from digitnet.registry.saves import Registry

registry, two, disk = registry_helpers.registry, registry_helpers.two, registry_helpers.disk


def test_all_but_the_name_stays(registry: Registry) -> None:
    registry.save(rich(), "first")
    path = registry.folder / file_name("first")
    before = pickle.loads(path.read_bytes())
    entry = registry.rename("first", "best")
    assert not path.exists()
    after = pickle.loads((registry.folder / file_name("best")).read_bytes())
    assert after == before | {"name": "best"}
    assert everything(registry.load("best")) == everything(rich())
    assert registry.entries() == [entry]
    assert (entry.name, entry.file) == ("best", file_name("best"))


@pytest.mark.parametrize("new", ["X", "x" * 64, "../x", "ｘ", "x.", "other x"])
def test_a_name_that_looks_alike_is_another_name(two: Registry, new: str) -> None:
    two.rename("x", new)
    assert sorted(two.names()) == sorted([new, "other"])
    assert batches_of(two, new) == 2
    two.rename(new, "x")
    assert two.names() == ["other", "x"]


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
    (two.folder / file_name("damaged")).write_bytes(b"damaged")
    before = {path: path.read_bytes() for path in two.folder.glob("*-*.pickle")}
    with pytest.raises(RegistryError, match=says):
        two.rename(old, new)
    assert {path: path.read_bytes() for path in two.folder.glob("*-*.pickle")} == before


STEPS = [
    *(("open", 1), ("write", 1), ("fsync", 1), ("replace", 1), ("fsync", 2)),  # the note
    *(("open", 2), ("write", 2), ("fsync", 3), ("replace", 2), ("fsync", 4)),  # the new file
    ("unlink", 1),  # the old one
]


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_a_rename_that_fails_changes_nothing(
    two: Registry, disk: Disk, step: tuple[str, int]
) -> None:
    expected = two.entries()
    disk.fail(*step, failure(errno.EIO))
    with pytest.raises(RegistryError, match="Input/output error; nothing was renamed"):
        two.rename("x", "y")
    disk.heal()
    assert two.entries() == expected
    assert batches_of(two) == 2
    assert temporary_files(two.folder) == []
    assert not two.trash.has_note()
    two.rename("x", "y")
    assert two.names() == ["other", "y"]


@pytest.mark.parametrize("step", [("fsync", 5), ("replace", 3), ("fsync", 6)], ids=str)
def test_a_rename_that_is_made_but_not_confirmed_says_so(
    two: Registry, disk: Disk, step: tuple[str, int]
) -> None:
    disk.fail(*step, failure(errno.EIO))
    with pytest.raises(RegistryError, match="the change is made, but the disk reports"):
        two.rename("x", "y")
    disk.heal()
    assert two.names() == ["other", "y"]
    assert two.undo().was == "y"
    assert two.names() == ["other", "x"]


def test_the_old_file_goes_only_when_the_new_one_is_on_the_disk(
    two: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []

    def recorded(name: str, real: Any) -> Any:
        def call(*args: Any, **how: Any) -> Any:
            steps.append(name)
            return real(*args, **how)

        return call

    monkeypatch.setattr(os, "fsync", recorded("fsync", os.fsync))
    monkeypatch.setattr(os, "replace", recorded("replace", os.replace))
    monkeypatch.setattr(Path, "unlink", recorded("unlink", Path.unlink))
    two.rename("x", "y")
    write, take_away = ["fsync", "replace", "fsync"], ["unlink", "fsync"]
    keep_note = ["replace", "fsync"]
    assert steps[:10] == [*write, *write, *take_away, *keep_note]

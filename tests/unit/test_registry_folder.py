"""The folder of saves: shared with other processes, and named where it cannot be used."""

import errno
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import registry_helpers
from registry_helpers import batches_of, failure, plain, temporary_files

from digitnet.registry import saves as registry_module
from digitnet.registry.files import RegistryError
from digitnet.registry.model import file_name
from digitnet.registry.saves import LIST, Registry

registry, two = registry_helpers.registry, registry_helpers.two


def test_what_a_killed_writer_left_is_removed_by_the_next_save(two: Registry) -> None:
    left = [
        two.folder / f".writing-4711-{file_name('x')}",
        two.folder / f".writing-4711-{LIST}",
        two.trash.folder / f".writing-4711-00000009.replaced.{file_name('x')}",
    ]
    for path in left:
        path.write_bytes(b"half")
    assert two.names() == ["other", "x"]
    two.save(plain(), "third")
    assert [path.name for path in left if path.exists()] == []


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
    monkeypatch.setattr(registry_module, "LOCK_SECONDS", 0.1)
    changes: list[tuple[Callable[[], Any], str]] = [
        (lambda: two.save(plain(batches=3), "x"), "nothing was saved"),
        (lambda: two.delete("x"), "nothing was deleted"),
        (two.undo, "nothing was changed"),
    ]
    for change, kept in changes:
        with pytest.raises(RegistryError, match=rf"another digitnet has been writing in .*{kept}"):
            change()
    assert batches_of(two) == 2
    assert two.names() == ["other", "x"]
    assert temporary_files(two.folder) == []


def test_registries_that_save_at_the_same_time_lose_nothing(registry: Registry) -> None:
    errors: list[BaseException] = []

    def save(writer: int) -> None:
        try:
            for batches in range(4):
                Registry(registry.folder).save(plain(batches=batches), f"w{writer}")
                Registry(registry.folder).save(plain(batches=batches), "shared")
                registry.entries()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=save, args=(writer,)) for writer in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert registry.names() == ["shared", "w0", "w1", "w2"]
    assert [e.trained_batches for e in registry.entries()] == [3, 3, 3, 3]
    assert not any(entry.damaged for entry in registry.entries())


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


@pytest.mark.parametrize("target", ["elsewhere", "nowhere"])
def test_a_lock_that_leads_elsewhere_is_not_followed(two: Registry, target: str) -> None:
    elsewhere = two.folder.parent / "elsewhere"
    elsewhere.write_bytes(b"somebody else's")
    (two.folder / ".lock").unlink(missing_ok=True)
    (two.folder / ".lock").symlink_to(f"../{target}")
    with pytest.raises(RegistryError, match=r"symbolic link, remove it; nothing was saved"):
        two.save(plain(batches=3), "x")
    assert batches_of(two) == 2
    assert sorted(path.name for path in two.folder.parent.iterdir()) == ["elsewhere", "saves"]
    assert elsewhere.read_bytes() == b"somebody else's"


def test_a_folder_that_cannot_be_read_is_named(
    two: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scandir(_: Any) -> Any:
        raise failure(errno.EACCES)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(RegistryError, match=r"cannot read .*: Permission denied"):
        two.entries()


def test_a_save_that_cannot_be_read_is_named(
    two: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def refuse(path: Any, *how: Any, **more: Any) -> int:
        if str(path).endswith(file_name("x")):
            raise failure(errno.EACCES)
        return real(path, *how, **more)

    (two.folder / LIST).unlink()
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(RegistryError, match="'x' cannot be read: Permission denied"):
        two.load("x")
    assert [e.damaged for e in two.entries()] == ["", "it cannot be read: Permission denied"]

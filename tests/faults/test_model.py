"""The registry against a plain dictionary: whatever is done to it, by whomever, and cut short."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from model_helpers import (
    DAMAGED,
    KILLED,
    REFUSED,
    Model,
    contents_of,
    dying,
    on_disk,
)
from registry_helpers import plain, temporary_files

from digitnet.registry import saves as room
from digitnet.registry.files import RegistryError
from digitnet.registry.model import file_name
from digitnet.registry.saves import LIST, Registry

NAMES = ["a", "A", "ä b", "../a"]
names = st.sampled_from(NAMES)
STEPS_EACH = 50

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")


class Saves(RuleBasedStateMachine):
    """Each rule is a step; after each, the registry must be as the model says."""

    steps = kills = 0

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.registry = Registry(self.folder / "saves")
        self.model, self.versions = Model(), 0
        self.old_list = b""

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    # what a person does

    @rule(name=names)
    def save(self, name: str) -> None:
        self.versions += 1
        self.registry.save(plain(batches=self.versions), name)
        self.model.save(name, self.versions)
        assert temporary_files(self.folder) == []  # those of the killed are gone too

    @rule(name=names)
    def delete(self, name: str) -> None:
        self.both(lambda: self.registry.delete(name), self.model.delete(name))

    @rule(old=names, new=names)
    def rename(self, old: str, new: str) -> None:
        self.both(lambda: self.registry.rename(old, new), self.model.rename(old, new))

    @rule(name=st.sampled_from(["", "", *NAMES]))
    def undo(self, name: str) -> None:
        self.both(lambda: self.registry.undo(name), self.model.undo(name))

    def both(self, act: Any, possible: bool) -> None:
        """Does what the model says is possible, or not."""
        if possible:
            act()
        else:
            with pytest.raises(RegistryError):
                act()

    # what happens to the files

    @rule(name=names, where=st.floats(0, 1))
    def corrupt(self, name: str, where: float) -> None:
        path = self.registry.folder / file_name(name)
        if name in self.model.names:
            status, data = path.stat(), bytearray(path.read_bytes())
            if self.model.names[name].content == DAMAGED:
                data.clear()  # a byte flipped twice would be whole again
            else:
                data[int(where * (len(data) - 1))] ^= 0xFF
            path.write_bytes(data)
            os.utime(path, ns=(0, status.st_mtime_ns + 1))  # files change more than once a tick
            self.model.names[name].content = DAMAGED

    @rule()
    def lose_the_list(self) -> None:
        (self.registry.folder / LIST).unlink(missing_ok=True)

    @rule(damage=st.booleans())
    def bring_back_an_old_list(self, damage: bool) -> None:
        path = self.registry.folder / LIST
        if path.exists():
            path.write_bytes(self.old_list[: -5 if damage else None])
            self.old_list = path.read_bytes()

    @rule()
    def keep_the_list(self) -> None:
        path = self.registry.folder / LIST
        self.old_list = path.read_bytes() if path.exists() else b""

    @rule()
    def reopen(self) -> None:
        self.registry = Registry(self.registry.folder)

    @rule(
        what=st.sampled_from(["save", "save", "delete", "rename", "undo"]),
        name=names,
        new=names,
        calls=st.integers(1, 8),
        after=st.booleans(),
    )
    def kill(self, what: str, name: str, new: str, calls: int, after: bool) -> None:
        """In the midst of a step: it is done or not, and what was there can still be had."""
        self.versions += 1
        before = on_disk(self.registry, NAMES)
        assert before.everything() == self.model.everything()
        step = {
            "save": lambda: self.registry.save(plain(batches=self.versions), name),
            "delete": lambda: self.registry.delete(name),
            "rename": lambda: self.registry.rename(name, new),
            "undo": self.registry.undo,
        }[what]
        arguments = {"save": (name, self.versions), "delete": (name,), "rename": (name, new)}
        possible = getattr(self.model, what)(*arguments.get(what, ()))
        ended = dying(step, calls, after=after)
        if ended != KILLED:
            assert ended == (0 if possible else REFUSED)
            return
        type(self).kills += 1
        now = on_disk(Registry(self.registry.folder), NAMES)  # which completes a rename
        assert now.contents() in (before.contents(), self.model.contents())
        forgotten = before.everything() - self.model.everything()
        assert now.everything() >= before.everything() - forgotten
        self.model = now

    @invariant()
    def agrees(self) -> None:
        type(self).steps += 1
        assert contents_of(self.registry, NAMES) == self.model.contents()


def run(machine: type[Saves], examples: int) -> None:
    machine.steps = machine.kills = 0
    run_state_machine_as_test(  # raises what the first step that fails raises
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS_EACH,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        ),
    )
    machine.steps -= examples  # the look before the first step is none


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", os.fstat)


def test_the_registry_is_as_a_dictionary_would_be(share: Any, tally: Any) -> None:
    run(Saves, share(10, 240))
    assert Saves.steps >= share(400, 10_000)
    assert Saves.kills >= Saves.steps // 100
    tally("steps of the registry beside a dictionary", Saves.steps, Saves.steps)
    tally("of them, killed in their midst", Saves.kills, Saves.kills)


def keeps_nothing(path: Path, data: bytes, keep_old_as: Path | None = None) -> None:
    path.write_bytes(data)


def writes_in_place(path: Path, data: bytes, keep_old_as: Path | None = None) -> None:
    if keep_old_as is not None:
        os.link(path, keep_old_as)
        path.unlink()
    with path.open("wb") as file:
        file.write(data[:100])
        file.flush()
        os.fsync(file.fileno())
        file.write(data[100:])


@pytest.mark.parametrize("careless", [keeps_nothing, writes_in_place])
def test_careless_writing_is_found_out(monkeypatch: pytest.MonkeyPatch, careless: Any) -> None:
    monkeypatch.setattr(room, "write_durably", careless)
    with pytest.raises((AssertionError, RegistryError)):
        run(Saves, 20)


def test_an_undo_that_loses_what_gives_way_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "keep_durably", lambda path, other: None)
    with pytest.raises((AssertionError, RegistryError)):
        run(Saves, 20)


def test_a_rename_that_nobody_completes_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Registry, "_complete_rename", lambda registry: None)
    with pytest.raises((AssertionError, RegistryError)):
        run(Saves, 20)


def test_a_list_that_is_believed_too_readily_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room.Entry, "is_of", lambda self, path: True)
    with pytest.raises((AssertionError, RegistryError)):
        run(Saves, 20)

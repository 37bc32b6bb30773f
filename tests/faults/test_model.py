"""The registry against a plain model: whatever is done to it, by whomever, and cut short."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from crash_helpers import DAMAGED, KILLED, MINE, REFUSED, Change, Copy, Model, dying, make, on_disk
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from registry_helpers import temporary_files

from digitnet.registry import saves as store_module
from digitnet.registry import undo as undo_module
from digitnet.registry.files import RegistryError
from digitnet.registry.own_sets import OwnData
from digitnet.registry.saves import LIST, Registry

NAMES = ["a", "A", "ä b", "../a"]
names = st.sampled_from(NAMES)
STEPS_EACH = 50

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")


class Saves(RuleBasedStateMachine):
    """Each rule is a step; after each, what is on the disk must be what the model foresees."""

    steps = kills = 0

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.registry = Registry(self.folder / "saves")
        self.model, self.version = Model({}), 0
        self.old_list = b""

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    # what a person does

    @rule(name=names)
    def save(self, name: str) -> None:
        self.change("save", name, self.next())
        assert temporary_files(self.folder) == []  # those of the killed are gone too

    @rule()
    def add_a_digit(self) -> None:
        self.change("add", self.next())

    @rule(name=names)
    def delete(self, name: str) -> None:
        self.change("delete", name)

    @rule(old=names, new=names)
    def rename(self, old: str, new: str) -> None:
        self.change("rename", old, new)

    @rule(name=st.sampled_from(["", "", "mine", *NAMES]))
    def undo(self, name: str) -> None:
        self.change("undo", name)

    def next(self) -> int:
        self.version += 1
        return self.version

    def foreseen(self, *change: Any) -> Model:
        if change == ("undo", "mine"):
            change = ("undo", MINE)
        return self.model.after(change)

    def change(self, *change: Any) -> None:
        """Makes a change; it is refused where the model says that nothing changes."""
        after = self.foreseen(*change)
        if after is self.model:
            with pytest.raises(RegistryError):
                make(self.registry, change)
        else:
            make(self.registry, change)
        now = on_disk(self.registry.folder)
        assert sorted(map(described, now.live.values())) == sorted(
            map(described, after.live.values())
        )
        assert now.undoable() == after.undoable()
        self.model = now

    # what happens to the files

    @rule(name=names, where=st.floats(0, 1))
    def corrupt(self, name: str, where: float) -> None:
        file = self.model.find(name)
        if file and self.model.live[file].is_whole:
            path = self.registry.folder / file
            status, data = path.stat(), bytearray(path.read_bytes())
            data[200 + int(where * (len(data) - 201))] ^= 0xFF  # the name can still be read
            path.write_bytes(data)
            os.utime(path, ns=(0, status.st_mtime_ns + 1))  # files change more than once a tick
            self.model = on_disk(self.registry.folder)
            assert self.model.live[file].content == DAMAGED

    @rule(name=names)
    def copy(self, name: str) -> None:
        file = self.model.find(name)
        if file:
            path = self.registry.folder / file
            shutil.copyfile(path, path.with_name(f"copy-{self.next():016x}.pickle"))
            self.model = on_disk(self.registry.folder)

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
    def begin_again(self) -> None:
        """As a new process does, which knows nothing but the list."""
        store_module._known.cache_clear()

    @rule(
        what=st.sampled_from(["save", "save", "add", "delete", "rename", "undo"]),
        name=names,
        new=names,
        calls=st.integers(1, 16),
    )
    def kill(self, what: str, name: str, new: str, calls: int) -> None:
        """In the midst of a step: it is done or not, and what was there can still be had."""
        version = self.next()
        changes: dict[str, Change] = {
            "save": (name, version),
            "add": (version,),
            "rename": (name, new),
            "delete": (name,),
        }
        change = (what, *changes.get(what, ()))
        possible = self.model.after(change) is not self.model
        ended = dying(lambda: make(self.registry, change), calls)
        now = on_disk(self.registry.folder)
        if ended == KILLED:
            type(self).kills += 1
            models = [self.model, self.model.after(change), self.model.after(change, cut=True)]
            assert now.names() in [model.names() for model in models]
            lost = set.intersection(*(model.versions() for model in models)) - now.versions()
            assert not lost
        else:
            assert ended == (0 if possible else REFUSED)
            assert now.undoable() == self.model.after(change).undoable()
        self.model = now

    @invariant()
    def is_found_by_a_person(self) -> None:
        """Listed, and loaded under its name: the newest of a name, also of damaged ones."""
        type(self).steps += 1
        names = {name: version for name, version in self.model.names().items() if name != MINE}
        listed = {e.name: e for e in self.registry.saves() if not e.hidden}
        assert {
            name: DAMAGED if entry.damaged else entry.trained_batches
            for name, entry in listed.items()
        } == names
        for name, version in names.items():
            if version != DAMAGED:
                assert self.registry.load(name).trainer.progress.batches == version
        assert len(self.registry.entries()) == len(self.model.live)
        assert bool(len(OwnData(self.registry.folder).read("mine"))) == (MINE in self.model.names())


def described(copy: Copy) -> tuple[str, int]:
    return copy.name, copy.content


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


def test_the_registry_is_as_the_model_foresees(share: Any, tally: Any) -> None:
    run(Saves, share(4, 240))
    assert Saves.steps >= share(160, 10_000)
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


CARELESS: dict[str, tuple[object, str, object]] = {
    "keeps nothing": (store_module, "write_durably", keeps_nothing),
    "writes in place": (store_module, "write_durably", writes_in_place),
    "loses what gives way": (undo_module, "keep_durably", lambda path, other: None),
    "believes the list": (store_module.Entry, "is_of", lambda entry, path: True),
    "lets the newer one answer after an undo": (Registry, "throw_away", lambda *_: None),
}


@pytest.mark.full
@pytest.mark.parametrize("how", CARELESS)
def test_a_registry_without_a_protection_is_found_out(
    monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(*CARELESS[how])
    with pytest.raises((AssertionError, RegistryError)):
        run(Saves, 20)

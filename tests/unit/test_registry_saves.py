"""Saves on disk: what is saved comes back to the bit, and what would not is not saved."""

import math
import pickle
import tracemalloc
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
import registry_helpers
from registry_helpers import batches_of, everything, file_of, plain, rich, temporary_files

from digitnet.engine.settings import Settings
from digitnet.engine.shapes import network_of
from digitnet.engine.trainer import Measurement, Trainer
from digitnet.registry import schema
from digitnet.registry.files import TEMPORARY, RegistryError
from digitnet.registry.model import Model
from digitnet.registry.saves import LIST, Registry
from digitnet.registry.undo import undo

registry, two = registry_helpers.registry, registry_helpers.two


KINDS: list[dict[str, Any]] = [
    *({"dtype": dtype, "bias": bias} for dtype in ("f4", "f8") for bias in (True, False)),
    {"hidden": "tanh", "output": "softmax", "cost": "cross-entropy"},
    {"hidden": "sigmoid", "output": "sigmoid", "cost": "cross-entropy"},
    {"hidden": "relu", "output": "linear", "cost": "squared"},
    {"hidden": "linear", "output": "tanh", "cost": "squared"},
]


@pytest.mark.parametrize("make", [plain, rich])
@pytest.mark.parametrize("kinds", KINDS, ids=str)
def test_a_network_comes_back_to_the_bit(
    registry: Registry, make: Callable[..., Model], kinds: dict[str, Any]
) -> None:
    saved = make(**kinds)
    before = everything(saved)
    registry.save(saved, "first")
    loaded = Registry(registry.folder).load("first")
    assert everything(loaded) == before == everything(saved)
    assert loaded.name == "first"
    assert loaded.saved_at.endswith("+00:00")


def test_a_loaded_network_owns_arrays_that_can_be_written(registry: Registry) -> None:
    registry.save(rich(), "x")
    trainer = registry.load("x").trainer
    values = [parameter.value for parameter in trainer.network.parameters]
    for array in [*values, *trainer.optimizer.state["velocity"], *(trainer.averages or [])]:
        array[...] = 1
    assert everything(registry.load("x")) == everything(rich())


@pytest.mark.parametrize("change", [("optimizer", "adam"), ("average", "0.9")], ids=str)
def test_a_setting_that_was_changed_and_not_yet_trained_with_is_saved(
    registry: Registry, change: tuple[str, str]
) -> None:
    named = plain()
    named.trainer.change(named.trainer.settings.changed(*change))
    registry.save(named, "x")
    assert registry.load("x").trainer.settings == named.trainer.settings


def test_any_python_reads_the_saves_and_the_list(two: Registry) -> None:
    paths = [path for path in two.folder.iterdir() if path.suffix == ".pickle"]
    assert len(paths) == 3
    documents = {path.name: pickle.loads(path.read_bytes()) for path in paths}
    listed = documents.pop(LIST)["networks"]
    assert {entry["file"]: entry["name"] for entry in listed} == {
        file: document["name"] for file, document in documents.items()
    }


def test_an_entry_says_what_the_network_is(registry: Registry) -> None:
    returned = registry.save(rich(), "First").entry
    (entry,) = registry.entries()
    assert entry == returned
    path = registry.folder / entry.file
    expected = {
        "name": "First",
        "file": path.name,
        "shape": "4-3-2",
        "parameters": 4 * 3 + 3 + 3 * 2 + 2,
        "trained_batches": 12,
        "accuracy": 0.1 + 0.7,
        "measured_on": "sample test",
        "saved_at": registry.load("First").saved_at,
        "bytes": path.stat().st_size,
        "changed_ns": path.stat().st_mtime_ns,
        "damaged": "",
    }
    assert asdict(entry) | expected == asdict(entry)


def test_nothing_is_there_before_the_first_save(registry: Registry) -> None:
    assert registry.entries() == [] == registry.names()
    assert not registry.exists("x")
    with pytest.raises(RegistryError, match="no network named 'x'"):
        registry.load("x")
    assert not registry.folder.exists()
    with pytest.raises(RegistryError, match="no network named 'x'"):
        registry.delete("x")
    with pytest.raises(RegistryError, match="no delete, overwrite or rename to undo"):
        undo(registry)


def test_saves_are_listed_by_name_whatever_the_case(registry: Registry) -> None:
    for name in ("b", "A", "a", "C"):
        registry.save(plain(), name)
    assert registry.names() == ["A", "a", "b", "C"]


# saves that could not be loaded again


SPOIL: dict[str, Callable[[Model], Any]] = {
    "a weight that is no number": lambda named: named.network.layers[0].weights.fill(np.nan),
    "an infinite cost": lambda named: setattr(named.trainer.progress, "cost_sum", math.inf),
    "an infinite history": lambda named: named.trainer.history.append(
        Measurement(1, math.inf, 0.0, 0.0)
    ),
    "a huge seed": lambda named: setattr(named.trainer, "seed", 1 << 64),
    "a negative seed": lambda named: setattr(named.trainer, "seed", -1),
    "half precision": lambda named: setattr(named, "trainer", plain(dtype=np.float16).trainer),
    "a long recipe": lambda named: setattr(named, "recipe", "x" * 201),
    "a text longer than any": lambda named: setattr(named, "data", "x" * 65_537),
    "a list longer than any": lambda named: setattr(named, "trained_on", ["x"] * 100_001),
    "a recipe to steer terminals": lambda named: setattr(named, "recipe", "\x1b[2J"),
    "another optimizer's state": lambda named: named.trainer.optimizer.state.update(velocity=[]),
}


@pytest.mark.parametrize("spoil", SPOIL.values(), ids=SPOIL)
def test_what_could_not_be_loaded_again_is_not_saved(
    two: Registry, spoil: Callable[[Model], Any]
) -> None:
    named = plain(batches=3)
    spoil(named)
    with pytest.raises(RegistryError, match=r"'x' cannot be saved: .*; nothing was saved"):
        two.save(named, "x")
    assert batches_of(two) == 2
    assert temporary_files(two.folder) == []


def test_what_killed_writers_left_goes_with_the_next_change(two: Registry) -> None:
    for folder in (two.folder, two.trash.folder):
        (folder / f"{TEMPORARY}0-x.pickle").write_bytes(b"half")
    two.save(plain(batches=3), "x")
    assert temporary_files(two.folder) == []


def test_a_network_too_large_to_be_loaded_again_is_not_saved(
    two: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "MAX_BYTES", file_of(two.folder).stat().st_size + 500)
    network = network_of("40-30-2")
    with pytest.raises(RegistryError, match=r"MiB|larger|large"):
        two.save(Model(Trainer(network, Settings(), 1)), "x")
    assert batches_of(two) == 2
    assert temporary_files(two.folder) == []


def test_a_save_holds_its_numbers_no_more_often_than_it_must(registry: Registry) -> None:
    named = Model(Trainer(network_of("1000-1000-2"), Settings(), 1))
    registry.save(plain(), "x")
    tracemalloc.start()
    try:
        size = registry.save(named, "large").entry.bytes
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4.5 * size

"""What the tests of saves share: small networks, a registry that holds some, a disk that fails."""

import os
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from digitnet.engine.settings import Settings
from digitnet.engine.shapes import network_of
from digitnet.engine.trainer import Measurement, Progress, Trainer
from digitnet.registry.codec import encode, seal
from digitnet.registry.model import Accuracy, Model
from digitnet.registry.saves import Registry

SECONDS = 5  # what must not hang is given so long


def plain(seed: int = 1, batches: int = 0, **kinds: Any) -> Model:
    """A small model. batches: identifies it."""
    network = network_of("4-3-2", **kinds)
    network.initialize(seed)
    trainer = Trainer(network, Settings(), seed)
    trainer.progress.batches = batches
    return Model(trainer)


def rich(optimizer: str = "momentum", **kinds: Any) -> Model:
    """A model with a value in every field, and signed zeros and tiny numbers among its weights."""
    chosen = Settings(optimizer, rate=0.1 + 0.2, batch=0, momentum=0.5, l2=1e-300, average=0.9)
    named = Model(Trainer(plain(**kinds).network, chosen, 7))
    trainer, rng = named.trainer, np.random.default_rng(3)
    trainer.progress = Progress(
        batches=12,
        samples=345,
        seconds=0.1,
        epoch=6,
        position=7,
        cases=30,
        cost_sum=np.pi,
        cost_count=8,
        averaged=9,
    )
    trainer.history = [Measurement(5, 0.1, 0.2, 0.3), Measurement(12, 1 / 3, 2e300, 1.0)]
    values = [parameter.value for parameter in named.network.parameters]
    for value in values:
        value[...] = rng.normal(size=value.shape)
        value.flat[0] = -0.0
        value.flat[1] = np.finfo(value.dtype).smallest_subnormal

    def noise() -> list[Any]:
        return [rng.normal(size=value.shape).astype(value.dtype) for value in values]

    trainer.optimizer.steps = 11
    trainer.optimizer.state = {name: noise() for name in trainer.optimizer.slots}
    trainer.averages = noise()
    named.recipe, named.data, named.trained_on = "good", "sample11", ["sample", "mnist"]
    named.own_cases = frozenset({b"8 bytes.", b"each one"})
    named.words = ("cat", "dog, or wolf")
    named.accuracy = Accuracy(0.1 + 0.7, "sample test", digest="0f")
    return named


def bits(arrays: list[Any]) -> list[tuple[Any, ...]]:
    return [(array.dtype, array.shape, array.tobytes()) for array in arrays]


def everything(named: Model) -> dict[str, Any]:
    """Everything that a save must restore, in a form in which == compares bit for bit."""
    trainer, network = named.trainer, named.network
    return {
        "statistics": [bits(list(layer.statistics.values())) for layer in network.layers],
        "parameters": bits([p.value for p in network.parameters]),
        "layers": [(layer.kind, layer.config()) for layer in network.layers],
        "cost": network.cost_name,
        "settings": repr(trainer.settings),
        "seed": trainer.seed,
        "progress": repr(trainer.progress),
        "history": repr(trainer.history),
        "steps": (type(trainer.optimizer), trainer.optimizer.steps),
        "state": {key: bits(arrays) for key, arrays in trainer.optimizer.state.items()},
        "averages": trainer.averages and bits(trainer.averages),
        "from": (named.recipe, named.data, named.trained_on, named.own_cases, named.accuracy),
        "words": named.words,
    }


def batches_of(registry: Registry, name: str = "x") -> int:
    """The number that identifies a version of `plain`."""
    return registry.load(name).trainer.progress.batches


def temporary_files(folder: Path) -> list[str]:
    """Temporary files left by a writer, including those in the trash."""
    return [path.name for path in folder.rglob("*writing*")]


def file_of(folder: Path, name: str = "x") -> Path:
    """The file of the save called `name`; a new one if there is none."""
    entry = Registry(folder).find(name)
    return folder / (entry.file if entry else f"{secrets.token_hex(8)}.pickle")


def put(folder: Path, document: Any, name: str = "x") -> Path:
    """Writes a document with a valid seal to the file of the save called `name`, or a new one."""
    path = file_of(folder, name)
    path.write_bytes(seal(encode(document)))
    return path


def soon(call: Callable[[], Any]) -> Any:
    """What `call` returns or raises, or a failure if it hangs."""
    future: Future[Any] = Future()

    def work() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future.result(SECONDS)


def make_pipe(path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("there are no named pipes here")
    os.mkfifo(path)


def make_loop(path: Path) -> None:
    path.symlink_to(path.name)


def failure(code: int) -> OSError:
    """An OSError as the system raises it."""
    return OSError(code, os.strerror(code))


# fixtures: a module takes over those that it uses, as in `two = registry_helpers.two`


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """A registry whose folder does not exist yet."""
    return Registry(tmp_path / "saves")


@pytest.fixture
def two(registry: Registry) -> Registry:
    """A registry with two versions of `x`, and `other`."""
    for batches in (1, 2):
        registry.save(plain(batches=batches), "x")
    registry.save(plain(batches=9), "other")
    return registry


@pytest.fixture
def disk(two: Registry, monkeypatch: pytest.MonkeyPatch) -> "Disk":
    return Disk(monkeypatch)


class Disk:
    """Counts calls that change the disk, and lets one fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.patch = monkeypatch
        self.counts: dict[str, int] = {}
        self.fails: tuple[str, int, BaseException] | None = None
        self.forever = self.tripped = False
        for name in ("fsync", "replace", "link", "mkdir"):
            monkeypatch.setattr(os, name, self.counted(name, getattr(os, name)))
        for name in ("open", "unlink"):
            monkeypatch.setattr(Path, name, self.counted(name, getattr(Path, name)))

    def counted(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        """Wraps a call so that it fails when chosen."""

        def call(*args: Any, **how: Any) -> Any:
            self.trip(name)
            result = real(*args, **how)
            if name == "open" and {"wb", "xb"} & {*args[1:]}:
                return Pen(result, self)
            return result

        return call

    def trip(self, name: str) -> None:
        """Counts a call, and raises if it was chosen to fail."""
        self.counts[name] = count = self.counts.get(name, 0) + 1
        if self.fails and self.fails[0] == name:
            late = count > self.fails[1]
            if count == self.fails[1] or (self.forever and late):
                self.tripped = True
                raise self.fails[2]

    def fail(self, name: str, nth: int, error: BaseException, *, forever: bool = False) -> None:
        """Lets the nth call of that name fail from now on, and if `forever` all after it."""
        self.counts, self.fails, self.forever = {}, (name, nth, error), forever

    def heal(self) -> None:
        """Lets nothing fail any more, and checks that the failure occurred."""
        assert self.tripped, "no such call was made"
        self.fails = None


class Pen:
    """A file whose writes fail if the disk is full."""

    def __init__(self, file: Any, disk: Disk) -> None:
        self.file, self.disk = file, disk

    def __enter__(self) -> "Pen":
        return self

    def __exit__(self, *exception: object) -> None:
        self.file.close()
        self.disk.trip("close")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def write(self, data: bytes) -> int:
        try:
            self.disk.trip("write")
        except BaseException:
            self.file.write(data[: len(data) // 2])
            raise
        return int(self.file.write(data))

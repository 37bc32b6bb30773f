"""Saves of format 1, written once and for all: every later digitnet must read them to the bit.

The networks in them answer with sums of short binary fractions alone, which every machine adds up
to the same bits. They hold something in every field that a save can have.
"""

import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from registry_helpers import everything
from session_helpers import do, refusal

from digitnet.engine.settings import Settings
from digitnet.engine.shapes import network_of
from digitnet.engine.trainer import Measurement, Progress, Trainer
from digitnet.registry import codec as seal
from digitnet.registry import saves as store
from digitnet.registry.model import Accuracy, Model
from digitnet.registry.saves import Registry
from digitnet.repl.session import Session

FOLDER = Path(__file__).parent / "format-1"
FILES = {
    "Ärger, 1": (
        "arger-1-d908b4f45f6c4de8.pickle",
        "8b366d2cedd5a29cce5b88d03da343d0c3a2ebb0c7bbdaf5bc34bb31a223fd59",
    ),
    "double": (
        "double-2ce06a9e7f8c3e6b.pickle",
        "5a53ff335f02e990c7bbcb5067062e79ee27ca8058209badd92ccecef3cf43ed",
    ),
}
"""name → file, and its SHA-256: these files are never to be written anew."""
SAVED_AT = "2026-11-21T10:00:00+00:00"
CASES = np.array([[1, 2, 3, 4], [-8, 5, 0.5, -2], [9, -7, 6, -5]])
OUTPUTS = {
    "Ärger, 1": [
        [-0.006591796875, 0.17578125],
        [0.087158203125, 0.36865234375],
        [-0.107421875, 0.078125],
    ],
    "double": [[0.0, -0.0498046875], [0.017578125, 0.017578125], [-0.027587890625, 0.03564453125]],
}
"""What the networks answered to CASES on the day they were saved."""


def steps(count: int, shape: tuple[int, ...], dtype: Any) -> Any:
    """Fractions of 64, some negative, one of them a zero with a sign."""
    values = (np.arange(np.prod(shape)) * 7 + count) % 23 - 11
    result = (values / 64).astype(dtype).reshape(shape)
    result.flat[0] = -0.0
    return result


def as_it_was(name: str) -> Model:
    double = name == "double"
    dtype = np.float64 if double else np.float32
    network = network_of(
        "4-3-2", hidden="relu", output="linear", cost="squared", bias=not double, dtype=dtype
    )
    settings = Settings(
        optimizer="adam" if double else "nesterov",
        rate=0.1 + 0.2,
        schedule="cosine 20e",
        momentum=0.5,
        batch=0,
        l2=1e-300,
        l1=0.25,
        max_norm=3.0,
        clip=1.0,
        dropout=0.125,
        average=0.0 if double else 0.9,
        patience=7,
        cases=1000,
        pixels="raw",
    )
    trainer = Trainer(network, settings, 2**31 - 1)
    trainer.progress = Progress(
        batches=12,
        samples=345,
        seconds=0.1,
        epoch=6,
        position=7,
        cases=30,
        cost_sum=1 / 7,
        cost_count=8,
        averaged=0 if double else 9,
    )
    trainer.history = [Measurement(5, 0.1, 0.2, 0.3), Measurement(12, 1 / 3, 2e300, 1.0)]
    shapes = [parameter.value.shape for parameter in network.parameters]
    for number, parameter in enumerate(network.parameters):
        parameter.value[...] = steps(number, parameter.value.shape, dtype)
    trainer.optimizer.steps = 11
    trainer.optimizer.state = {
        slot: [steps(number + 5, shape, dtype) for shape in shapes]
        for number, slot in enumerate(trainer.optimizer.slots)
    }
    if not double:
        trainer.averages = [steps(9, shape, dtype) for shape in shapes]
    accuracy = None if double else Accuracy(0.1 + 0.7, "sample test")
    return Model(
        trainer, name, "" if double else "relu", "mini", ["sample", "mini"], accuracy, SAVED_AT
    )


@pytest.fixture
def saves(session: Session) -> Path:
    shutil.copytree(FOLDER, session.saves)
    return session.saves


@pytest.mark.parametrize("name", FILES)
def test_a_save_of_format_1_is_read_to_the_bit(saves: Path, name: str) -> None:
    file, digest = FILES[name]
    assert sha256((FOLDER / file).read_bytes()).hexdigest() == digest
    named, was = Registry(saves).load(name), as_it_was(name)
    assert (named.name, named.saved_at) == (name, SAVED_AT)
    assert everything(named) == everything(was)
    network = named.trainer.answering()
    outputs = network.forward(CASES.astype(network.dtype))
    assert outputs.tobytes() == np.array(OUTPUTS[name], network.dtype).tobytes()
    assert (saves / file).read_bytes() == (FOLDER / file).read_bytes()


def test_the_commands_find_saves_of_format_1(session: Session, saves: Path) -> None:
    listed = do(session, "ls")[0]["networks"]
    assert {n["name"]: n["trained_batches"] for n in listed} == dict.fromkeys(FILES, 12)
    for name in FILES:
        do(session, f"l '{name}'; pas again; l again")
        assert session.hand is not None
        assert everything(session.hand) == everything(as_it_was(name))


def of_a_newer_format(path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Makes the save one of a newer format, and whole."""
    payload = seal.unseal(path.read_bytes())
    with monkeypatch.context() as newer:
        newer.setattr(seal, "VERSION", 3)
        path.write_bytes(seal.seal(payload))
    return path.read_bytes()


def test_a_newer_format_is_refused_by_name_and_left_as_it_is(
    session: Session, saves: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saves / FILES["double"][0]
    newer = of_a_newer_format(path, monkeypatch)
    reason = "it has format 3, and this digitnet reads formats 1 to 2: a newer digitnet can open it"
    for line in ("l double", "ren double other"):
        assert reason in refusal(session, line)
    damaged = [n["damaged"] for n in do(session, "ls")[0]["networks"] if n["damaged"]]
    assert damaged == [reason]
    do(session, "n mini; pas another; ls")
    assert path.read_bytes() == newer
    monkeypatch.setattr(seal, "VERSION", 3)  # a newer digitnet opens it
    store._known.cache_clear()  # as when a program starts
    assert do(session, "l double")[0]["trained_batches"] == 12


def test_a_newer_format_comes_back_by_undo(
    session: Session, saves: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saves / FILES["double"][0]
    newer = of_a_newer_format(path, monkeypatch)
    do(session, "n mini; pas double; undo")
    assert path.read_bytes() == newer

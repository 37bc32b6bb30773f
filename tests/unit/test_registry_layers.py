"""Saves of networks of any layers: every number comes back, and training goes on to the bit."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import registry_helpers
from document_helpers import Place, holder_of
from registry_helpers import everything

from digitnet.engine.arrays import Cases, one_hot
from digitnet.engine.network import Committee, Network
from digitnet.engine.optimizers import OPTIMIZERS
from digitnet.engine.run import run
from digitnet.engine.schedules import Amount
from digitnet.engine.settings import Settings
from digitnet.engine.shapes import network_of
from digitnet.engine.speed import threads
from digitnet.engine.trainer import Trainer
from digitnet.registry.codec import decode, encode
from digitnet.registry.files import DamagedSave
from digitnet.registry.model import Model
from digitnet.registry.saves import Registry
from digitnet.registry.schema import from_document, to_document

registry = registry_helpers.registry
SHAPE = "6x6-3c3-b-p2-d0.2-4c2:tanh-a1-5-b-2"


def cases(side: int = 6, count: int = 40) -> Cases:
    rng = np.random.default_rng(5)
    pictures = rng.integers(0, 256, (count, side * side)).astype(np.uint8)
    return Cases(pictures, one_hot(np.arange(count) % 2, 2), 1 / 255)


def model(shape: str = SHAPE, **settings: Any) -> Model:
    network = network_of(shape)
    network.initialize(1)
    return Model(Trainer(network, Settings(batch=8, **settings), 3), name="x")


def trained(of: Model, amount: int, on: Cases | None = None) -> Model:
    given = on or cases()
    run(of.trainer, given, given, Amount(amount, "batches"))
    of.trainer.progress.seconds = 0.0
    return of


def committee() -> Model:
    members = [(trained(model(seed), 3).trainer.answering(), 1.0) for seed in (SHAPE, "36-4-2")]
    network = Network([Committee((36,), members=members)], "cross-entropy")
    return Model(Trainer(network, Settings(), 0), name="x")


@pytest.mark.parametrize("shape", [SHAPE, "36-4-2", "6x6-b-3c3-2", "6x6-p2-b:linear-d0.2-2"])
def test_a_member_of_a_committee_answers_alike_by_itself_at_any_scale(shape: str) -> None:
    alone, on = trained(model(shape), 9).trainer.answering(), cases()
    network = Network([Committee((36,), members=[(alone, on.scale)])], "cross-entropy")
    member = Model(Trainer(network, Settings(), 0)).member(1).network
    pixels = on.inputs.astype(np.float32)
    expected = alone.forward(pixels * np.float32(on.scale)).copy()
    np.testing.assert_allclose(member.forward(pixels), expected, rtol=1e-4)


def test_every_number_comes_back(registry: Registry) -> None:
    saved = trained(model(optimizer="adam", average=1.0, augment="light"), 7)
    registry.save(saved, "x")
    loaded = registry.load("x")
    assert everything(loaded) == everything(saved)
    assert loaded.network.shape == SHAPE.replace(":tanh", "")
    assert any(norm.mean.any() for norm in loaded.network.batch_norms)


def test_a_committee_comes_back(registry: Registry) -> None:
    saved = committee()
    registry.save(saved, "x")
    loaded = registry.load("x")
    x = cases().inputs.astype(np.float32)
    answers = [m.network.forward(x).tobytes() for m in (saved, loaded)]
    assert answers[0] == answers[1]
    assert loaded.network.size == saved.network.size


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(("schedule", "many"), [("cosine 3e", 1), ("inverse-sqrt", 10**9)])
def test_training_goes_on_to_the_same_bit(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, optimizer: str, schedule: str, many: int
) -> None:
    monkeypatch.setattr(threads, "MANY", many)  # sums by BLAS, by numpy
    straight = model(
        optimizer=optimizer,
        schedule=schedule,
        dropout=0.2,
        average=0.0 if optimizer.startswith("schedule-free") else 1.0,
        augment="strong",
        smoothing=0.1,
        l1=0.001,
        l2=0.01,
        clip=1.0,
        max_norm=2.0,
    )
    trained(straight, 7)
    registry.save(straight, "half")
    trained(straight, 7)
    resumed = trained(registry.load("half"), 7)
    assert everything(resumed) == everything(straight)


def change(path: Place, value: Any) -> Callable[[Any], None]:
    def apply(document: Any) -> None:
        holder_of(document, path)[path[-1]] = value

    return apply


FIRST: Place = ("layers", 0)
SECOND: Place = ("layers", 1, "statistics")
flattened = {"kind": "flatten", "config": {}, "parameters": {}, "statistics": {}}
WRONG: dict[str, tuple[Callable[[Any], None], str]] = {
    "an input of no shape": (change(("input_shape",), [6, 6]), "no shape of a case"),
    "an input of four sizes": (change(("input_shape",), [6, 6, 1, 1]), "a few whole numbers"),
    "an input without end": (change(("input_shape",), [1 << 20, 1 << 20, 1]), "no shape"),
    "a smaller picture": (change(("input_shape",), [2, 2, 1]), "does not fit pictures of 2x2"),
    "rows for pictures": (change(("input_shape",), [36]), "needs pictures"),
    "a kernel too many": (change((*FIRST, "config", "kernel"), 4), "not have the shape"),
    "a kernel of none": (change((*FIRST, "config", "kernel"), 0), "out of bounds"),
    "channels without end": (change((*FIRST, "config", "channels"), 1 << 20), "at most"),
    "a bias that is a number": (change((*FIRST, "config", "bias"), 1), "should be a bool"),
    "a config of another kind": (change((*FIRST, "kind"), "dense"), "'units'"),
    "windows that do not fit": (change(("layers", 2, "config", "size"), 5), "do not fit"),
    "a dropout of all": (change(("layers", 3, "config", "probability"), 1.0), "dropout"),
    "no statistics": (change(("layers", 1, "statistics"), {}), "'mean'"),
    "one statistic more": (
        lambda d: change((*SECOND, "x"), d["layers"][1]["statistics"]["mean"])(d),
        "does not know",
    ),
    "a variance below zero": (
        change(
            ("layers", 1, "statistics", "variance", "data"),
            np.array([1, -1, 1], "<f4").tobytes(),
        ),
        "below zero",
    ),
    "a mean that is no number": (
        change(("layers", 1, "statistics", "mean", "data"), np.full(3, np.nan, "<f4").tobytes()),
        "finite",
    ),
    "rows that are flattened": (lambda d: d["layers"].append(flattened), "only pictures"),
    "another precision": (change(("dtype",), "<f8"), "precision"),
    "a precision nobody has": (change(("dtype",), "<f2"), "not one that"),
}


def network_member(shape: str) -> Any:
    document = to_document(model(shape), "x")
    fields = ("input_shape", "dtype", "cost", "layers")
    return {name: document[name] for name in fields} | {"scale": 1.0}


def other_width(document: Any) -> None:
    document["layers"][0]["members"][1] = network_member("35-4-2")


WRONG_COMMITTEES: dict[str, tuple[Callable[[Any], None], str]] = {
    "no members": (change((*FIRST, "members"), []), "at least one member"),
    "a member of another width": (other_width, "the same numbers"),
    "a scale of zero": (change((*FIRST, "members", 0, "scale"), 0.0), "out of bounds"),
    "a scale without end": (change((*FIRST, "members", 0, "scale"), 1e300), "out of bounds"),
    "a committee within": (
        lambda d: change((*FIRST, "members", 0, "layers"), d["layers"])(d),
        "a committee in a committee",
    ),
    "a field too many": (change((*FIRST, "members", 0, "name"), "x"), "does not know"),
    "a layer after it": (
        lambda d: d["layers"].extend(network_member("2-2")["layers"]),
        "beside other layers",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG | WRONG_COMMITTEES)
def test_what_no_network_is_like_is_refused(what: str) -> None:
    of = trained(model(), 3) if what in WRONG else committee()
    document = decode(encode(to_document(of, "x")))
    apply, words = (WRONG | WRONG_COMMITTEES)[what]
    apply(document)
    with pytest.raises(DamagedSave, match=words):
        from_document(document)

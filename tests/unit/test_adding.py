"""What can be added is one class or record, and is found wherever such things are listed."""

import dataclasses
from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest
import session_helpers
from engine_helpers import made
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from session_helpers import do

from digitnet.engine import settings
from digitnet.engine.arrays import Array
from digitnet.engine.gradcheck import check_gradient
from digitnet.engine.layers import ACTIVATIONS, LAYERS, Activation, Layer, Notation, Parameter, Step
from digitnet.engine.network import COSTS, Cost, Network
from digitnet.engine.optimizers import OPTIMIZERS, Optimizer
from digitnet.engine.schedules import SCHEDULES, Curve
from digitnet.engine.shapes import network_of
from digitnet.repl.session import Session
from digitnet.repl.terminal.completion import Offers


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """What a test adds is gone after it."""
    tables = (ACTIVATIONS, COSTS, LAYERS, OPTIMIZERS, SCHEDULES)
    before = [dict(table) for table in tables]
    yield
    for table, was in zip(tables, before, strict=True):
        table.clear()
        table.update(was)  # type: ignore[arg-type]


shown = partial(session_helpers.shown, width=200, plain=False)


def offered(session: Session, line: str) -> list[str]:
    found = Offers(session).get_completions(Document(line, len(line)), CompleteEvent())
    return [c.text for c in found]


def network_with_right_gradient(shape: str, **how: str) -> Network:
    network = made(shape, dtype=np.float64, **how)
    x, y = np.random.default_rng(1).random((4, network.inputs)), np.eye(3)[[0, 1, 2, 0]]
    assert check_gradient(network, x, y).max_relative_error < 1e-6
    return network


def saved_and_loaded(session: Session) -> None:
    """The network in hand comes back from a save as it was."""
    assert session.hand is not None
    before = [p.value.copy() for p in session.hand.network.parameters]
    do(session, "pas added; n; l added")
    for value, p in zip(before, session.hand.network.parameters, strict=True):
        np.testing.assert_array_equal(value, p.value)


def test_a_layer(session: Session) -> None:
    class Scale(Layer):
        """Multiplies every unit by a weight of its own."""

        kind = "scale"
        notation = Notation("s{times}", "s2 scales", ("z = x w k",), ("dC/dw = x δ k",))
        options = {"times": int}  # noqa: RUF012
        numpy = ("x = {times} * x * {w}",)

        def __init__(self, input_shape: tuple[int, ...], *, times: int, dtype: type = float):
            super().__init__(input_shape, input_shape, dtype)
            self.times, self.w = times, np.ones(input_shape, dtype)
            self.parameters = [Parameter("w", self.w, decays=True)]

        def forward(self, x: Array, step: Step | None = None) -> Array:
            self.x = x
            y: Array = self.times * x * self.w
            return y

        def backward(self, grad: Array) -> Array | None:
            self.parameters[0].gradient = (self.times * grad * self.x).sum(axis=0)
            result: Array = self.times * grad * self.w
            return result

    assert network_with_right_gradient("6-5-s3-4-3").shape == "6-5-s3-4-3"
    with pytest.raises(ValueError, match="s2 scales"):
        network_of("6-?-3")

    do(session, "n 784-16-s2-10; t 3")
    assert "scale 16 to 16" in shown(session, "i")
    page = shown(session, "why 3")
    assert "z = x w k" in page
    assert "dC/dw = x δ k" in page
    saved_and_loaded(session)
    folder = session.saves.parent
    case, *_ = do(session, f"c 3; export {folder}/x.py; import {folder}/x.npz")
    assert do(session, "c 3")[0]["outputs"] == case["outputs"]
    assert 'x = 2 * x * w["layers.1.w"]' in (folder / "x.py").read_text(encoding="utf-8")


def test_an_optimizer(session: Session) -> None:
    class Signs(Optimizer):
        """Moves every weight by the rate: w ← w − η sign g."""

        name, formulae = "signs", ("w ← w − η sign g",)
        usual_rate, rate_margin = 0.002, 5.0

        def update(self, w: Array, g: Array, rate: float, decay: float, *state: Array) -> None:
            w -= rate * np.sign(g)

    assert "signs" in offered(session, "set optimizer si")
    do(session, "n 784-16-10; set optimizer signs; set rate 0.002; t 50")
    assert "w ← w − η sign g" in shown(session, "step")
    assert "signs" in shown(session, "i")
    saved_and_loaded(session)
    assert session.hand is not None
    assert isinstance(session.hand.trainer.optimizer, Signs)


def test_an_activation(session: Session) -> None:
    def cube(z: Array) -> None:
        """f(z) = z³."""
        z **= 3

    ACTIVATIONS["cube"] = Activation(cube, lambda a: 3 * np.cbrt(a) ** 2, "a = z³", "f′ = 3 ∛a²")
    network_with_right_gradient("9x8-4c3:cube-p2-5:cube-3")
    assert "cube" in offered(session, "n 784-16-10 cu")
    do(session, "n 784-16-10 cube; set rate 0.001; t 3")
    assert "a = z³" in (page := shown(session, "why 3"))
    assert "f′ = 3 ∛a²" in page
    saved_and_loaded(session)


def test_a_cost(session: Session) -> None:
    def fourth(a: Array, y: Array) -> float:
        """C = mean over cases of ¼ Σᵢ (aᵢ − yᵢ)⁴."""
        return float(((a - y) ** 4).sum()) / (4 * len(a))

    COSTS["fourth"] = (Cost(fourth, "C = ¼ Σ (a − y)⁴", lambda a, y: (a - y) ** 3),)
    network_with_right_gradient("6-5-3", cost="fourth")
    assert "fourth" in offered(session, "n 784-16-10 relu softmax fo")
    do(session, "n 784-16-10 relu softmax fourth; t 3")
    assert "C = ¼ Σ (a − y)⁴" in shown(session, "why 3")
    saved_and_loaded(session)


def test_a_schedule(session: Session) -> None:
    SCHEDULES["linear"] = Curve(lambda s: 1 - s)
    assert "linear" in offered(session, "set schedule li")
    do(session, "n; set schedule linear; t 3; set schedule linear 20e; t 3")
    assert "linear 20e" in shown(session, "i")
    saved_and_loaded(session)


def test_a_setting() -> None:
    """It is a field of Settings; what lists the settings reads the fields."""

    @dataclasses.dataclass(frozen=True, slots=True)
    class More(settings.Settings):
        noise: float = settings._field(0.0, "noise on the inputs", settings._BELOW_1)

    names = [f.name for f in dataclasses.fields(More)]
    assert names == [*settings.SETTINGS, "noise"]
    assert More().changed("noise", "0.5").noise == 0.5  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="noise must be at least 0 and below 1"):
        More().changed("noise", "2")

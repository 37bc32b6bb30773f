"""An observed mini-batch: trained to the bit as without observation, and reported as it was."""

from typing import Any

import numpy as np
import pytest
from registry_helpers import everything

from digitnet.digits.datasets import SOURCES, DataSet
from digitnet.engine.arrays import Cases, one_hot
from digitnet.engine.report import Stopped
from digitnet.engine.run import run
from digitnet.engine.schedules import Amount
from digitnet.insight.step import observe_step
from digitnet.recipes import RECIPES, Recipe, build
from digitnet.registry.model import Model

NETWORKS: list[tuple[str, dict[str, Any]]] = [
    ("truth", {}),
    ("mini", {}),
    ("mini", {"batch": 3, "optimizer": "adam", "rate": 0.1}),
    ("mini", {"batch": 3, "optimizer": "schedule-free", "rate": 0.5, "l2": 0.01}),
    ("mini", {"batch": 5, "schedule": "inverse-sqrt", "average": 1.0, "optimizer": "momentum"}),
    ("mini3", {"batch": 2, "dropout": 0.5, "smoothing": 0.1, "clip": 0.01}),
    ("8x8-3c3-b-p2-10-b-d0.5-3", {"batch": 4, "rate": 0.1, "optimizer": "adamw", "l2": 0.1}),
    ("8x8-3c3-p2-3", {"batch": 4, "rate": 0.1, "augment": "light", "max_norm": 1.0}),
]


def pictures() -> Cases:
    rng = np.random.default_rng(3)
    pixels = rng.integers(0, 256, (22, 64)).astype(np.uint8)
    return Cases(pixels, one_hot(rng.integers(3, size=22), 3), 1 / 255)


def made(name: str, settings: dict[str, Any]) -> tuple[Model, Cases]:
    recipe = RECIPES.get(name) or Recipe(name)
    model = build(recipe, 4)
    for setting, value in settings.items():
        model.trainer.change(model.trainer.settings.changed(setting, str(value)))
    data: DataSet | None = SOURCES[name].read([]) if name in SOURCES else None
    return model, data.train if data else pictures()


@pytest.mark.parametrize(("name", "settings"), NETWORKS)
def test_the_network_is_to_the_bit_as_after_t_1_and_its_weights_before_and_after_are_told(
    name: str, settings: dict[str, Any]
) -> None:
    (alone, cases), (seen, _) = made(name, settings), made(name, settings)
    for number in range(1, 8):
        run(alone.trainer, cases, cases, Amount.parse("1"))
        before = [p.value.copy() for p in seen.network.parameters]
        step = observe_step(seen.trainer, cases, cases)
        assert step.number == number
        plain = seen.network.cost.value(step.outputs_after, step.targets)
        assert step.cost_after - plain == pytest.approx(seen.trainer.penalty(), abs=1e-6)
        for model in (alone, seen):
            model.trainer.progress.seconds = 0.0
        assert everything(seen) == everything(alone)
        assert seen.trainer.history == alone.trainer.history
        for change, value, p in zip(step.changes, before, seen.network.parameters, strict=True):
            assert change.name == p.name
            np.testing.assert_array_equal(change.before, value)
            np.testing.assert_array_equal(change.after, p.value)
            assert seen.network.layers[change.number - 1].kind == change.layer.kind


@pytest.mark.parametrize("l2", [0.0, 0.3])
def test_the_change_is_minus_the_rate_times_the_gradient(l2: float) -> None:
    model, cases = made("mini", {"batch": 3, "l2": l2, "schedule": "inverse-sqrt"})
    for number in range(3):
        old = model.network.copy(np.float64)
        step = observe_step(model.trainer, cases, cases)
        outputs, costs = (
            (step.outputs_before, step.outputs_after),
            (step.cost_before, step.cost_after),
        )
        for network, a, cost in zip((old, model.network), outputs, costs, strict=True):
            np.testing.assert_array_equal(a, network.forward(step.inputs))
            penalty = model.trainer.penalties.value(network.parameters)
            assert cost == pytest.approx(network.cost.value(a, step.targets) + penalty)
        assert step.rate == pytest.approx(4 / (1 + number / 500) ** 0.5)
        for change in step.changes:
            np.testing.assert_allclose(change.change, -step.rate * change.gradient, atol=1e-14)


def test_an_interrupt_waits_for_the_end_of_the_mini_batch() -> None:
    def report(_: object) -> None:
        raise Stopped

    model, cases = made("mini", {})
    step = observe_step(model.trainer, cases, cases, report)
    assert (step.outcome.batches, step.outcome.stopped) == (1, "interrupted")

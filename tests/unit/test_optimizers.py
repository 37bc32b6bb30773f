"""Optimisers, schedules and regularisers against their formulae."""

from collections.abc import Callable
from dataclasses import replace
from math import cos, pi
from typing import Any

import numpy as np
import pytest
from engine_helpers import differences, gradients, made

from digitnet.engine import optimizers
from digitnet.engine.arrays import Cases, one_hot
from digitnet.engine.layers import Dropout, Step
from digitnet.engine.network import Network
from digitnet.engine.optimizers import OPTIMIZERS, Penalties, norm_factor
from digitnet.engine.run import run
from digitnet.engine.schedules import SCHEDULES, Amount, Schedule
from digitnet.engine.settings import Settings
from digitnet.engine.speed import threads
from digitnet.engine.trainer import Trainer


def network() -> Network:
    return made("6-5-3", 3, dtype=np.float64)


def batch(count: int = 8, inputs: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    return rng.standard_normal((count, inputs)), np.eye(3)[rng.integers(3, size=count)]


def cases() -> Cases:
    rng = np.random.default_rng(5)
    answers = rng.integers(3, size=100)
    return Cases(rng.standard_normal((100, 6)) + 2 * np.eye(3, 6)[answers], one_hot(answers, 3))


def trained(amount: str, **settings: object) -> Trainer:
    trainer = Trainer(network(), Settings(**{"batch": 10, **settings}), 7)  # type: ignore[arg-type]
    run(trainer, cases(), cases(), Amount.parse(amount))
    return trainer


def weights(of: Network) -> np.ndarray:
    return np.concatenate([p.value.ravel() for p in of.parameters])


@pytest.mark.parametrize("name", ["schedule-free", "schedule-free-adamw"])
@pytest.mark.parametrize("steps", [1, 3, 510])
@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_schedule_free_steps_are_those_of_the_paper(name: str, steps: int, l2: float) -> None:
    of, plain, (inputs, targets) = network(), network(), batch()
    optimizer = OPTIMIZERS[name](of.parameters, 0.9)
    assert optimizer.answering() is None
    x, z = ([p.value.copy() for p in plain.parameters] for _ in range(2))
    squares, total = [0 * each for each in x], 0.0
    for t in range(1, steps + 1):
        of.backward(of.forward(inputs), targets)
        optimizer.step(0.1, len(inputs), penalties=optimizer.penalties(l2))
        for p, xs, zs in zip(plain.parameters, x, z, strict=True):
            p.value[...] = 0.1 * zs + 0.9 * xs  # y
        eta = 0.1 * min(1, t / 500)
        total += eta**2
        for k, g in enumerate(gradients(plain, inputs, targets)):
            if name == "schedule-free-adamw":
                squares[k] = 0.999 * squares[k] + 0.001 * g * g
                g /= np.sqrt(squares[k] / (1 - 0.999**t)) + 1e-8
            p = plain.parameters[k]
            z[k] = z[k] - eta * (g + l2 * p.value * p.decays)
            x[k] = x[k] + eta**2 / total * (z[k] - x[k])
    found = optimizer.answering()
    assert found is not None
    for mine, expected in zip(found, x, strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-7, atol=1e-10)


def faded(decay: float, seen: np.ndarray) -> np.ndarray:
    """Σ decay^age x over the steps seen, the last of which has the age 0."""
    return np.tensordot(decay ** np.arange(len(seen))[::-1], seen, 1)


def adam(seen: np.ndarray) -> np.ndarray:
    """m̂ / (√v̂ + ε): a mean whose weights fade is what the paper's correction of its bias gives."""
    m, v = (faded(d, x) / faded(d, np.ones(len(x))) for d, x in ((0.9, seen), (0.999, seen**2)))
    return m / (np.sqrt(v) + 1e-8)


STEPS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sgd": lambda seen: seen[-1],
    "momentum": lambda seen: faded(0.9, seen),
    "nesterov": lambda seen: seen[-1] + 0.9 * faded(0.9, seen),
    "rmsprop": lambda seen: seen[-1] / (np.sqrt(0.1 * faded(0.9, seen**2)) + 1e-8),
    "adam": adam,
    "adamw": adam,
}
"""The step, in units of the rate, after these gradients."""


@pytest.mark.parametrize("name", ["schedule-free", "schedule-free-adamw"])
@pytest.mark.parametrize(
    "change",
    [{"momentum": m} for m in (0.0, 0.3)]
    + [{"optimizer": "sgd"}, {"momentum": 0.95, "optimizer": "adam"}],
)
def test_settings_do_not_change_what_a_schedule_free_network_answers(
    name: str, change: dict[str, Any]
) -> None:
    trainer = trained("40", optimizer=name, average=0.0)
    x = batch()[0]
    before = trainer.answering().forward(x).copy()
    trainer.change(replace(trainer.settings, **change))
    np.testing.assert_allclose(trainer.answering().forward(x), before, rtol=1e-9)


def test_what_schedule_free_answers_with_is_limited_with_the_weights() -> None:
    trainer = trained("200", optimizer="schedule-free", rate=1.0, average=0.0, max_norm=1.0)
    for p in trainer.with_answering_weights().parameters[::2]:
        assert np.linalg.norm(p.value, axis=0).max() <= 1.2


def test_the_cost_has_no_penalty_that_the_optimizer_applies_by_itself() -> None:
    assert trained("1", optimizer="adam", l2=0.5).penalty() > 0
    assert trained("1", optimizer="adamw", l2=0.5).penalty() == 0


@pytest.mark.parametrize("name", [n for n in OPTIMIZERS if not n.startswith("schedule-free")])
@pytest.mark.parametrize(
    ("l2", "l1", "clip"), [(0, 0, 0), (0.5, 0, 0), (0, 0.01, 0), (0.5, 0, 1e9)]
)
@pytest.mark.parametrize("by_blas", [False, True])
def test_steps_follow_their_formula_and_penalties_spare_the_biases(
    name: str, l2: float, l1: float, clip: float, *, by_blas: bool, monkeypatch: Any
) -> None:
    if by_blas:  # as in a large network, in blocks of two rows
        monkeypatch.setattr(threads, "MANY", 1)
        monkeypatch.setattr(optimizers, "SMALL_PRODUCT", 2 * 8 * 5)
        monkeypatch.setattr(optimizers, "FEWEST_ROWS", 2)
    of, (x, y) = network(), batch()
    optimizer = OPTIMIZERS[name](of.parameters, 0.9)
    seen: list[list[np.ndarray]] = [[] for _ in of.parameters]
    for _ in range(3):
        expected = []
        for p, g, before in zip(of.parameters, gradients(of, x, y), seen, strict=True):
            decay = l2 * p.value * p.decays
            apart = decay if name == "adamw" else 0
            before.append(g + decay - apart + l1 * np.sign(p.value) * p.decays)
            step = STEPS[name](np.array(before)) + apart
            expected.append(p.value - 0.1 * step)
        penalties = optimizer.penalties(l2, l1)
        optimizer.step(0.1, len(x), penalties=penalties, clip=clip)
        for p, value in zip(of.parameters, expected, strict=True):
            np.testing.assert_allclose(p.value, value, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_state_that_dies_away_is_not_subnormal_which_would_be_slow(name: str) -> None:
    of = made("6-5-3", 3, dtype=np.float32)
    optimizer = OPTIMIZERS[name](of.parameters, 0.9)
    for step in range(1200):
        of.backward(of.forward(np.full((1, 6), step == 0, np.float32)), np.eye(3)[:1])
        optimizer.step(0.01, 1)
    for states in optimizer.state.values():
        assert not ((states[0] != 0) & (np.abs(states[0]) < np.finfo(np.float32).tiny)).any()


def test_clipping_does_not_add_penalties_twice() -> None:
    steps = []
    for clip in (0.0, 1e9):
        of = made("6x6-2c3-3", 3)
        x, y = (array.astype(np.float32) for array in batch(inputs=36))
        start = weights(of)
        of.backward(of.forward(x, Step()), y)
        OPTIMIZERS["sgd"](of.parameters).step(0.1, len(x), penalties=Penalties(0.5), clip=clip)
        steps.append(weights(of) - start)
    np.testing.assert_allclose(*steps, rtol=1e-6)


@pytest.mark.parametrize("far", [0, 1e21], ids=["", "a square out of range"])
def test_clipping_shortens_the_whole_gradient(far: float) -> None:
    of = made("6-8-3", 3, output="linear", cost="squared")
    start = weights(of)
    x, y = (array.astype(np.float32) for array in batch())
    of.backward(of.forward(x), y - np.float32(far))
    OPTIMIZERS["sgd"](of.parameters).step(1.0, len(x), clip=0.01)
    assert np.linalg.norm(weights(of) - start) == pytest.approx(0.01, rel=1e-3)


def test_max_norm_shortens_what_is_too_long_and_nothing_else() -> None:
    of = network()
    w = of.layers[0].weights
    w[:, 0] *= 100
    kept = w[:, 1:].copy()
    w *= norm_factor(w, 50.0)
    assert np.linalg.norm(w[:, 0]) == pytest.approx(50)
    np.testing.assert_array_equal(w[:, 1:], kept)
    assert (
        max(np.linalg.norm(trained("5", max_norm=0.3).network.layers[0].weights, axis=0)) <= 0.3001
    )


@pytest.mark.parametrize(
    ("name", "values"),
    {
        "constant": {0: 1, 0.5: 1, 1: 1},
        "step": {0: 1, 0.49: 1, 0.5: 0.1, 0.75: 0.01, 1: 0.01},
        "exponential": {0: 1, 0.5: 0.1, 1: 0.01},
        "cosine": {0: 1, 0.25: (1 + cos(pi / 4)) / 2, 0.5: 0.5, 1: 0},
        "one-cycle": {0: 0.04, 0.3: 1, 1: 0.0001},
        "inverse-sqrt": {0: 1, 1500: 1 / 2, 49_500: 1 / 10},
    }.items(),
)
def test_schedules_follow_their_formulae(name: str, values: dict[float, float]) -> None:
    for part, factor in values.items():
        assert SCHEDULES[name].factor(part) == pytest.approx(factor)
    assert Schedule.parse(name).factor(2.0, 7) == Schedule.parse(name).factor(1.0, 7)


@pytest.mark.parametrize(
    "text", ["", "linear", "cosine x", "cosine 90%", "cosine 5s", "step 1 2", "inverse-sqrt 3e"]
)
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Schedule.parse(text)


def test_a_schedule_spans_each_call_or_its_horizon_however_many_calls() -> None:
    moves = []
    for schedule in ("exponential", "constant"):
        trainer = trained("40", schedule=schedule)
        before = weights(trainer.network)
        run(trainer, cases(), cases(), Amount.parse("1"))
        moves.append(float(np.linalg.norm(weights(trainer.network) - before)))
    assert moves[0] > 0.1 * moves[1]  # the second call began again with the whole rate
    whole, parts = trained("60", schedule="cosine 6e"), trained("25", schedule="cosine 6e")
    for amount in ("15", "20"):
        run(parts, cases(), cases(), Amount.parse(amount))
    np.testing.assert_array_equal(weights(whole.network), weights(parts.network))
    assert (weights(whole.network) != weights(trained("60").network)).any()


def test_dropout_leaves_out_the_share_and_keeps_the_mean() -> None:
    dropout = Dropout((500,), probability=0.25)
    a = np.ones((200, 500), np.float32)
    out = dropout.forward(a, Step(1, 0)).copy()
    assert set(np.unique(out)) == {np.float32(0), np.float32(256 / 192)}
    assert (out == 0).mean() == pytest.approx(0.25, abs=0.01)
    assert out.mean() == pytest.approx(1, abs=0.01)
    grad = np.ones_like(a)
    dropout.backward(grad)
    np.testing.assert_array_equal(grad, out)
    for other in (Step(1, 1), Step(2, 0)):
        assert (dropout.forward(a, other) != out).any()
    another = Dropout((500,), probability=0.25, number=1)
    assert (another.forward(a, Step(1, 0)) != out).any()
    np.testing.assert_array_equal(dropout.forward(a, Step(1, 0)), out)
    for exact in (None, Step(random=False)):
        assert dropout.forward(a, exact) is a


def test_the_gradient_is_right_with_units_left_out() -> None:
    of = made("6-8-3", 3, hidden="tanh", dtype=np.float64)
    of.set_dropout(0.5)
    (x, y), step, w = batch(), Step(2, 0), of.parameters[0]
    of.backward(of.forward(x), y)  # another mask before
    of.backward(of.forward(x, step), y)
    gradient = w.whole_gradient
    numeric = differences(lambda: of.cost.value(of.forward(x, step), y), w.value)
    np.testing.assert_allclose(gradient, numeric, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("average", [0.9, 1.0])
def test_the_running_mean_answers_and_is_nearly_that_of_every_mini_batch(average: float) -> None:
    trainer, plain = (
        Trainer(network(), Settings(batch=10, average=value), 7) for value in (average, 0.0)
    )
    x, y = batch()
    means = [p.value.copy() for p in trainer.network.parameters]
    for t in range(400):
        trainer.step(x, y, 0.1)
        plain.step(x, y, 0.1)
        decay = min(average, (1 + t) / (10 + t))
        for mean, p in zip(means, trainer.network.parameters, strict=True):
            mean += (1 - decay) * (p.value - mean)
    np.testing.assert_array_equal(weights(trainer.network), weights(plain.network))
    for mine, mean in zip(trainer.answering().parameters, means, strict=True):
        np.testing.assert_allclose(mine.value, mean, rtol=0.02, atol=0.005)


def test_the_running_mean_is_of_the_weights_after_their_norms_are_limited() -> None:
    trainer = Trainer(network(), Settings(batch=10, average=0.5, max_norm=0.1), 7)
    x, y = batch()
    for _ in range(30):
        trainer.step(x, y, 1.0)
    norms = [np.linalg.norm(p.value, axis=0) for p in trainer.answering().parameters if p.decays]
    assert np.concatenate(norms).max() < 0.101


def test_early_stopping_puts_the_best_weights_back() -> None:
    trainer = Trainer(network(), Settings(batch=10, rate=2.0, patience=20), 7)
    outcome = run(trainer, cases(), cases(), Amount.parse("1000e"))
    assert (outcome.stopped, outcome.restored_best) == ("patience", True)
    assert trainer.progress.epoch < 900
    best = max(point.validation_accuracy for point in trainer.history)
    assert outcome.validation_accuracy == best == trainer.history[-1].validation_accuracy

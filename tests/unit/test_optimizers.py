"""Optimisers, schedules and regularisers against their formulae, and against PyTorch's."""

from collections.abc import Callable
from math import cos, pi

import numpy as np
import pytest
from engine_helpers import differences, gradients

from digitnet.engine.arrays import Cases, one_hot
from digitnet.engine.layers import Dropout, Step
from digitnet.engine.network import Network
from digitnet.engine.optimizers import OPTIMIZERS, Penalties, limit_norms
from digitnet.engine.run import run
from digitnet.engine.schedules import SCHEDULES, Amount, Schedule
from digitnet.engine.settings import Settings
from digitnet.engine.shapes import network_of
from digitnet.engine.speed import threads
from digitnet.engine.trainer import Trainer


def network(dtype: type = np.float64) -> Network:
    result = network_of("6-5-3", dtype=dtype)
    result.initialize(3)
    return result


def batch(count: int = 8) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    return rng.standard_normal((count, 6)), np.eye(3)[rng.integers(3, size=count)]


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


def step(of: Network, name: str, settings: Settings, rate: float, steps: int) -> None:
    optimizer = OPTIMIZERS[name](of.parameters)
    x, y = batch()
    for _ in range(steps):
        of.backward(of.forward(x), y)
        optimizer.step(
            rate,
            len(x),
            momentum=settings.momentum,
            penalties=Penalties(settings.l2, settings.l1),
            clip=settings.clip,
        )


def plain_schedule_free(
    of: Network, name: str, rate: float, steps: int, l2: float = 0.0
) -> list[np.ndarray]:
    """The answering weights x after so many steps, with x, y and z as the paper has them."""
    x, targets = batch()
    answer = [p.value.copy() for p in of.parameters]
    z = [p.value.copy() for p in of.parameters]
    squares, total = [0 * a for a in answer], 0.0
    for t in range(1, steps + 1):
        for p, xs, zs in zip(of.parameters, answer, z, strict=True):
            p.value[...] = 0.1 * zs + 0.9 * xs
        of.backward(of.forward(x), targets)
        eta = rate * min(1, t / 500)
        total += eta**2
        for k, p in enumerate(of.parameters):
            g = p.whole_gradient().copy()
            if name == "schedule-free-adamw":
                squares[k] = 0.999 * squares[k] + 0.001 * g * g
                g /= np.sqrt(squares[k] / (1 - 0.999**t)) + 1e-8
            if p.decays:
                g += l2 * p.value
            z[k] = z[k] - eta * g
            answer[k] = answer[k] + eta**2 / total * (z[k] - answer[k])
    return answer


@pytest.mark.parametrize("name", ["schedule-free", "schedule-free-adamw"])
@pytest.mark.parametrize("steps", [1, 3, 510])
@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_schedule_free_steps_are_those_of_the_paper(name: str, steps: int, l2: float) -> None:
    of = network()
    optimizer = OPTIMIZERS[name](of.parameters)
    x, y = batch()
    assert optimizer.answering() is None
    for _ in range(steps):
        of.backward(of.forward(x), y)
        optimizer.step(0.1, len(x), momentum=0.9, penalties=Penalties(l2))
    found = optimizer.answering()
    assert found is not None
    plain = plain_schedule_free(network(), name, 0.1, steps, l2)
    for mine, expected in zip(found, plain, strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("name", [n for n in OPTIMIZERS if not n.startswith("schedule-free")])
def test_a_step_is_that_of_pytorch(name: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    of = network()
    layers = [torch.nn.Linear(6, 5), torch.nn.Linear(5, 3)]
    model = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1]).double()
    with torch.no_grad():
        for theirs, mine in zip(layers, of.layers, strict=True):
            theirs.weight.copy_(torch.from_numpy(mine.weights.T.copy()))
            theirs.bias.copy_(torch.from_numpy(mine.biases.copy()))
    decay = [{"params": [x.weight for x in layers], "weight_decay": 0.01},
             {"params": [x.bias for x in layers], "weight_decay": 0.0}]  # fmt: skip
    theirs = {
        "sgd": lambda: torch.optim.SGD(decay, lr=0.1),
        "momentum": lambda: torch.optim.SGD(decay, lr=0.1, momentum=0.9),
        "nesterov": lambda: torch.optim.SGD(decay, lr=0.1, momentum=0.9, nesterov=True),
        "rmsprop": lambda: torch.optim.RMSprop(decay, lr=0.1, alpha=0.9),
        "adam": lambda: torch.optim.Adam(decay, lr=0.1),
        "adamw": lambda: torch.optim.AdamW(decay, lr=0.1),
    }[name]()
    x, y = batch()
    for _ in range(3):
        theirs.zero_grad()
        torch.nn.functional.cross_entropy(
            model(torch.from_numpy(x)), torch.from_numpy(y)
        ).backward()
        theirs.step()
    step(of, name, Settings(optimizer=name, l2=0.01), 0.1, 3)
    for layer, mine in zip(layers, of.layers, strict=True):
        np.testing.assert_allclose(mine.weights.T, layer.weight.detach().numpy(), rtol=1e-5)
        np.testing.assert_allclose(mine.biases, layer.bias.detach().numpy(), rtol=1e-5)


FIRST_STEPS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sgd": lambda g: 0.1 * g,
    "momentum": lambda g: 0.1 * g,
    "nesterov": lambda g: 0.1 * (g + 0.9 * g),
    "rmsprop": lambda g: 0.1 * g / (np.sqrt(0.1 * g * g) + 1e-8),
    "adam": lambda g: 0.1 * g / (np.abs(g) + 1e-8),
    "adamw": lambda g: 0.1 * g / (np.abs(g) + 1e-8),
    # the rate of the first of 500 steps; x = z after it, so that y = z
    "schedule-free": lambda g: 0.1 / 500 * g,
    "schedule-free-adamw": lambda g: 0.1 / 500 * g / (np.abs(g) + 1e-8),
}


@pytest.mark.parametrize("many", [1, 10**9], ids=["by BLAS", "by numpy"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_first_step_follows_the_formula(
    name: str, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "MANY", many)
    of = network()
    pairs = zip(of.parameters, gradients(of, *batch()), strict=True)
    expected = [p.value - FIRST_STEPS[name](g) for p, g in pairs]
    step(of, name, Settings(optimizer=name), 0.1, 1)
    for p, value in zip(of.parameters, expected, strict=True):
        np.testing.assert_allclose(p.value, value, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "settings", "pull"),
    [
        ("adamw", {"l2": 0.5}, lambda w: 0.1 * 0.5 * w),
        ("sgd", {"l1": 0.01}, lambda w: 0.1 * 0.01 * np.sign(w)),
        ("momentum", {"l2": 0.5, "clip": 1e9}, lambda w: 0.1 * 0.5 * w),
    ],
)
def test_penalties_pull_weights_towards_zero_but_not_biases(
    name: str, settings: dict[str, float], pull: Callable[[np.ndarray], np.ndarray]
) -> None:
    of, without = network(), network()
    step(of, name, Settings(**settings), 0.1, 1)  # type: ignore[arg-type]
    step(without, name, Settings(), 0.1, 1)
    each = zip(of.parameters, without.parameters, network().parameters, strict=True)
    for mine, other, start in each:
        expected = other.value - pull(start.value) if mine.decays else other.value
        np.testing.assert_allclose(mine.value, expected, rtol=1e-12, atol=1e-15)


def test_clipping_shortens_the_whole_gradient() -> None:
    of, start = network(), weights(network())
    step(of, "sgd", Settings(clip=0.01), 1.0, 1)
    assert np.linalg.norm(weights(of) - start) == pytest.approx(0.01)


def test_clipping_bears_a_gradient_whose_square_is_out_of_range() -> None:
    of = network_of("6-8-3", output="linear", cost="squared")
    of.initialize(3)
    start = weights(of)
    x, y = (array.astype(np.float32) for array in batch())
    of.backward(of.forward(x), y - np.float32(1e21))
    OPTIMIZERS["sgd"](of.parameters).step(1.0, len(x), clip=0.01)
    assert np.linalg.norm(weights(of) - start) == pytest.approx(0.01, rel=1e-3)


def test_max_norm_shortens_what_is_too_long_and_nothing_else() -> None:
    of = network()
    w = of.layers[0].weights
    w[:, 0] *= 100
    kept = w[:, 1:].copy()
    limit_norms(of.parameters, 50.0)
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
    of = network_of("6-8-3", hidden="tanh", dtype=np.float64)
    of.initialize(3)
    of.set_dropout(0.5)
    (x, y), step, w = batch(), Step(2, 0), of.parameters[0]
    of.backward(of.forward(x), y)  # another mask before
    of.backward(of.forward(x, step), y)
    gradient = w.whole_gradient()
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
    assert (outcome.stopped, outcome.best) == ("patience", True)
    assert trainer.progress.epoch < 900
    best = max(point.validation_accuracy for point in trainer.history)
    assert outcome.validation_accuracy == best == trainer.history[-1].validation_accuracy

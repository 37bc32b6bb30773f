"""Training steps followed by hand, with nothing of the engine's: plain formulae, one at a time."""

from math import exp

import numpy as np
import pytest

from digitnet.digits.datasets import SOURCES
from digitnet.engine.run import run
from digitnet.engine.schedules import Amount
from digitnet.engine.trainer import Trainer
from digitnet.recipes import RECIPES, build
from digitnet.registry.model import Model


def trained(recipe: str, seed: int, amount: str) -> Model:
    named = build(RECIPES[recipe], seed)
    data = SOURCES[recipe].read([])
    run(named.trainer, data.train, data.validation, Amount.parse(amount))
    return named


def logistic(z: float) -> float:
    return 1 / (1 + exp(-z))


def test_one_iteration_of_mini() -> None:
    """3-3-2 with the squared error: every sum written out."""
    named = build(RECIPES["mini"], 6)
    (w1, b1), (w2, b2) = (
        (layer.weights.tolist(), layer.biases.tolist())  # type: ignore[union-attr]
        for layer in named.network.layers
    )
    data = SOURCES["mini"].read([])
    new_w1, new_w2 = [row[:] for row in w1], [row[:] for row in w2]
    new_b1, new_b2 = b1[:], b2[:]
    step = RECIPES["mini"].settings.rate / 8
    for x, y in zip(data.train.inputs.tolist(), data.train.targets.tolist(), strict=True):
        h = [logistic(b1[j] + sum(x[i] * w1[i][j] for i in range(3))) for j in range(3)]
        a = [logistic(b2[k] + sum(h[j] * w2[j][k] for j in range(3))) for k in range(2)]
        d2 = [(a[k] - y[k]) * a[k] * (1 - a[k]) for k in range(2)]
        d1 = [h[j] * (1 - h[j]) * sum(w2[j][k] * d2[k] for k in range(2)) for j in range(3)]
        for k in range(2):
            new_b2[k] -= step * d2[k]
            for j in range(3):
                new_w2[j][k] -= step * h[j] * d2[k]
        for j in range(3):
            new_b1[j] -= step * d1[j]
            for i in range(3):
                new_w1[i][j] -= step * x[i] * d1[j]
    layers = trained("mini", 6, "1").network.layers
    for layer, w, b in zip(layers, (new_w1, new_w2), (new_b1, new_b2), strict=True):
        np.testing.assert_allclose(layer.weights, w, rtol=1e-12)  # type: ignore[attr-defined]
        np.testing.assert_allclose(layer.biases, b, rtol=1e-12)  # type: ignore[attr-defined]


@pytest.mark.parametrize("recipe", ["mini", "mini3"])
def test_the_mini_networks_learn_their_tables(recipe: str) -> None:
    named = trained(recipe, 1, "3000")
    data = SOURCES[recipe].read([])
    assert named.trainer.measure(data.test).accuracy == 1


def test_momentum_and_l2_follow_their_formulae() -> None:
    named = build(RECIPES["truth"], 5)
    data = SOURCES["truth"].read([])
    trainer: Trainer = named.trainer
    settings = {"optimizer": "momentum", "rate": "0.5", "momentum": "0.9", "l2": "0.01"}
    for name, value in settings.items():
        trainer.change(trainer.settings.changed(name, value))
    w, v = named.network.layers[0].weights.copy(), np.zeros((3, 1))
    x, y = data.train.inputs, data.train.targets
    for _ in range(3):
        a = 1 / (1 + np.exp(-x @ w))
        g = x.T @ ((a - y) * a * (1 - a)) / 4 + 0.01 * w
        v = 0.9 * v + g
        w = w - 0.5 * v
    run(trainer, data.train, data.validation, Amount.parse("3"))
    np.testing.assert_allclose(named.network.layers[0].weights, w, rtol=1e-12)
    trainer.change(trainer.settings.changed("optimizer", "sgd"))
    a = 1 / (1 + np.exp(-x @ w))
    w = w - 0.5 * (x.T @ ((a - y) * a * (1 - a)) / 4 + 0.01 * w)
    run(trainer, data.train, data.validation, Amount.parse("1"))
    np.testing.assert_allclose(named.network.layers[0].weights, w, rtol=1e-12)

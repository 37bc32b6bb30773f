"""scipy's minimisers, however they end: the network has the weights of an iteration."""

import time
from collections.abc import Generator

import numpy as np
import pytest

from digitnet.engine.arrays import Cases, one_hot
from digitnet.engine.minimize import METHODS, Iteration, Minimum, minimize
from digitnet.engine.settings import Settings
from digitnet.engine.shapes import network_of
from digitnet.engine.trainer import Trainer


def cases(count: int = 3000) -> Cases:
    rng = np.random.default_rng(0)
    answers = rng.integers(10, size=count)
    return Cases(
        (rng.standard_normal((10, 60))[answers] + rng.standard_normal((count, 60))).astype("f"),
        one_hot(answers, 10),
    )


CASES = cases()


def trainer(scale: float = 1.0) -> Trainer:
    network = network_of("60-40-10")
    network.initialize(1)
    for parameter in network.parameters:
        parameter.value[...] *= scale
    return Trainer(network, Settings(l2=1e-3, optimizer="momentum"), 1)


def minimizing(of: Trainer, method: str) -> Generator[Iteration, None, Minimum]:
    return minimize(of, CASES, CASES, 30, method)


@pytest.mark.parametrize("method", METHODS)
def test_at_each_report_the_network_is_that_of_an_iteration(method: str) -> None:
    of, last = trainer(), np.inf
    for report in minimizing(of, method):
        cost = of.measure(CASES).cost
        assert cost <= report.cost * 1.0001  # it may be an iteration further already
        assert cost <= last * 1.0001
        last = cost


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("error", [GeneratorExit, KeyboardInterrupt])
def test_who_looks_away_keeps_the_last_iteration(method: str, error: type[BaseException]) -> None:
    of = trainer()
    run = minimizing(of, method)
    reports = [next(run) for _ in range(5)]
    with pytest.raises(error):
        run.throw(error)
    weights = [p.value.copy() for p in of.network.parameters]
    assert of.measure(CASES).cost <= reports[-1].cost * 1.0001
    assert of.progress.batches >= 5
    time.sleep(0.3)
    for parameter, value in zip(of.network.parameters, weights, strict=True):
        np.testing.assert_array_equal(parameter.value, value)


def test_what_was_done_is_counted_at_each_report_and_once() -> None:
    of = trainer()
    of.averages = [p.value.copy() for p in of.network.parameters]
    counts = []
    for report in minimizing(of, "l-bfgs"):
        counts.append(of.progress.batches)
        assert of.progress.batches >= report.number
        assert of.averages is None  # the mean of weights that are gone
    assert counts == sorted(counts)
    assert of.progress.batches == report.number
    assert [point.batches for point in of.history] == list(range(1, report.number + 1))
    assert of.history[-1].validation_cost == pytest.approx(of.measure(CASES).cost)
    assert of.progress.samples == of.progress.batches * len(CASES)


def test_where_nothing_was_done_nothing_is_forgotten() -> None:
    of = trainer()
    of.averages = [p.value.copy() for p in of.network.parameters]
    with pytest.raises(StopIteration):
        next(minimize(of, CASES, CASES, 30, "cg", stop=lambda: True))
    assert of.averages is not None
    assert of.progress.batches == 0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scale", [1e19, 1e37])
@pytest.mark.filterwarnings("error")
def test_from_weights_that_are_far_off_it_ends_in_order(method: str, scale: float) -> None:
    of = trainer(scale)
    run = minimizing(of, method)
    with pytest.raises(StopIteration):
        while True:
            next(run)
    assert of.network.is_finite()

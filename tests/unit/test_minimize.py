"""scipy's minimisers, however they end: the network has the weights of an iteration."""

import numpy as np
import pytest
from engine_helpers import made

from digitnet.engine.arrays import Cases, one_hot
from digitnet.engine.minimize import METHODS, minimize
from digitnet.engine.report import Stopped
from digitnet.engine.run import Status
from digitnet.engine.schedules import Amount
from digitnet.engine.settings import Settings
from digitnet.engine.trainer import Trainer

COUNT, RNG = 3000, np.random.default_rng(0)
ANSWERS = RNG.integers(10, size=COUNT)
POINTS = RNG.standard_normal((10, 60))[ANSWERS] + RNG.standard_normal((COUNT, 60))
CASES = Cases(POINTS.astype("f"), one_hot(ANSWERS, 10))


def trainer(
    scale: float = 1.0, optimizer: str = "momentum", shape: str = "60-40-10", l2: float = 1e-3
) -> Trainer:
    network = made(shape)
    for parameter in network.parameters:
        parameter.value[...] *= scale
    return Trainer(network, Settings(l2=l2, optimizer=optimizer), 1)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("shape", "optimizer"),
    [("60-40-10", "momentum"), ("60-40-b-10", "momentum"), ("60-40-10", "adamw")],
)
def test_it_starts_where_the_network_answers_and_each_iteration_that_is_reported_costs_less(
    method: str, shape: str, optimizer: str
) -> None:
    """Also with adamw, whose l2 is no penalty."""
    of = trainer(shape=shape, optimizer=optimizer, l2=0.03)
    minimize(of, CASES, CASES, Amount(1, "batches"), method=method)
    of.averages = [p.value.copy() for p in of.network.parameters]
    for p in of.network.parameters:
        p.value[...] *= 3  # those in training
    of.measure_statistics(CASES)
    costs = [of.measure(CASES).cost]

    def report(done: Status | None) -> None:
        if done:
            costs.append(of.measure(CASES).cost)
            assert costs[-1] == pytest.approx(done.cost, rel=1e-4)

    minimize(of, CASES, CASES, Amount(30, "batches"), report, method=method)
    assert costs == sorted(costs, reverse=True)
    assert len(costs) > 10


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("passes", [0, 2])
@pytest.mark.parametrize("error", [Stopped, KeyboardInterrupt])
def test_an_interrupt_keeps_the_last_iteration(
    method: str, passes: int, error: type[BaseException]
) -> None:
    """passes: over the cases, in the middle of an iteration, after the fifth iteration."""
    of, iterations, begun = trainer(), [], []

    def report(done: Status | None) -> None:
        if done:
            iterations.append(done)
        elif len(iterations) == 5:
            begun.append(1)
        if len(iterations) == 5 and len(begun) == passes:
            raise error

    if error is Stopped:
        result = minimize(of, CASES, CASES, Amount(30, "batches"), report, method=method)
        assert (result.stopped, result.batches) == ("interrupted", len(iterations))
    else:
        with pytest.raises(KeyboardInterrupt):
            minimize(of, CASES, CASES, Amount(30, "batches"), report, method=method)
    assert of.progress.batches == len(iterations)
    assert of.measure(CASES).cost == pytest.approx(iterations[-1].cost, rel=1e-4)


@pytest.mark.parametrize("optimizer", ["momentum", "adamw"])
def test_what_was_done_is_counted_at_each_report_and_once(optimizer: str) -> None:
    of = trainer(optimizer=optimizer)
    of.averages = [p.value.copy() for p in of.network.parameters]
    counts = []

    def report(done: Status | None) -> None:
        if done:
            counts.append(of.progress.batches)
            assert of.progress.batches == done.batches
            assert of.averages is None  # the mean of weights that are gone

    minimize(of, CASES, CASES, Amount(10, "batches"), report)
    assert counts == list(range(1, 11))
    assert [point.batches for point in of.history] == counts
    for cost in (of.history[-1].cost, of.history[-1].validation_cost):
        assert cost == pytest.approx(of.measure(CASES).cost)
    assert of.progress.samples == of.progress.batches * len(CASES)


def test_where_nothing_was_done_nothing_is_forgotten() -> None:
    of = trainer()
    of.averages = [p.value.copy() for p in of.network.parameters]

    def report(_: object) -> None:
        raise Stopped

    minimize(of, CASES, CASES, Amount(30, "batches"), report, method="cg")
    assert of.averages is not None
    assert of.progress.batches == 0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scale", [1e19, 1e37])
@pytest.mark.filterwarnings("error")
def test_from_weights_that_are_far_off_it_ends_in_order(method: str, scale: float) -> None:
    of = trainer(scale)
    assert minimize(of, CASES, CASES, Amount(30, "batches"), method=method).stopped == "stuck"
    for shape, iterations, ending in (("60-40-10", 3, "done"), ("60-10", 999, "converged")):
        amount = Amount(iterations, "batches")
        assert minimize(trainer(shape=shape), CASES, CASES, amount, method=method).stopped == ending
    assert of.network.is_finite()

"""The doctor: planted faults are found, healthy networks are let be, and nothing is changed."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from doctor_helpers import CONVOLUTION, DENSE, HEALTHY, PLANTS, Healthy, Patient, fresh, recipe

from digitnet.engine.optimizers import OPTIMIZERS
from digitnet.engine.report import Stopped
from digitnet.insight.doctor import CHANGES, FAULTS, STRONG
from digitnet.insight.rehearsal import Point, range_test, suggested_rate

OF_DATA = {"labels", "imbalance", "too-few", "over-fitting", "same-inputs"}
"""Faults that are the same whatever the layers are."""


def named_first(patient: Patient) -> str:
    return (patient.findings() or [None])[0].code  # type: ignore[union-attr]


@pytest.mark.parametrize("code", PLANTS)
def test_a_planted_fault_is_named_and_what_follows_from_it_is_not(code: str) -> None:
    assert [found.code for found in PLANTS[code](DENSE).findings()] == [code]


@pytest.mark.parametrize("code", sorted(PLANTS.keys() - OF_DATA))
def test_a_fault_in_a_convolutional_network_is_named_first(code: str) -> None:
    assert named_first(PLANTS[code](CONVOLUTION)) == code


@pytest.mark.parametrize("healthy", HEALTHY, ids=lambda h: f"{h[0]}-{h[1]}-{h[2]}")
def test_nothing_is_found_in_a_healthy_network(healthy: Healthy) -> None:
    name, amount, seed, settings = healthy
    assert recipe(name, amount, seed=seed, **settings).findings() == []


def test_the_diary_that_did_everything_wrong_is_told_of_its_pixels() -> None:
    assert [found.code for found in recipe("notebook", "20").findings()] == ["pixels"]


def test_weights_that_are_no_numbers_are_told_of_and_not_worked_with() -> None:
    patient = fresh(DENSE)
    patient.trainer.network.parameters[0].value[0, 0] = np.nan
    assert [found.code for found in patient.findings()] == ["not-finite"]


def test_every_fault_has_a_plant() -> None:
    elsewhere = {"not-finite", *STRONG, *CHANGES} - {"decay", "dropout"}
    assert PLANTS.keys() == FAULTS.keys() - elsewhere


def everything(patient: Patient) -> list[Any]:
    """All there is of a network in training and its data, to the bit."""
    trainer = patient.trainer
    snapshot = trainer.snapshot()
    arrays = [*snapshot.values, *snapshot.statistics, *(snapshot.averages or [])]
    arrays += [array for kept in snapshot.state.values() for array in kept]
    arrays += [patient.train.inputs, patient.train.targets, patient.validation.inputs]
    return [
        [array.tobytes() for array in arrays],
        asdict(trainer.progress),
        list(trainer.history),
        trainer.settings,
        trainer.optimizer.steps,
        [layer.text for layer in trainer.network.layers],
        np.random.get_state()[1].tobytes(),  # type: ignore[index, union-attr, call-overload]
    ]


@pytest.mark.parametrize(
    "patient",
    [
        lambda: fresh(DENSE, dropout=0.6, rate=3.0, average=1.0).trained("50"),
        lambda: fresh("28x28-2c5-b-p4-10", optimizer="adam", rate=0.001).trained("30"),
        lambda: fresh(DENSE, optimizer="schedule-free", l2=0.1).trained("30"),
    ],
    ids=["dropout", "batch normalisation", "schedule-free"],
)
def test_the_network_stays_as_it_is_to_the_bit(patient: Callable[[], Patient]) -> None:
    examined, untouched = patient(), patient()
    before = everything(examined)
    examined.findings()
    range_test(examined.trainer, examined.train)
    assert everything(examined) == before
    assert everything(examined.trained("20"))[0] == everything(untouched.trained("20"))[0]


def test_it_stops_between_two_mini_batches() -> None:
    seen: list[str] = []

    def stop_at_the_rehearsal(what: str) -> None:
        seen.append(what)
        if what == "a rehearsal":
            raise Stopped

    with pytest.raises(Stopped):
        fresh(DENSE, rate=1e-6).findings(stop_at_the_rehearsal)
    assert seen.count("a rehearsal") == 1


# the range test

RATES = {
    "sgd": (0.05, 0.5),
    "momentum": (0.02, 0.2),
    "nesterov": (0.02, 0.2),
    "rmsprop": (0.0004, 0.006),
    "adam": (0.001, 0.01),
    "adamw": (0.001, 0.01),
    "schedule-free": (0.4, 4.0),
    "schedule-free-adamw": (0.002, 0.02),
}
"""optimiser → rates with which `784-32-10` does about as well as it can."""


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_suggested_rate_is_a_good_one_for_every_optimiser(optimizer: str) -> None:
    patient = fresh(DENSE, optimizer=optimizer, rate=1e-9)
    points = range_test(patient.trainer, patient.train)
    suggested = suggested_rate(points, optimizer)
    low, high = RATES[optimizer]
    assert suggested is not None
    assert low <= suggested <= high
    patient = fresh(DENSE, optimizer=optimizer, rate=suggested).trained("2e")
    accuracy = patient.trainer.measure(patient.validation).accuracy
    assert accuracy >= 0.82


def test_the_suggestion_is_told_as_the_setting_that_a_falling_schedule_wants() -> None:
    suggested = []
    for batches in (0, 4500):
        patient = fresh(DENSE, schedule="inverse-sqrt")
        patient.trainer.progress.batches = batches
        points = range_test(patient.trainer, patient.train)
        suggested.append(suggested_rate(points, "momentum") or 0.0)
    assert suggested[1] / suggested[0] == pytest.approx(np.sqrt(10), rel=0.5)


def test_there_is_no_suggestion_where_the_cost_does_not_fall() -> None:
    assert suggested_rate([Point(1e-5, 2.3), Point(1e-2, 2.3), Point(1, 9.0)], "sgd") is None
    assert suggested_rate([Point(1e-5, 2.3), Point(1e-2, np.inf)], "sgd") is None

"""The doctor: planted faults are found, healthy networks are let be, and nothing is changed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from doctor_helpers import (
    CONVOLUTION,
    DENSE,
    HEALTHY,
    PLANTS,
    SLOW,
    TRANSPOSED,
    Healthy,
    Patient,
    changed,
    fresh,
    recipe,
    some,
    table,
    with_data,
)
from registry_helpers import everything

from digitnet.engine.arrays import answers_of
from digitnet.engine.optimizers import OPTIMIZERS
from digitnet.engine.report import Stopped
from digitnet.insight import rehearsal
from digitnet.insight.doctor import FAULTS, LAYERS, SETTINGS, Fault, fault
from digitnet.insight.facts import Facts
from digitnet.insight.rehearsal import Point, range_test, suggested_rate
from digitnet.registry.model import Model

CURED = {"pixels", "plateau"}
CURED |= {name for name, each in FAULTS.items() if each.group in (SETTINGS, LAYERS)} - {"vanishing"}
"""Faults whose remedy can be tried in a moment and brings most of the accuracy back."""


@pytest.fixture
def full(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether --full was given; without it, rehearsals are as short as those of large networks."""
    if not (is_full := bool(pytestconfig.getoption("full"))):
        monkeypatch.setattr(rehearsal, "WORK", 0)
    return is_full


@pytest.mark.parametrize("code", PLANTS)
def test_a_planted_fault_is_named_and_what_follows_from_it_is_not(code: str, full: bool) -> None:
    (finding,) = PLANTS[code](DENSE).findings()
    assert finding.code == code
    assert (finding.reached is not None) == (code in CURED | {"vanishing"})
    if code in CURED:
        assert finding.reached is not None
        assert finding.reached[0] > (0.6 if full else 0.4)
        assert finding.remedy


OF_LAYERS = [name for name, each in FAULTS.items() if each.group == LAYERS]


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("code", [*OF_LAYERS, "dropout", "stale", "rate-high"])
def test_a_fault_in_a_convolutional_network_is_named_first(code: str) -> None:
    assert PLANTS[code](CONVOLUTION).codes[:1] == [code]


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize(
    "healthy",
    [
        pytest.param(h, id="-".join(map(str, h[:3])), marks=[pytest.mark.full] * (h in SLOW))
        for h in HEALTHY + SLOW
    ],
)
def test_nothing_is_found_in_a_healthy_network(healthy: Healthy) -> None:
    name, amount, seed, settings = healthy
    assert recipe(name, amount, seed=seed, **settings).codes == []


@pytest.mark.parametrize("digits", [2, 5])
def test_answers_that_do_not_occur_are_no_fault(digits: int) -> None:
    patient = fresh(DENSE)
    patient.train, *others = (
        some(cases, answers_of(cases.targets) < digits)
        for cases in (patient.train, *patient.sets.values())
    )
    patient.sets = dict(zip(patient.sets, others, strict=True))
    assert patient.trained("1e").codes == []


def test_sets_that_are_changed_alike_are_no_fault() -> None:
    assert changed(TRANSPOSED, "train", "validation", "test")(DENSE).codes == []


def test_every_fault_has_a_plant() -> None:
    assert PLANTS.keys() == FAULTS.keys()


def test_a_fault_is_one_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digitnet.insight.doctor.FAULTS", known := dict[str, Fault]())

    @fault("data", "The number of cases is even.")
    def even(f: Facts) -> tuple[str, tuple[()]] | None:
        return (f"{len(f.data.train):,} cases", ()) if len(f.data.train) % 2 == 0 else None

    (finding,) = fresh(DENSE).findings()
    assert (finding.code, finding.evidence) == ("even", "3,500 cases")
    assert list(known) == ["even"]


def at_rate(patient: Patient, rate: float) -> Patient:
    patient.trainer.change(replace(patient.trainer.settings, rate=rate))
    return patient


@pytest.mark.parametrize(("patient", "code"), [
    (lambda: recipe("notebook", "20"), "pixels"),
    (lambda: recipe("diary", "200", rate=0.01), "rate-low"),
    (lambda: recipe("diary", "100", rate=300.0), "rate-high"),
    (lambda: recipe("quick", "200", optimizer="adam"), "rate-high"),
    (lambda: fresh("784-30-30-30-30-30-30-10", options={"hidden": "sigmoid"}).trained("200"),
     "vanishing"),
    (lambda: at_rate(PLANTS["repeated"](DENSE), 5.0), "rate-high"),
    (lambda: fresh("784-10", options={"output": "linear", "cost": "squared"}, rate=0.04,
                   average=1.0).trained("1e"), "rate-high"),
], ids=["raw pixels", "slow", "saturated", "adam", "deep", "fast, cases repeated",
        "worse than nothing"])  # fmt: skip
def test_what_learners_meet_is_called_by_its_cause(
    patient: Callable[[], Patient], code: str
) -> None:
    assert patient().codes[:1] == [code]


def test_a_cost_that_has_risen_is_that_of_the_history() -> None:
    patient = fresh(DENSE, cases=500, rate=0.1, l2=1e-4, seed=6).trained("60e")
    (finding,) = patient.findings()
    now = patient.trainer.history[-1].validation_cost
    assert finding.code == "over-fitting"
    assert finding.evidence.endswith(f" to {now:.3g}")


@pytest.mark.parametrize(("patient", "told"), [
    (lambda: table("4-16-3", "3e"), []),
    (lambda: table("64-16-3", "3e"), []),
    (lambda: table("5-16-2", "5e", odds=(0.92, 0.08)), []),
    (lambda: table("4-16-3", "5e", options={"hidden": "linear"}), []),
    (lambda: table("4-16-2", "9e", noise=2, unit=0.1, decimals=0), []),
    (lambda: with_data(fresh("2-1:sigmoid").trainer, "xor"), [("cannot-fit", "n 2-100:relu-1")]),
    (lambda: table("5-16-2", "5e", noise=2, odds=(0.97, 0.03)), [("imbalance", "")]),
    (lambda: table("40-16-3", "9e", noise=1.2), [("over-fitting", "set dropout 0.2")]),
    (lambda: table("40-16-3", "2e", noise=1.2, rate=1e-6), [("rate-low", "set rate 0.05")]),
    (lambda: table("4-16-3", "2e", rate=30.0), [("rate-high", "n 4-16:relu-3")]),
    (lambda: table("4-16-3", "2e", unit=(1, 1, 1, 300)), [("pixels", "n 4-b:linear-16:relu-3")]),
    (lambda: table("4-16-3", "2e", unit=1e-3), [("pixels", "n 4-b:linear-16:relu-3")]),
    (lambda: table("4-16-3", "2e", unit=(1, 1, 1, 0), shift=(0, 0, 0, 5000)),
     [("pixels", "n 4-b:linear-16:relu-3")]),
    (lambda: table("3-16-3", unit=5), []),
    (lambda: table("100-8-100", noise=3, unit=0.3), []),
    (lambda: recipe("spiral", "20e", seed=2, rate=1e-5), [("rate-low", "set rate 0.0")]),
], ids=["easy", "square", "rare, read", "linear", "few values", "xor", "rare, misread",
        "many columns", "slow", "fast", "units", "tiny", "a constant column", "large, but learned",
        "answers by chance", "spiral"])  # fmt: skip
def test_a_table_is_not_judged_as_pictures_are(
    patient: Callable[[], Patient], told: list[tuple[str, str]]
) -> None:
    findings = patient().findings()
    assert [finding.code for finding in findings] == [code for code, _ in told]
    for finding, (_, remedy) in zip(findings, told, strict=True):
        assert finding.remedy.startswith(remedy)
        assert not finding.reached or finding.reached[0] > 0.7


def snapshot(patient: Patient) -> list[Any]:
    """All there is of a network in training and its data, to the bit."""
    data = (patient.train.inputs, patient.train.targets, patient.sets["validation"].inputs)
    return [
        everything(Model(patient.trainer)),
        [layer.text for layer in patient.trainer.network.layers],
        [array.tobytes() for array in (*data, np.random.get_state()[1])],  # type: ignore[index]
    ]


@pytest.mark.parametrize(
    "patient",
    [
        lambda: fresh(DENSE, dropout=0.6, rate=3.0, average=1.0).trained("50"),
        lambda: fresh("784-12-b-10", optimizer="adam", rate=0.001).trained("30"),
        lambda: fresh(DENSE, optimizer="schedule-free", l2=0.1).trained("30"),
    ],
    ids=["dropout", "batch normalisation", "schedule-free"],
)
def test_the_network_stays_as_it_is_to_the_bit(patient: Callable[[], Patient]) -> None:
    examined, untouched = patient(), patient()
    before = snapshot(examined)
    examined.findings()
    range_test(examined.trainer, examined.train)
    assert snapshot(examined) == before
    later = (everything(Model(each.trained("20").trainer)) for each in (examined, untouched))
    assert next(later)["parameters"] == next(later)["parameters"]


def test_it_stops_between_two_mini_batches() -> None:
    seen: list[str] = []

    def stop_at_the_rehearsal(what: str) -> None:
        seen.append(what)
        if what == "a short training":
            raise Stopped

    with pytest.raises(Stopped):
        fresh(DENSE, rate=1e-6).findings(stop_at_the_rehearsal)
    assert seen.count("a short training") == 1


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
    suggested = suggested_rate(range_test(patient.trainer, patient.train), optimizer)
    low, high = RATES[optimizer]
    assert suggested is not None
    assert low <= suggested <= high
    patient = fresh(DENSE, optimizer=optimizer, rate=suggested).trained("2e")
    assert patient.trainer.measure(patient.sets["validation"]).accuracy >= 0.82


@pytest.mark.parametrize(("patient", "low", "high"), [
    (lambda: recipe("xor"), 0.01, 0.3),
    (lambda: recipe("spiral"), 0.001, 0.03),
    (lambda: recipe("truth"), 1, 100),
    (lambda: recipe("quick", cases=16), 0.001, 0.3),
    (lambda: recipe("diary"), 1, 10),
], ids=["xor", "spiral", "truth", "16 cases", "diary"])  # fmt: skip
def test_the_suggested_rate_is_a_good_one_where_there_is_little_to_learn(
    patient: Callable[[], Patient], low: float, high: float
) -> None:
    trainer, cases = patient().trainer, patient().train
    suggested = suggested_rate(range_test(trainer, cases), trainer.settings.optimizer)
    assert suggested is not None
    assert low <= suggested <= high


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

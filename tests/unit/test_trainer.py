"""Training: amounts, the order of cases, exact resumption, divergence, interruption."""

from collections.abc import Callable
from time import sleep
from typing import Any

import numpy as np
import pytest
from engine_helpers import made

from digitnet.engine.arrays import Cases, Feeder, answers_of, one_hot
from digitnet.engine.evaluate import evaluate
from digitnet.engine.report import Stopped, ignore
from digitnet.engine.run import Outcome, Status, run, work_clock
from digitnet.engine.schedules import Amount
from digitnet.engine.settings import Settings
from digitnet.engine.shapes import network_of
from digitnet.engine.trainer import MEASURE_CASES, Trainer


def blobs(count: int = 200) -> Cases:
    """Three clouds of points in four dimensions, easily told apart."""
    rng = np.random.default_rng(0)
    answers = rng.integers(3, size=count)
    centres = 3 * np.eye(3, 4)
    return Cases(
        (centres[answers] + 0.5 * rng.standard_normal((count, 4))).astype(np.float32),
        one_hot(answers, 3),
    )


def trainer(seed: int = 1, **settings: float) -> Trainer:
    values = {"rate": 0.1, "batch": 16} | settings
    return Trainer(made("4-8-3", seed), Settings(**values), seed)  # type: ignore[arg-type]


def train(
    of: Trainer, amount: str, cases: Cases | None = None, report: Callable[[Status], None] = ignore
) -> Outcome:
    cases = cases or blobs()
    return run(of, cases, cases, Amount.parse(amount), report)


def reports_of(of: Trainer, amount: str) -> list[Status]:
    reports: list[Status] = []
    train(of, amount, report=reports.append)
    return reports


def values(of: Trainer) -> list[bytes]:
    return [p.value.tobytes() for p in of.network.parameters]


@pytest.mark.parametrize(
    ("texts", "meant"),
    [
        (["5e", "5 epochs", "5 Epoch"], Amount(5, "epochs")),
        (["90s", "90 seconds", "1.5m", "0.025 h"], Amount(90, "seconds")),
        (["1500", "1,500", "1500 mini-batches"], Amount(1500, "batches")),
        (["98%", "98 percent"], Amount(0.98, "accuracy")),
        (["1,234,567e"], Amount(1234567, "epochs")),
        (["0,5e", "0.5e", ".5 e", "0,500 epochs", ",5e"], Amount(0.5, "epochs")),
        (["", "x", "-5", "1.5", "0", "5x", "101%", "nan", "inf", "1e5e", "9" * 20], None),
        (["3  e", "3\u2028e", "²", ",500", "0,500", "5,0001", "1,000,00"], None),
    ],
    ids=str,
)
def test_an_amount_is_understood_or_refused(texts: list[str], meant: Amount | None) -> None:
    for text in texts:
        if meant:
            assert Amount.parse(text) == meant
        else:
            with pytest.raises(ValueError):
                Amount.parse(text)


@pytest.mark.parametrize(
    ("before", "amount", "batches", "samples"),
    [
        ("", "7", 7, 112),
        ("", "1e", 13, 200),
        ("", "2e", 26, 400),
        ("", "0.5e", 7, 112),
        ("", "40", 40, 616),
        ("7", "30 total", 23, 352),
        ("7", "3e total", 32, 488),
        ("7", "7 total", 0, 0),
    ],
)
def test_amounts_are_kept_to(before: str, amount: str, batches: int, samples: int) -> None:
    of = trainer()
    if before:
        train(of, before)
    first = list(of.history)
    outcome = train(of, amount)
    assert (outcome.batches, outcome.samples, outcome.stopped) == (batches, samples, "done")
    assert (of.history == first) == (batches == 0)


@pytest.mark.serial
def test_a_time_is_kept_to_and_a_total_time_counts_what_was_before() -> None:
    of = trainer()
    outcome = train(of, "0.2s")
    assert outcome.stopped == "done"
    assert 0.2 <= outcome.seconds < 1
    of.progress.seconds = 100.0
    assert train(of, "100s total").batches == 0
    assert train(of, "100.2s total").seconds < 1


@pytest.mark.serial
def test_a_time_does_not_pass_while_the_program_is_suspended() -> None:
    told: list[Status] = []

    def report(status: Status) -> None:
        told.append(status)
        if len(told) == 1:
            sleep(0.3)
            work_clock.suspended += 0.3

    outcome = train(trainer(), "0.25s", report=report)
    assert outcome.seconds < 0.3
    assert outcome.batches > told[0].batches


def test_the_time_left_of_a_total_is_that_of_this_run() -> None:
    of = trainer()
    train(of, "90e")
    report = reports_of(of, "100e total")[0]
    assert report.part and report.remaining
    left = (1 - report.part) / (report.part - 0.9)
    assert report.remaining == pytest.approx(report.seconds * left, rel=0.5)


def hopeless() -> Cases:
    """Cases that nothing can be learnt of."""
    cases = blobs()
    return Cases(np.zeros_like(cases.inputs), cases.targets)


def test_the_result_is_measured_on_all_validation_cases() -> None:
    of, validation = trainer(rate=0.001), blobs(2 * MEASURE_CASES + 100)
    outcome = run(of, blobs(), validation, Amount(3, "batches"))
    assert outcome.validation_accuracy == evaluate(of.answering(), validation).accuracy
    assert outcome.validation_accuracy != of.measure_plain(validation).accuracy


@pytest.mark.parametrize(
    ("amount", "settings", "epochs"),
    [
        ("100%", {"batch": 4}, 30),
        ("100%", {"batch": 200}, 10 * 50),  # measurements, and mini-batches between two
        ("100e", {"batch": 2, "patience": 3}, 3),
    ],
    ids=str,
)
def test_without_improvement_training_is_given_up_and_the_best_is_kept(
    amount: str, settings: dict[str, int], epochs: int
) -> None:
    of = trainer(**settings)
    outcome = train(of, amount, hopeless())
    assert (outcome.stopped, round(outcome.epochs_since_best)) == ("patience", epochs)
    assert outcome.validation_accuracy == max(m.validation_accuracy for m in of.history)


def test_a_target_waits_for_a_rate_that_is_still_to_fall() -> None:
    for schedule, least, most in (("cosine 70e", 70, 70), ("step 50e", 50, 70), ("cosine", 31, 90)):
        of = trainer(batch=4, schedule=schedule, rate=1e-9)
        reports: list[Status] = []
        outcome = train(of, "100%", hopeless(), reports.append)
        trained = [report.batches for report in reports]
        assert outcome.stopped == "patience"
        assert least <= trained[-1] / 50 <= most, schedule


def test_stopping_keeps_what_was_trained_and_a_total_resumed_has_one_schedule() -> None:
    whole, resumed = (trainer(schedule="cosine") for _ in range(2))
    train(whole, "6e total")

    def report(progress: Status) -> None:
        if progress.batches > 20:
            raise Stopped

    outcome = train(resumed, "6e total", report=report)
    assert outcome.stopped == "interrupted"
    assert 20 < outcome.batches == resumed.progress.batches < whole.progress.batches
    train(resumed, "6e total")
    assert values(resumed) == values(whole)


def test_a_target_ends_the_training_and_what_is_no_better_than_guessing_is_known() -> None:
    outcome = train(trainer(), "95%")
    assert (outcome.stopped, outcome.is_guessing) == ("target", False)
    assert outcome.validation_accuracy >= 0.95
    for settings, amount in ({}, "20e"), ({"rate": 0.1, "l2": 5.0}, "60"):  # a huge penalty
        assert train(trainer(**settings), amount, hopeless()).is_guessing is True


def test_a_short_training_has_measurements_and_reports_to_draw() -> None:
    of = trainer()
    for _ in range(3):
        train(of, "1")
    assert [point.batches for point in of.history] == [1, 2, 3]
    assert [report.part for report in reports_of(trainer(), "0.01e")] == [1.0]
    reports = reports_of(trainer(batch=2), "1e")
    assert len(reports) >= 20
    assert [report.epoch for report in reports if report.epoch] == [1]


def test_every_epoch_visits_each_case_once_in_a_fresh_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[int] = []
    real = Feeder.batch

    def spy(self: Feeder, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self._cases is cases:
            seen.extend(rows.tolist())
        return real(self, rows)

    cases, other = blobs(), blobs(20)
    monkeypatch.setattr(Feeder, "batch", spy)
    run(trainer(), cases, other, Amount.parse("2e"))
    first, second = seen[:200], seen[200:400]
    assert sorted(first) == sorted(second) == list(range(200))
    assert first != second


def test_the_seed_decides_everything() -> None:
    one, same, other = trainer(1), trainer(1), trainer(2)
    for each in (one, same, other):
        train(each, "1e")
    assert values(one) == values(same) != values(other)


@pytest.mark.parametrize(
    ("scale", "settings"),
    [
        (1e18, {"rate": 1e3}),
        (1, {"rate": 1, "l2": 5}),  # only the penalty becomes huge
        (
            [1, 1, 1, 300],
            {"rate": 0.05, "l2": 1e-4, "optimizer": "momentum"},
        ),  # the cost is clamped
    ],
    ids=str,
)
def test_a_diverging_training_stops_and_puts_the_last_good_weights_back(
    scale: Any, settings: dict[str, Any]
) -> None:
    cases, of = blobs(), trainer(**settings)
    cases = Cases(cases.inputs * np.array(scale, np.float32), cases.targets)
    before = values(of)
    outcome = train(of, "20e", cases)
    assert outcome.stopped == "diverged"
    assert (values(of), of.progress.batches) == (before, 0)
    assert train(trainer(), "1e").stopped == "done"


@pytest.mark.filterwarnings("error")
def test_weights_grown_huge_are_measured_without_warnings() -> None:
    of = Trainer(network_of("4-8-b-3"), Settings(), 1)
    for p in of.network.parameters:
        p.value[...] = 1e25
    of.measure_statistics(blobs())
    assert np.isinf(of.network.batch_norms[0].variance).all()
    assert of.measure(blobs()).accuracy < 1


@pytest.mark.parametrize("hidden", ["relu", "tanh"])
@pytest.mark.parametrize("amount", ["5", "10", "20", "50", "100"])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_after_a_divergence_the_network_can_be_trained(
    hidden: str, amount: str, momentum: float
) -> None:
    """The cost of a squared error becomes huge long before it is no longer a number."""
    network = made("4-8-3", hidden=hidden, output="linear", cost="squared")
    settings = Settings(rate=5.0, batch=16, momentum=momentum, optimizer="momentum")
    of = Trainer(network, settings, 1)
    before = of.measure(blobs())
    outcome = train(of, amount)
    assert outcome.stopped == "diverged" or outcome.cost > before.cost
    if outcome.stopped == "diverged":
        assert outcome.cost <= 3 * before.cost
        of.change(settings.changed("rate", "0.01").changed("momentum", "0.5"))
        assert train(of, "20e").validation_accuracy > 0.9


def test_an_error_in_the_middle_of_a_step_undoes_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    of, steps = trainer(), []
    update = of.optimizer.update

    def fails_at_last(*given: Any) -> None:
        steps.append(1)
        if len(steps) == 4 * 20 + 2:  # two layers with weights and biases each
            raise MemoryError
        update(*given)

    monkeypatch.setattr(of.optimizer, "update", fails_at_last)
    with pytest.raises(MemoryError):
        train(of, "100")
    assert of.optimizer.steps == of.progress.batches
    assert train(of, "1").stopped == "done"


@pytest.mark.parametrize(("method", "call", "kept"), [("step", 5, 4), ("measure_plain", 1, 12)])
def test_an_interrupt_takes_back_the_mini_batch_it_is_in_and_no_other(
    monkeypatch: pytest.MonkeyPatch, method: str, call: int, kept: int
) -> None:
    monkeypatch.setattr("digitnet.engine.run.REPORT_SECONDS", 0)
    monkeypatch.setattr("digitnet.engine.run.MEASURE_BATCHES", 1000)
    of, calls = trainer(), []
    does = getattr(of, method)

    def interrupted(*given: Any) -> Any:
        calls.append(sleep(0.02))  # so long that the weights are copied in between
        if len(calls) == call:
            raise KeyboardInterrupt
        return does(*given)

    monkeypatch.setattr(of, method, interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(of, "12")
    assert of.progress.batches == kept


@pytest.mark.parametrize("in_report", [True, False])
def test_after_an_error_the_network_answers_with_the_statistics_of_its_weights(
    monkeypatch: pytest.MonkeyPatch, in_report: bool
) -> None:
    of = Trainer(made("4-8-b-3"), Settings(rate=0.5, batch=16), 1)
    measure, errors = of.measure_statistics, [MemoryError]

    def fails(given: Any) -> None:
        if of.progress.batches == 30 and errors:
            raise errors.pop()
        if isinstance(given, Cases):
            measure(given)

    if not in_report:  # but while the result is measured
        monkeypatch.setattr(of, "measure_statistics", fails)
    with pytest.raises(MemoryError):
        train(of, "30", report=fails if in_report else ignore)
    assert of.progress.batches > 0
    (norm,) = of.network.batch_norms
    told = norm.mean.copy()
    measure(blobs())
    assert (norm.mean == told).all()


def test_patience_keeps_a_training_that_ends_before_it_is_measured() -> None:
    of = trainer(patience=3)
    first = train(of, "10")
    assert (first.batches, first.restored_best) == (10, False)
    assert train(of, "60").validation_accuracy > 0.9


def test_measurements_are_at_the_ends_of_epochs_and_within_the_first_and_are_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    of, costs = trainer(batch=2), list[float]()
    step = of.step
    monkeypatch.setattr(of, "step", lambda *args: costs.append(step(*args)) or costs[-1])
    reports = reports_of(of, "3e")
    for before, report in zip(reports, reports[2:], strict=False):
        recent = costs[before.batches : report.batches]  # also where it is measured
        assert report.recent_cost == pytest.approx(np.mean(recent))
    measured = [(r.batches, r.cost, r.accuracy) for r in reports if r.measured]
    assert measured == [(m.batches, m.cost, m.validation_accuracy) for m in of.history]
    within = [20, 40, 60, 80, 150, 250]
    assert [point.batches for point in of.history] == sorted([*within, 100, 200, 300])
    assert of.history[-1].validation_accuracy > 0.9


def test_training_more_cases_than_before_starts_a_new_epoch() -> None:
    of = trainer()
    train(of, "3", blobs(200))
    train(of, "1e", blobs(30))
    assert of.progress.batches == 5


def test_settings_are_changed_by_name_within_their_bounds() -> None:
    assert Settings().changed("rate", "0.25").rate == 0.25
    assert Settings().changed("batch", "all").batch == 0
    wrong = {"rate": ["0", "-1", "nan", "inf", "x"], "batch": ["1.5", "-2"]}
    for name, texts in (wrong | {"momentum": ["1"], "l2": ["-0.1"]}).items():
        for text in texts:
            with pytest.raises(ValueError, match=name):
                Settings().changed(name, text)


def test_statistics_count_each_case_alike_also_in_a_smaller_last_batch() -> None:
    network = made("6-5-b-3", 1, dtype=np.float64)
    x = np.random.default_rng(1).standard_normal((251, 6))
    network.measure_statistics([x[:250], x[250:]])
    with_all = network.batch_norms[0].mean.copy()
    network.measure_statistics([x])
    np.testing.assert_allclose(with_all, network.batch_norms[0].mean, rtol=1e-9)


def test_what_is_measured_on_part_of_the_cases_does_not_depend_on_their_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("digitnet.engine.trainer.MEASURE_CASES", 300)
    cases = blobs(3000)
    order = np.argsort(answers_of(cases.targets), kind="stable")
    cases = Cases(cases.inputs[order], cases.targets[order])
    of = Trainer(made("4-b-3", 1), Settings(), 1)
    of.measure_statistics(cases)
    (statistics,) = of.network.batch_norms
    np.testing.assert_allclose(statistics.mean, cases.inputs.mean(axis=0), atol=0.1)
    for p in of.network.parameters:
        p.value[:] = 0  # it answers 0 to every case
    assert of.measure_plain(cases).accuracy == pytest.approx(1 / 3, abs=0.03)


def test_the_cost_of_a_point_is_of_the_mini_batches_since_the_point_before() -> None:
    of, costs, step = trainer(), [], Trainer.step
    of.step = lambda *batch: costs.append(step(of, *batch)) or costs[-1]  # type: ignore[method-assign,func-returns-value]
    train(of, "5")
    train(of, "7")
    assert [p.cost for p in of.history[-2:]] == pytest.approx([
        np.mean(costs[:5]), np.mean(costs[5:])])  # fmt: skip


def test_penalties_are_of_the_weights_whose_cost_is_measured() -> None:
    of, cases = trainer(l2=0.1, average=1), blobs()
    train(of, "5e")
    weights = of.averages or []
    penalty = sum(0.05 * float((w**2).sum()) for w in weights if w.ndim == 2)
    assert of.measure(cases).cost == pytest.approx(of.measure_plain(cases).cost + penalty)


def test_dropout_that_is_set_does_not_count_as_layers() -> None:
    network = made("-".join(["6"] * 40), 1)
    network.set_dropout(0.1)
    assert network.copy(np.float32).shape == network.shape

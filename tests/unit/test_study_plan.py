"""Studies: what is asked, which trainings that makes, who does them, and what the results say."""

import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from itertools import count
from math import sqrt
from typing import Any

import numpy as np
import pytest

from digitnet.digits.datasets import SOURCES
from digitnet.engine.report import Stopped
from digitnet.engine.schedules import Amount
from digitnet.engine.settings import Settings
from digitnet.engine.shapes import network_of
from digitnet.recipes import blueprint_of, build
from digitnet.registry.model import Blueprint, Result
from digitnet.study.conduct import TRIES, NoWorkers, WorkerPool, conduct
from digitnet.study.plan import Job, Plan, Question, best_of, candidates_for, groups, lead_of, parse

BLUEPRINT = Blueprint("784-8-10")


def plan(words: str, candidates: int = 0) -> Plan:
    return Plan(parse(words.split()), BLUEPRINT, seed=7, candidates=candidates)


def result(number: int, accuracy: float, cost: float = 1.0) -> Result:
    return Result(number, accuracy, cost, 1.0)


# what is asked


@pytest.mark.parametrize(
    ("words", "question"),
    [
        ("rate 0.1 1", Question((("rate", ("0.1", "1")),))),
        (
            "rate 0.1 batch 16 all --repeat 5",
            Question((("rate", ("0.1",)), ("batch", ("16", "all"))), repeat=5),
        ),
        (
            "shape 784-20-10 --for 500",
            Question((("shape", ("784-20-10",)),), amount=Amount(500, "batches")),
        ),
        ("--repeat 3", Question(repeat=3)),
        ("auto 10m", Question(seconds=600)),
        ("rate 0,1 1e-2 1,000", Question((("rate", ("0.1", "1e-2", "1000")),))),
        ("shape 784,10", Question((("shape", ("784,10",)),))),
        ("epochs 1,000 0,5", Question((("epochs", ("1000", "0.5")),))),
        (
            "optimizer sgd momentum adam momentum 0.5",
            Question((("optimizer", ("sgd", "momentum", "adam")), ("momentum", ("0.5",)))),
        ),
        ("rate 1 --for 3 epochs", Question((("rate", ("1",)),), amount=Amount(3, "epochs"))),
        (
            "--for 3 batch 16 32",
            Question((("batch", ("16", "32")),), amount=Amount(3, "batches")),
        ),
    ],
)
def test_a_question_is_read(words: str, question: Question) -> None:
    assert parse(words.split()) == question


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("rate", "no values"),
        ("rate 1 1", "same value twice"),
        ("rate 1 0.5 1.0", "same value twice"),
        ("cases 0 all", "same value twice"),
        ("epochs 1 .5 0.50", "same value twice"),
        ("rate 1 rate 2", "rate is given twice"),
        ("rate 1 --repeat 2 --repeat 3", "--repeat is given twice"),
        ("epochs 1 2 --for 3e", "leave --for out"),
        ("colour red", "cannot be varied"),
        ("rate 1 --repeat 0", "--repeat takes"),
        ("rate 1 --for 90s", "--for takes"),
        ("rate 1 --for", "--for takes"),
        ("epochs 1 many", "epochs are numbers"),
        ("auto soon", "auto takes a time"),
        ("auto 10m rate 1", "leave rate out"),
        ("auto 10m --repeat 3", "leave --repeat out"),
        ("rate 1 --repeat 5 batch", "batch has no values"),
        ("rate 1 2 3 4 5 6 7 8 9 10 11 --repeat 1000", "11,000 trainings"),
    ],
)
def test_what_is_no_question_is_refused(words: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse(words.split())


# which trainings that makes


def test_a_grid_is_every_combination_with_every_seed() -> None:
    jobs = plan("rate 0.1 1 epochs 0 2 --repeat 2").round({})
    assert [job.number for job in jobs] == list(range(8))
    assert [job.seed for job in jobs] == [7] * 4 + [8] * 4
    assert [dict(job.settings) for job in jobs[:4]] == [
        {"rate": rate, "epochs": epochs} for rate in ("0.1", "1") for epochs in ("0", "2")
    ]
    assert jobs[1].amount == Amount(2, "epochs")
    assert jobs[2].blueprint.settings.rate == 1.0
    assert plan("rate 0.1 1 epochs 0 2 --repeat 2").count() == 8


@pytest.mark.parametrize(
    ("words", "candidates", "parts"),
    [
        ("rate 0.1 1 --for 500", 0, [0, 0.5, 1]),
        ("epochs 1 10 9", 0, [0, 0.05, 0.55, 1]),
        ("epochs 0 1.9", 0, [0, 0.05, 1]),
        ("auto 1m", 3, [0, 1 / 6, 2 / 6, 3 / 6, 1]),  # 3 of 1 epoch, and 1 of 3
    ],
)
def test_what_is_done_is_reckoned_by_the_lengths_of_the_trainings(
    words: str, candidates: int, parts: list[float]
) -> None:
    done = [{n: result(n, 0.5) for n in range(count)} for count in range(len(parts))]
    assert [*map(plan(words, candidates).part, done)] == pytest.approx(parts)


def test_a_search_keeps_the_best_third_and_trains_it_three_times_as_long() -> None:
    search = plan("auto 1m", candidates=10)
    results: dict[int, Result] = {}
    lengths, sizes = [], []
    while jobs := search.round(results):
        lengths.append(jobs[0].amount.value)
        sizes.append(len(jobs))
        chosen = [dict(job.settings) for job in jobs]
        # in whatever order results arrive, the candidates with the highest numbers win
        for job in np.random.default_rng(len(results)).permutation(np.array(jobs, object)):
            results[job.number] = result(job.number, job.number / 100)
        best = [dict(job.settings) for job in jobs[::-1]]
        following = search.round(results)
        assert [dict(job.settings) for job in following] == best[: len(following)]
    assert (lengths, sizes) == ([1, 3, 9, 27], [10, 4, 2, 1])
    assert len(chosen) == 1
    assert len(results) == search.count()
    assert search.round({})[0].settings == ()  # the settings as they are take part


def test_candidates_are_drawn_from_the_seed_alone() -> None:
    one, same = plan("auto 1m", 20).round({}), plan("auto 1m", 20).round({})
    other = replace(plan("auto 1m", 20), seed=8).round({})
    assert [job.settings for job in one] == [job.settings for job in same]
    assert [job.settings for job in one] != [job.settings for job in other]
    assert len({job.settings for job in one}) == 20


def test_a_search_fits_the_time_it_is_given() -> None:
    assert candidates_for(0.1, 1.0, 1) == 2
    # 9 candidates on one core: 9 · 1 + 3 · 3 + 1 · 9 epochs
    assert candidates_for(28, 1.0, 1) == 9
    assert candidates_for(5, 1e-6, 2) < 120  # each of which is saved
    assert candidates_for(600, 1.0, 2) > candidates_for(600, 1.0, 1) > candidates_for(300, 1.0, 1)


@pytest.mark.parametrize("words", ["rate 1 -1", "shape 784-10 784-x", "l2 -1 0", "shape 784-10"])
def test_networks_that_cannot_be_built_are_refused_before_any_is_trained(words: str) -> None:
    with pytest.raises(ValueError, match=r"at least|above|not a layer|does not fit"):
        plan(words).check(SOURCES["truth"].read([]))


@pytest.mark.parametrize(
    "shape",
    [
        "3-1",
        "784-20:tanh-10",
        "28x28-4c5-b-p2-d0.5-8:sigmoid-10",
        "28x28-4c3:tanh-a2-10",
        "28x28-4c5-p2-b-10",
    ],
)
def test_a_network_is_made_again_from_its_blueprint(shape: str) -> None:
    network = network_of(shape, output="sigmoid", cost="squared", bias=shape != "3-1")
    again = build(blueprint_of(network, Settings()), 1).network
    assert [la.config() for la in again.layers] == [la.config() for la in network.layers]
    assert again.cost_name == network.cost_name


# who does them


def pools(lasting: int) -> Callable[[], AbstractContextManager[WorkerPool]]:
    """Pools that do this many jobs, and then break."""

    @contextmanager
    def new_pool() -> Iterator[WorkerPool]:
        left = count(lasting, -1)

        def submit(job: Job) -> "Future[Result]":
            future: Future[Result] = Future()
            if next(left) > 0:
                future.set_result(result(job.number, 0.5))
            else:
                future.set_exception(CancelledError("the workers are gone"))
            return future

        yield WorkerPool(2, submit)

    return new_pool


class Told(list[int]):
    """The numbers of the results that were reported, and what to do at one of them."""

    def __init__(self, stop_at: int = 99) -> None:
        self.stop_at = stop_at

    def report(self, arrived: list[Result]) -> None:
        self.extend(each.number for each in arrived)
        if len(self) >= self.stop_at:
            raise Stopped


def test_a_pool_that_breaks_is_followed_by_another_and_nothing_counts_twice() -> None:
    results: dict[int, Result] = {}
    saved: list[int] = []
    told = Told()
    asked = plan("rate 0.1 0.2 0.3 --repeat 3")
    conduct(asked, results, pools(4), lambda r: saved.append(r.number), told.report)
    assert sorted(told) == sorted(saved) == sorted(results) == list(range(9))


@pytest.mark.parametrize(
    "answer",
    [
        None,
        result(0, 0.5),  # of another training
        result(1, 1.5),
        result(1, 0.5, -1.0),
        result(1, 0.5, float("nan")),
        replace(result(1, 0.5), seconds="1"),
    ],
)
def test_what_comes_back_is_checked_before_it_is_kept(answer: object) -> None:
    @contextmanager
    def new_pool() -> Iterator[WorkerPool]:
        def submit(job: Job) -> "Future[Result]":
            future: Future[Any] = Future()
            future.set_result(answer if job.number else result(0, 0.5))
            return future

        yield WorkerPool(1, submit)

    results: dict[int, Result] = {}
    with pytest.raises(NoWorkers, match="not a result of the training"):
        conduct(plan("rate 0.1 0.2"), results, new_pool, lambda r: None)
    assert list(results) == [0]


def test_pools_that_keep_breaking_are_given_up_and_results_kept() -> None:
    results = {0: result(0, 0.5)}
    begun: list[int] = []

    def new_pool() -> AbstractContextManager[WorkerPool]:
        begun.append(1)
        return pools(0)()

    with pytest.raises(NoWorkers, match="workers are gone"):
        conduct(plan("rate 0.1 0.2 0.3"), results, new_pool, lambda r: None)
    assert (len(begun), list(results)) == (TRIES, [0])


def test_a_stop_keeps_every_result_that_has_arrived() -> None:
    results: dict[int, Result] = {}
    saved: list[int] = []
    told = Told(stop_at=1)
    asked = plan("rate 0.1 0.2 0.3 --repeat 3")
    with pytest.raises(Stopped):
        conduct(asked, results, pools(99), lambda r: saved.append(r.number), told.report)
    assert len(told) == len(saved) == len(results) == 8  # as many as were at work


def test_a_result_that_cannot_be_saved_is_not_reported() -> None:
    def full(_: Result) -> None:
        raise OSError("no space left")

    told = Told()
    with pytest.raises(OSError, match="no space"):
        conduct(plan("rate 0.1 0.2"), {}, pools(9), full, told.report)
    assert not told


# what the results say


def answered(words: str, accuracies: list[float]) -> tuple[Plan, dict[int, Result]]:
    asked = plan(words)
    return asked, {k: result(k, accuracy, 1 - accuracy) for k, accuracy in enumerate(accuracies)}


def test_means_spreads_and_leads_are_those_worked_out_by_hand() -> None:
    # seed 7: 0.90, 0.80; seed 8: 0.94, 0.82; seed 9: 0.92, 0.84
    found = groups(*answered("rate 0.1 1 --repeat 3", [0.90, 0.80, 0.94, 0.82, 0.92, 0.84]))
    slow, fast = found
    assert slow.accuracy == pytest.approx(0.92)
    assert slow.spread == pytest.approx(0.02)
    assert fast.accuracy == pytest.approx(0.82)
    assert slow.best.seed == 8
    best = best_of(found)
    assert best is slow
    lead = lead_of(best, found)
    assert lead is not None
    assert lead.over is fast
    # differences 0.10, 0.12, 0.08: mean 0.10, deviation 0.02
    assert lead.difference == pytest.approx(0.10)
    # Student's t for 2 degrees of freedom: 4.303
    assert lead.interval == pytest.approx(
        (0.1 - 4.3027 * 0.02 / sqrt(3), 0.1 + 4.3027 * 0.02 / sqrt(3)), abs=1e-5
    )


def test_a_lead_that_may_be_luck_is_not_clear() -> None:
    # differences 0.2, 0.8 and 0.4 points: 2.65 standard errors, and yet p = 0.12 with 3 seeds
    found = groups(*answered("rate 0.1 1 --repeat 3", [0.902, 0.9, 0.908, 0.9, 0.904, 0.9]))
    lead = lead_of(best_of(found), found)
    assert lead and lead.interval and lead.interval[0] < 0


@pytest.mark.parametrize(
    ("accuracies", "best", "difference"),
    [
        ([0.9, 0.902, 0.92, 0.922], "1", 0.002),  # one case of 500 with each seed: no spread
        ([0.818, 0.814, 0.798, 0.81, 0.814, 0.806], "0.1", 0),  # the lower cost decides
        ([0.9, 0.85, 0.9, 0.86, 0.6], "0.1", 0.045),  # of the seeds that both have
    ],
)
def test_a_lead_is_not_made_of_rounding_nor_of_other_seeds(
    accuracies: list[float], best: str, difference: float
) -> None:
    asked, results = answered("rate 0.1 1 --repeat 3", accuracies)
    lower = {n: replace(r, cost=float((n % 2 == 0) == (best == "1"))) for n, r in results.items()}
    found = groups(asked, lower)
    assert best_of(found).settings == {"rate": best}
    lead = lead_of(best_of(found), found)
    assert lead and lead.difference == difference
    assert (lead.interval is None) == (difference == 0.002)
    if lead.interval:
        assert lead.interval[0] < lead.difference < lead.interval[1]


def test_the_order_of_arrival_changes_nothing() -> None:
    asked, results = answered("rate 0.1 1 --repeat 2", [0.9, 0.8, 0.7, 0.6])
    backwards = dict(reversed(results.items()))
    assert groups(asked, results) == groups(asked, backwards)


def test_combinations_are_counted_before_any_is_made() -> None:
    many = [str(n / 100) for n in range(1, 11)]
    settings = ["rate", "l1", "l2", "momentum", "dropout", "clip", "max_norm", "average"]
    words = [word for name in settings for word in (name, *many)]
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"that is 100,000,000 trainings; a study has at most"):
        parse(words)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()

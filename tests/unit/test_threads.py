"""Threads share work without changing what comes out, and leave nothing running behind."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing import get_context

import numpy as np
import pytest
from engine_helpers import made

from digitnet.engine.arrays import Cases, one_hot
from digitnet.engine.network import Network
from digitnet.engine.optimizers import OPTIMIZERS
from digitnet.engine.run import run
from digitnet.engine.schedules import Amount
from digitnet.engine.settings import Settings
from digitnet.engine.speed import threads
from digitnet.engine.trainer import Trainer


@pytest.fixture
def two_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Everything is worth sharing between two threads, however many cores there are."""
    before = threads.count()
    monkeypatch.setattr(threads, "cpu_count", lambda: 2)
    monkeypatch.setattr(threads, "MIN_WORK", 1)
    monkeypatch.setattr(threads, "MIN_ROWS", 1)
    monkeypatch.setattr(threads, "MANY_UNITS", 1)
    threads.set_count(2)
    yield
    threads._pool().limit = before


def test_where_blas_is_unknown_the_variable_and_the_cores_limit_the_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "threadpool_info", list)
    monkeypatch.setattr(threads, "cpu_count", lambda: 4)
    for variable, number in (("3", 3), ("", 4), ("9", 4), ("4,2", 4), ("0", 1)):
        monkeypatch.setenv("OMP_NUM_THREADS", variable)
        assert threads._Pool().limit == number


def trained(optimizer: str, **settings: object) -> Network:
    rng = np.random.default_rng(2)
    inputs = rng.integers(0, 256, (40, 30), dtype=np.uint8)
    cases = Cases(inputs, one_hot(rng.integers(3, size=40), 3), 1 / 255)
    network = made("30-70-20-3", dtype=np.float64)
    given = Settings(**{"batch": 10, "optimizer": optimizer, **settings})  # type: ignore[arg-type]
    run(Trainer(network, given, 3), cases, cases, Amount.parse("12"))
    return network


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(
    "settings", [{}, {"clip": 0.1}, {"l2": 0.1, "l1": 0.01, "average": 0.9}], ids=str
)
def test_training_is_the_same_with_two_threads_and_with_the_sums_of_blas(
    optimizer: str, settings: dict[str, float], request: pytest.FixtureRequest
) -> None:
    alone = trained(optimizer, **settings)
    request.getfixturevalue("two_threads")
    assert threads.worthwhile(2) == len(threads.parts(30, 1)) == 2
    request.getfixturevalue("monkeypatch").setattr(threads, "MANY", 1)
    other = trained(optimizer, **settings)
    for mine, theirs in zip(alone.parameters, other.parameters, strict=True):
        np.testing.assert_allclose(mine.value, theirs.value, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("large", [False, True])
def test_the_products_of_a_dense_layer_are_those_of_numpy(
    large: bool, request: pytest.FixtureRequest
) -> None:
    if large:
        request.getfixturevalue("two_threads")  # dark columns are left out, too
    x = np.array([[0, 1, 0, 0, -2], [0, 0, 0, 3, 0]], np.float32)
    weights, delta = np.arange(10, dtype=np.float32).reshape(5, 2), x[:, 1:3] + 4
    for times in (threads.by_unit, threads.by_case):
        np.testing.assert_array_equal(times(x, weights), x @ weights)
    np.testing.assert_array_equal(threads.times_transposed(delta, weights), delta @ weights.T)
    for rows in (slice(0, 2), slice(2, 3), slice(1, 5), slice(None)):
        for a, b in ((x, delta), (delta, x)):
            product = threads.Outer(a, b)[rows]
            np.testing.assert_array_equal(product, a[:, rows].T @ b)


FIRST_PRODUCT = """
import numpy as np
from threadpoolctl import threadpool_info
from digitnet.engine.shapes import network_of
network_of("784-15-10").forward(np.ones((128, 784), np.float32))
print(*{pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"})
"""


def test_even_the_first_product_of_a_process_runs_in_one_thread() -> None:
    names = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"}
    environment = {name: value for name, value in os.environ.items() if name not in names}
    ran = subprocess.run(
        [sys.executable, "-c", FIRST_PRODUCT], env=environment, capture_output=True, check=True
    )
    assert ran.stdout.split() == [b"1"]  # or it is rounded otherwise than the same one later


def test_every_row_has_one_part_and_little_work_is_not_divided(
    request: pytest.FixtureRequest,
) -> None:
    assert threads.parts(784, 10) == [slice(0, 784)]
    request.getfixturevalue("two_threads")
    for rows in (1, 2, 5, 784):
        parts = threads.parts(rows, 1)
        assert [row for part in parts for row in range(rows)[part]] == list(range(rows))


def test_tasks_run_side_by_side() -> None:
    both = threading.Barrier(2, timeout=5)
    threads.run([both.wait, both.wait])  # either alone would wait for ever


@pytest.mark.parametrize("where", [0, 1])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_is_raised_when_all_have_ended(where: int, error: type[BaseException]) -> None:
    ended = []

    def fail() -> None:
        raise error

    def work() -> None:
        time.sleep(0.2)
        ended.append(1)

    with pytest.raises(error):
        threads.run([fail, work] if where == 0 else [work, fail])
    assert ended == [1]
    threads.run([work, work])  # and the threads are fit for more
    assert ended == [1, 1, 1]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer that interrupts")
def test_ctrl_c_at_any_moment_leaves_nobody_at_work_and_the_threads_free(
    request: pytest.FixtureRequest, share: Callable[[int, int], int]
) -> None:
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGALRM, before))
    chance, ended, helpers = random.Random(1), [0], set()

    def work(seconds: float) -> None:
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            pass
        ended[0] += 1

    interrupts = 0
    for _ in range(tries := share(60, 300)):
        until = time.perf_counter() + 0.1
        try:
            signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-5, 2e-3))
            while time.perf_counter() < until:
                threads.run([lambda: work(1e-4), lambda: work(4e-4)])
        except KeyboardInterrupt:  # it is lost where it is raised in a callback of the collector
            interrupts += 1
        count = ended[0]
        time.sleep(2e-3)
        assert ended[0] == count
        threads.run([lambda: None, lambda: helpers.add(threading.get_ident())])
    assert interrupts > 0.8 * tries
    assert threading.get_ident() not in helpers


def test_who_finds_the_threads_taken_does_all_himself() -> None:
    found = []
    inner = [lambda: found.append(threading.get_ident())] * 3
    threads.run([lambda: threads.run(inner), lambda: time.sleep(0.1)])
    assert found == [threading.get_ident()] * 3


def test_a_thread_does_not_warn_of_what_is_no_number() -> None:
    largest = np.full(3, 3e38, np.float32)
    with np.errstate(all="raise"):
        threads.run([lambda: None, lambda: np.multiply(largest, 10)])


@pytest.mark.skipif(sys.platform == "win32", reason="has no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_starts_threads_of_its_own() -> None:
    tasks = [lambda: None, lambda: None]
    threads.run(tasks)
    child = get_context("fork").Process(target=threads.run, args=(tasks,), daemon=True)
    child.start()
    child.join(10)
    assert child.exitcode == 0


def test_the_number_of_threads_can_be_set() -> None:
    before = threads.count()
    for count in (1, before):
        threads.set_count(count)
        assert threads.count() == count
    with pytest.raises(ValueError, match="cores"):
        threads.set_count(10_000)

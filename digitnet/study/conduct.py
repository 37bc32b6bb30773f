"""Conducts a study: runs its trainings in processes or on a cluster, and saves each result."""

import os
import signal
import struct
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from logging import CRITICAL, getLogger
from math import nan
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from socket import create_connection
from threading import Thread
from time import perf_counter
from typing import Any

import numpy as np

import digitnet
from digitnet.digits.datasets import DataSet
from digitnet.engine.report import Refused, Report, Stopped, ignore
from digitnet.engine.run import run
from digitnet.engine.speed import threads
from digitnet.recipes import build
from digitnet.registry.model import Model, Result
from digitnet.registry.schema import MAX_FIGURE
from digitnet.study.plan import Job, Plan


def train(job: Job, data: DataSet) -> Result:
    """Trains a new network as the job specifies, in one thread; the same anywhere, bit for bit.

    A training that blows up has an accuracy of 0 and a cost of MAX_FIGURE.
    """
    begun = perf_counter()
    threads.set_count(1)
    _, (accuracy, cost) = trained(job, data, ignore)
    accuracy, cost = (accuracy, max(cost, 0.0)) if cost < MAX_FIGURE else (0.0, MAX_FIGURE)
    return Result(job.number, accuracy, cost, perf_counter() - begun)


def trained(job: Job, data: DataSet, report: Report) -> tuple[Model, tuple[float, float]]:
    """The trained model, its validation accuracy, and its cost on training cases: without
    penalties, so that networks with different penalties can be compared; NaN if it blew up.
    Raises Stopped if `report` does.
    """
    model = build(job.blueprint, job.seed)
    trainer = model.trainer
    seen = data.as_seen(trainer.settings.cases, trainer.settings.pixels, trainer.seed)
    if not job.amount.value:  # not trained
        trainer.measure_statistics(seen.train)
        on_train, on_validation = map(trainer.measure, (seen.train, seen.validation))
        return model, (on_validation.accuracy, on_train.cost - trainer.penalty())
    outcome = run(trainer, seen.train, seen.validation, job.amount, report)
    if outcome.stopped == "interrupted":
        raise Stopped
    cost = nan if outcome.stopped == "diverged" else outcome.cost - trainer.penalty()
    return model, (outcome.validation_accuracy, cost)


@dataclass(frozen=True)
class WorkerPool:
    """A set of workers. size: how many jobs they run at a time. submit: starts a job."""

    size: int
    submit: Callable[[Job], Future[Result]]


class NoWorkers(Refused):
    """There are no workers, or they keep breaking; the message says why. Results are kept."""


_data: list[DataSet] = []  # in a worker process, the data set


def _begin(data: DataSet, parent: Connection) -> None:
    """Initializes a worker process, which ignores Ctrl-C: the parent handles it."""

    def end_with_parent() -> None:  # when it closes its end, or dies
        try:
            parent.poll(None)
        finally:
            os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _data.append(data)
    Thread(target=end_with_parent, daemon=True).start()


def _train_in_process(job: Job) -> Result:
    return train(job, _data[0])


def _block_ctrl_c() -> None:
    """In this thread and in the processes that it starts, which Ctrl-C is not meant for."""
    if hasattr(signal, "pthread_sigmask"):  # not on Windows
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


MOST = 61 if sys.platform == "win32" else 1024  # processes; Windows waits for no more at once


@contextmanager
def processes(data: DataSet, size: int) -> Iterator[WorkerPool]:
    context = get_context("spawn")  # a fork would copy running threads
    # not an Event: setting one waits for ever if a process that waits for it was killed
    try:
        reader, writer = context.Pipe(duplex=False)
        executor = ProcessPoolExecutor(min(size, MOST), context, _begin, (data, reader))
    except OSError as error:  # as where semaphores cannot be made
        raise NoWorkers(f"no processes can be started here: {error.strerror}") from None
    starter = ThreadPoolExecutor(1, initializer=_block_ctrl_c)  # whose work Ctrl-C cannot cut short
    try:
        yield WorkerPool(
            size, lambda job: starter.submit(executor.submit, _train_in_process, job).result()
        )
    finally:
        starter.shutdown()
        writer.close()
        executor.shutdown(wait=True, cancel_futures=True)
        reader.close()


# on a cluster

SECONDS = 4.0  # timeout of each of the steps in which a connection is made

MAX_GREETING, MAX_FRAMES = 1 << 20, 100  # of the message with which a scheduler greets


@contextmanager
def cluster(data: DataSet, address: str) -> Iterator[WorkerPool]:
    """A pool of the workers of a dask scheduler, to each of which the data set is sent first.

    Raises NoWorkers, with the reason in one line, if there is no scheduler at `address`, if it has
    no workers, or if one of them has other versions of digitnet or numpy.
    """
    try:
        from distributed import Client, KilledWorker
        from distributed.security import Security
    except ImportError:
        raise NoWorkers(
            "--on needs a package that is not installed: pip install distributed"
        ) from None
    for name in ("distributed", "distributed.client", "distributed.core", "distributed.utils"):
        getLogger(name).setLevel(CRITICAL)  # we report errors ourselves
    address = address if "://" in address else f"tcp://{address}"
    security = Security()
    try:
        _check_scheduler(address, security)
        client = Client(address, timeout=SECONDS, set_as_default=False, security=security)
    except NoWorkers:
        raise
    except Exception as error:  # of many kinds, when something else answers
        raise NoWorkers(f"no scheduler answers at {address}: {_said(error)}") from None
    try:
        _check_workers(client, address)
        size = sum(client.nthreads().values())
        scattered = client.scatter(data, broadcast=True)
        # pure=False: a job that is submitted again is run again
        executor = client.get_executor(pure=False)
        yield WorkerPool(size, lambda job: executor.submit(train, job, scattered))
    except KilledWorker:
        raise NoWorkers("the same training has ended several workers: is there memory?") from None
    except TypeError as error:
        if "cannot unpack" not in str(error):
            raise
        raise CancelledError from error  # by dask, if a worker dies just as its result arrives
    finally:
        with suppress(Exception):  # the scheduler may be gone
            client.close(timeout=SECONDS)


def _check_scheduler(address: str, security: Any) -> None:
    """Raises NoWorkers or OSError unless something greets at this address as schedulers do.

    dask itself would wait for ever for a greeting, and take whatever comes for one.
    """
    scheme, _, place = address.partition("://")
    host, _, port = place.rpartition(":")
    if scheme not in ("tcp", "tls") or not host or not (port.isdecimal() and int(port) < 1 << 16):
        raise NoWorkers(f"{address!r} is no address of a scheduler, such as tcp://HOST:8786")
    tls = security.get_connection_args("client")["ssl_context"] if scheme == "tls" else None
    if scheme == "tls" and tls is None:
        raise NoWorkers(
            "tls:// needs certificates: set DASK_DISTRIBUTED__COMM__TLS__CA_FILE, "
            "DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT and DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY"
        )
    there = create_connection((host.strip("[]"), int(port)), SECONDS)
    length, frames, reason = 0, 0, ""
    try:
        with tls.wrap_socket(there) if tls else there as stream:
            begins = stream.recv(16).ljust(16, b"\0")  # as the greeting does
        length, frames = struct.unpack("<QQ", begins)
    except OSError as error:
        reason = f" ({_said(error)})"
    if not (8 * frames < length < MAX_GREETING and 0 < frames < MAX_FRAMES):
        raise NoWorkers(f"what answers at {address} is not a dask scheduler{reason}")


def _check_workers(client: Any, address: str) -> None:
    """Raises NoWorkers if there are no workers, or if one has not the programs that are here."""
    here = programs()
    # a lambda is sent as a whole: a worker that cannot import a function of ours does not say why
    workers = client.run(lambda: import_module(__name__).programs(), on_error="return")
    if not workers:
        raise NoWorkers(f"the scheduler at {address} has no workers: start one with dask worker")
    for worker, there in workers.items():
        if there != here and isinstance(there, Exception | list):
            has = _said(there) if isinstance(there, Exception) else " and ".join(there[:2])
            raise NoWorkers(
                f"the worker {worker} has other programs ({has}) than {' and '.join(here[:2])} "
                "here: all of them need the same"
            )


def programs() -> list[str]:
    """What must be the same everywhere for the results to be the same: the versions of numpy and of
    digitnet, and a sum over the source of digitnet, which tells two of one version apart.
    """
    folder, digest = Path(digitnet.__file__).parent, sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return [f"numpy {np.__version__}", f"digitnet {digitnet.__version__}", digest.hexdigest()]


def _said(error: object) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


# the study

POLLING_SECONDS = 0.1  # interval of reports while no result arrives
AHEAD = 4  # jobs submitted per worker
TRIES = 3  # give up after this many pools have broken in a row without a result


def conduct(
    plan: Plan,
    results: dict[int, Result],
    new_pool: Callable[[], AbstractContextManager[WorkerPool]],
    keep: Callable[[Result], None],
    report: Report = ignore,
) -> None:
    """Runs the jobs that have no result yet; reports each list of results that arrived together,
    which may be empty, after `keep` has saved them.

    If a worker dies, its job is run again. Raises NoWorkers if pools keep breaking.
    """
    broken = 0
    while plan.round(results):
        before = len(results)
        try:
            with new_pool() as pool:
                for arrived in _arrivals(pool, plan, results):
                    for result in arrived:  # all of them, before a report may end this
                        results[result.number] = result
                        keep(result)
                    report(arrived)
        except (BrokenProcessPool, CancelledError) as error:
            broken = broken + 1 if len(results) == before else 1
            if broken == TRIES:
                raise NoWorkers(str(error) or type(error).__name__) from None


def _arrivals(pool: WorkerPool, plan: Plan, results: dict[int, Result]) -> Iterator[list[Result]]:
    """The results of what is not among `results`, to which the caller adds those that arrived."""
    while jobs := plan.round(results):
        at_work: dict[Future[Result], Job] = {}
        while jobs or at_work:
            while jobs and len(at_work) < AHEAD * pool.size:
                job = jobs.pop(0)
                at_work[pool.submit(job)] = job
            done, _ = wait(at_work, POLLING_SECONDS, FIRST_COMPLETED)
            asked = {future: at_work.pop(future) for future in done}
            sound = [f for f in done if not (f.cancelled() or f.exception())]
            arrived = [f.result() for f in sound if _is_result_of(asked[f], f.result())]
            yield arrived
            if len(arrived) < len(sound):
                raise NoWorkers("a worker's answer is not a result of the training it was given")
            for future in done:
                future.result()  # raises what it failed with


def _is_result_of(job: Job, answer: object) -> bool:
    """Whether what came back from a worker is a result that can be saved, and of this job."""
    match answer:
        case Result(job.number, float(accuracy), float(cost), float(seconds)):
            return 0 <= accuracy <= 1 and 0 <= cost <= MAX_FIGURE and 0 <= seconds <= MAX_FIGURE
    return False

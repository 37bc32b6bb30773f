"""The workers of a dask cluster: a scheduler that answers, and workers with the same programs."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from importlib import import_module
from logging import CRITICAL, getLogger
from pathlib import Path
from socket import create_connection
from typing import Any

import numpy as np

import digitnet
from digitnet.digits.datasets import DataSet
from digitnet.study.conduct import NoWorkers, WorkerPool, train

SECONDS = 4.0
"""Timeout of each of the steps in which a connection is made."""

MAX_GREETING, MAX_FRAMES = 1 << 20, 100
"""Maximum length and number of frames of the message with which a scheduler greets."""

CERTIFICATES = (
    "tls:// needs certificates: set DASK_DISTRIBUTED__COMM__TLS__CA_FILE, "
    "DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT and DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY"
)


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
    _check_scheduler(address, security)
    try:
        client = Client(address, timeout=SECONDS, set_as_default=False, security=security)
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
    finally:
        with suppress(Exception):  # the scheduler may be gone
            client.close(timeout=SECONDS)


def _check_scheduler(address: str, security: Any) -> None:
    """Raises NoWorkers unless something greets at this address as schedulers do.

    dask itself would wait for ever for a greeting, and take whatever comes for one.
    """
    scheme, _, place = address.partition("://")
    host, _, port = place.rpartition(":")
    if scheme not in ("tcp", "tls") or not host or not (port.isdecimal() and int(port) < 1 << 16):
        raise NoWorkers(f"{address!r} is no address of a scheduler, such as tcp://HOST:8786")
    try:
        tls = security.get_connection_args("client")["ssl_context"] if scheme == "tls" else None
        if scheme == "tls" and tls is None:
            raise NoWorkers(CERTIFICATES)
        there = create_connection((host.strip("[]"), int(port)), SECONDS)
    except (OSError, UnicodeError) as error:
        raise NoWorkers(f"no scheduler answers at {address}: {_said(error)}") from None
    length, frames, reason = 0, 0, ""
    try:
        with tls.wrap_socket(there) if tls else there as stream:
            length, frames = struct.unpack("<QQ", stream.recv(16))  # which the greeting begins with
    except OSError as error:
        reason = f" ({_said(error)})"
    except struct.error:
        pass
    if not (8 * frames < length < MAX_GREETING and 0 < frames < MAX_FRAMES):
        raise NoWorkers(f"what answers at {address} is not a dask scheduler{reason}")


def _check_workers(client: Any, address: str) -> None:
    """Raises NoWorkers if there are no workers, or if one has not the programs that are here."""
    here = programs()
    # a worker that cannot import a function of ours does not say why: it imports the module first
    workers = client.run(import_module, __name__, on_error="return")
    if not any(isinstance(each, Exception) for each in workers.values()):
        workers = client.run(programs, on_error="return")
    if not workers:
        raise NoWorkers(f"the scheduler at {address} has no workers: start one with dask worker")
    for worker, there in workers.items():
        problem = ""
        if isinstance(there, ImportError) and "." not in (there.name or "."):
            problem = f"lacks the package {there.name}"
        elif isinstance(there, Exception):
            problem = f"has another digitnet than {here[1]} here ({_said(there)})"
        elif isinstance(there, list) and there[0] != here[0]:
            problem = f"has numpy {there[0]}, not {here[0]} as here"
        elif isinstance(there, list) and there != here:
            problem = f"has another digitnet ({there[1]}) than the {here[1]} here"
        if problem:
            raise NoWorkers(f"the worker {worker} {problem}: all of them need the same programs")


def programs() -> list[str]:
    """What must be the same everywhere for the results to be the same: the versions of numpy and of
    digitnet, and a sum over the source of digitnet, which tells two of one version apart.
    """
    folder, digest = Path(digitnet.__file__).parent, sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return [np.__version__, digitnet.__version__, digest.hexdigest()]


def _said(error: object) -> str:
    """What an error says, on one line."""
    return " ".join(str(error).split())[:200] or type(error).__name__

"""Throughput of studies: one training after another, in threads, and in processes.

    python benches/study.py [--runs 16] [--workers 2]

All do the same trainings of 784-100-10 on the sample, each in one thread, in interleaved rounds; a
round counts from the first training to the last result, the start of processes included.
"""

import argparse
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from time import perf_counter

from rich.console import Console
from rich.table import Table

from digitnet.digits.datasets import SOURCES
from digitnet.engine.settings import Settings
from digitnet.registry.model import Blueprint
from digitnet.study.conduct import processes, train
from digitnet.study.plan import Job, Plan, parse

ROOT = Path(__file__).parent.parent
ROUNDS = 3
BLUEPRINT = Blueprint("784-100-10", settings=Settings(batch=16))


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=16)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    data = SOURCES["sample"].read([ROOT / "data"])
    plan = Plan(parse(["--repeat", str(options.runs), "--for", "20e"]), BLUEPRINT, seed=1)
    jobs = plan.round({})

    def alone(jobs: Sequence[Job]) -> None:
        for job in jobs:
            train(job, data)

    def in_threads(jobs: Sequence[Job]) -> None:
        with ThreadPoolExecutor(options.workers) as executor:
            list(executor.map(lambda job: train(job, data), jobs))

    def in_processes(jobs: Sequence[Job]) -> None:
        with processes(data, options.workers) as crew:
            for future in [crew.submit(job) for job in jobs]:
                future.result()

    ways: dict[str, Callable[[Sequence[Job]], None]] = {
        "one after another": alone,
        f"{options.workers} threads": in_threads,
        f"{options.workers} processes": in_processes,
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            begun = perf_counter()
            way(jobs)
            times[name].append(perf_counter() - begun)
    base = median(times["one after another"])
    table = Table("way", "seconds", "times as fast", title=f"{options.runs} trainings, median of 3")
    for name, found in times.items():
        table.add_row(name, f"{median(found):.1f}", f"{base / median(found):.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()

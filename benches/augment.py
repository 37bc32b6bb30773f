"""Deformed digits a second on one core, and what deformations cost a training beside them.

    python benches/augment.py [--data DIR] [--set sample] [--seconds 2]

The first table times the deforming alone, one BLAS thread, median and best of many rounds in which
all rows take turns, by the processor time of the thread: other work on the machine counts for less.
The second trains on mini-batches that are deformed one step ahead in a thread of their own: samples
a second, median of rounds that take turns. "beforehand" trains on deformed mini-batches made before
the clock starts, over and over: what making them costs is the loss against that.
"""

import argparse
import statistics
from pathlib import Path
from time import perf_counter, thread_time

import numpy as np

from digitnet.digits.datasets import SOURCES
from digitnet.engine.augment import NAMED, Augment, Deformer
from digitnet.engine.settings import Settings
from digitnet.engine.shapes import network_of
from digitnet.engine.speed import threads
from digitnet.engine.trainer import MiniBatches, Trainer

ROOT = Path(__file__).parent.parent
STRENGTHS = ("light", "rotation=12,zoom=0.12,shear=0.15,shift=2", "elastic=1.2", "strong")
BATCHES = (16, 128, 512)
SHAPES = ("784-256-10", "784-1024-10", "784-1024-1024-10")
ROUNDS = 15


def deforming(pictures, rounds=40):
    """Prints the first table."""
    threads.limit_blas()
    out = np.empty(pictures.shape, np.float32)
    tasks = {}
    for strength in STRENGTHS:
        for batch in BATCHES:
            deformer = Deformer(28, 28, 1, Augment.parse(strength))
            given = pictures[:batch], np.arange(batch), out[:batch]
            tasks[strength, batch] = deformer, given
    seconds = {task: [] for task in tasks}
    for _ in range(rounds):
        for task, (deformer, given) in tasks.items():
            deformer(*given)  # into the cache
            begun = thread_time()
            deformer(*given)
            seconds[task].append((thread_time() - begun) / len(given[0]))
    print(f"{'digits a second, one core':<44}" + "".join(f"{f'batch {b}':>18}" for b in BATCHES))
    for strength in STRENGTHS:
        cells = (seconds[strength, batch] for batch in BATCHES)
        text = (f"{1 / statistics.median(s):,.0f} ({1 / min(s):,.0f})" for s in cells)
        print(f"{strength:<44}" + "".join(f"{cell:>18}" for cell in text))


def speed(trainer, batches, seconds):
    """Samples a second in so many seconds of training."""
    begun, samples = perf_counter(), 0
    while (passed := perf_counter() - begun) < seconds:
        x, y = batches.next()
        cost = trainer.step(x, y, 0.01)
        batches.done(len(x), cost)
        samples += len(x)
    return samples / passed


class Beforehand:
    """A few mini-batches, handed out over and over."""

    def __init__(self, batches, count=20):
        self.made, self.turn = [], 0
        for _ in range(count):
            x, y = batches.next()
            self.made.append((x.copy(), y.copy()))
            batches.done(len(x), 0.0)

    def next(self):
        self.turn += 1
        return self.made[self.turn % len(self.made)]

    def done(self, count, cost):
        pass


def training(cases, seconds):
    """Prints the second table."""
    columns = ["as they are"]
    columns += [f"{name} {how}" for name in list(NAMED)[1:] for how in ("beforehand", "ahead")]
    print(f"\n{'samples a second, training':<34}" + "".join(f"{name:>19}" for name in columns))
    for cores in range(1, threads.count() + 1):
        threads.set_count(cores)
        for shape in SHAPES:
            for batch in BATCHES:
                runs = {}
                for column in columns:
                    network = network_of(shape)
                    network.initialize(1)
                    strength = column.partition(" ")[0]
                    augment = strength if strength in NAMED else "none"
                    settings = Settings(optimizer="momentum", batch=batch, augment=augment)
                    trainer = Trainer(network, settings, 1)
                    batches = MiniBatches(trainer, cases)
                    if column.endswith("beforehand"):
                        batches = Beforehand(batches)
                    runs[column] = trainer, batches, []
                for _ in range(ROUNDS):
                    for trainer, batches, speeds in runs.values():
                        speeds.append(speed(trainer, batches, seconds / ROUNDS))
                found = {name: statistics.median(speeds) for name, (_, _, speeds) in runs.items()}
                cells = []
                for column, value in found.items():
                    made = found[column.replace("ahead", "beforehand")]
                    loss = f"{1 - value / made:>5.0%}" if "ahead" in column else " " * 5
                    cells.append(f"{value:,.0f} {loss}")
                label = f"{shape}, {batch}, {cores} thread{'s' * (cores > 1)}"
                print(f"{label:<34}" + "".join(f"{cell:>19}" for cell in cells), flush=True)


def main():
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT / "data")
    parser.add_argument("--set", default="sample")
    parser.add_argument("--seconds", type=float, default=2.0, help="of training, for each figure")
    options = parser.parse_args()
    cases = SOURCES[options.set].read([options.data, ROOT / "data"]).train
    deforming(cases.inputs.astype(np.float32) * np.float32(cases.scale))
    training(cases, options.seconds)


if __name__ == "__main__":
    main()

"""Cases a second of 28x28-32c5-p2-64c5-p2-150-10, training and answering, beside PyTorch's.

    python benches/convolution.py --rivals PYTHON [--seconds 2] [--rounds 5]

As `throughput.py`, whose digits and processes these are: each contender runs alone, in turn, and
the table gives medians in thousands of cases a second. PyTorch runs in both memory layouts,
channels first ("torch") and channels last ("torch_last"); the ratio is to the better one.
"""

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import throughput

SHAPE = "28x28-32c5-p2-64c5-p2-150-10"
BATCHES, THREADS = (16, 32, 128, 512), (1, 2)
ROOT = Path(__file__).parent.parent


def timed(step, batch, seconds):
    """Cases a second of a step, after a few that are not counted."""
    for _ in range(3):
        step()
    done, begun = 0, perf_counter()
    while perf_counter() - begun < seconds:
        step()
        done += batch
    return done / (perf_counter() - begun)


def digitnet(batch, threads, seconds):
    """Mini-batches as a trainer makes them, and answers."""
    import numpy as np

    from digitnet.engine.arrays import Cases, one_hot
    from digitnet.engine.batches import MiniBatches
    from digitnet.engine.settings import Settings
    from digitnet.engine.shapes import network_of
    from digitnet.engine.speed import threads as sharing
    from digitnet.engine.trainer import Trainer

    sharing.set_count(threads)
    x, labels = throughput.pictures()
    cases = Cases(x, one_hot(labels, 10), 1 / 255)
    network = network_of(SHAPE)
    network.initialize(1)
    trainer = Trainer(network, Settings(optimizer="momentum", rate=0.01, batch=batch), 1)
    batches = MiniBatches(cases, batch, np.float32, seed=1, progress=trainer.progress)

    def train():
        given = batches.next()
        batches.done(len(given[0]), trainer.step(*given, 0.01))

    given = (x[:batch] / 255).astype(np.float32)
    return timed(train, batch, seconds), timed(lambda: network.forward(given), batch, seconds)


def torch(batch, threads, seconds, *, last=False):
    """PyTorch, eager, as its tutorials have it."""
    import torch as t

    t.set_num_threads(threads)
    layout = t.channels_last if last else t.contiguous_format
    x, labels = throughput.pictures()
    x = (t.from_numpy(x).float() / 255).reshape(-1, 1, 28, 28).to(memory_format=layout)
    y = t.from_numpy(labels)
    nn = t.nn
    model = nn.Sequential(
        *(nn.Conv2d(1, 32, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(1024, 150), nn.ReLU(), nn.Linear(150, 10)),
    ).to(memory_format=layout)
    optimizer = t.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    cost = nn.CrossEntropyLoss()

    def train():
        rows = t.randint(0, len(x), (batch,))
        optimizer.zero_grad()
        cost(model(x[rows]), y[rows]).backward()
        optimizer.step()

    def answer():
        with t.no_grad():
            model(x[:batch])

    return timed(train, batch, seconds), timed(answer, batch, seconds)


def torch_last(batch, threads, seconds):
    """PyTorch with channels last."""
    return torch(batch, threads, seconds, last=True)


CONTENDERS = {f.__name__: f for f in (digitnet, torch, torch_last)}


def measure(name, batch, threads, seconds, python):
    """One contender, once, in a process of its own: training and answering."""
    variables = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    env = os.environ | dict.fromkeys(variables, str(threads))
    env |= {"PYTHONPATH": f"{ROOT}{os.pathsep}{Path(__file__).parent}"}
    line = [python, __file__, "--one", name, str(batch), str(threads), str(seconds)]
    done = subprocess.run(line, env=env, capture_output=True, text=True, check=True)
    return [float(word) for word in done.stdout.split()]


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rivals", default="")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, nargs="*", default=BATCHES)
    parser.add_argument("--threads", type=int, nargs="*", default=THREADS)
    parser.add_argument("--one", nargs=4)
    options = parser.parse_args()
    if options.one:
        name, *numbers = options.one
        print(*CONTENDERS[name](int(numbers[0]), int(numbers[1]), float(numbers[2])))
        return
    pythons = {"digitnet": sys.executable}
    if options.rivals:
        pythons |= {"torch": options.rivals, "torch_last": options.rivals}
    print(f"thousands of cases a second, medians of {options.rounds}: training, then answering")
    print("threads batch", *(2 * [f"{n:>11}" for n in [*pythons, "ratio"]]))
    for threads in options.threads:
        for batch in options.batches:
            found = {name: [] for name in pythons}
            for _ in range(options.rounds):
                for name, python in pythons.items():
                    found[name].append(measure(name, batch, threads, options.seconds, python))
            row = []
            for of in (0, 1):
                speeds = [statistics.median(s[of] for s in found[n]) / 1000 for n in pythons]
                ratio = speeds[0] / max(speeds[1:], default=speeds[0])
                row += [*(f"{speed:11.2f}" for speed in speeds), f"{ratio:11.2f}"]
            print(f"{threads:7} {batch:5}", *row, flush=True)


if __name__ == "__main__":
    main()

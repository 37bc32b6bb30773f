"""Training, beside PyTorch's: thousands of cases a second, and digitnet's ratio to it.

    pip install --target RIVALS torch==2.13.0
    python benches/throughput.py [SHAPE] [--rivals RIVALS] [--threads 1] [--batches 16 32 ...]

All contenders train in this process, in short bursts that alternate, on the same digits, with ReLU,
softmax, cross-entropy and momentum 0.9, in float32; the table gives medians. "defaults" is digitnet
as its recipes have it, with L2 and the running mean of the weights that answers. "products" are the
matrix products of a mini-batch alone, in numpy: digitnet's speed if all else took no time. "fused"
is PyTorch with `SGD(fused=True)`; a convolutional network runs in its faster layout, channels last.
On a machine that others use too, `--cpu` counts the time of the processor (with one thread).
"""

import argparse
import gzip
import os
import statistics
import sys
from itertools import pairwise
from pathlib import Path
from time import perf_counter, process_time

for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):  # as on a user's machine
    os.environ.pop(name, None)
ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from digitnet.engine.arrays import Cases, one_hot  # noqa: E402
from digitnet.engine.settings import Settings  # noqa: E402
from digitnet.engine.shapes import network_of  # noqa: E402
from digitnet.engine.speed import threads  # noqa: E402
from digitnet.engine.trainer import MiniBatches, Trainer  # noqa: E402

CASES, BARE = 20_000, {"optimizer": "momentum", "rate": 0.01}
DEFAULTS = BARE | {"l2": 1e-4, "average": 1.0}


def pictures():
    """Digits of the sample as bytes, and random labels."""
    rng = np.random.default_rng(0)
    file = ROOT / "data" / "sample-train-images-idx3-ubyte.gz"
    digits = np.frombuffer(gzip.decompress(file.read_bytes()), np.uint8, offset=16)
    return rng.choice(digits.reshape(-1, 784), CASES), rng.integers(0, 10, CASES)


def digitnet(shape, batch, settings):
    """A mini-batch as `t` trains it."""
    x, labels = pictures()
    cases = Cases(x, one_hot(labels, 10), 1 / 255)
    network = network_of(shape)
    network.initialize(1)
    trainer = Trainer(network, Settings(batch=batch, **settings), 1)
    trainer.progress.averaged = 1000  # the first mini-batches update the mean more often
    batches = MiniBatches(trainer, cases)

    def step():
        x, y = batches.next()
        batches.done(len(x), trainer.step(x, y, 0.01))

    return step


def products(shape, batch):
    """The matrix products of a mini-batch of a dense network."""
    sizes = [int(n) for n in shape.split("-")]
    rng = np.random.default_rng(0)
    x = [rng.random((batch, n), np.float32) for n in sizes]
    x[0] = pictures()[0][:batch] / np.float32(255)
    weights = [rng.random((units, n), np.float32).T for n, units in pairwise(sizes)]

    def step():
        for k, w in enumerate(weights):
            threads.by_unit(x[k], w)
            if k:
                threads.times_transposed(x[k + 1], w)
            gradient, cost = threads.Outer(x[k + 1], x[k]), threads.product_cost(*x[k].shape)
            threads.for_rows(w.shape[1], cost, gradient.__getitem__)

    return step


def torch(shape, batch, *, fused):
    """A mini-batch as PyTorch's tutorials have it, eager."""
    import torch as t

    nn, parts, size = t.nn, shape.split("-"), (1, 28)
    layers, flat = [], "x" not in parts[0]
    for part in parts[1:]:
        kind, numbers = part.strip("0123456789"), [int(n) for n in part.split("c") if n.isdigit()]
        if kind == "c":
            layers += [nn.Conv2d(size[0], numbers[0], numbers[1]), nn.ReLU()]
            size = (numbers[0], size[1] - numbers[1] + 1)
        elif kind == "p":
            layers.append(nn.MaxPool2d(int(part[1:])))
            size = (size[0], size[1] // int(part[1:]))
        else:
            if not flat:
                layers.append(nn.Flatten())
                flat = True
            layers += [nn.Linear(size[0] * size[1] ** 2, numbers[0]), nn.ReLU()]
            size = (numbers[0], 1)
    layout = t.contiguous_format if "x" not in parts[0] else t.channels_last
    x, labels = pictures()
    x, y = t.from_numpy(x).float() / 255, t.from_numpy(labels)
    if "x" in parts[0]:
        x = x.reshape(-1, 1, 28, 28).to(memory_format=layout)
    model = nn.Sequential(*layers[:-1]).to(memory_format=layout)
    optimizer = t.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, fused=fused)
    cost = nn.CrossEntropyLoss()

    def step():
        rows = t.randint(0, len(x), (batch,))
        optimizer.zero_grad()
        cost(model(x[rows]), y[rows]).backward()
        optimizer.step()

    return step


def burst(step, batch, seconds, clock):
    """Thousands of cases a second."""
    done, begun = 0, clock()
    while clock() - begun < seconds:
        step()
        done += batch
    return done / (clock() - begun) / 1000


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shape", nargs="?", default="784-1024-10")
    parser.add_argument("--rivals", default="")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batches", type=int, nargs="*", default=(16, 32, 64, 128, 512))
    parser.add_argument("--seconds", type=float, default=0.2)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--cpu", action="store_true")
    options = parser.parse_args()
    clock = process_time if options.cpu else perf_counter
    threads.set_count(options.threads)
    contenders = {
        "bare": lambda batch: digitnet(options.shape, batch, BARE),
        "defaults": lambda batch: digitnet(options.shape, batch, DEFAULTS),
    }
    if "x" not in options.shape:
        contenders["products"] = lambda batch: products(options.shape, batch)
    owns = list(contenders)
    if options.rivals:
        sys.path.append(options.rivals)  # last, so that numpy is this environment's
        import torch as t

        t.set_num_threads(options.threads)
        contenders["torch"] = lambda batch: torch(options.shape, batch, fused=False)
        contenders["fused"] = lambda batch: torch(options.shape, batch, fused=True)
    ratios = [(own, rival) for rival in contenders if rival not in owns for own in owns]
    print(f"{options.shape}, threads {options.threads}: thousands of cases a second")
    print("batch", *(f"{n:>9}" for n in contenders), *(f"{a + '/' + b:>16}" for a, b in ratios))
    for batch in options.batches:
        steps = {name: made(batch) for name, made in contenders.items()}
        speeds = {name: [] for name in steps}
        for step in steps.values():
            step()
        for _ in range(options.rounds):
            for name, step in steps.items():
                speeds[name].append(burst(step, batch, options.seconds, clock))
        medians = {name: statistics.median(values) for name, values in speeds.items()}
        row = [f"{value:9.1f}" for value in medians.values()]
        row += [f"{medians[own] / medians[rival]:16.2f}" for own, rival in ratios]
        print(f"{batch:5}", *row, flush=True)


if __name__ == "__main__":
    main()

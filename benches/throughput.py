"""Cases a second in training 784-1024-10: digitnet beside the products alone and its rivals.

    python benches/throughput.py [--rivals PYTHON] [--pictures noise] [--seconds 2] [--rounds 5]

Each contender runs in a process of its own, one after the other, in turn, `--rounds` times; the
table gives medians, in thousands of cases a second, and digitnet's ratio to each. `--rivals` names
a Python that has torch and scikit-learn (`pip install torch==2.13.0 scikit-learn`); without it only
digitnet and its products run. All train on the same pictures, with ReLU, softmax, cross-entropy and
momentum 0.9, in float32. The pictures are digits of the sample, whose dark borders digitnet leaves
out of its products, or (`noise`) pictures in which any pixel may be lit and nothing can be left
out. "products" are the five of a mini-batch in full.
"""

import argparse
import gzip
import os
import statistics
import subprocess
import sys
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).parent.parent
CASES = 20_000
PICTURES = os.environ.get("PICTURES", "digits")
BATCHES, THREADS = (16, 32, 64, 128, 256, 512), (1, 2)


def pictures():
    """Cases that look like digits to a processor: bytes, four fifths of them zero; and labels."""
    import numpy as np

    rng = np.random.default_rng(0)
    if PICTURES == "noise":
        x = rng.integers(0, 256, (CASES, 784), dtype=np.uint8)
        x[rng.random(x.shape) < 0.8] = 0
    else:
        file = ROOT / "data" / "sample-train-images-idx3-ubyte.gz"
        digits = np.frombuffer(gzip.decompress(file.read_bytes()), np.uint8, offset=16)
        x = rng.choice(digits.reshape(-1, 784), CASES)
    return x, rng.integers(0, 10, CASES)


def products(batch, threads, seconds):
    """The five matrix products of a mini-batch, in full, and nothing else."""
    import numpy as np
    from scipy.linalg.blas import sgemm

    rng = np.random.default_rng(0)
    x, w1, w2 = (rng.random(s, dtype="f") for s in ((batch, 784), (784, 1024), (1024, 10)))
    h, a, d1 = (np.empty((batch, n), "f") for n in (1024, 10, 1024))
    d2, g1, g2 = np.ones((batch, 10), "f"), np.zeros_like(w1), np.zeros_like(w2)
    done, begun = 0, perf_counter()
    while perf_counter() - begun < seconds:
        sgemm(1, w1.T, x.T, 0, h.T, overwrite_c=1)
        sgemm(1, w2.T, h.T, 0, a.T, overwrite_c=1)
        sgemm(1, d2.T, h.T, 0, g2.T, trans_b=1, overwrite_c=1)
        sgemm(1, w2.T, d2.T, 0, d1.T, trans_a=1, overwrite_c=1)
        sgemm(1, d1.T, x.T, 0, g1.T, trans_b=1, overwrite_c=1)
        done += batch
    return done / (perf_counter() - begun)


def digitnet(batch, threads, seconds):
    """The trainer as `t` runs it."""
    from digitnet.engine.arrays import Cases, one_hot
    from digitnet.engine.run import run
    from digitnet.engine.schedules import Amount
    from digitnet.engine.settings import Settings
    from digitnet.engine.shapes import network_of
    from digitnet.engine.trainer import Trainer

    x, labels = pictures()
    cases = Cases(x, one_hot(labels, 10), 1 / 255)
    few = Cases(x[:100], cases.targets[:100], 1 / 255)
    network = network_of("784-1024-10")
    network.initialize(1)
    trainer = Trainer(network, Settings(optimizer="momentum", rate=0.01, batch=batch), 1)
    return run(trainer, cases, few, Amount(seconds, "seconds")).samples_per_second


def torch(batch, threads, seconds):
    """PyTorch, eager, as its tutorials have it."""
    import torch as t

    t.set_num_threads(threads)
    x, labels = pictures()
    x, y = t.from_numpy(x).float() / 255, t.from_numpy(labels)
    model = t.nn.Sequential(t.nn.Linear(784, 1024), t.nn.ReLU(), t.nn.Linear(1024, 10))
    optimizer = t.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    cost = t.nn.CrossEntropyLoss()
    done, begun = 0, perf_counter()
    while True:
        order = t.randperm(CASES)
        for start in range(0, CASES, batch):
            rows = order[start : start + batch]
            optimizer.zero_grad()
            cost(model(x[rows]), y[rows]).backward()
            optimizer.step()
            done += len(rows)
            if perf_counter() - begun > seconds:
                return done / (perf_counter() - begun)


def sklearn(batch, threads, seconds):
    """scikit-learn's MLPClassifier, by epochs of partial_fit."""
    import numpy as np
    from sklearn.neural_network import MLPClassifier

    x, labels = pictures()
    x = (x / 255).astype(np.float32)
    model = MLPClassifier(
        (1024,), solver="sgd", batch_size=batch, learning_rate_init=0.01, momentum=0.9,
        nesterovs_momentum=False, alpha=0,
    )  # fmt: skip
    part = 4000
    model.partial_fit(x[:batch], labels[:batch], classes=np.arange(10))
    done, begun = 0, perf_counter()
    while perf_counter() - begun < seconds:
        rows = slice(done % CASES, done % CASES + part)
        model.partial_fit(x[rows], labels[rows])
        done += part
    return done / (perf_counter() - begun)


CONTENDERS = {f.__name__: f for f in (products, digitnet, torch, sklearn)}


def measure(name, batch, threads, seconds, pictures, python):
    """One contender, once, in a process of its own."""
    variables = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    env = os.environ | dict.fromkeys(variables, str(threads))
    env |= {"PYTHONPATH": str(ROOT), "PICTURES": pictures}
    line = [python, __file__, "--one", name, str(batch), str(threads), str(seconds)]
    done = subprocess.run(line, env=env, capture_output=True, text=True, check=True)
    return float(done.stdout)


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rivals", default="")
    parser.add_argument("--pictures", choices=("digits", "noise"), default="digits")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, nargs="*", default=BATCHES)
    parser.add_argument("--threads", type=int, nargs="*", default=THREADS)
    parser.add_argument("--one", nargs=4)
    options = parser.parse_args()
    if options.one:
        name, *numbers = options.one
        print(CONTENDERS[name](int(numbers[0]), int(numbers[1]), float(numbers[2])))
        return
    pythons = {"products": sys.executable, "digitnet": sys.executable}
    if options.rivals:
        pythons |= {"torch": options.rivals, "sklearn": options.rivals}
    ratios = [name for name in pythons if name != "digitnet"]
    print(f"thousands of cases a second, medians of {options.rounds}, {options.pictures}")
    print("threads batch", *(f"{n:>9}" for n in pythons), *(f"{'/' + n:>10}" for n in ratios))
    for threads in options.threads:
        for batch in options.batches:
            found = {name: [] for name in pythons}
            for _ in range(options.rounds):
                for name, python in pythons.items():
                    speed = measure(name, batch, threads, options.seconds, options.pictures, python)
                    found[name].append(speed)
            medians = {name: statistics.median(values) for name, values in found.items()}
            row = [f"{value / 1000:9.1f}" for value in medians.values()]
            row += [f"{medians['digitnet'] / medians[name]:10.2f}" for name in ratios]
            print(f"{threads:7} {batch:5}", *row, flush=True)


if __name__ == "__main__":
    main()

"""Seconds to 97.87 % and 98.3 % on MNIST's test set: digitnet and PyTorch with the same recipe.

    python benches/time_to_accuracy.py --data DIR [--rivals PYTHON] [--rounds 5]

DIR holds MNIST's four files; `--rivals` names a Python that has torch and numpy. The recipe is
digitnet's `relu`: 784-1024-10, ReLU, softmax, cross-entropy, L2 1e-5, momentum 0.9, mini-batches of
64 drawn anew each epoch, a one-cycle rate up to 0.2 over the whole training, from weights of the
same distribution. For each target the fewest epochs are taken with which digitnet's mean accuracy
over the rounds reaches it; both then train that long, in turn, each in a process of its own. The
time is that of training alone: reading the data and measuring are left out.
"""

import argparse
import gzip
import os
import statistics
import subprocess
import sys
from math import cos, pi
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).parent.parent
TARGETS = (0.9787, 0.983)
MOST_EPOCHS = 6
BATCH, RATE, L2, MOMENTUM = 64, 0.2, 1e-5, 0.9


def digitnet(data, epochs, seed):
    """`n relu; t EPOCHS; ch all`, without the prompt around it."""
    from digitnet.digits.datasets import SOURCES
    from digitnet.engine.evaluate import evaluate
    from digitnet.engine.run import run
    from digitnet.engine.schedules import Amount
    from digitnet.recipes import RECIPES, build

    cases = SOURCES["mnist"].read([data])
    trainer = build(RECIPES["relu"], seed).trainer
    trainer.change(trainer.settings.changed("augment", "none"))  # as the other has it
    outcome = run(trainer, cases.train, cases.validation, Amount(epochs, "epochs"))
    seconds = outcome.samples / outcome.samples_per_second
    return seconds, evaluate(trainer.network, cases.test).accuracy


def one_cycle(s):
    """digitnet's schedule."""
    if s < 0.3:
        return 0.04 + 0.96 * (1 - 0.5 * (1 + cos(pi * s / 0.3)))
    return 0.0001 + 0.9999 * 0.5 * (1 + cos(pi * (s - 0.3) / 0.7))


def torch(data, epochs, seed):
    """PyTorch, eager, all data in float32 in memory."""
    import numpy as np
    import torch as t

    def read(name, skip):
        return np.frombuffer(gzip.decompress((data / name).read_bytes()), np.uint8, offset=skip)

    def pictures(part):
        return t.from_numpy(read(f"{part}-images-idx3-ubyte.gz", 16).reshape(-1, 784) / 255).float()

    def labels(part):
        return t.from_numpy(read(f"{part}-labels-idx1-ubyte.gz", 8).astype(np.int64))

    t.manual_seed(seed)
    t.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    x, y = pictures("train")[:-5000], labels("train")[:-5000]
    layers = t.nn.Linear(784, 1024), t.nn.Linear(1024, 10)
    t.nn.init.normal_(layers[0].weight, std=(2 / 784) ** 0.5)
    t.nn.init.normal_(layers[1].weight, std=(2 / 1034) ** 0.5)
    for layer in layers:
        t.nn.init.zeros_(layer.bias)
    model = t.nn.Sequential(layers[0], t.nn.ReLU(), layers[1])
    groups = [
        {"params": [layer.weight for layer in layers], "weight_decay": L2},
        {"params": [layer.bias for layer in layers]},
    ]
    optimizer = t.optim.SGD(groups, lr=RATE, momentum=MOMENTUM)
    cost = t.nn.CrossEntropyLoss()
    done, total, begun = 0, epochs * len(x), perf_counter()
    for _ in range(epochs):
        order = t.randperm(len(x))
        for start in range(0, len(x), BATCH):
            rows = order[start : start + BATCH]
            for group in optimizer.param_groups:
                group["lr"] = RATE * one_cycle(done / total)
            optimizer.zero_grad()
            cost(model(x[rows]), y[rows]).backward()
            optimizer.step()
            done += len(rows)
    seconds = perf_counter() - begun
    with t.no_grad():
        right = (model(pictures("t10k")).argmax(1) == labels("t10k")).float().mean()
    return seconds, float(right)


CONTENDERS = {"digitnet": digitnet, "torch": torch}


def measure(name, python, data, epochs, seed, threads):
    """One contender, once, in a process of its own: seconds and accuracy."""
    variables = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    env = os.environ | dict.fromkeys(variables, str(threads)) | {"PYTHONPATH": str(ROOT)}
    line = [python, __file__, "--data", str(data), "--one", name, str(epochs), str(seed)]
    done = subprocess.run(line, env=env, capture_output=True, text=True, check=True)
    return tuple(map(float, done.stdout.split()))


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rivals", default="")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--one", nargs=3)
    options = parser.parse_args()
    if options.one:
        name, epochs, seed = options.one
        print(*CONTENDERS[name](options.data, int(epochs), int(seed)))
        return
    pythons = {"digitnet": sys.executable}
    if options.rivals:
        pythons["torch"] = options.rivals
    print("target epochs", *(f"{name:>20}" for name in pythons), "   ratio of times")
    for target in TARGETS:
        for epochs in range(1, MOST_EPOCHS + 1):
            found = {name: [] for name in pythons}
            for seed in range(options.rounds):
                for name, python in pythons.items():
                    found[name].append(
                        measure(name, python, options.data, epochs, seed, options.threads)
                    )
            if statistics.mean(a for _, a in found["digitnet"]) >= target:
                break
        times = {name: statistics.median(s for s, _ in runs) for name, runs in found.items()}
        shares = {name: statistics.mean(a for _, a in runs) for name, runs in found.items()}
        cells = [f"{times[name]:8.2f} s, {shares[name]:7.2%}" for name in pythons]
        ratio = f"{times['digitnet'] / times['torch']:8.2f}" if "torch" in times else ""
        print(f"{target:.2%} {epochs:6}", *(f"{cell:>20}" for cell in cells), ratio, flush=True)


if __name__ == "__main__":
    main()

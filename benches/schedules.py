"""Validation accuracy after 1, 2, 5 and 20 epochs, with and without knowing that there will be 20.

    python benches/schedules.py [--data DIR] [--set sample] [--shape 784-256-10] [--batch 16]

One-cycle is told how many epochs there will be, and is trained anew for each number: what training
without a horizon is measured against. "one-cycle in each t" begins anew with every epoch, as a
person has it who types `t` again and again. The others are trained once, for 20 epochs, and asked
on the way. Mean and spread over three seeds, in per cent.
"""

import argparse
import statistics
from pathlib import Path

from digitnet.digits.datasets import SOURCES
from digitnet.engine.run import run
from digitnet.engine.schedules import Amount
from digitnet.engine.settings import Settings
from digitnet.engine.shapes import network_of
from digitnet.engine.trainer import Trainer

ROOT = Path(__file__).parent.parent
EPOCHS = (1, 2, 5, 20)
MOMENTUM = {"optimizer": "momentum", "rate": 0.05}
ENDLESS = {
    "one-cycle in each t": MOMENTUM | {"schedule": "one-cycle"},
    "constant": MOMENTUM | {"rate": 0.02},
    "constant, mean": MOMENTUM | {"average": 1.0},
    "inverse-sqrt, mean": MOMENTUM | {"schedule": "inverse-sqrt", "average": 1.0},
    "schedule-free": {"optimizer": "schedule-free", "rate": 1.0},
    "schedule-free-adamw": {"optimizer": "schedule-free-adamw", "rate": 0.005},
}


def trained(trainer, data, amount):
    """The validation accuracy after so much more training, in per cent."""
    outcome = run(trainer, data.train, data.validation, Amount.parse(amount))
    return 100 * outcome.validation_accuracy


def fresh(options, seed, settings):
    """A network to be trained."""
    network = network_of(options.shape)
    network.initialize(seed)
    return Trainer(network, Settings(batch=options.batch, l2=1e-4, **settings), seed)


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT / "data")
    parser.add_argument("--set", default="sample")
    parser.add_argument("--shape", default="784-256-10")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--epochs", type=int, nargs="*", default=EPOCHS)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    data = SOURCES[options.set].read([options.data, ROOT / "data"])
    print(f"{options.shape} on {options.set}; after epochs:", *(f"{e:>14}" for e in options.epochs))
    rows = {"one-cycle over just that": []} | {name: [] for name in ENDLESS}
    for seed in range(1, options.seeds + 1):
        known = MOMENTUM | {"schedule": "one-cycle"}
        rows["one-cycle over just that"].append(
            [trained(fresh(options, seed, known), data, f"{e}e") for e in options.epochs]
        )
        for name, settings in ENDLESS.items():
            trainer, found = fresh(options, seed, settings), []
            for epoch in range(1, max(options.epochs) + 1):
                accuracy = trained(trainer, data, "1e")
                found += [accuracy] if epoch in options.epochs else []
            rows[name].append(found)
    for name, found in rows.items():
        cells = [
            f"{statistics.mean(of):7.2f} +- {statistics.pstdev(of):.2f}"
            for of in zip(*found, strict=True)
        ]
        print(f"{name:>32}", *(f"{cell:>14}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()

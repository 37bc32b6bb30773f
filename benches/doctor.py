"""The doctor on planted faults and on healthy networks: what it names first, and its false alarms.

    python benches/doctor.py [--seeds 1 2 3] [--data DIR]

Each planted fault of the tests, in a dense and in a convolutional network; then every recipe at
several ages, with several optimisers and seeds, in which nothing should be found; then the time
that `doctor` takes for `relu` with all of MNIST, one thread, if DIR has it.
"""

import argparse
import sys
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "unit"))

from doctor_helpers import CONVOLUTION, DENSE, PLANTS, Patient, recipe  # noqa: E402

from digitnet.digits.datasets import SOURCES  # noqa: E402
from digitnet.engine.speed import threads  # noqa: E402

AGES = {
    "quick": ("", "5", "50", "1e", "5e", "30e"),
    "diary": ("", "20", "100", "1e", "2e", "5e", "60e"),
    "relu": ("", "5", "30", "1e", "10e"),
    "conv": ("", "20", "1e"),
    "fast": ("", "20", "1e"),
    "deep": ("", "10"),
    "record": ("", "10"),
    "devember": ("", "3", "30"),
    "notebook-better": ("", "20", "3e", "100e"),
    "truth": ("", "20", "300", "10000"),
    "mini": ("", "20", "200", "5000"),
    "mini3": ("", "20", "200", "5000"),
}
OPTIMIZERS = {
    "sgd": 0.1,
    "momentum": 0.05,
    "nesterov": 0.05,
    "rmsprop": 0.001,
    "adam": 0.001,
    "adamw": 0.001,
    "schedule-free": 1.0,
    "schedule-free-adamw": 0.005,
}


def codes(patient: Patient) -> list[str]:
    """The codes of what is found."""
    return [found.code for found in patient.findings()]


def plants() -> None:
    """Prints what is found where a fault was planted."""
    first = total = 0
    for code, plant in PLANTS.items():
        found = [codes(plant(shape)) for shape in (DENSE, CONVOLUTION)]
        first += sum(each[:1] == [code] for each in found)
        total += len(found)
        print(f"{code:>16}  {', '.join(found[0]):32}  {', '.join(found[1])}", flush=True)
    print(f"named first: {first} of {total}\n")


def healthy(seeds: list[int]) -> None:
    """Prints what is found where nothing is wrong."""
    networks = [(name, age, {}) for name, ages in AGES.items() for age in ages]
    networks += [
        ("quick", age, {"optimizer": optimizer, "rate": rate})
        for optimizer, rate in OPTIMIZERS.items()
        for age in ("", "100", "3e")
    ]
    alarms = 0
    for name, age, settings in networks:
        for seed in seeds:
            found = codes(recipe(name, age, seed=seed, **settings))
            if found:
                alarms += 1
                print(f"{name} {age or 'fresh'} seed {seed} {settings}: {', '.join(found)}")
    print(f"false alarms: {alarms} of {len(networks) * len(seeds)} healthy networks\n", flush=True)


def cost(folder: Path) -> None:
    """Prints the time it takes for `relu` with all of MNIST."""
    threads.set_count(1)
    data = SOURCES["mnist"].read([folder])
    for rate in (0.1, 1e-6):
        trainer = recipe("relu", rate=rate).trainer
        begun = perf_counter()
        found = codes(Patient(trainer, data.train, data.validation))
        print(f"relu, MNIST, rate {rate:g}: {perf_counter() - begun:.1f} s, {found}")


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--data", type=Path)
    options = parser.parse_args()
    plants()
    healthy(options.seeds)
    if options.data:
        cost(options.data)


if __name__ == "__main__":
    main()

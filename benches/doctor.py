"""The doctor on what learners meet, and on healthy networks: causes, cures and false alarms.

    python benches/doctor.py [met|public|later|files|healthy|time ...] [--seeds 1 2] [--data DIR]

Failures are typed at the prompt; then the first remedy is typed as it is given, and the network
trained for two epochs, which is compared with two epochs of the network as it should be. `public`
were made from questions that people asked of other programs: 19 of 26 before it was adjusted.
`healthy`: nothing should be found in every recipe at several ages, with several optimizers, seeds
and numbers of answers. `time`: of `doctor` for `relu` with all of MNIST, which DIR has, one thread.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests" / "unit"), str(ROOT / "tests" / "shell")]

from doctor_helpers import Patient, recipe, some  # noqa: E402
from session_helpers import do  # noqa: E402

from digitnet.digits.datasets import SOURCES  # noqa: E402
from digitnet.engine.arrays import answers_of  # noqa: E402
from digitnet.engine.optimizers import OPTIMIZERS  # noqa: E402
from digitnet.engine.speed import threads  # noqa: E402
from digitnet.repl.session import Session  # noqa: E402

MET = """
n diary
  rate-low: n diary; set rate 0.01; t 1e
  rate-high: n diary; set rate 300; t 1e
  schedule: n diary; set schedule cosine 50; t 1e
  schedule: n diary; set rate 0.1; set schedule cosine 20; t 1e
  pixels: n diary; set pixels raw; t 1e
  decay: n diary; set l2 0.1; t 3e
  few-steps: n diary; set batch all; t 20e
n
  rate-low: n quick; set rate 0.00001; t 1e
  rate-low: n quick; set rate 0.0001; t 1e
  rate-high: n quick; set rate 5; t 1e
  rate-high: n quick; t 1e; set rate 3
  rate-high: n quick; t 3e; set rate 100; t 1e
  rate-high: n quick; set optimizer adam; set rate 0.05; t 1e
  rate-high: n quick; set optimizer rmsprop; set rate 0.1; t 1e
  rate-high batch: n quick; set batch 1; set rate 0.5; t 200
  batch: n quick; set batch 1; t 1e
  decay: n quick; set l2 0.3; t 1e
  decay: n quick; set l2 0.05; t 3e
  l1: n quick; set l1 0.1; t 1e
  max-norm: n quick; set max_norm 0.05; t 1e
  clip: n quick; set clip 0.0001; t 1e
  dropout: n quick; set dropout 0.95; t 1e
  smoothing: n quick; set smoothing 0.99; t 1e
  momentum: n quick; set momentum 0.999; t 1e
  augment: n quick; set augment rotation=180,shift=12,zoom=0.9; t 1e
  schedule: n quick; set schedule cosine 1e; t 5e
  pixels: n quick; set pixels raw; t 1e
  few-steps: n quick; set batch all; t 5e
n 784-100-10
  rate-high: n 784-100-10; set rate 1; t 1e
  rate-high: n 784-100-10 relu linear squared; set rate 1; t 1e
  dropout: n 784-100-d0.97-10; t 1e
  too-few: n 784-100-10; set cases 50; t 20e
  linear: n 784-100-10 linear; t 5e
  linear: n 784-64-64-10 linear; t 10e
  cannot-fit plateau: n 784-2-10; t 5e
  cannot-fit plateau: n 784-1-10 tanh; t 5e
n 784-30-30-30-30-30-30-10
  vanishing: n 784-30-30-30-30-30-30-10 sigmoid sigmoid squared; t 2e
  vanishing: n 784-30-30-30-30-30-30-10 sigmoid; t 2e
n relu
  rate-low: n relu; set rate 1e-6; t 1e
n 28x28-8c5-p2-10
  rate-high: n 28x28-8c5-p2-10 tanh softmax squared; set rate 50; t 1e
n 28x28-8c5-p2-b-16c5-p2-10
  rate-high: n 28x28-8c5-p2-b-16c5-p2-10; set rate 30; t 1e
  max-norm: n 28x28-8c5-p2-b-16c5-p2-10; set max_norm 0.05; t 50
"""
"""Failures, each `causes: line typed`, any of the causes being right; above them a line that makes
the network as it should be.
"""

PUBLIC = """
n 784-30-30-10 sigmoid sigmoid squared; set optimizer sgd; set rate 3
  cannot-fit plateau: n 784-3-4-10 sigmoid sigmoid squared; set optimizer sgd; set rate 3; t 10e
n 784-100-10
  cannot-fit plateau: n 784-4-6-6-4-10; t 2e
  rate-low: n 784-100-10 relu sigmoid squared; set optimizer sgd; set rate 0.005; t 2e
  rate-low: n 784-100-10; set optimizer adam; set rate 1e-6; t 2e
  rate-high: n 784-100-10; set optimizer adam; set rate 0.1; t 2e
  rate-high: n 784-100-10; set optimizer sgd; set rate 10; t 2e
  dropout: n 784-100-10; set optimizer adam; set rate 0.001; set dropout 0.97; t 2e
  pixels: n 784-100-10; set optimizer sgd; set rate 0.1; set pixels raw; t 1e
  decay: n 784-100-10; set optimizer adamw; set rate 0.001; set l2 50; t 2e
  linear: n 784-128-64-32-10 linear; t 3e
  too-few over-fitting: n 784-100-10; set cases 100; t 40e
  few-steps rate-low: n 784-100-10; set optimizer sgd; set rate 0.1; set batch all; t 20e
  few-steps: n 784-100-10; set optimizer adam; set rate 0.001; set batch 1500; t 5e
  rate-high: n 784-100-10; t 2e; set optimizer adam; set rate 0.3; t 1e
n 784-25-10 sigmoid
  decay: n 784-25-10 sigmoid; set optimizer sgd; set l2 1; set batch all; set rate 0.5; t 100e
  decay: n 784-25-10 sigmoid; set optimizer sgd; set l2 0.2; set rate 0.5; t 3e
n 784-16-16-10
  rate-low: n 784-16-16-10; set optimizer sgd; set rate 0.0001; t 1e
n 784-200-200-10
  vanishing rate-low: n 784-20-20-20-20-20-10 sigmoid; set optimizer sgd; set rate 0.01; t 2e
  vanishing: n 784-200-200-200-200-10 sigmoid sigmoid squared; set optimizer sgd; set rate 0.1; t 1e
  rate-high: n 784-200-200-10 tanh; set rate 2; t 1e
n 784-30-10 tanh
  rate-high saturated: n 784-30-10 tanh tanh squared; set optimizer sgd; set rate 20; t 1e
n 28x28-8c5-p2-10
  rate-high: n 28x28-8c5-p2-10; set optimizer adam; set rate 0.1; t 1e
  rate-low: n 28x28-8c5-p2-10; set optimizer sgd; set rate 1e-5; t 1e
  pixels: n 28x28-8c5-p2-10; set pixels raw; t 1e
n 784-64-b-10
  batch: n 784-64-b-10; set batch 1; t 1000
  momentum: n 784-64-b-10; set momentum 0.9999; t 1e
"""
"""The same, of narrow layers, a rate of another optimizer, dropout taken for what is left in, all
cases in one mini-batch and the like, as they stand in forums and issues.
"""

LATER = """
n 784-64-10
  rate-high: n 784-64-10; t 1e; set rate 2; t 1e
  rate-low: n 784-64-10; set optimizer rmsprop; set rate 1e-6; t 1e
  rate-high: n 784-64-10; set optimizer nesterov; set rate 1.5; t 1e
  decay: n 784-64-10; set l2 0.1; set optimizer sgd; set rate 0.1; t 2e
  dropout: n 784-64-d0.9-10; t 2e
  clip: n 784-64-10; set clip 0.001; t 1e
  augment: n 784-64-10; set augment rotation=90,shift=10; t 2e
  momentum: n 784-64-10; set momentum 0.995; t 1e
  batch rate-high: n 784-64-10; set batch 2; set rate 0.2; t 1e
  too-few over-fitting: n 784-64-10; set cases 80; t 30e
  few-steps: n 784-64-10; set batch 3500; t 8e
  cannot-fit plateau: n 784-100-2-10; t 5e
  linear: n 784-32-32-32-10 linear; t 4e
  max-norm: n 784-64-10; set max_norm 0.1; t 2e
  smoothing: n 784-64-10; set smoothing 0.95; t 2e
n 784-30-30-30-30-30-10 relu
  vanishing: n 784-30-30-30-30-30-10 sigmoid; t 2e
n 784-64-10 tanh
  rate-high saturated: n 784-64-10 tanh; set rate 20; t 1e
n 28x28-6c5-p2-10
  rate-high: n 28x28-6c5-p2-10; set rate 5; t 100
"""
"""The same, written and first run after the doctor had been adjusted to those above: 17 of 18."""

_SAMPLE = SOURCES["sample"].read([ROOT / "data"])
X, T = (c.inputs.reshape(-1, 28, 28).astype(np.uint8) for c in (_SAMPLE.train, _SAMPLE.test))
Y, U = (c.targets.argmax(axis=1) for c in (_SAMPLE.train, _SAMPLE.test))
_ORDER = np.random.default_rng(5).permutation(784)
FILES = {
    "transposed": (X.transpose(0, 2, 1), Y, T, U),
    "upside-down": (X[:, ::-1], Y, T, U),
    "mirrored": (X, Y, T[:, :, ::-1], U),
    "shifted": (X, Y, np.roll(T, (4, -4), (1, 2)), U),
    "scrambled": (X, Y, T.reshape(-1, 784)[:, _ORDER].reshape(T.shape), U),
    "renamed": (X, (Y + 1) % 10, T, U),
    "labels": (X[1:], Y[:-1], T, U),
    "scaled": (X / 255, Y, T / 255 / 255, U),
    "repeated": (X[np.arange(3500) % 300], Y[np.arange(3500) % 300], T, U),
    "seen": (np.concatenate([X, T]), np.concatenate([Y, U]), T, U),
    "unseen": (X[Y < 2], Y[Y < 2], T, U),
    "imbalance": (*(a[(Y == 1) | (np.arange(len(Y)) % 20 == 0)] for a in (X, Y)), T, U),
    "same-inputs": (np.zeros_like(X), Y, T, U),
}
"""The code of its cause → pictures and answers of the training set and of the test set, as they
are imported.
"""

AGES = {
    "quick": ("", "5", "50", "1e", "5e", "30e"),
    "diary": ("", "20", "100", "1e", "2e", "5e", "60e"),
    "relu": ("", "5", "30", "1e", "10e"),
    "conv": ("", "20", "1e"),
    "fast": ("", "20", "1e"),
    "deep": ("", "10"),
    "record": ("", "10"),
    "hand": ("", "10"),
    "devember": ("", "3", "30"),
    "notebook-better": ("", "20", "3e", "100e"),
    "truth": ("", "20", "300", "10000"),
    "mini": ("", "20", "200", "5000"),
    "mini3": ("", "20", "200", "5000"),
    "xor": ("", "20", "2000"),
    "spiral": ("", "20", "100e"),
}


@contextmanager
def a_session() -> Iterator[tuple[Session, Path]]:
    """A session without saves, and a folder."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield Session(Path(folder), [ROOT / "data"], Path(folder), seed=1), Path(folder)


def failures(text: str) -> None:
    """Prints what is found where something went wrong, and what the remedy and the cure reach."""
    cure, first, cured, count = 0.0, 0, 0, 0
    for row in text.strip().splitlines():
        if not row.startswith(" "):
            with a_session() as (session, _):
                do(session, f"{row}; t 2e")
                cure = accuracy(session)
            print(f"{row}; t 2e: {cure:.1%}")
            continue
        causes, line = row.strip().split(": ", 1)
        with a_session() as (session, _):
            *_, told = do(session, f"{line}; doctor")
            codes = [finding["code"] for finding in told["findings"]]
            remedy = told["findings"][0]["remedy"] if codes else ""
            before = reached = accuracy(session)
            if remedy:
                do(session, f"{remedy}; t 2e")
                reached = accuracy(session)
        is_named, is_cured = codes[:1] != [] and codes[0] in causes.split(), reached >= 0.9 * cure
        count, first, cured = count + 1, first + is_named, cured + is_cured
        print(
            f"{'' if is_named else '! '}{causes}: {line}\n    {', '.join(codes) or 'nothing'}: "
            f"{'' if is_cured else '! '}{remedy or 'no remedy'} ({before:.1%} to {reached:.1%})",
            flush=True,
        )
    print(f"the cause first: {first} of {count}; the remedy as good as the cure: {cured}\n")


def files() -> None:
    """Prints what is found in cases of one's own that are wrong."""
    first = 0
    for code, arrays in FILES.items():
        with a_session() as (session, folder):
            names = ("x_train", "y_train", "x_test", "y_test")
            np.savez(folder / "digits.npz", **dict(zip(names, arrays, strict=True)))
            line = f"n quick; data import digits {folder / 'digits.npz'}; t 2e; doctor"
            codes = [finding["code"] for finding in do(session, line)[-1]["findings"]]
        print(f"import: {code}\n    {', '.join(codes) or 'nothing'}", flush=True)
        first += codes[:1] == [code]
    print(f"the cause first: {first} of {len(FILES)}\n")


def accuracy(session: Session) -> float:
    """The accuracy of the network in hand."""
    model = session.network()
    return model.trainer.measure(session.data_for(model).validation).accuracy


def healthy(seeds: list[int]) -> None:
    """Prints what is found where nothing is wrong."""
    networks = [(name, age, 10, {}) for name, ages in AGES.items() for age in ages]
    networks += [
        ("quick", age, 10, {"optimizer": name, "rate": optimizer.usual_rate})
        for name, optimizer in OPTIMIZERS.items()
        for age in ("", "100", "3e")
    ]
    networks += [("quick", age, digits, {}) for digits in (2, 3, 5, 8) for age in ("20", "3e")]
    alarms = 0
    for name, age, digits, settings in networks:
        for seed in seeds:
            patient = recipe(name, seed=seed, **settings)
            if digits < 10:
                patient.train, *others = (
                    some(cases, answers_of(cases.targets) < digits)
                    for cases in (patient.train, *patient.sets.values())
                )
                patient.sets = dict(zip(patient.sets, others, strict=True))
            codes = (patient.trained(age) if age else patient).codes
            alarms += bool(codes)
            if codes:
                told = f"{name} {age or 'untrained'} {digits} digits seed {seed} {settings}"
                print(f"{told}: {', '.join(codes)}", flush=True)
    print(f"false alarms: {alarms} of {len(networks) * len(seeds)} healthy networks\n", flush=True)


def time(folder: Path) -> None:
    """Prints the processor time it takes for `relu` with all of MNIST."""
    threads.set_count(1)
    data = SOURCES["mnist"].read([folder])
    sets = {"validation": data.validation, "test": data.test}
    for rate, amount in ((0.1, ""), (0.1, "1e"), (1e-6, ""), (30.0, "200")):
        patient = Patient(recipe("relu", rate=rate).trainer, data.train, sets)
        if amount:
            patient.trained(amount)
        begun = process_time()
        codes = patient.codes
        print(f"relu, MNIST, rate {rate:g}, {amount}: {process_time() - begun:.1f} s, {codes}")


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", nargs="*", default=["met", "public", "later", "files", "healthy"])
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--data", type=Path, default=ROOT / "data")
    options = parser.parse_args()
    tables = {
        "met": lambda: failures(MET),
        "public": lambda: failures(PUBLIC),
        "later": lambda: failures(LATER),
        "files": files,
        "healthy": lambda: healthy(options.seeds),
        "time": lambda: time(options.data),
    }
    for what in options.what:
        tables[what]()


if __name__ == "__main__":
    main()

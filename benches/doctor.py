"""The doctor on what learners meet, and on healthy networks: causes, cures and false alarms.

    python benches/doctor.py [--seeds 1 2 3] [--data DIR]

Failures are typed at the prompt; then the first remedy is typed as it is given, and the network
trained for two epochs. Nothing should be found in every recipe at several ages and with several
optimisers and seeds. Last, the time of `doctor` for `relu` with all of MNIST, one thread, if DIR
has it.
"""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests" / "unit"), str(ROOT / "tests" / "shell")]

from doctor_helpers import Patient, recipe  # noqa: E402
from session_helpers import do  # noqa: E402

from digitnet.digits.datasets import SOURCES  # noqa: E402
from digitnet.engine.optimizers import OPTIMIZERS  # noqa: E402
from digitnet.engine.speed import threads  # noqa: E402
from digitnet.repl.session import Session  # noqa: E402

DEEP = "784-30-30-30-30-30-30-10"
FAILURES = {
    "n diary; set rate 0.01; t 1e": "rate-low",
    "n quick; set rate 0.00001; t 1e": "rate-low",
    "n quick; set rate 0.0001; t 1e": "rate-low",
    "n quick; set rate 5; t 1e": "rate-high",
    "n 784-100-10; set rate 1; t 1e": "rate-high",
    "n diary; set rate 300; t 1e": "rate-high",
    "n quick; t 1e; set rate 3": "rate-high",
    "n quick; set optimizer adam; t 1e": "rate-high",
    "n quick; set optimizer rmsprop; set rate 0.1; t 1e": "rate-high",
    "n quick; set batch 1; set rate 0.5; t 200": "rate-high",
    "n 28x28-8c5-p2-10 tanh softmax squared; set rate 50; t 1e": "rate-high",
    "n fast; set rate 30; t 1e": "rate-high",
    "n quick; set l2 0.3; t 1e": "decay",
    "n quick; set l1 0.1; t 1e": "l1",
    "n quick; set max_norm 0.05; t 1e": "max-norm",
    "n quick; set clip 0.0001; t 1e": "clip",
    "n quick; set dropout 0.95; t 1e": "dropout",
    "n 784-100-d0.97-10; t 1e": "dropout",
    "n quick; set smoothing 0.99; t 1e": "smoothing",
    "n quick; set momentum 0.999; t 1e": "momentum",
    "n quick; set augment rotation=180,shift=12,zoom=0.9; t 1e": "augment",
    "n diary; set schedule cosine 50; t 1e": "schedule",
    f"n {DEEP} sigmoid sigmoid squared; t 2e": "vanishing",
    f"n {DEEP} sigmoid; t 2e": "vanishing",
    "n quick; set pixels raw; t 1e": "pixels",
    "n diary; set pixels raw; t 1e": "pixels",
    "n 784-100-10; set cases 50; t 20e": "too-few",
    "n quick; t 3e; set rate 100; t 1e": "rate-high",
    "n relu; set rate 1e-6; t 1e": "rate-low",
    "n 784-100-10 relu linear squared; set rate 1; t 1e": "rate-high",
    "n quick; set l2 0.05; t 3e": "decay",
    "n diary; set l2 0.1; t 3e": "decay",
    "n conv; set max_norm 0.05; t 50": "max-norm",
    "n quick; set batch 1; t 1e": "batch",
    "n quick; set schedule cosine 1e; t 5e": "schedule",
    "n diary; set rate 0.1; set schedule cosine 20; t 1e": "schedule",
    "n 784-100-10 linear; t 5e": "linear",
    "n 784-64-64-10 linear; t 10e": "linear",
    "n 784-2-10; t 5e": "cannot-fit",
    "n 784-1-10 tanh; t 5e": "cannot-fit",
}
"""Line → the code of its cause."""

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
    "devember": ("", "3", "30"),
    "notebook-better": ("", "20", "3e", "100e"),
    "truth": ("", "20", "300", "10000"),
    "mini": ("", "20", "200", "5000"),
    "mini3": ("", "20", "200", "5000"),
}


def failures() -> None:
    """Prints what is found where something went wrong, and what the remedy reaches."""
    first = 0
    for line, code in FAILURES.items():
        with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            session = Session(Path(folder), [ROOT / "data"], Path(folder), seed=1)
            *_, told = do(session, f"{line}; doctor")
            codes = [finding["code"] for finding in told["findings"]]
            remedy = told["findings"][0]["remedy"] if codes else ""
            before = accuracy(session)
            if remedy:
                do(session, f"{remedy}; t 2e")
            print(
                f"{line}\n    {', '.join(codes) or 'nothing'}: {remedy or 'no remedy'} "
                f"({before:.1%} to {accuracy(session):.1%})",
                flush=True,
            )
        first += codes[:1] == [code]
    for code, arrays in FILES.items():
        with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            path = Path(folder) / "digits.npz"
            names = ("x_train", "y_train", "x_test", "y_test")
            np.savez(path, **dict(zip(names, arrays, strict=True)))
            session = Session(Path(folder), [ROOT / "data"], Path(folder), seed=1)
            *_, told = do(session, f"n quick; data import digits {path}; t 2e; doctor")
            codes = [finding["code"] for finding in told["findings"]]
            print(f"import: {code}\n    {', '.join(codes) or 'nothing'}", flush=True)
        first += codes[:1] == [code]
    print(f"the cause first: {first} of {len(FAILURES) + len(FILES)}\n")


def accuracy(session: Session) -> float:
    """The accuracy of the network in hand."""
    model = session.network()
    return model.trainer.measure(session.data_for(model).validation).accuracy


def healthy(seeds: list[int]) -> None:
    """Prints what is found where nothing is wrong."""
    networks = [(name, age, {}) for name, ages in AGES.items() for age in ages]
    networks += [
        ("quick", age, {"optimizer": name, "rate": optimizer.usual_rate})
        for name, optimizer in OPTIMIZERS.items()
        for age in ("", "100", "3e")
    ]
    alarms = 0
    for name, age, settings in networks:
        for seed in seeds:
            codes = recipe(name, age, seed=seed, **settings).codes
            alarms += bool(codes)
            if codes:
                print(f"{name} {age or 'untrained'} seed {seed} {settings}: {', '.join(codes)}")
    print(f"false alarms: {alarms} of {len(networks) * len(seeds)} healthy networks\n", flush=True)


def cost(folder: Path) -> None:
    """Prints the time it takes for `relu` with all of MNIST."""
    threads.set_count(1)
    data = SOURCES["mnist"].read([folder])
    sets = {"validation": data.validation, "test": data.test}
    for rate in (0.1, 1e-6):
        trainer = recipe("relu", rate=rate).trainer
        begun = perf_counter()
        codes = Patient(trainer, data.train, sets).codes
        print(f"relu, MNIST, rate {rate:g}: {perf_counter() - begun:.1f} s, {codes}")


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--data", type=Path)
    options = parser.parse_args()
    failures()
    healthy(options.seeds)
    if options.data:
        cost(options.data)


if __name__ == "__main__":
    main()

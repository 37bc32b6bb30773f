"""What commands write, of networks and numbers that are always the same.

    python tests/golden/sheets.py

writes the texts in `sheets/` anew; `test_sheets.py` compares them with what is written today.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from io import StringIO
from pathlib import Path

import numpy as np

from digitnet import recipes
from digitnet.digits.datasets import SOURCES
from digitnet.engine.evaluate import precision, recall
from digitnet.engine.network import Network
from digitnet.engine.settings import Settings
from digitnet.engine.shapes import network_of
from digitnet.insight.inside import first_layer
from digitnet.recipes import RECIPES, Recipe
from digitnet.registry.model import Blueprint, Result, StudyRecord
from digitnet.registry.saves import Entry, Registry
from digitnet.repl.features.check import Case, CheckResult
from digitnet.repl.features.look import LookResult
from digitnet.repl.features.saves import listing
from digitnet.repl.features.step import step
from digitnet.repl.features.study import StudyResult, plan_of
from digitnet.repl.features.weights import all_units, one_unit
from digitnet.repl.features.why import WhyResult, why
from digitnet.repl.features.wrong import ConfusionResult, Misread, WrongResult
from digitnet.repl.pictures import Screen
from digitnet.repl.pictures.network import picture_of
from digitnet.repl.result import Said
from digitnet.repl.session import Session

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
NOWHERE = HERE / "nowhere"
WAYS = ((1, 0), (-1, 0), (1, 1), (-1, 1))
SAMPLE = SOURCES["sample"].read([ROOT / "data"])

SUREST = [
    (806, 5, 6, 0.99), (812, 7, 9, 0.98), (11, 4, 9, 0.97), (680, 5, 3, 0.97), (537, 3, 5, 0.97),
    (649, 3, 7, 0.97), (898, 8, 9, 0.97), (777, 3, 5, 0.96), (31, 9, 3, 0.94), (50, 9, 0, 0.94),
]  # fmt: skip
"""Of `n diary; t 10e` with seed 1: cases, answers, guesses, confidences."""
MATRIX = """
    98  0  0  0  0  1  1  0  0  0
     0 96  2  1  0  0  0  1  0  0
     4  1 83  1  2  1  5  2  0  1
     0  1  2 83  0  8  0  3  2  1
     0  0  0  0 95  1  2  0  0  2
     2  0  1  2  5 87  1  0  2  0
     2  0  2  0  1  4 91  0  0  0
     2  1  1  0  1  0  0 92  0  3
     0  1  3  1  3  6  1  2 82  1
     2  0  0  1  2  0  0  5  0 90
"""


def shown(result: object, width: int = 80, *, plain: bool = False, encoding: str = "utf-8") -> str:
    """The result on a screen without colours."""

    class File(StringIO):
        pass

    File.encoding = property(lambda self: encoding)  # type: ignore[assignment]
    file = File()
    screen = Screen(file, plain=plain, width=width, force_terminal=False)
    screen.height = 34  # not that of whoever runs the tests
    screen.print(result)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def check(times: int = 1) -> CheckResult:
    """`c 5`, of a picture so many times as wide."""
    picture = [[0, 255, 255, 0], [0, 0, 255, 0], [0, 0, 255, 255], [128, 0, 0, 100]]
    case = Case(5, "sample test", 2, np.tile(np.array(picture, np.uint8), (1, times)))
    return CheckResult(case, 1, [0.0, 0.75, 0.25], 1.386)


FIRST = Entry("first", "first-0.pickle", "784-256-10", 203530, 1095, 0.927, "sample test",
              "2026-01-31T12:00:00+00:00", 1629000)  # fmt: skip


def saves() -> object:
    damaged = Entry("x-1.pickle", "x-1.pickle", damaged="it is cut\x1b[31m short")
    return listing([FIRST, damaged], "first")


def included() -> object:
    return listing([replace(FIRST, name=name, included=True) for name in ("a", "ready")], "ready")


def wrong() -> WrongResult:
    """`wrong`; 20 times the last one stands for others."""
    places = [*SUREST, *SUREST[-1:] * 20]
    cases = [Misread(*case, SAMPLE.picture_of(SAMPLE.test, case[0])) for case in places]
    return WrongResult("sample test", 1000, False, cases, "1,000 cases", "misread")


def cm(times: int = 1) -> ConfusionResult:
    """`cm`, with so many times as many cases."""
    matrix = times * np.array([line.split() for line in MATRIX.strip().splitlines()], int)
    return confusion(matrix.tolist())


def confusion(counts: list[list[int]]) -> ConfusionResult:
    matrix = np.array(counts)
    shares = precision(matrix).tolist(), recall(matrix).tolist()
    right, total = int(matrix.trace()), int(matrix.sum())
    return ConfusionResult(counts, *shares, right, total, "sample test", False)


def ready() -> Network:
    """The network that is included."""
    return Registry(ROOT / "saves" / "included").load("ready").network


def weights() -> Said:
    """`w`"""
    return all_units(first_layer(ready()))


def looked() -> LookResult:
    return LookResult(11, "sample test", picture_of(ready(), SAMPLE, 11))


def unit() -> Said:
    """`w 3`"""
    return one_unit(first_layer(ready()), 3)


def kernels() -> Said:
    """`w` of twelve kernels: slopes in twelve directions."""
    network = network_of("28x28-12c5-p2-10")
    y, x = np.mgrid[-2:3, -2:3]
    for number in range(12):
        angle = number * np.pi / 6
        slope = np.round(x * np.cos(angle) + y * np.sin(angle), 6)
        network.parameters[0].value[:, number] = slope.ravel()
    return all_units(first_layer(network))


def layers() -> CheckResult:
    """`c 11 layers`, with the edges of the digit in four directions as feature maps."""
    picture = SAMPLE.picture_of(SAMPLE.test, 11)
    pooled = picture.reshape(14, 2, 14, 2).max(axis=(1, 3)).astype(np.float64) / 255
    edges = [np.maximum(pooled - np.roll(pooled, *way), 0) for way in WAYS]
    hidden = [("4c3-p2", np.stack(edges, axis=2)), ("100", np.maximum(np.arange(100) % 7 - 3, 0))]
    outputs = [0.0, 0.0, 0.0, 0.0, 0.25, 0.0, 0.0, 0.0, 0.0, 0.75]
    return CheckResult(Case(11, "sample test", 4, picture), 9, outputs, 1.386, hidden)


RESULTS = [0.9915, 0.991, 0.874, 0.986, 0.9896, 0.9822, 0.9878, 0.9838]
"""Accuracies of the trainings of a study, one after the other, again and again."""


def studied(question: str, candidates: int = 0) -> StudyResult:
    """`study QUESTION` with the default network, when all is done."""
    blueprint = Blueprint(RECIPES["quick"].shape, settings=RECIPES["quick"].settings)
    record = StudyRecord("one", question.split(), blueprint, "sample", 1, candidates)
    plan = plan_of(record)
    while jobs := plan.round(record.results):
        for job in jobs:
            n, accuracy = job.number, RESULTS[job.number % len(RESULTS)]
            record.results[n] = Result(n, accuracy, 1.25 - accuracy, 0.4 + 0.1 * n)
    return StudyResult(record, plan)


def holding(recipe: Recipe) -> Session:
    """A session with a network in hand whose weights are short decimal fractions."""
    session = Session(NOWHERE, [ROOT / "data"], NOWHERE)
    model = recipes.build(recipe, 1)
    model.data = recipe.data
    for number, p in enumerate(model.network.parameters):
        values = (np.arange(p.value.size) * 5 + 3 * number) % 13 - 6
        p.value[...] = values.reshape(p.value.shape) / 5 + 0.1
    session.take(model)
    return session


def why_mini() -> WhyResult:
    return why(holding(RECIPES["mini"]), 5)


def why_convolution() -> WhyResult:
    """`why 11` of a network with a convolution, pooling, batch normalisation and dropout."""
    shape = "28x28-2c3:tanh-p2-a3-d0.5-12:tanh-b-10"
    return why(holding(Recipe(shape, settings=Settings(l2=0.1))), 11)


def step_truth() -> Said:
    return step(holding(RECIPES["truth"]))


def step_dense() -> Said:
    recipe = Recipe("784-12-10", settings=Settings(rate=0.01), precision="float64")
    return step(holding(recipe))


SUMS: dict[str, Callable[[], object]] = {
    "why-mini": why_mini,
    "why-convolution": why_convolution,
    "step-truth": step_truth,
    "step-dense": step_dense,
}
"""Sheets of numbers and formulae; none of their numbers may be cut off."""
PICTURES: dict[str, Callable[[], object]] = {
    "check": check,
    "check-wide": lambda: check(7),
    "saves": saves,
    "saves-included": included,
    "wrong": wrong,
    "cm": cm,
    "cm-mnist": lambda: cm(100),
    "weights": weights,
    "unit": unit,
    "look": looked,
    "kernels": kernels,
    "layers": layers,
    "study": lambda: studied("rate 0.0125 0.025 0.05 0.1 --repeat 2"),
    "study-crossed": lambda: studied(
        "shape 784-512-10 28x28-32c5-b-p2-64c5-b-p2-150-10 l2 6e-06 0.00025 augment none "
        "rotation=12,shift=2 --for 3e"
    ),
    "study-auto": lambda: studied("auto 10m", candidates=14),
}
SHOWN = {name: cache(make) for name, make in (SUMS | PICTURES).items()}
STUDIES = ("study", "study-crossed", "study-auto")
SHEETS = [
    ("why-mini", 50, False),
    ("why-mini", 80, False),
    ("why-mini", 120, False),
    ("why-mini", 80, True),
    ("why-convolution", 50, True),
    ("why-convolution", 80, False),
    ("why-convolution", 120, False),
    ("step-truth", 50, False),
    ("step-truth", 80, True),
    ("step-dense", 80, False),
    ("check", 80, False),
    ("check", 80, True),
    ("check-wide", 20, False),
    *(("saves", width, False) for width in (40, 60, 80)),
    ("saves-included", 60, False),
    ("wrong", 80, False),
    ("wrong", 50, True),
    ("cm", 40, True),
    ("cm", 50, False),
    ("cm", 80, True),
    ("cm", 120, False),
    ("cm-mnist", 40, False),
    ("cm-mnist", 50, False),
    ("cm-mnist", 80, False),
    ("weights", 120, True),
    ("look", 50, False),
    ("look", 80, True),
    ("look", 80, False),
    ("look", 120, False),
    ("unit", 50, False),
    ("unit", 80, True),
    ("kernels", 80, True),
    ("kernels", 50, False),
    ("layers", 80, False),
    ("layers", 50, True),
    *((name, width, False) for name in STUDIES for width in (50, 80, 120)),
    ("study", 40, True),
]
"""What is shown, how wide, and whether on a plain screen."""


def file_of(name: str, width: int, plain: bool) -> Path:
    return HERE / "sheets" / f"{name}-{width}{'-plain' if plain else ''}.txt"


def text_of(name: str, width: int, plain: bool) -> str:
    return shown(SHOWN[name](), width, plain=plain) + "\n"


def main() -> None:
    for sheet in SHEETS:
        file_of(*sheet).parent.mkdir(exist_ok=True)
        file_of(*sheet).write_text(text_of(*sheet), encoding="utf-8")


if __name__ == "__main__":
    main()

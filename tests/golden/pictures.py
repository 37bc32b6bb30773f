"""The pictures of the README and of docs/, of numbers that are always the same: they were recorded.

    python tests/golden/pictures.py

writes them anew; `test_sheets.py` compares them with what the program shows today.
"""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sheets import cm, looked, step_truth, weights, why_mini, wrong

from digitnet.digits.datasets import SOURCES
from digitnet.digits.prepare import prepare
from digitnet.engine.report import Stopped
from digitnet.engine.run import Status, run
from digitnet.engine.schedules import Amount
from digitnet.engine.trainer import Measurement
from digitnet.recipes import RECIPES, build
from digitnet.repl.features.check import Case, CheckResult
from digitnet.repl.features.draw import Board
from digitnet.repl.features.img import Reading
from digitnet.repl.features.train import TrainingReport
from digitnet.repl.pictures.curves import GrowingCurves
from digitnet.repl.pictures.file import drawing_of_screen
from digitnet.repl.pictures.grid import Grid

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SIZE = 80, 34


def training() -> TrainingReport:
    """`t 20e` of the recipe relu on the sample, half way."""
    first, reports = recorded()["first"], [Status(**each) for each in recorded()["training"]]
    curves = GrowingCurves.of([Measurement(**first)], [])
    for report in reports:
        curves.add(report.batches, report.recent_cost)
        if report.measured:
            curves.add_measured(report.batches, report.validation_cost, report.accuracy)
    return TrainingReport(reports[-1], curves)


def check() -> CheckResult:
    """`c 11` after `t 5e` with seed 1, as recorded."""
    data, found = SOURCES["sample"].read([ROOT / "data"]), recorded()["check"]
    picture = data.picture_of(data.test, found["index"])
    case = Case(found["index"], found["set"], found["answer"], picture)
    return CheckResult(case, found["guess"], found["outputs"], found["cost"])


def recorded() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((HERE / "recorded.json").read_text(encoding="utf-8"))
    return found


def record() -> None:
    """Trains, and writes what was reported: `python tests/golden/pictures.py record`."""
    data = SOURCES["sample"].read([ROOT / "data"])
    trainer = build(RECIPES["relu"], 1).trainer
    reports = []

    def note(report: Status) -> None:
        reports.append(asdict(report))
        if report.part and report.part >= 0.5:
            raise Stopped

    untrained = trainer.measure(data.validation)
    first = Measurement(0, untrained.cost, untrained.cost, untrained.accuracy)
    run(trainer, data.train, data.validation, Amount.parse("20e"), note)
    program = [sys.executable, "-m", "digitnet", "--json", "--seed", "1", "-c", "t 5e; c 11"]
    lines = subprocess.run(program, cwd=ROOT, check=True, capture_output=True).stdout.splitlines()
    kept = {"training": reports, "first": asdict(first), "check": json.loads(lines[-1])}
    (HERE / "recorded.json").write_text(json.dumps(kept) + "\n", encoding="utf-8")


def board() -> Grid:
    """`d`, with a seven drawn, of a network that is nearly sure."""
    outputs = [0.0, 0.012, 0.004, 0.02, 0.0, 0.001, 0.0, 0.93, 0.003, 0.03]
    board = Board(lambda picture: [Reading(prepare(picture), outputs, 7)])
    board.drawing.press((7, 6))
    for place in ((20, 6), (16, 12), (13, 23)):
        board.drawing.move(place)
    board.move()
    board.draw(grid := Grid(80, 24))
    return grid


PICTURES = {
    "training": (training, "t 20e"),
    "check": (check, "c 11"),
    "board": (board, "d"),
    "why": (why_mini, "why 5"),
    "step": (step_truth, "step"),
    "wrong": (wrong, "wrong"),
    "cm": (cm, "cm"),
    "weights": (weights, "w"),
    "look": (looked, "look 11"),
}


def main() -> None:
    for name, (make, title) in PICTURES.items():
        (HERE / f"{name}.svg").write_bytes(drawing_of_screen(make(), title, *SIZE).svg())


if __name__ == "__main__":
    if sys.argv[1:] == ["record"]:
        record()
    main()

"""The pictures of the README, of numbers that are always the same.

    python tests/golden/pictures.py

writes them anew; `test_pictures.py` compares them with what the program shows today.
"""

from dataclasses import dataclass
from math import exp
from pathlib import Path

import numpy as np
from rich.console import Console, ConsoleOptions, RenderResult
from rich.style import Style
from rich.text import Text
from seen import cm, weights, wrong
from sheets import step_truth, why_mini

from digitnet.digits.datasets import SOURCES
from digitnet.digits.image import prepare
from digitnet.engine.report import Report
from digitnet.repl.board import Board, Reading
from digitnet.repl.commands.checking import CheckResult
from digitnet.repl.commands.training import TrainingReport
from digitnet.repl.terminal.board import STYLE
from digitnet.repl.views.board import Means, lines_of
from digitnet.repl.views.curves import Curves
from digitnet.repl.views.drawn import svg

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SIZE = 80, 34


def training() -> TrainingReport:
    """`t 20e` of the recipe relu, half way."""
    curves = Curves()
    for batch in range(20, 4301, 20):
        cost = 0.015 + 0.9 * exp(-batch / 500) + 0.02 * exp(-batch / 3000) * np.sin(batch / 7)
        curves.add(batch, cost, round(0.984 - 0.1 * exp(-(batch // 430 * 430) / 900), 4))
    return TrainingReport(Report(4300, 550_400, 14.2, 38_800, 0.5, 0.0152, 0.9836, False), curves)


def check() -> CheckResult:
    """`c 11`, of a network that is nearly sure."""
    data = SOURCES["sample"].read([ROOT / "data"])
    outputs = np.full(10, 0.004)
    answer = int(data.test.targets[11].argmax())
    outputs[answer] = 0.88
    outputs[(answer + 5) % 10] = 0.088
    picture = data.picture_of(data.test, 11)
    return CheckResult(11, "sample test", answer, answer, list(outputs), 0.128, picture)


@dataclass(frozen=True)
class Shown:
    """The board as it is on a screen."""

    board: Board

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in lines_of(self.board, 80, 24, Means()):
            yield Text.assemble(*((text, self._style(style)) for style, text in line))

    @staticmethod
    def _style(style: str) -> Style:
        looks = STYLE.get_attrs_for_style_str(style)
        colour, behind = (f"#{c}" if c else None for c in (looks.color, looks.bgcolor))
        return Style(color=colour, bgcolor=behind, bold=looks.bold)


def board() -> Shown:
    """`d`, with a seven drawn, of a network that is nearly sure."""
    outputs = [0.0, 0.012, 0.004, 0.02, 0.0, 0.001, 0.0, 0.93, 0.003, 0.03]
    board = Board(lambda picture: Reading(prepare(picture), outputs, 7))
    board.drawing.press((7, 6))
    for place in ((20, 6), (16, 12), (13, 23)):
        board.drawing.move(place)
    board.refresh()
    return Shown(board)


PICTURES = {
    "training": (training, "t 20e"),
    "check": (check, "c 11"),
    "board": (board, "d"),
    "why": (why_mini, "why 5"),
    "step": (step_truth, "step"),
    "wrong": (wrong, "wrong"),
    "cm": (cm, "cm"),
    "weights": (weights, "w"),
}


def main() -> None:
    """Writes the files."""
    for name, (make, title) in PICTURES.items():
        (HERE / f"{name}.svg").write_bytes(svg(make(), title, *SIZE))


if __name__ == "__main__":
    main()

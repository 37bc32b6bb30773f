"""Lines that renew themselves, on a screen read by pyte; curves at every size."""

from io import StringIO
from types import SimpleNamespace

import pyte
import pytest

from digitnet.repl.terminal import canvas as canvas_module
from digitnet.repl.terminal.canvas import Canvas
from digitnet.repl.views.curves import POINTS, ROWS, Curves
from digitnet.repl.views.screen import Screen


class Shown:
    """A screen with a canvas, and what a terminal of the same size would show."""

    def __init__(self, columns: int = 30, rows: int = 8) -> None:
        self.file = StringIO()
        self.screen = Screen(self.file, width=columns, force_terminal=True)
        self.screen.height = rows
        self.canvas = Canvas(self.screen)
        self.terminal = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self.terminal)

    def lines(self) -> list[str]:
        self._stream.feed(self.file.getvalue().replace("\n", "\r\n"))
        self.file.seek(0)
        self.file.truncate()
        return [line.rstrip() for line in self.terminal.display if line.strip()]


def test_each_drawing_takes_the_place_of_the_last() -> None:
    shown = Shown()
    shown.screen.print("before")
    for drawn in ("one\ntwo\nthree", "four", "five\nsix"):
        shown.canvas.draw(drawn)
        assert shown.lines() == ["before", *drawn.split("\n")]
    shown.canvas.clear()
    shown.screen.print("after")
    assert shown.lines() == ["before", "after"]


def test_what_is_taller_than_the_screen_is_cut() -> None:
    shown = Shown(rows=4)
    shown.canvas.draw("1\n2\n3\n4\n5")
    shown.canvas.draw("a\nb\nc\nd\ne")
    assert shown.lines() == ["a", "b", "c"]


def test_lines_as_wide_as_the_screen_are_drawn_over() -> None:
    shown = Shown(columns=5)
    shown.screen.print("x")
    shown.canvas.draw("12345\nabcde")
    shown.canvas.draw("54321\nedcba")
    assert shown.lines() == ["x", "54321", "edcba"]


def test_after_a_narrowing_the_wrapped_lines_are_found() -> None:
    shown = Shown(columns=20)
    shown.screen.print("x")
    shown.canvas.draw("a" * 20 + "\n" + "b" * 20)
    shown.lines()
    shown.screen.width = 10
    shown.canvas.draw("new")
    assert shown.file.getvalue().startswith("\r\x1b[3A")  # each of the two takes two rows now


def test_after_forgetting_the_old_lines_stay() -> None:
    shown = Shown()
    shown.canvas.draw("old")
    shown.screen.file.write("\nshell\n")
    shown.canvas.forget()
    shown.canvas.draw("new")
    assert shown.lines() == ["old", "shell", "new"]


def test_drawing_keeps_to_its_share_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock on which each drawing takes a quarter of a second."""
    now = SimpleNamespace(seconds=0.0, drawn=0)

    def clock() -> float:
        now.seconds += 0.01
        return now.seconds

    monkeypatch.setattr(canvas_module, "perf_counter", clock)
    shown = Shown()

    class Slow:
        def __rich_console__(self, console: object, options: object) -> list[str]:
            now.seconds += 0.25
            now.drawn += 1
            return ["slow"]

    while now.seconds < 1000:
        shown.canvas.draw(Slow())  # type: ignore[arg-type]
    assert 30 < now.drawn < 45  # some 1 % of 1000 seconds


@pytest.mark.parametrize("width", [10, 29, 30, 40, 59, 60, 80, 200])
@pytest.mark.parametrize("plain", [False, True])
def test_curves_fit_every_screen(width: int, plain: bool) -> None:
    file = StringIO()
    screen = Screen(file, width=width, force_terminal=not plain, plain=plain, no_color=True)
    screen.print(Curves([(n * 10, 1 / (n + 1)) for n in range(50)], [(0, 0.1), (490, 0.9)]))
    lines = file.getvalue().splitlines()
    assert all(len(line) <= width for line in lines)
    assert (not "".join(lines).strip()) == (width < 30)
    assert ("validation accuracy, %" in file.getvalue()) == (width >= 60)
    if plain:
        assert file.getvalue().isascii()


@pytest.mark.parametrize(
    "values", [[1.0, 1.0], [0.0, 0.0], [1e308, -1e308], [1e-300, 2e-300], [float("inf"), 1.0]]
)
def test_any_values_can_be_drawn(values: list[float]) -> None:
    file = StringIO()
    Screen(file, width=80).print(Curves(list(enumerate(values)), list(enumerate(values))))
    assert len(file.getvalue().splitlines()) == ROWS


def test_long_trainings_keep_their_first_and_last_point() -> None:
    curves = Curves()
    for batch in range(10 * POINTS):
        curves.add(batch, 1 / (batch + 1), batch // 100 / 100)
    assert len(curves.cost) <= POINTS
    assert curves.cost[0] == (0, 1.0)
    assert curves.cost[-1][0] == 10 * POINTS - 1
    assert curves.accuracy[-1] == (10 * POINTS - 1, 0.39)

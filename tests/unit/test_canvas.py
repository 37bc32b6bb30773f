"""Lines that renew themselves, on a screen read by pyte."""

from io import StringIO
from types import SimpleNamespace

import pyte
import pytest
from prompt_toolkit.output.vt100 import _256ColorCache
from rich.color import Color, ColorSystem

from digitnet.repl.pictures import Screen
from digitnet.repl.pictures.grid import LEVELS, NEGATIVE, PAPER, POSITIVE, mixed
from digitnet.repl.terminal import output as canvas_module
from digitnet.repl.terminal.output import Canvas


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


def test_only_lines_that_have_changed_are_written() -> None:
    shown = Shown()
    shown.canvas.draw("one\ntwo\nthree\nfour")
    shown.lines()
    shown.canvas.draw("one\n2\nthree\nfour")
    written = shown.file.getvalue()
    assert ("one" in written, "2" in written, "three" in written) == (False, True, False)
    assert shown.lines() == ["one", "2", "three", "four"]
    shown.canvas.draw("one\n2")
    shown.canvas.draw("one\n2\nthree\n4")
    assert shown.lines() == ["one", "2", "three", "4"]


def test_lines_that_fill_the_screen_are_drawn_over_and_those_below_it_cut() -> None:
    shown = Shown(columns=5, rows=4)
    shown.canvas.draw("12345\nabcde\n3\n4\n5")
    shown.canvas.draw("54321\nedcba\nc\nd\ne")
    assert shown.lines() == ["54321", "edcba", "c"]


def test_narrowing_the_window_leaves_no_old_lines() -> None:
    """The cursor waits where the drawing begins, so nothing has to be known of what it became."""
    shown = Shown(columns=20)
    shown.screen.print("x")
    shown.canvas.draw("a" * 20 + "\n" + "b" * 20)
    shown.lines()
    assert (shown.terminal.cursor.y, shown.terminal.cursor.x) == (1, 0)
    shown.terminal.resize(8, 10)
    shown.screen.width = 10
    shown.canvas.draw("new")
    assert shown.lines() == ["x", "new"]


def test_lines_wider_than_the_window_has_become_are_cut() -> None:
    """The window was narrowed while they were drawn."""
    shown = Shown(columns=20)
    shown.terminal.resize(8, 10)
    for letter in "ab":
        shown.canvas.draw(letter * 20 + "\n" + letter * 20)
    assert shown.lines() == ["b" * 10] * 2


def test_others_write_below_the_lines() -> None:
    shown = Shown()
    shown.canvas.draw("old\nlines")
    shown.canvas.move_below()
    shown.screen.file.write("\nshell\n")
    shown.canvas.draw("new")
    assert shown.lines() == ["old", "lines", "shell", "new"]


def test_drawing_keeps_to_its_share_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock on which each drawing takes a quarter of a second."""
    now = SimpleNamespace(seconds=0.0, drawn=0)

    def clock() -> float:
        now.seconds += 0.01
        return now.seconds

    monkeypatch.setattr(canvas_module, "perf_counter", clock)
    monkeypatch.setattr(canvas_module, "thread_time", clock)
    shown = Shown()

    class Slow:
        def __rich_console__(self, console: object, options: object) -> list[str]:
            now.seconds += 0.25
            now.drawn += 1
            return ["slow"]

    while now.seconds < 1000:
        shown.canvas.draw(Slow())  # type: ignore[arg-type]
    assert 30 < now.drawn < 45  # some 1 % of 1000 seconds


@pytest.mark.parametrize("paper", [0, PAPER, 255])
def test_red_and_blue_stay_so_in_the_256_colours_of_a_terminal(paper: int) -> None:
    nearest = _256ColorCache()
    for level in range(1, LEVELS + 1):
        for colour in (POSITIVE, NEGATIVE):
            written = Color.parse(mixed(colour, level, paper))
            assert written.triplet
            by_rich = written.downgrade(ColorSystem.EIGHT_BIT).number
            for number in (by_rich, nearest[written.triplet]):
                red, green, blue = nearest.colors[number or 0]
                if colour == POSITIVE:
                    assert red >= green == blue
                else:
                    assert red <= green <= (red + blue) / 2

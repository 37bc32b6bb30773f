"""Lines that renew themselves, on a screen read by pyte; curves at every size."""

from io import StringIO
from types import SimpleNamespace

import pyte
import pytest

from digitnet.engine.trainer import Measurement
from digitnet.repl.pictures import Screen
from digitnet.repl.pictures import curves as curves_module
from digitnet.repl.pictures.curves import (
    MAX_POINTS,
    MIN_ROWS,
    Chart,
    Curves,
    GrowingCurves,
    history_curves,
    picture,
    thinned,
)
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
    shown.canvas.reset()
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


def measured(count: int = 50) -> list[Measurement]:
    return [Measurement(10 * n, 1 / (n + 1), 1.2 / (n + 1), n / 50) for n in range(count)]


def drawn(curves: object, width: int = 80, height: int = 24, *, plain: bool = True) -> str:
    file = StringIO()
    screen = Screen(file, width=width, force_terminal=not plain, plain=plain, no_color=True)
    screen.height = height
    screen.print(curves)
    return file.getvalue()


@pytest.mark.parametrize("width", [10, 29, 30, 40, 59, 60, 80, 200])
@pytest.mark.parametrize("plain", [False, True])
def test_curves_fit_every_screen(width: int, plain: bool) -> None:
    text = drawn(history_curves({"": measured()}), width, plain=plain)
    lines = text.splitlines()
    assert all(len(line) <= width for line in lines)
    assert (not "".join(lines).strip()) == (width < 30)
    assert ("validation accuracy, %" in text) == (width >= 60)
    if plain:
        assert text.isascii()


@pytest.mark.parametrize(("height", "rows"), [(11, 0), (12, 10), (24, 19), (40, 30), (100, 30)])
def test_curves_by_themselves_fill_the_window(height: int, rows: int) -> None:
    assert len(drawn(history_curves({"": measured()}), height=height).splitlines()) == rows


def test_training_and_validation_cost_are_in_one_chart() -> None:
    title, *rows = drawn(history_curves({"": measured()})).splitlines()
    assert "cost  * training  o validation" in title
    left = [row[:40] for row in rows]
    assert any("*" in row for row in left)
    assert any("o" in row for row in left)


def test_each_of_several_networks_has_its_own_marker_and_name() -> None:
    text = drawn(history_curves({"one": measured(), "two": measured(20), "new": []}))
    assert "validation cost  * one  o two" in text.splitlines()[0]
    assert "new" not in text


@pytest.mark.parametrize(
    "values", [[1.0, 1.0], [0.0, 0.0], [1e308, -1e308], [1e-300, 2e-300], [float("inf"), 1.0]]
)
def test_any_values_can_be_drawn(values: list[float]) -> None:
    chart = Chart("", {"": list(enumerate(values))})
    assert len(drawn(Curves((chart, chart), 0)).splitlines()) == MIN_ROWS


@pytest.mark.parametrize(
    ("xs", "ticks"),
    [
        ([1e-5, 1e-3, 1e1], ["1e-5", "0.0001", "0.001", "0.01", "0.1", "1", "10"]),
        ([0.01, 1], ["0.01", "0.1", "1"]),
        ([0, 0.03, 0.05], ["0.03", "0.05"]),  # zero has no logarithm
    ],
)
def test_a_logarithmic_axis_has_its_numbers_as_people_write_them(
    xs: list[float], ticks: list[str]
) -> None:
    chart = Chart("", {"": [(x, 1.0) for x in xs]}, logarithmic=True)
    assert drawn(picture(chart, 60, MIN_ROWS, blocks=False)).split()[-len(ticks) :] == ticks


def test_thousands_on_an_axis_are_written_out() -> None:
    chart = Chart("", {"": [(0, 0.0), (1095, 9940.4)]})
    text = drawn(picture(chart, 60, MIN_ROWS, blocks=False))
    assert "9,940" in text
    assert "1,095" in text


def test_long_trainings_keep_their_first_and_last_point() -> None:
    curves = GrowingCurves()
    for batch in range(10 * MAX_POINTS):
        curves.add(batch, 1 / (batch + 1))
    assert len(curves.cost) <= MAX_POINTS
    assert curves.cost[0] == (0, 1.0)
    assert curves.cost[-1][0] == 10 * MAX_POINTS - 1


@pytest.mark.parametrize("count", [1, 2, MAX_POINTS, MAX_POINTS + 1, 3 * MAX_POINTS + 7, 100_000])
def test_a_long_history_is_drawn_with_few_points(count: int) -> None:
    points = [(batch, 0.0) for batch in range(count)]
    kept = thinned(points)
    assert len(kept) <= MAX_POINTS
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    assert len(kept) == count or len(kept) > MAX_POINTS / 3


def test_growing_curves_wait_no_longer_than_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the first drawing took long, because plotext was to be imported."""
    now = SimpleNamespace(seconds=0.0)

    def slow(*given: object, **more: object) -> str:
        now.seconds += 5
        return "drawn"

    monkeypatch.setattr(curves_module, "perf_counter", lambda: now.seconds)
    monkeypatch.setattr(curves_module, "picture", slow)
    curves = GrowingCurves([(0, 1.0), (1, 0.5)])
    for wait, again in ((0.0, True), (0.1, False), (0.3, True)):
        now.seconds += wait
        before = now.seconds
        drawn(curves)
        assert (now.seconds > before) == again

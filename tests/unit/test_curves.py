"""Curves are drawn whole and to scale at every size, in any characters."""

from io import StringIO

import numpy as np
import pytest

from digitnet.charts import Chart, history_charts
from digitnet.engine.trainer import Measurement
from digitnet.repl.pictures import Screen
from digitnet.repl.pictures.curves import MAX_POINTS, MIN_ROWS, Curves, GrowingCurves, picture


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
@pytest.mark.parametrize("live", [False, True])
def test_curves_fit_every_screen(width: int, plain: bool, live: bool) -> None:
    text = drawn(Curves(history_charts({"": measured()}), live), width, plain=plain)
    lines = text.splitlines()
    assert all(len(line) <= width for line in lines)
    assert (not "".join(lines).strip()) == (width < 30)
    assert ("validation accuracy, %" in text) == (width >= (60 if live else 30))
    if plain:
        assert text.isascii()


@pytest.mark.parametrize(("height", "rows"), [(11, 0), (12, 10), (24, 19), (40, 30), (100, 30)])
def test_curves_by_themselves_fill_the_window(height: int, rows: int) -> None:
    assert len(drawn(Curves(history_charts({"": measured()})), height=height).splitlines()) == rows


def test_each_curve_has_its_own_marker_and_name() -> None:
    title, *rows = drawn(Curves(history_charts({"": measured()}))).splitlines()
    assert "cost (log)  * training  o validation" in title
    assert set("*o") <= {*"".join(row[:40] for row in rows)}
    histories = {"one": measured(20), "another-long-name": measured(), "new": []}
    first, second, *rows = drawn(Curves(history_charts(histories))).splitlines()
    assert first.split() == ["validation", "cost", "(log)", "validation", "accuracy,", "%"]
    assert second.split() == ["*", "one", "o", "another-long-name"] * 2
    assert set("*o") <= {*"".join(row[:40] for row in rows)}  # though one is how the other begins
    title = "".join(drawn(Curves(history_charts({64 * "a" + "b": measured(), "c": measured()}))))
    assert "b" in title.partition("+---")[0].split("validation cost")[1].replace("*", "")


def test_a_curve_is_where_its_numbers_are() -> None:
    """Over 20 columns and 10 lines, from the lower left to the upper right and level from there."""
    points = [(0.0, 0.0), (9.0, 9.0), (19.0, 9.0)]
    chart = Chart("", {"": points}, marked=15)
    lines = drawn(picture(chart, 23, 14, blocks=False)).splitlines()
    assert [line[2:22].rstrip() for line in lines[2:12]] == [
        " " * 9 + "*" * 11,
        *(f"{' ' * n}*".ljust(15) + "|" for n in range(8, -1, -1)),
    ]
    assert lines[13].split() == ["0", "15", "19"]
    text = drawn(picture(Chart("", {"": [(0, 0.0), (1095, 9940.4)]}), 60, MIN_ROWS, blocks=False))
    assert ("9,940" in text, "1,095" in text) == (True, True)  # thousands are written out


@pytest.mark.parametrize(
    "values", [[1.0, 1.0], [0.0, 0.0], [1e308, -1e308], [1e-300, 2e-300], [float("inf"), 1.0]]
)
def test_any_values_can_be_drawn(values: list[float]) -> None:
    for log in (False, True):
        chart = Chart("", {"": list(enumerate(values))}, log_y=log)
        if chart.lines:
            assert len(drawn(Curves((chart,), live=True)).splitlines()) == MIN_ROWS


@pytest.mark.parametrize(
    ("xs", "ticks"),
    [
        ([1e-5, 1e-3, 1e1], ["1e-5", "0.0001", "0.001", "0.01", "0.1", "1", "10"]),
        ([0.01, 1], ["0.01", "0.1", "1"]),
        ([0.1, 0.6], ["0.1", "0.2", "0.5"]),
        ([0, 0.03, 0.05], ["0.03", "0.05"]),  # zero has no logarithm
        ([2.3123456, 2.3147], ["2.312", "2.315"]),
        ([1, 1e9], ["1", "100", "10,000", "1e6", "1e8"]),
    ],
)
def test_a_logarithmic_axis_has_its_numbers_as_people_write_them(
    xs: list[float], ticks: list[str]
) -> None:
    chart = Chart("", {"": [(x, 1.0) for x in xs]}, log_x=True)
    assert drawn(picture(chart, 60, MIN_ROWS, blocks=False)).split()[-len(ticks) :] == ticks


@pytest.mark.parametrize(
    ("values", "log"), [((2.3, 0.2), False), ((2.3, 0.01), True), ((2, 0), False)]
)
def test_costs_over_a_wide_range_are_on_a_logarithmic_axis_unless_told(
    values: tuple[float, ...], log: bool
) -> None:
    history = [Measurement(n, value, value, 0.5) for n, value in enumerate(values)]
    for asked, has in ((None, log), (True, True), (False, False)):
        assert history_charts({"": history}, asked)[0].log_y == has


@pytest.mark.parametrize(
    ("accuracies", "low", "entry"),
    [
        ((0.09, 0.9, 0.95, 0.952, 0.946), "<92.8", 1),
        ((0.1, 0.2, 0.4, 0.6), "10", 0),
        ((0.25, 0.5, 1, 1, 1), "25", 0),
    ],
)
def test_a_small_fall_of_the_accuracy_is_seen(
    accuracies: tuple[float, ...], low: str, entry: int
) -> None:
    history = [Measurement(n, 0.1, 0.1, value) for n, value in enumerate(accuracies)]
    costs, chart = history_charts({"": history})
    assert chart.y_ticks(MIN_ROWS)[0][1] == low
    assert chart.lines[0][2][0, 0] == entry  # the line rises from the axis
    assert chart.x_ticks(40) == costs.x_ticks(40)


def test_each_curve_is_seen_from_its_own_second_half_on() -> None:
    points = {"good": (0.1, 0.95, 0.97, 0.96), "bad": (0.1, 0.3)}
    histories = {
        name: [Measurement(n, 0.1, 0.1, value) for n, value in enumerate(values)]
        for name, values in points.items()
    }
    assert history_charts(histories)[1].y_ticks(MIN_ROWS)[0][0] < 30


def test_long_trainings_keep_their_first_and_last_point() -> None:
    curves = GrowingCurves()
    for batch in range(10 * MAX_POINTS):
        curves.add(batch, 1 / (batch + 1))
    assert len(curves.cost) <= MAX_POINTS
    assert curves.cost[0] == (0, 1.0)
    assert curves.cost[-1][0] == 10 * MAX_POINTS - 1
    assert np.diff([batch for batch, _ in curves.cost]).max() < MAX_POINTS / 5


@pytest.mark.parametrize("count", [2, MAX_POINTS, 3 * MAX_POINTS + 7, 20_000])
def test_a_history_is_drawn_whole_and_grows_with_few_points(count: int) -> None:
    history = [Measurement(n, 9.0 if n == count // 3 else 1.0, 1.0, 0.5) for n in range(count)]
    (_, _, xy), _ = history_charts({"": history})[0].lines
    assert (xy.shape[1], xy[1].max()) == (count, 9)
    points = GrowingCurves.of(history, []).cost
    assert (points[0][0], points[-1][0]) == (0, count - 1)
    assert min(count, MAX_POINTS / 3) <= len(points) <= MAX_POINTS

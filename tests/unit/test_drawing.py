"""Ink on paper: the brush, strokes without gaps, the eraser, undo."""

import numpy as np
import pytest
from board_helpers import stroke

from digitnet.digits.drawing import (
    ERASER,
    FINE,
    MAX_UNDO,
    SIDE,
    Brush,
    Drawing,
    Ink,
    Place,
    distance_to_line,
)


def ink_at(drawing: Drawing, place: Place) -> float:
    x, y = place
    return float(drawing.ink[int(y * FINE), int(x * FINE)])


def test_the_distance_to_a_line_is_that_to_its_nearest_point() -> None:
    x, y = np.array([(5, 5), (5, 8), (0, 5), (11, 9), (2, 5), (8, 1)], np.float32).T
    assert distance_to_line(x, y, (2, 5), (8, 5)) == pytest.approx([0, 3, 2, 5, 0, 4])
    assert distance_to_line(x[:1], y[:1], (2, 1), (2, 1)) == pytest.approx([5])  # to a point


def test_a_brush_is_full_inside_half_at_its_radius_and_nothing_outside() -> None:
    distance: Ink = np.array([0, 1.5, 1.75, 2, 2.25, 2.5, 9], np.float32)
    assert Brush(radius=2, edge=1).at(distance) == pytest.approx([1, 1, 0.75, 0.5, 0.25, 0, 0])


def test_a_fast_move_leaves_no_gap() -> None:
    drawing = Drawing()
    stroke(drawing, (3, 4), (25, 23))
    for t in np.linspace(0, 1, 200):
        assert ink_at(drawing, (3 + 22 * t, 4 + 19 * t)) > 0.99
    assert ink_at(drawing, (25, 4)) == 0


def test_slow_and_fast_moves_leave_the_same_ink() -> None:
    slow, fast = Drawing(), Drawing()
    stroke(fast, (4, 6), (24, 16))
    stroke(slow, *[(4 + 20 * t, 6 + 10 * t) for t in np.linspace(0, 1, 40)])
    assert slow.ink == pytest.approx(fast.ink, abs=1e-3)


def test_a_stroke_goes_on_beside_the_paper_and_ends_there_too() -> None:
    drawing = Drawing()
    stroke(drawing, (20, 14), (60, 14), (60, 90))
    assert ink_at(drawing, (SIDE - 0.1, 14)) == 1
    before = drawing.ink.copy()
    drawing.move((2, 2))  # the brush is up
    assert np.array_equal(drawing.ink, before)
    assert not drawing.is_down


@pytest.mark.parametrize("place", [(0, 0), (SIDE, SIDE), (-0.4, 14), (14, SIDE + 0.4)])
def test_the_edge_of_the_paper_takes_ink(place: Place) -> None:
    drawing = Drawing()
    stroke(drawing, place)
    assert drawing.ink.max() > 0.9


def test_the_eraser_takes_ink_away_where_it_goes() -> None:
    drawing = Drawing()
    stroke(drawing, (4, 14), (24, 14))
    stroke(drawing, (14, 4), (14, 24), brush=ERASER)
    assert ink_at(drawing, (14, 14)) == 0
    assert ink_at(drawing, (6, 14)) == 1
    stroke(drawing, (4, 14), (24, 14), brush=ERASER)
    assert drawing.is_blank


def test_undo_takes_back_strokes_and_clearing_one_after_the_other() -> None:
    drawing = Drawing()
    stroke(drawing, (4, 4), (24, 4))
    one = drawing.ink.copy()
    stroke(drawing, (4, 14), (24, 14))
    two = drawing.ink.copy()
    drawing.clear()
    assert not drawing.ink.any()
    for expected in (two, one, 0 * one, 0 * one):
        drawing.undo()
        assert np.array_equal(drawing.ink, expected)


def test_undo_within_a_stroke_ends_it() -> None:
    drawing = Drawing()
    stroke(drawing, (4, 4), (24, 4), lift=False)
    drawing.undo()
    drawing.move((24, 24))
    assert drawing.is_blank


def test_many_strokes_take_no_more_memory_than_can_be_undone() -> None:
    drawing = Drawing()
    for number in range(MAX_UNDO + 5):
        stroke(drawing, (number % SIDE, 14))
    for _ in range(MAX_UNDO + 5):
        drawing.undo()
    assert not drawing.is_blank


def test_each_change_is_another_version_and_nothing_else_is() -> None:
    drawing = Drawing()
    versions = [drawing.version]
    for change in (lambda: drawing.press((4, 4)), lambda: drawing.move((9, 9)), drawing.clear):
        change()
        versions.append(drawing.version)
    assert len(set(versions)) == 4
    drawing.clear()
    drawing.lift()
    assert drawing.version == versions[-1]


@pytest.mark.parametrize(("rows", "columns"), [(28, 28), (42, 42), (56, 56), (84, 84)])
def test_every_size_on_the_screen_shows_the_same_ink(rows: int, columns: int) -> None:
    drawing = Drawing()
    stroke(drawing, (4, 14), (24, 20))
    seen = drawing.scaled_to(rows, columns)
    assert seen.shape == (rows, columns)
    assert seen.mean() == pytest.approx(drawing.ink.mean(), rel=1e-4)
    assert drawing.picture().max() == 255

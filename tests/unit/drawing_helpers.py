"""Digits as a hand leads a pen, in pixels of the drawing."""

from math import cos, pi, sin

from digitnet.digits.drawing import Drawing, Place


def arc(x: float, y: float, across: float, down: float, start: float, end: float) -> list[Place]:
    """Part of an ellipse; angles in turns, from the right, clockwise as it is seen."""
    turns = [start + (end - start) * step / 24 for step in range(25)]
    return [(x + across * cos(2 * pi * t), y + down * sin(2 * pi * t)) for t in turns]


DIGITS: dict[int, list[list[Place]]] = {
    0: [arc(14, 14, 6, 8.5, -0.25, 0.75)],
    1: [[(14.5, 5), (13.5, 23)]],
    3: [[*arc(13, 9.5, 5, 4.5, -0.4, 0.25), *arc(13, 18.5, 6, 4.5, -0.25, 0.4)]],
    7: [[(7, 6), (20, 6), (16, 12), (13, 23)]],
}
"""The strokes of some digits."""


def draw(drawing: Drawing, digit: int) -> None:
    for stroke in DIGITS[digit]:
        drawing.press(stroke[0])
        for place in stroke[1:]:
            drawing.move(place)
        drawing.lift()

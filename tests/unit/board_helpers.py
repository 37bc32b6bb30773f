"""Digits as somebody draws them on the board: the corners of each stroke, in pixels."""

import numpy as np
from numpy.typing import NDArray

from digitnet.digits.drawing import PEN, Brush, Drawing, Place
from digitnet.digits.prepare import prepare

# name: strokes apart by "/"; the first letter of a name is the digit
DRAWINGS = {
    "0 round": "14,4 10,5 8,9 7,14 8,20 11,23 15,24 19,21 20,15 19,9 17,5 14,4",
    "0 not closed": "16,5 12,5 9,8 8,14 9,20 13,23 17,22 20,18 20,12 18,8",
    "0 narrow": "14,4 11,8 11,18 14,24 17,19 17,9 14,4",
    "0 slashed": "14,4 10,6 8,11 8,18 11,23 15,24 19,20 20,13 18,6 14,4/19,6 9,22",
    "1 stroke": "14,4 14,24",
    "1 leaning": "17,4 12,24",
    "1 flag": "10,9 15,4 15,24",
    "1 long flag": "8,13 15,4 15,24",
    "1 flag, leaning": "11,10 17,4 14,24",
    "1 flag, foot": "10,9 15,4 15,24/10,24 20,24",
    "1 short flag, foot": "12,7 14,4 14,23/8,23 20,23",
    "1 foot": "14,4 14,24/9,24 19,24",
    "1 long flag, foot": "7,12 14,4 14,24/9,24 19,24",
    "2 round": "8,9 10,5 15,4 19,7 19,11 15,16 8,24 20,24",
    "2 looped": "8,9 11,5 16,4 19,8 17,13 12,20 8,23 7,21 9,20 13,22 17,24 21,22",
    "2 angular": "8,6 18,4 19,9 8,24 20,23",
    "2 wide foot": "9,8 13,4 17,6 17,10 12,16 7,22 14,22 23,22",
    "3 round": "8,7 12,4 17,5 18,9 13,13 18,15 20,19 17,23 12,24 8,21",
    "3 flat": "8,4 19,4 12,12 17,14 19,18 17,22 12,24 8,22",
    "3 shallow": "9,5 15,4 17,8 14,12 11,13 16,14 18,19 14,23 8,23",
    "4 open": "9,4 8,15 20,15/17,9 17,24",
    "4 printed": "16,24 16,4 7,18 21,18",
    "4 open, wide": "8,5 6,14 22,14/16,6 15,24",
    "4 printed, narrow": "15,4 10,18 19,18/15,4 15,24",
    "5 one stroke": "19,4 10,4 9,12 14,11 18,14 19,18 16,23 11,24 8,22",
    "5 bar touching": "10,5 9,13 14,12 18,15 18,20 14,24 8,22/10,5 19,4",
    "5 bar apart": "10,6 9,13 14,12 18,15 18,20 14,24 8,22/12,4 20,3",
    "5 square": "18,4 9,4 9,13 17,13 18,22 9,23",
    "6 curl": "18,4 12,8 8,15 9,21 13,24 18,22 19,18 15,15 10,17 9,20",
    "6 not closed": "16,4 11,9 8,16 9,22 14,24 19,21 18,16 14,15",
    "6 straight": "14,3 10,17 10,22 14,24 18,21 17,17 13,16 10,18",
    "7 plain": "8,5 20,5 13,24",
    "7 crossed": "8,5 20,5 13,24/11,14 20,14",
    "7 crossed, leaning": "9,6 21,4 12,24/10,15 20,13",
    "7 crossed, short line": "7,5 19,5 14,24/13,15 19,15",
    "7 serif": "8,9 8,5 20,5 13,24",
    "7 serif, crossed": "8,8 8,5 20,4 14,24/11,14 20,14",
    "7 steep": "9,5 18,5 16,24",
    "8 one stroke": "18,7 14,4 10,7 12,11 17,15 19,20 15,24 10,22 10,17 16,12 18,7",
    "8 rings": "14,4 10,7 11,12 14,13 17,11 18,7 14,4/14,13 9,17 10,23 14,24 19,22 18,16 14,13",
    "8 not closed": "18,6 13,4 10,8 13,12 18,16 18,22 13,24 9,21 11,16 16,12 19,9",
    "9 straight": "18,7 14,4 10,6 9,10 12,13 16,12 18,8 18,24",
    "9 bent": "18,8 15,4 11,5 10,10 13,13 17,11 18,8 17,16 15,21 10,23",
    "9 not closed": "17,5 12,5 9,9 12,13 17,12 19,6 18,15 16,24",
    "9 leaning": "19,6 14,4 10,8 12,13 17,11 19,6 15,24",
}


def answer(name: str) -> int:
    """The digit that a drawing shows."""
    return int(name[0])


def strokes(name: str) -> list[list[Place]]:
    corners = [[corner.split(",") for corner in text.split()] for text in DRAWINGS[name].split("/")]
    return [[(float(x), float(y)) for x, y in stroke] for stroke in corners]


DIGITS = {answer(name): strokes(name) for name in ("0 round", "1 stroke", "3 round", "7 serif")}


def stroke(drawing: Drawing, *places: Place, brush: Brush = PEN, lift: bool = True) -> None:
    drawing.press(places[0], brush)
    for place in places[1:]:
        drawing.move(place)
    if lift:
        drawing.lift()


def draw(drawing: Drawing, digit: int) -> None:
    for places in DIGITS[digit]:
        stroke(drawing, *places)


def drawn(
    name: str, radius: float = 1.2, size: float = 1.0, slant: float = 0.0, wide: float = 1.0
) -> NDArray[np.uint8]:
    """The strokes drawn with a pen of this radius, prepared for a network."""
    drawing, brush = Drawing(), Brush(radius, edge=min(1.0, 2 * radius))
    for corners in strokes(name):
        from_middle = ((x - 14, y - 14) for x, y in corners)
        places = [(14 + size * (wide * x - slant * y), 14 + size * y) for x, y in from_middle]
        stroke(drawing, *places, brush=brush)
    return prepare(drawing.picture())


VARIANTS: tuple[dict[str, float], ...] = (
    {},
    {"radius": 0.6},
    {"radius": 1.9},
    {"size": 0.6},
    {"slant": 0.2, "radius": 0.9},
    {"slant": -0.15, "wide": 0.8},
    {"wide": 1.2, "radius": 1.6},
)
"""The ways in which each is drawn: pens, sizes, slants, proportions."""

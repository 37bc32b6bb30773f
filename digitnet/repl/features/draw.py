"""`d` opens the board to draw a digit on."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Any, TypeAlias

import numpy as np
from rich.console import RenderResult
from rich.text import Text

from digitnet.digits.drawing import ERASER, PEN, SIDE, Drawing, Place
from digitnet.digits.page import page_of
from digitnet.digits.prepare import NoDigit, Picture
from digitnet.engine.arrays import answers_of
from digitnet.registry.model import Model
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError
from digitnet.repl.features.check import case_number
from digitnet.repl.features.img import PictureReader, Reading, judge, no_digit
from digitnet.repl.pictures import Drawn, View
from digitnet.repl.pictures.digit import (
    LABEL_STYLES,
    bar,
    beside_outputs,
    gallery,
    halved,
    label_for,
    small_case,
    verdict,
)
from digitnet.repl.pictures.grid import Grid, Window
from digitnet.repl.result import Result, Said
from digitnet.repl.session import Session


@dataclass(frozen=True)
class Layout:
    """The paper's columns and rows in a window, inside a frame one character wide."""

    columns: int
    rows: int

    def place(self, x: int, y: int) -> Place:
        """The position on the drawing of the middle of a character on the screen."""
        return (x - 0.5) * SIDE / self.columns, (y - 0.5) * SIDE / self.rows

    def character(self, place: Place) -> tuple[int, int]:
        """The column and row of the screen that show a position on the drawing."""
        x, y = place
        return 1 + int(x * self.columns / SIDE), 1 + int(y * self.rows / SIDE)


PAPERS = Layout(84, 42), Layout(56, 28), Layout(42, 21), Layout(28, 14)
"""Largest first: three columns per pixel, two, one and a half, one. Each row shows two squares, one
above the other."""

PANEL = 10  # minimum width of the outputs beside the paper
WITH_VALUES = 20  # minimum width for numbers beside the bars

LONGEST_BAR = 24

DIM = "#888888"

KEYS = (
    "enter_done  q_leave  arrows,_space_draw  u_undo  c_clear  e_eraser  0-9_answer"
    "  right_button_erases"
)
"""What the keys do; _ is a space at which no line ends."""

STEPS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
"""By how many pixels to the right and down the arrows move the cursor."""


Readings: TypeAlias = Sequence[Reading]  # of the digits of a number, from the left
Read: TypeAlias = Callable[[Picture], Readings]
"""Reads a picture, with values from 0 (paper) to 255 (full ink)."""


def number(digits: Readings) -> str:
    return "".join(str(digit.guess) for digit in digits)


def said(digits: Readings) -> str:
    """`guess 314`, or what it would be if it were a digit."""
    read = number(digits)
    return f"guess {read}" if len(digits) > 1 or digits[0].is_digit else no_digit(read)


def layout_for(width: int, height: int) -> Layout:
    """The largest paper that fits a window, with its frame and the outputs."""
    return next(p for p in PAPERS if width >= p.columns + 2 + PANEL and height >= p.rows + 2)


@dataclass
class Board(Window):
    """A drawing in progress.

    read: reads the drawing. answer: the digit it is meant to be, if given. is_done: whether it was
    finished, not left. erasing: whether the tool is the eraser. cursor: the position of the brush
    for the keys. keys_in_use: whether the keys have moved it. by_keys: whether the keys, not the
    mouse, hold the brush down.
    """

    least = PAPERS[-1].columns + 2 + PANEL, PAPERS[-1].rows + 2
    has_mouse = True

    read: Read
    drawing: Drawing = field(default_factory=Drawing)
    answer: int | None = None
    is_done: bool = False
    erasing: bool = False
    cursor: Place = (SIDE / 2, SIDE / 2)
    keys_in_use: bool = False
    by_keys: bool = False
    _digits: Readings = ()
    _read_version: int = 0
    _layout: Layout = PAPERS[-1]

    @property
    def digits(self) -> Readings:
        """What was read last; nothing if nothing is drawn, or no digit was found."""
        return () if self.drawing.is_blank else self._digits

    def move(self) -> bool:
        """Reads the drawing if it has changed. May be called from a thread while the user draws."""
        version = self.drawing.version
        if version == self._read_version:
            return False
        self._digits = () if self.drawing.is_blank else self.read(self.drawing.picture())
        self._read_version = version
        return True

    def mouse(self, x: int, y: int, event: str, button: str) -> None:
        """Draws with the left button, erases with the right one."""
        place = self._layout.place(x, y)
        is_held = event == "MOUSE_MOVE" and button != "NONE"
        if is_held and self.drawing.is_down and not self.by_keys:
            self.drawing.move(place)
        elif is_held or event == "MOUSE_DOWN":  # a stroke starts where it enters the paper
            self._lift()
            self.keys_in_use = False
            if all(0 <= at <= SIDE for at in place):
                erases = self.erasing or button == "RIGHT"
                self.drawing.press(place, ERASER if erases else PEN)
        elif event in ("MOUSE_MOVE", "MOUSE_UP") and not self.by_keys:
            self._lift()  # also if the release was missed

    def press(self, key: str) -> bool:
        """Answers a key; c-m is Enter, c-h Backspace."""
        if key in STEPS:
            self._step(*STEPS[key])
        elif key == " ":
            self._toggle()
        elif key == "e":
            self._lift()
            self.erasing = not self.erasing
        elif key == "c":
            self.drawing.clear()
            self.by_keys = self.erasing = False
            self.answer = None
        elif key in ("u", "c-_"):
            self._lift()
            self.drawing.undo()
        elif key in ("c-h", "delete"):
            self.answer = None
        elif key in tuple("0123456789"):  # the same digit again takes it back
            self.answer = None if self.answer == int(key) else int(key)
        self.is_done = key == "c-m" and not self.drawing.is_blank
        return not (self.is_done or key in ("q", "escape", "c-d"))

    def _lift(self) -> None:
        self.drawing.lift()
        self.by_keys = False

    def _step(self, right: int, down: int) -> None:
        """Moves the cursor; draws if the keys hold the brush down."""
        self.keys_in_use = True
        x, y = self.cursor[0] + right, self.cursor[1] + down
        self.cursor = min(max(x, 0.5), SIDE - 0.5), min(max(y, 0.5), SIDE - 0.5)
        if self.by_keys:
            self.drawing.move(self.cursor)

    def _toggle(self) -> None:
        was_down = self.by_keys
        self._lift()
        self.keys_in_use = True
        if not was_down:
            self.drawing.press(self.cursor, ERASER if self.erasing else PEN)
            self.by_keys = True

    # how it looks

    def draw(self, grid: Grid) -> None:
        """The paper in a frame; beside it the outputs; below, as many lines of keys as fit."""
        self._layout = layout = layout_for(grid.width, grid.height)
        across = layout.columns
        grid.write(0, 0, f"┌{' draw a digit '.center(across, '─')}┐", DIM)
        for y in range(1, layout.rows + 1):
            grid.write(0, y, f"│{' ' * across}│", DIM)
        grid.write(0, layout.rows + 1, f"└{'─' * across}┘", DIM)
        grid.image(1, 1, self.drawing.scaled_to(2 * layout.rows, across))
        keys = wrap(KEYS, grid.width - 1)[: max(1, grid.height - layout.rows - 2)]
        panel = grid.part(across + 3, 0, grid.width - across - 3, grid.height - len(keys))
        self._draw_panel(panel, self.digits)
        for y, line in enumerate(keys, grid.height - len(keys)):
            grid.write(0, y, f" {line.replace('_', ' ')}".ljust(grid.width), DIM)
        if self.keys_in_use:
            grid.cursor = layout.character(self.cursor)

    def _draw_panel(self, grid: Grid, digits: Readings) -> None:
        """The outputs, the guess, the answer and the tool, and the picture as the network sees it,
        as far as they fit.
        """
        reading = digits[-1] if digits else None
        guess = said(digits) if digits else "no digit yet"
        guess += f"; bars: {number(digits[-1:])}" * (len(digits) > 1)
        if self.drawing.is_blank and not self.erasing:
            guess = "draw a digit with the mouse, or with arrows and space"
        answer = "" if self.answer is None else f"answer {self.answer}"
        state = [guess, answer, "pen down" * self.by_keys, "eraser" * self.erasing]
        lines = [*self._outputs(grid.width, reading), ("", "")]
        lines += [(line, "bold") for text in state for line in wrap(text, grid.width)]
        for y, (text, style) in enumerate(lines[: grid.height]):
            grid.write(0, y, text, style)
        for seen in (reading.seen, halved(reading.seen)) if reading else ():
            if len(seen) <= 2 * (grid.height - len(lines) - 2) and seen.shape[1] <= grid.width:
                grid.write(0, len(lines) + 1, "as the network sees it", DIM)
                grid.image(0, len(lines) + 2, seen / 255)
                break

    def _outputs(self, width: int, reading: Reading | None) -> Iterator[tuple[str, str]]:
        """For each output its index, a bar, and its value if it fits; and the style."""
        has_values = width >= WITH_VALUES
        longest = min(LONGEST_BAR, width - 2 - (7 if has_values else 0))
        for index, value in enumerate(reading.outputs if reading else [0.0] * 10):
            label = label_for(index, reading.guess, self.answer) if reading else ""
            is_open = label == "guess" and self.answer is None
            style = "bold" if is_open else LABEL_STYLES.get(label, "" if reading else DIM)
            text = f"{index} {bar(value, longest, blocks=True)}"
            yield text + (f" {value:6.3f}" if has_values and reading else ""), style


NO_BOARD = (
    "drawing needs a prompt on a terminal that can show it, without --plain and --json: "
    "img FILE reads a picture of a digit"
)


@dataclass(frozen=True)
class DrawResult(Drawn):
    """The network's outputs for a drawing. answer: None if it was not given."""

    digits: Readings
    answer: int | None

    def as_json(self) -> dict[str, Any]:
        """The guess, and each digit of a number; the outputs are those of the last one."""
        last, read = self.digits[-1], number(self.digits)
        guess = {"guess": int(read), "answer": self.answer, "outputs": last.outputs}
        return guess | {"number": read, "is_digit": last.is_digit}

    def drawn(self, view: View) -> RenderResult:
        yield "your drawing, as the network sees it"
        last, read = self.digits[-1], Text(said(self.digits), "bold")
        if len(self.digits) > 1:
            labels = (Text(f"{digit.guess}", "bold") for digit in self.digits)
            pictures = (small_case(digit.seen, view) for digit in self.digits)
            yield gallery(list(zip(pictures, labels, strict=True)), view)
            yield read
            yield "mine and its digits, as in mine 314, adds them to your own digits."
            return
        yield beside_outputs(last.seen, last.outputs, last.guess, self.answer, view)
        yield verdict(last.guess, self.answer) if last.is_digit else read
        command = "mine" if self.answer is not None else "mine DIGIT"
        yield f"{command} adds it to your own digits."


@command("d", "draw", group="Asking")
def draw(session: Session, index: kinds.INDEX = None) -> Result:
    """Draw a digit or a number with the mouse or the keys, and watch the network read it.

    The network reads it while you draw, each digit prepared as MNIST's were. 0 to 9 says which
    digit it is, Enter is done, Escape leaves. With a number, that test case is on the board, so
    that one sees how the outputs follow what is drawn or erased.

    d 11: with test case 11 on it, to change
    d: a board to draw a digit on; Enter when it is done
    """
    board, session.last_pictures = Board(_reader(session.network())), None
    if index is not None:
        data = session.data_for(session.network())
        if data.picture != (SIDE, SIDE):
            raise CommandError(f"the board takes cases of {SIDE} x {SIDE} pixels")
        case = case_number(session, data, index)
        board.drawing.put(data.picture_of(data.test, case).astype(np.uint8))
        board.answer = int(answers_of(data.test.targets[case : case + 1])[0])
    if not session.asker.show(board):
        raise CommandError(NO_BOARD)
    if not board.is_done:
        return Said("Left the board; nothing was read.", {"guess": None})
    board.move()
    if not board.digits:
        what = "nothing is drawn" if board.drawing.is_blank else "there is no digit in the drawing"
        raise CommandError(f"{what}: d begins again, a larger digit is read better")
    pictures = [digit.place.picture for digit in board.digits if digit.place]
    session.last_pictures = pictures, board.answer
    return DrawResult(board.digits, board.answer)


def _reader(model: Model) -> Read:
    """A function that reads drawings. Raises CommandError if the network takes no pictures."""
    reader = PictureReader(model)

    def read(ink: Picture) -> Readings:
        try:
            return reader.read(page_of(ink / np.float32(255), judge()).digits)
        except NoDigit:
            return ()

    return read

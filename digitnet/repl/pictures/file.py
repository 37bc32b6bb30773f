"""Results drawn in files: any command may end in `--svg FILE`, or `--html`, `--png`, `--pdf`."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from unicodedata import name

import numpy as np
from PIL import Image
from rich.cells import cell_len
from rich.color import blend_rgb
from rich.color_triplet import ColorTriplet
from rich.console import Group, RenderableType, RenderResult
from rich.filesize import decimal
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, SVG_EXPORT_THEME, TerminalTheme
from rich.text import Text

from digitnet.charts import Boxes, Drawing, Words, drawing_of_charts
from digitnet.registry.files import write_outside
from digitnet.repl.command import Command, as_typed, path_of
from digitnet.repl.errors import CommandError, printable, quoted
from digitnet.repl.pictures import Screen, View
from digitnet.repl.pictures.grid import BRAILLE, DOTS
from digitnet.repl.result import Merged, Record, Result, ScreenOnly
from digitnet.repl.session import Asker, Session


def path_to_write(text: str, example: str, asker: Asker) -> Path:
    """The path for a typed text; asks before an existing file is overwritten.

    Raises CommandError if the answer is no, or the path is not a regular file.
    """
    path = path_of(text, example)
    exists = os.path.lexists(path)
    if exists and not (os.path.isfile(path) or os.path.islink(path)):  # noqa: PTH113, PTH114
        raise CommandError(f"{quoted(text)} exists and is not a file; nothing was written")
    if exists and not asker.confirm(f"{printable(text)} already exists. Overwrite it?"):
        raise CommandError("nothing was written")
    return path


CELL_WIDTH, CELL_HEIGHT, BASE, MARGIN, SIZE = 12, 24, 18, 16, 20
"""In pixels. BASE: of the letters below the top of a cell. MARGIN: around the whole picture."""

FAMILY = "Menlo, Consolas, 'DejaVu Sans Mono', monospace"

ARMS = {
    "HORIZONTAL": (0, 11, 12, 2),
    "VERTICAL": (5, 0, 2, 24),
    "LEFT": (0, 11, 7, 2),
    "RIGHT": (5, 11, 7, 2),
    "UP": (5, 0, 2, 13),
    "DOWN": (5, 11, 2, 13),
}
"""Word in the Unicode name of a line, such as BOX DRAWINGS LIGHT UP AND RIGHT → its rectangle."""

BLOCKS = {
    "▀": [(0, 0, CELL_WIDTH, CELL_HEIGHT // 2)],
    **{chr(0x2580 + n): [(0, CELL_HEIGHT - 3 * n, CELL_WIDTH, 3 * n)] for n in range(1, 9)},
    **{chr(0x2590 - n): [(0, 0, round(1.5 * n), CELL_HEIGHT)] for n in range(1, 8)},
    **{
        chr(BRAILLE + bits): [(2 + 6 * x, 2 + 6 * y, 3, 3) for y, x in np.argwhere(DOTS & bits)]
        for bits in range(1, 256)
    },
    **{
        line: [box for word, box in ARMS.items() if word in name(line)]
        for line in map(chr, range(0x2500, 0x2580))
        if "LIGHT" in name(line)
    },
}
"""Block, braille or line → its rectangles (left, top, width, height), which join without seams in
any font.
"""


def drawing_of_screen(
    what: RenderableType, title: str, width: int, height: int, *, light: bool = False
) -> Drawing:
    """What a terminal of so many columns and rows shows, in all its colours, below a title."""
    screen = Screen(
        StringIO(),
        light=lambda: light,
        no_color=False,
        color_system="truecolor",
        width=width,
        force_terminal=True,
        record=True,
    )
    screen.height, screen.plain = height, False
    theme = DEFAULT_TERMINAL_THEME if light else SVG_EXPORT_THEME
    lines = screen.render_lines(Group(Text(title, "dim"), what), pad=False)
    shapes: list[Boxes | Words] = []
    for row, line in enumerate(lines):
        x, y = MARGIN, MARGIN + row * CELL_HEIGHT
        for segment in line:
            shapes += _shapes_of(segment, x, y, theme)
            x += CELL_WIDTH * segment.cell_length
    size = width * CELL_WIDTH + 2 * MARGIN, len(lines) * CELL_HEIGHT + 2 * MARGIN
    return Drawing(shapes, *size, theme.background_color.hex, SIZE, FAMILY)


def _shapes_of(segment: Segment, x: int, y: int, theme: TerminalTheme) -> Iterator[Boxes | Words]:
    text, style, span = segment.text, segment.style or Style(), CELL_WIDTH * segment.cell_length
    colour, background = _colours(style, theme)
    if background != theme.background_color:
        yield Boxes([(x, y, span, CELL_HEIGHT)], background.hex)
    places = [
        (x + column * CELL_WIDTH + left, y + top, wide, high)
        for column, character in enumerate(text)
        for left, top, wide, high in BLOCKS.get(character, ())
    ]
    if places:
        yield Boxes(places, colour.hex)
    words = "".join(" " if character in BLOCKS else character for character in text).rstrip()
    if words:
        span = CELL_WIDTH * cell_len(words)
        yield Words(x, y + BASE, words, colour.hex, "start", span, bool(style.bold))


def _colours(style: Style, theme: TerminalTheme) -> tuple[ColorTriplet, ColorTriplet]:
    colour, background = theme.foreground_color, theme.background_color
    if style.color and not style.color.is_default:
        colour = style.color.get_truecolor(theme)
    if style.bgcolor and not style.bgcolor.is_default:
        background = style.bgcolor.get_truecolor(theme, foreground=False)
    if style.reverse:
        colour, background = background, colour
    if style.dim:
        colour = blend_rgb(ColorTriplet(*colour), ColorTriplet(*background), 0.4)
    return colour, background


SMOOTH = 2  # charts in PNG are drawn so many times as large, and then reduced to two pixels a point


def picture_of(result: Any, suffix: str, title: str, *, light: bool = False) -> bytes:
    """The file of that suffix: charts as lines, anything else as a screen of this width has it."""
    if charts := getattr(result, "charts", ()):
        drawing = drawing_of_charts(charts, is_light=light)
    else:
        columns, rows = shutil.get_terminal_size()
        size = max(columns, WIDTH), max(rows, HEIGHT)
        drawing = drawing_of_screen(result, title, *size, light=light)
    if suffix == "svg":
        return drawing.svg()
    if suffix == "html":
        head = f"<!DOCTYPE html><meta charset=UTF-8><title>{escape(title)}</title>"
        body = f'<body style="background: {drawing.background}">'
        return f"{head}\n{body}\n".encode() + drawing.svg()
    image = drawing.image(2 * SMOOTH).reduce(SMOOTH) if charts else drawing.image()
    file = BytesIO()
    dots_per_inch = 144 if charts else 72
    image.save(file, suffix, title=title, optimize=True, quality=95, resolution=dots_per_inch)
    return file.getvalue()


FORMATS = ("svg", "html", "png", "pdf")

FLAGS = frozenset(f"--{suffix}" for suffix in FORMATS)

WIDTH, HEIGHT = 40, 34  # minimum columns and rows of the terminal in a picture


@dataclass(frozen=True)
class DrawnResult(Record):
    """A result, and the file it was drawn in. light: whether for a light background."""

    result: Merged[Result]
    picture: dict[str, Any]
    light: ScreenOnly[bool]

    def drawn(self, view: View) -> RenderResult:
        yield self.result
        file, size = printable(self.picture["file"]), decimal(self.picture["bytes"])
        yield f"Drawn{' for a light background' * self.light} in {file} ({size})."


def _draw(path: Path, suffix: str, title: str, light: bool, result: Result) -> DrawnResult:
    """title: the line that was typed."""
    data = picture_of(result, suffix, title, light=light)
    write_outside(path, data)
    return DrawnResult(result, {"file": str(path), "bytes": len(data)}, light)


def requested_picture(
    command: Command, words: Sequence[str], session: Session
) -> tuple[list[str], Callable[[Result], DrawnResult] | None]:
    """The arguments of a command without the flag, and what draws the result in a file, if any.

    The word `light` or `dark` before the file says for which background. Raises CommandError if the
    file is not valid, or may not be overwritten; drawing raises it if writing fails.
    """
    index = next((k for k, word in enumerate(words) if word in FLAGS), -1)
    ending = words[-1].rpartition(".")[2].lower() if words and "." in words[-1] else ""
    is_ending = ending in FORMATS or f".{ending}" in Image.registered_extensions()
    if index < 0 and not (command.is_picture and is_ending):
        return list(words), None
    suffix = ending if index < 0 else words[index][2:]
    example = f"{command.name} --{suffix} picture.{suffix}"
    if index >= 0 and len(words) != index + 2:
        raise CommandError(f"--{suffix} takes one file, at the end of the line. Example: {example}")
    if suffix not in FORMATS or (is_ending and ending != suffix):
        *others, last = (f".{name}" for name in FORMATS)
        allowed = f".{suffix}" if suffix in FORMATS else f"{', '.join(others)} or {last}"
        raise CommandError(
            f"{quoted(words[-1])}: a picture's name ends in {allowed}. "
            f"Example: {command.name} picture.{suffix if suffix in FORMATS else 'svg'}"
        )
    arguments = list(words[:-1] if index < 0 else words[:index])
    light = session.is_light()
    if command.is_picture and arguments and arguments[-1] in ("dark", "light"):
        light = arguments.pop() == "light"
    title = printable(" ".join(as_typed(word) for word in [command.name, *arguments]), 80)
    path = path_to_write(words[-1], example, session.asker)
    return arguments, partial(_draw, path, suffix, title, light)

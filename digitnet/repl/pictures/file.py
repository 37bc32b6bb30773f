"""Results drawn in files: any command may end in `--svg FILE`, `--html FILE` or `--png FILE`."""

import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont
from rich.color import blend_rgb
from rich.color_triplet import ColorTriplet
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import SVG_EXPORT_THEME as THEME

from digitnet.registry.files import NotWritten, write_outside
from digitnet.repl.command import Command
from digitnet.repl.errors import CommandError, printable, quoted
from digitnet.repl.line import as_typed
from digitnet.repl.pictures.screen import Screen
from digitnet.repl.pictures.tables import size
from digitnet.repl.result import Result
from digitnet.repl.session import Asker


def path_of(text: str, example: str) -> Path:
    """The path for a typed text; `~` is expanded. Raises CommandError if it is not a valid path."""
    try:
        if os.fsencode(text) and "\0" not in text:
            return Path(os.path.expanduser(text))  # noqa: PTH111 - keeps `~` of an unknown user
    except ValueError:
        pass
    raise CommandError(f"{quoted(text)} cannot be a file. Example: {example}")


def path_to_write(text: str, example: str, asker: "Asker") -> Path:
    """The path for a typed text; asks before an existing file is overwritten.

    Raises CommandError if the answer is no, or the path is not a regular file.
    """
    path = path_of(text, example)
    there = os.path.lexists(path)
    if there and not (os.path.isfile(path) or os.path.islink(path)):  # noqa: PTH113, PTH114
        raise CommandError(f"{quoted(text)} exists and is not a file; nothing was written")
    if there and not asker.confirm(f"{printable(text)} already exists. Overwrite it?"):
        raise CommandError("nothing was written")
    return path


CELL_WIDTH, CELL_HEIGHT, MARGIN, TEXT_HEIGHT = 12, 24, 16, 20
"""In pixels. MARGIN: around the whole image."""

FONTS = {
    False: ("DejaVuSansMono.ttf", "Menlo.ttc", "consola.ttf", "LiberationMono-Regular.ttf"),
    True: ("DejaVuSansMono-Bold.ttf", "Menlo.ttc", "consolab.ttf", "LiberationMono-Bold.ttf"),
}
"""Common monospaced fonts, by whether they are bold."""

ARMS = {
    "─": "lr", "│": "ud", "┌": "rd", "┐": "ld", "└": "ru", "┘": "lu",
    "├": "udr", "┤": "udl", "┬": "lrd", "┴": "lru", "┼": "lrud",
}  # fmt: skip
"""The directions of a line from the middle of its cell: left, right, up, down."""

BRAILLE = 0x2800

DOTS = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))
"""The column and row of each bit of a braille character."""


def to_png(screen: Screen) -> bytes:
    """The output that the screen has recorded, as PNG."""
    segments = Segment.filter_control(screen._record_buffer)
    lines = list(Segment.split_and_crop_lines(segments, screen.width, pad=False))
    size = (screen.width * CELL_WIDTH + 2 * MARGIN, len(lines) * CELL_HEIGHT + 2 * MARGIN)
    image = Image.new("RGB", size, THEME.background_color)
    draw = ImageDraw.Draw(image)
    for row, line in enumerate(lines):
        column = 0
        for segment in line:
            style = segment.style or Style()
            for character in segment.text:
                x, y = MARGIN + column * CELL_WIDTH, MARGIN + row * CELL_HEIGHT
                _cell(draw, x, y, character, style)
                column += 1
    file = BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def _cell(draw: Any, x: int, y: int, character: str, style: Style) -> None:
    """Draws one character and its background."""
    colour, background = _colours(style)
    if background != THEME.background_color:
        draw.rectangle((x, y, x + CELL_WIDTH - 1, y + CELL_HEIGHT - 1), background)
    boxes = _boxes(character)
    for left, top, right, bottom in boxes:
        draw.rectangle((x + left, y + top, x + right - 1, y + bottom - 1), colour)
    if not boxes and not character.isspace():
        font = _font(bool(style.bold))
        middle = x + CELL_WIDTH / 2, y + CELL_HEIGHT - 6
        draw.text(middle, character, colour, font, anchor="ms")


def _boxes(character: str) -> list[tuple[int, int, int, int]]:
    """The rectangles (left, top, right, bottom) of a block, line or braille character; or none."""
    code = ord(character)
    if character == "▀":
        return [(0, 0, CELL_WIDTH, CELL_HEIGHT // 2)]
    if 0x2581 <= code <= 0x2588:  # ▁ to █, from below
        return [(0, CELL_HEIGHT - CELL_HEIGHT * (code - 0x2580) // 8, CELL_WIDTH, CELL_HEIGHT)]
    if 0x2589 <= code <= 0x258F:  # ▉ to ▏, from the left
        return [(0, 0, max(1, round(CELL_WIDTH * (0x2590 - code) / 8)), CELL_HEIGHT)]
    if BRAILLE < code <= BRAILLE + 0xFF:
        on = [dot for bit, dot in enumerate(DOTS) if (code - BRAILLE) >> bit & 1]
        return [(2 + 6 * i, 2 + 6 * j, 5 + 6 * i, 5 + 6 * j) for i, j in on]
    middle, centre = CELL_WIDTH // 2, CELL_HEIGHT // 2
    arms = {
        "l": (0, centre - 1, middle + 1, centre + 1),
        "r": (middle - 1, centre - 1, CELL_WIDTH, centre + 1),
        "u": (middle - 1, 0, middle + 1, centre + 1),
        "d": (middle - 1, centre - 1, middle + 1, CELL_HEIGHT),
    }
    return [arms[direction] for direction in ARMS.get(character, "")]


def _colours(style: Style) -> tuple[ColorTriplet, ColorTriplet]:
    """The colours of the character and of its background."""
    colour, background = THEME.foreground_color, THEME.background_color
    if style.color and not style.color.is_default:
        colour = style.color.get_truecolor(THEME)
    if style.bgcolor and not style.bgcolor.is_default:
        background = style.bgcolor.get_truecolor(THEME, foreground=False)
    if style.reverse:
        colour, background = background, colour
    if style.dim:
        colour = blend_rgb(ColorTriplet(*colour), ColorTriplet(*background), 0.4)
    return colour, background


@cache
def _font(bold: bool) -> Any:
    """The first font found, or Pillow's default."""
    for name in FONTS[bold]:
        try:
            return ImageFont.truetype(name, TEXT_HEIGHT)
        except OSError:
            continue
    return ImageFont.load_default(TEXT_HEIGHT)


HTML = """\
<!DOCTYPE html>
<html>
<head><meta charset="UTF-8"><title>{title}</title></head>
<body style="background: {{background}}; color: {{foreground}}">
<pre style="font: 16px/1.2 'Fira Code', Menlo, 'DejaVu Sans Mono', Consolas, monospace">\
<code style="font-family: inherit">{{code}}</code></pre>
</body>
</html>
"""

LINE = 24.4
"""Height of a line in rich's SVG; the text's baseline is 4.4 above its bottom."""

HALVES = re.compile(
    r'<text (class="\S+") x="(\S+)" y="(\S+)" textLength="(\S+)" clip-path="\S+">▀+</text>'
)


def recorded(what: RenderableType, width: int, height: int) -> Screen:
    """A screen of this size, with all colours, that has recorded the output for export."""
    screen = Screen(
        StringIO(),
        no_color=False,
        color_system="truecolor",
        width=width,
        force_terminal=True,
        record=True,
    )
    screen.height, screen.plain = height, False
    screen.print(what)
    return screen


def svg(what: RenderableType, title: str, width: int, height: int) -> bytes:
    """A terminal window in SVG.

    Upper half-blocks (▀), of which pictures are made, become rectangles, so that they join without
    seams in any font.
    """
    ident = re.sub(r"\W+", "-", title) or "-"
    drawn = recorded(what, width, height).export_svg(title=title, unique_id=f"d{ident}")
    return HALVES.sub(_rectangle, drawn).encode()


def _rectangle(half: "re.Match[str]") -> str:
    """The rectangle that replaces a run of upper half-blocks."""
    top = float(half[3]) - 20 + 1.5
    return (
        f'<rect {half[1]} x="{half[2]}" y="{top:g}" width="{half[4]}" height="{LINE / 2:g}" '
        'shape-rendering="crispEdges"/>'
    )


def html(what: RenderableType, title: str, width: int, height: int) -> bytes:
    """A complete HTML page."""
    page = HTML.format(title=escape(title))
    screen = recorded(what, width, height)
    return screen.export_html(theme=THEME, code_format=page, inline_styles=True).encode()


def png(what: RenderableType, title: str, width: int, height: int) -> bytes:
    """The cells of a terminal as a PNG image, without window or title."""
    return to_png(recorded(what, width, height))


RENDERERS: Mapping[str, Callable[[RenderableType, str, int, int], bytes]] = {
    "svg": svg,
    "html": html,
    "png": png,
}
"""Suffix → function of the output, title, columns and rows that returns the file's bytes."""

FORMATS = ("svg", "html", "png")
"""The formats, by suffix."""

FLAGS = frozenset(f"--{form}" for form in FORMATS)

WIDTH, HEIGHT = 40, 34
"""Minimum columns and rows of the terminal in a picture."""


@dataclass(frozen=True)
class DrawnResult:
    """A result, and the file it was drawn in."""

    result: Result
    file: str
    bytes: int

    def as_json(self) -> dict[str, Any]:
        """The result's fields, and the file of the picture."""
        return self.result.as_json() | {"picture": {"file": self.file, "bytes": self.bytes}}

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        yield self.result
        yield f"Drawn in {printable(self.file)} ({size(self.bytes)})."


@dataclass(frozen=True)
class PictureFile:
    """The file to draw a result in. title: the line that was typed."""

    path: Path
    form: str
    title: str

    def draw(self, result: Result) -> DrawnResult:
        """Draws the result, as wide as the screen. Raises CommandError if writing fails."""
        columns, rows = shutil.get_terminal_size()
        data = RENDERERS[self.form](result, self.title, max(columns, WIDTH), max(rows, HEIGHT))
        try:
            write_outside(self.path, data)
        except NotWritten as error:
            raise CommandError(f"the picture was not written: {error.why}") from None
        return DrawnResult(result, str(self.path), len(data))


def requested_picture(
    command: Command, words: Sequence[str], asker: "Asker"
) -> tuple[list[str], PictureFile | None]:
    """The arguments of a command without the flag, and the file to draw the result in, if any.

    Raises CommandError if the file is not valid, or may not be overwritten.
    """
    arguments, form, file = _split(command, words)
    if not form:
        return arguments, None
    title = printable(" ".join(as_typed(word) for word in [command.name, *arguments]), 80)
    example = f"{command.name} --{form} picture.{form}"
    return arguments, PictureFile(path_to_write(file, example, asker), form, title)


def _split(command: Command, words: Sequence[str]) -> tuple[list[str], str, str]:
    """The arguments, the format and the file; the last two are empty if no picture is requested."""
    for index, word in enumerate(words):
        if word in FLAGS:
            if len(words) != index + 2:
                raise CommandError(
                    f"{word} takes one file, at the end of the line. "
                    f"Example: {command.name} {word} picture.{word[2:]}"
                )
            return list(words[:index]), word[2:], words[-1]
    form = words[-1].rpartition(".")[2].lower() if words and "." in words[-1] else ""
    if command.is_picture and form in FORMATS:
        return list(words[:-1]), form, words[-1]
    return list(words), "", ""

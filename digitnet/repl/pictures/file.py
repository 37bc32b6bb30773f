"""Results drawn in files: any command may end in `--svg FILE`, or `--html`, `--png`, `--pdf`."""

import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from unicodedata import name
from urllib.parse import urlsplit

from PIL import Image, ImageDraw
from rich.color import blend_rgb
from rich.color_triplet import ColorTriplet
from rich.console import RenderableType, RenderResult
from rich.filesize import decimal
from rich.style import Style
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, SVG_EXPORT_THEME, TerminalTheme

from digitnet.lazy import lazy
from digitnet.registry.files import NotWritten, write_outside
from digitnet.repl.command import Command
from digitnet.repl.errors import CommandError, printable, quoted
from digitnet.repl.line import as_typed
from digitnet.repl.pictures import Drawn, Screen, View
from digitnet.repl.pictures.curves import BRAILLE
from digitnet.repl.pictures.vector import WRITERS, first_font, written
from digitnet.repl.result import Result
from digitnet.repl.session import Asker


def path_of(text: str, example: str) -> Path:
    """The path for a typed text: `~` and `~user` are expanded, a file:// address is the file's.

    Raises CommandError if it is not a valid path.
    """
    if text.startswith("file://"):
        text = lazy("urllib.request").url2pathname(urlsplit(text).path)
    try:
        if os.fsencode(text) and "\0" not in text:
            return Path(os.path.expanduser(text))  # noqa: PTH111 - keeps `~` of an unknown user
    except ValueError:
        pass
    raise CommandError(f"{quoted(text)} cannot be a file. Example: {example}")


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


def _screen(what: RenderableType, width: int, height: int) -> Screen:
    """A screen of this size, with all colours, that has recorded a picture."""
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


def _theme(what: RenderableType) -> TerminalTheme:
    """The colours of the terminal: light if it is drawn for a white background."""
    return DEFAULT_TERMINAL_THEME if getattr(what, "is_light", False) else SVG_EXPORT_THEME


LINE = 24.4  # height of a line in rich's SVG; the text's baseline is 4.4 above its bottom

FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""What makes rich's SVG fetch its font from the web."""

HALVES = re.compile(
    r'<text (class="\S+") x="(\S+)" y="(\S+)" textLength="(\S+)" clip-path="\S+">▀+</text>'
)


def svg(what: RenderableType, title: str, width: int, height: int) -> bytes:
    """A terminal window in SVG.

    Upper half-blocks (▀), of which pictures are made, become rectangles, so that they join without
    seams in any font.
    """
    ident, screen = re.sub(r"\W+", "-", title) or "-", _screen(what, width, height)
    text = screen.export_svg(title=title, theme=_theme(what), unique_id=f"d{ident}")
    text = FONT_FACE.sub("", text).replace("Fira Code", "Menlo, 'DejaVu Sans Mono'")
    return HALVES.sub(
        lambda half: (
            f'<rect {half[1]} x="{half[2]}" y="{float(half[3]) - 18.5:g}" width="{half[4]}" '
            f'height="{LINE / 2:g}" shape-rendering="crispEdges"/>'
        ),
        text,
    ).encode()


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


def html(what: RenderableType, title: str, width: int, height: int) -> bytes:
    page, screen = HTML.format(title=escape(title)), _screen(what, width, height)
    return screen.export_html(theme=_theme(what), code_format=page, inline_styles=True).encode()


CELL_WIDTH, CELL_HEIGHT, MARGIN, TEXT_HEIGHT = 12, 24, 16, 20
"""In pixels. MARGIN: around the whole image."""

FONTS = {
    False: ("DejaVuSansMono.ttf", "Menlo.ttc", "consola.ttf", "LiberationMono-Regular.ttf"),
    True: ("DejaVuSansMono-Bold.ttf", "Menlo.ttc", "consolab.ttf", "LiberationMono-Bold.ttf"),
}
"""Common monospaced fonts, by whether they are bold."""

ARMS = {
    "HORIZONTAL": (0, 11, 12, 13),
    "VERTICAL": (5, 0, 7, 24),
    "LEFT": (0, 11, 7, 13),
    "RIGHT": (5, 11, 12, 13),
    "UP": (5, 0, 7, 13),
    "DOWN": (5, 11, 7, 24),
}
"""Word in the Unicode name of a line, such as BOX DRAWINGS LIGHT UP AND RIGHT → its rectangle."""

DOTS = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))
"""The column and row of each bit of a braille character."""


def image(what: RenderableType, title: str, width: int, height: int, **options: Any) -> bytes:
    """The cells of a terminal as an image, without window. options: those of Pillow's `save`."""
    lines, theme = _screen("", width, height).render_lines(what, pad=False), _theme(what)
    size = width * CELL_WIDTH + 2 * MARGIN, len(lines) * CELL_HEIGHT + 2 * MARGIN
    drawn = Image.new("RGB", size, theme.background_color)
    draw = ImageDraw.Draw(drawn)
    for row, line in enumerate(lines):
        cells = [(c, segment.style or Style()) for segment in line for c in segment.text]
        for column, (character, style) in enumerate(cells):
            x, y = MARGIN + column * CELL_WIDTH, MARGIN + row * CELL_HEIGHT
            _draw_cell(draw, x, y, character, style, theme)
    file = BytesIO()
    drawn.save(file, title=title, **options)
    return file.getvalue()


def _draw_cell(
    draw: Any, x: int, y: int, character: str, style: Style, theme: TerminalTheme
) -> None:
    colour, background = _colours(style, theme)
    if background != theme.background_color:
        draw.rectangle((x, y, x + CELL_WIDTH - 1, y + CELL_HEIGHT - 1), background)
    boxes = _boxes(character)
    for left, top, right, bottom in boxes:
        draw.rectangle((x + left, y + top, x + right - 1, y + bottom - 1), colour)
    if not boxes and not character.isspace():
        middle = x + CELL_WIDTH / 2, y + CELL_HEIGHT - 6
        draw.text(
            middle, character, colour, first_font(FONTS[bool(style.bold)], TEXT_HEIGHT), anchor="ms"
        )


def _boxes(character: str) -> list[tuple[int, int, int, int]]:
    """The rectangles (left, top, right, bottom) of a block, line or braille character; or none."""
    code, called = ord(character), name(character, "")
    if character == "▀":
        return [(0, 0, CELL_WIDTH, CELL_HEIGHT // 2)]
    if 0x2581 <= code <= 0x2588:  # ▁ to █, from below
        return [(0, CELL_HEIGHT - CELL_HEIGHT * (code - 0x2580) // 8, CELL_WIDTH, CELL_HEIGHT)]
    if 0x2589 <= code <= 0x258F:  # ▉ to ▏, from the left
        return [(0, 0, max(1, round(CELL_WIDTH * (0x2590 - code) / 8)), CELL_HEIGHT)]
    if BRAILLE < code <= BRAILLE + 0xFF:
        dots = [dot for bit, dot in enumerate(DOTS) if (code - BRAILLE) >> bit & 1]
        return [(2 + 6 * i, 2 + 6 * j, 5 + 6 * i, 5 + 6 * j) for i, j in dots]
    if called.startswith("BOX DRAWINGS LIGHT"):
        return [box for word, box in ARMS.items() if word in called]
    return []


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


FORMATS: Mapping[str, Callable[..., bytes]] = {
    "svg": svg,
    "html": html,
    "png": partial(image, format="PNG", optimize=True),
    "pdf": partial(image, format="PDF", quality=95),
}
"""Suffix → function of what to draw, title, columns and rows that returns the file's bytes."""

FLAGS = frozenset(f"--{suffix}" for suffix in FORMATS)

WIDTH, HEIGHT = 40, 34  # minimum columns and rows of the terminal in a picture


@dataclass(frozen=True)
class DrawnResult(Drawn):
    """A result, and the file it was drawn in."""

    result: Result
    file: str
    bytes: int

    def as_json(self) -> dict[str, Any]:
        return self.result.as_json() | {"picture": {"file": self.file, "bytes": self.bytes}}

    def drawn(self, view: View) -> RenderResult:
        yield self.result
        yield f"Drawn in {printable(self.file)} ({decimal(self.bytes)})."


def _draw(path: Path, suffix: str, title: str, result: Result) -> DrawnResult:
    """Draws the result: charts in lines, anything else as it is on a screen of this width.

    title: the line that was typed.
    """
    columns, rows = shutil.get_terminal_size()
    charts, is_light = getattr(result, "charts", ()), getattr(result, "is_light", False)
    try:
        if charts and suffix in WRITERS:
            data = written(charts, suffix, is_light=is_light)
        else:
            data = FORMATS[suffix](result, title, max(columns, WIDTH), max(rows, HEIGHT))
        write_outside(path, data)
    except NotWritten as error:
        raise CommandError(f"the picture was not written: {error.why}") from None
    except UnicodeEncodeError as error:
        letter = error.object[error.start]
        raise CommandError(
            f"the picture was not written: PDF's fonts have no {letter!r}. Example: plot curves.svg"
        ) from None
    return DrawnResult(result, str(path), len(data))


def requested_picture(
    command: Command, words: Sequence[str], asker: Asker
) -> tuple[list[str], Callable[[Result], DrawnResult] | None]:
    """The arguments of a command without the flag, and what draws the result in a file, if any.

    Raises CommandError if the file is not valid, or may not be overwritten; drawing raises it if
    writing fails.
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
    title = printable(" ".join(as_typed(word) for word in [command.name, *arguments]), 80)
    return arguments, partial(_draw, path_to_write(words[-1], example, asker), suffix, title)

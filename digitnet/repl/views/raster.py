"""The cells of a recorded screen as a PNG image.

Blocks, braille dots and lines are drawn as what they stand for, so that they join as they do on a
terminal; other characters with the first fixed-width font that the system has.
"""

from functools import cache
from io import BytesIO
from typing import Any

from PIL import Image, ImageDraw, ImageFont
from rich.color import blend_rgb
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import SVG_EXPORT_THEME as THEME

from digitnet.repl.views.screen import Screen

WIDE, HIGH, MARGIN, TEXT = 12, 24, 16, 20
"""Pixels: a cell's width and height, the margin around all of them, the height of the text."""
FONTS = {
    False: ("DejaVuSansMono.ttf", "Menlo.ttc", "consola.ttf", "LiberationMono-Regular.ttf"),
    True: ("DejaVuSansMono-Bold.ttf", "Menlo.ttc", "consolab.ttf", "LiberationMono-Bold.ttf"),
}
"""Fonts of a fixed width that systems have, by whether they are bold."""
ARMS = {
    "─": "lr", "│": "ud", "┌": "rd", "┐": "ld", "└": "ru", "┘": "lu",
    "├": "udr", "┤": "udl", "┬": "lrd", "┴": "lru", "┼": "lrud",
}  # fmt: skip
"""The ways that a line goes from the middle of its cell: left, right, up, down."""
BRAILLE = 0x2800
DOTS = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))
"""Column and row of each bit of a braille character."""


def rastered(screen: Screen) -> bytes:
    """What the screen has recorded, as PNG."""
    segments = Segment.filter_control(screen._record_buffer)
    lines = list(Segment.split_and_crop_lines(segments, screen.width, pad=False))
    size = (screen.width * WIDE + 2 * MARGIN, len(lines) * HIGH + 2 * MARGIN)
    image = Image.new("RGB", size, THEME.background_color)
    draw = ImageDraw.Draw(image)
    for row, line in enumerate(lines):
        column = 0
        for segment in line:
            style = segment.style or Style()
            for character in segment.text:
                x, y = MARGIN + column * WIDE, MARGIN + row * HIGH
                _cell(draw, x, y, character, style)
                column += 1
    file = BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def _cell(draw: Any, x: int, y: int, character: str, style: Style) -> None:
    """One character on its background."""
    colour, behind = _colours(style)
    if behind != THEME.background_color:
        draw.rectangle((x, y, x + WIDE - 1, y + HIGH - 1), behind)
    boxes = _boxes(character)
    for left, top, right, bottom in boxes:
        draw.rectangle((x + left, y + top, x + right - 1, y + bottom - 1), colour)
    if not boxes and not character.isspace():
        font = _font(bool(style.bold))
        middle = x + WIDE / 2, y + HIGH - 6
        draw.text(middle, character, colour, font, anchor="ms")


def _boxes(character: str) -> list[tuple[int, int, int, int]]:
    """The rectangles (left, top, right, bottom) that a block, a line or braille dots stand for."""
    code = ord(character)
    if character == "▀":
        return [(0, 0, WIDE, HIGH // 2)]
    if 0x2581 <= code <= 0x2588:  # ▁ to █, from below
        return [(0, HIGH - HIGH * (code - 0x2580) // 8, WIDE, HIGH)]
    if 0x2589 <= code <= 0x258F:  # ▉ to ▏, from the left
        return [(0, 0, max(1, round(WIDE * (0x2590 - code) / 8)), HIGH)]
    if BRAILLE < code <= BRAILLE + 0xFF:
        on = [dot for bit, dot in enumerate(DOTS) if (code - BRAILLE) >> bit & 1]
        return [(2 + 6 * i, 2 + 6 * j, 5 + 6 * i, 5 + 6 * j) for i, j in on]
    middle, centre = WIDE // 2, HIGH // 2
    arms = {
        "l": (0, centre - 1, middle + 1, centre + 1),
        "r": (middle - 1, centre - 1, WIDE, centre + 1),
        "u": (middle - 1, 0, middle + 1, centre + 1),
        "d": (middle - 1, centre - 1, middle + 1, HIGH),
    }
    return [arms[way] for way in ARMS.get(character, "")]


def _colours(style: Style) -> tuple[ColorTriplet, ColorTriplet]:
    """Of the character, and behind it."""
    colour, behind = THEME.foreground_color, THEME.background_color
    if style.color and not style.color.is_default:
        colour = style.color.get_truecolor(THEME)
    if style.bgcolor and not style.bgcolor.is_default:
        behind = style.bgcolor.get_truecolor(THEME, foreground=False)
    if style.reverse:
        colour, behind = behind, colour
    if style.dim:
        colour = blend_rgb(ColorTriplet(*colour), ColorTriplet(*behind), 0.4)
    return colour, behind


@cache
def _font(bold: bool) -> Any:
    """The first font there is; Pillow's own where the system has none of them."""
    for name in FONTS[bold]:
        try:
            return ImageFont.truetype(name, TEXT)
        except OSError:
            continue
    return ImageFont.load_default(TEXT)

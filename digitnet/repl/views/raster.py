"""Draws a recorded screen as a PNG image.

Blocks, braille dots and lines are drawn as shapes, so that they join as on a terminal; other
characters with the first monospaced font found on the system.
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

"""Draws results in files: SVG, HTML or PNG of a terminal that shows them."""

import re
from collections.abc import Callable, Mapping
from html import escape
from io import StringIO

from rich.console import RenderableType
from rich.terminal_theme import SVG_EXPORT_THEME as THEME

from digitnet.repl.views.screen import Screen

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
    from digitnet.repl.views.raster import to_png

    return to_png(recorded(what, width, height))


FORMATS: Mapping[str, Callable[[RenderableType, str, int, int], bytes]] = {
    "svg": svg,
    "html": html,
    "png": png,
}
"""Suffix → function of the output, title, columns and rows that returns the file's bytes."""

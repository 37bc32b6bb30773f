"""What a result looks like, as a file: SVG, HTML or PNG of a terminal that shows it."""

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
"""Height of a line in rich's SVG; its text stands on the line's height less 4.4."""
HALVES = re.compile(
    r'<text (class="\S+") x="(\S+)" y="(\S+)" textLength="(\S+)" clip-path="\S+">▀+</text>'
)


def recorded(what: RenderableType, width: int, height: int) -> Screen:
    """A screen of this size, with all colours, that has shown it and can export it."""
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
    """A terminal's window in SVG.

    The upper halves of characters (▀), of which pictures are made, become rectangles: so they join
    without a seam in whatever font there is.
    """
    ident = re.sub(r"\W+", "-", title) or "-"
    drawn = recorded(what, width, height).export_svg(title=title, unique_id=f"d{ident}")
    return HALVES.sub(_rectangle, drawn).encode()


def _rectangle(half: "re.Match[str]") -> str:
    """A rectangle in the place of upper halves."""
    top = float(half[3]) - 20 + 1.5
    return (
        f'<rect {half[1]} x="{half[2]}" y="{top:g}" width="{half[4]}" height="{LINE / 2:g}" '
        'shape-rendering="crispEdges"/>'
    )


def html(what: RenderableType, title: str, width: int, height: int) -> bytes:
    """A page of its own."""
    page = HTML.format(title=escape(title))
    screen = recorded(what, width, height)
    return screen.export_html(theme=THEME, code_format=page, inline_styles=True).encode()


def png(what: RenderableType, title: str, width: int, height: int) -> bytes:
    """The cells of a terminal as an image; there is no window around them, and no title."""
    from digitnet.repl.views.raster import rastered

    return rastered(recorded(what, width, height))


FORMATS: Mapping[str, Callable[[RenderableType, str, int, int], bytes]] = {
    "svg": svg,
    "html": html,
    "png": png,
}
"""By the suffix of the file: what draws it, of so many columns and rows."""

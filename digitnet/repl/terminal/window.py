"""A window: an application that fills the screen and answers keys, and the mouse while it runs."""

import asyncio
import re
from functools import cache, partial
from textwrap import wrap
from typing import Any

from prompt_toolkit.application import Application
from prompt_toolkit.data_structures import Point
from prompt_toolkit.input.typeahead import get_typeahead, store_typeahead
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import Layout, UIContent, UIControl
from prompt_toolkit.layout import Window as Pane
from prompt_toolkit.mouse_events import MouseEvent
from prompt_toolkit.output import ColorDepth

from digitnet.repl.pictures.grid import Grid, Window

FRAME = 1 / 30  # minimum seconds between two redraws, and between two calls of `Window.move`

ESCAPE = 0.15
"""Seconds after which an escape character is the Escape key, not the start of a sequence."""

App = Application[None]


class _Control(UIControl):
    def __init__(self, window: Window, app: App, *, light: bool) -> None:
        self._window, self._app, self._light = window, app, light
        self._fits = False

    def create_content(self, width: int, height: int) -> UIContent:
        shades = self._app.color_depth != ColorDepth.DEPTH_1_BIT
        grid = Grid(width, height, light=self._light, shades=shades)
        across, down = self._window.least
        can_show = self._app.output.encoding().lower().startswith("utf")
        self._fits = width >= across and height >= down and can_show
        if self._fits:
            self._window.draw(grid)
        else:
            needed = f"needs {across} x {down} characters of Unicode; q leaves"
            for y, line in enumerate(wrap(needed, width)[:height]):
                grid.write(0, y, line)
        lines = [[(_style(style), text) for style, text in line] for line in grid.lines()]
        at = Point(*grid.cursor) if grid.cursor else None
        return UIContent(lambda row: [*lines[row]], height, at, show_cursor=at is not None)

    def mouse_handler(self, event: MouseEvent) -> None:
        if self._fits:
            at = event.position
            self._window.mouse(at.x, at.y, event.event_type.value, event.button.value)


@cache
def _style(style: str) -> str:
    """A style of rich, as prompt_toolkit has it."""
    return re.sub(r"\b(red|green|magenta|cyan)\b", r"ansi\1", style).replace(" on ", " bg:")


def show(window: Window, *, colours: bool, light: bool) -> None:
    """Shows a window until a key ends it. Raises KeyboardInterrupt on Ctrl-C.

    `Window.move` is called in a thread, so that keys are not delayed. The terminal is restored in
    any case.
    """
    keys = KeyBindings()
    keys.add("c-z")(lambda event: event.app.suspend_to_background())
    for name in ("c-c", "<sigint>"):
        keys.add(name)(lambda event: event.app.exit(exception=KeyboardInterrupt()))

    @keys.add(Keys.Any)
    def press(event: KeyPressEvent) -> None:
        key = event.key_sequence[0].key
        if not window.press(key.value if isinstance(key, Keys) else key):
            event.app.exit()

    app: App = Application(
        key_bindings=keys,
        full_screen=True,
        erase_when_done=True,
        mouse_support=window.has_mouse,
        color_depth=None if colours else ColorDepth.DEPTH_1_BIT,
        min_redraw_interval=FRAME,
    )
    app.ttimeoutlen = ESCAPE
    app.layout = Layout(Pane(_Control(window, app, light=light)))
    try:
        app.run(pre_run=partial(_start, app, window), set_exception_handler=False)
    except EOFError:  # a signal ended the program
        return
    finally:  # mouse events are dropped, and typed keys are left to the prompt
        waiting = get_typeahead(app.input)
        mouse_keys = (Keys.Vt100MouseEvent, Keys.WindowsMouseEvent)
        store_typeahead(app.input, [press for press in waiting if press.key not in mouse_keys])


def _start(app: App, window: Window) -> None:
    """Starts to move the window, and makes errors end it; asyncio would only log them."""

    def end(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if app.future is not None and not app.future.done():
            app.exit(exception=context.get("exception") or RuntimeError(context["message"]))

    async def keep_moving() -> None:
        while True:
            if await asyncio.to_thread(window.move):
                app.invalidate()
            await asyncio.sleep(FRAME)

    asyncio.get_running_loop().set_exception_handler(end)
    app.create_background_task(keep_moving())

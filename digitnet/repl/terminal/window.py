"""A full screen that answers keys: only what has changed is drawn anew."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from prompt_toolkit.application import Application
from prompt_toolkit.input.typeahead import get_typeahead, store_typeahead
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import Layout, UIContent, UIControl
from prompt_toolkit.layout import Window as Pane
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.styles import BaseStyle

from digitnet.repl.board import Means
from digitnet.repl.session import Window

FRAME = 1 / 30
"""Minimum seconds between two redraws, and between two steps of the work."""

ESCAPE = 0.15
"""Seconds after which an escape character is the Escape key, not the start of a sequence."""

App = Application[bool]

Action = Callable[[KeyPressEvent], None]

ALWAYS: Mapping[tuple[str, ...], Action] = {
    ("c-z",): lambda event: event.app.suspend_to_background(),
    ("c-c", "<sigint>"): lambda event: event.app.exit(exception=KeyboardInterrupt()),
}
"""Keys that do the same on every screen."""


def full_screen(
    actions: Mapping[tuple[str, ...], Action],
    content: Callable[[App], UIControl],
    work: Callable[[], bool],
    *,
    colours: bool,
    style: BaseStyle | None = None,
    mouse: bool = False,
) -> bool:
    """Shows a screen until a key ends it; returns its result.

    actions: by the names of their keys. work: called all the time in a thread, so that keys are not
    delayed; returns whether to redraw. Raises KeyboardInterrupt on Ctrl-C. The terminal is restored
    in any case.
    """
    keys = KeyBindings()
    for names, action in [*actions.items(), *ALWAYS.items()]:
        for name in names:
            keys.add(name, eager=name != Keys.Any)(action)
    app: App = Application(
        key_bindings=keys,
        style=style,
        full_screen=True,
        erase_when_done=True,
        mouse_support=mouse,
        color_depth=None if colours else ColorDepth.DEPTH_1_BIT,
        min_redraw_interval=FRAME,
    )
    app.ttimeoutlen = ESCAPE
    app.layout = Layout(Pane(content(app)))

    try:
        return app.run(pre_run=partial(_start, app, work), set_exception_handler=False)
    except EOFError:  # a signal ended the program
        return False
    finally:  # mouse events are dropped, and typed keys are left to the prompt
        waiting = get_typeahead(app.input)
        mouse_keys = (Keys.Vt100MouseEvent, Keys.WindowsMouseEvent)
        store_typeahead(app.input, [press for press in waiting if press.key not in mouse_keys])


def _start(app: App, work: Callable[[], bool]) -> None:
    """Starts the work, and makes errors end the screen; asyncio would only log them."""

    def end(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if app.future is not None and not app.future.done():
            app.exit(exception=context.get("exception") or RuntimeError(context["message"]))

    async def keep_working() -> None:
        while True:
            if await asyncio.to_thread(work):
                app.invalidate()
            await asyncio.sleep(FRAME)

    asyncio.get_running_loop().set_exception_handler(end)
    app.create_background_task(keep_working())


def means_of(app: App) -> Means:
    """What the screen supports."""
    encoding = app.output.encoding().lower().replace("-", "")
    return Means(app.color_depth != ColorDepth.DEPTH_1_BIT, encoding.startswith("utf"))


class _Lines(UIControl):
    def __init__(self, window: Window, app: App) -> None:
        self._window, self._app = window, app

    def create_content(self, width: int, height: int) -> UIContent:
        lines = self._window.lines(width, height, means_of(self._app))
        return UIContent(lambda row: [*lines[row]], len(lines), show_cursor=False)


def show(window: Window, *, colours: bool) -> None:
    """Shows a window until a key ends it."""

    def press(event: KeyPressEvent) -> None:
        key = event.key_sequence[0].key
        if not window.press(key.value if isinstance(key, Keys) else key):
            event.app.exit(result=True)

    full_screen({(Keys.Any,): press}, partial(_Lines, window), window.move, colours=colours)

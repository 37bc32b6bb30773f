"""The drawing board: a full-screen application for mouse and keys.

Mouse reports are enabled only while it runs.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from prompt_toolkit.application import Application
from prompt_toolkit.data_structures import Point
from prompt_toolkit.input.typeahead import get_typeahead, store_typeahead
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import Layout as Screen
from prompt_toolkit.layout import UIContent, UIControl, Window
from prompt_toolkit.mouse_events import MouseButton, MouseEvent, MouseEventType
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.styles import Style

from digitnet.repl.board import Board, Layout, Means, layout_for, lines_of

FRAME = 1 / 30
"""Minimum seconds between two redraws, and between two readings."""

ESCAPE = 0.15
"""Seconds after which an escape character is the Escape key, not the start of a mouse sequence."""

STYLE = Style.from_dict(
    {
        "frame": "#888888",
        "dim": "#888888",
        "guess": "bold",
        "right": "bold ansigreen",
        "wrong": "bold ansired",
        "answer": "bold ansiyellow",
    }
)


class Paper(UIControl):
    """The window: displays the board, and passes mouse events to it."""

    def __init__(self, board: Board, app: "Application[bool]") -> None:
        """The layout is computed when first drawn."""
        self._board, self._app = board, app
        self._layout: Layout | None = None

    def create_content(self, width: int, height: int) -> UIContent:
        """Draws the board for a window of this size."""
        self._layout = layout_for(width, height)
        lines = lines_of(self._board, width, height, self._means())
        shown = self._layout is not None and self._board.keys_in_use
        x, y = self._layout.character(self._board.cursor) if self._layout else (0, 0)
        return UIContent(lambda row: [*lines[row]], len(lines), Point(x, y), show_cursor=shown)

    def mouse_handler(self, mouse_event: MouseEvent) -> None:
        """Draws with the left button, erases with the right one."""
        if self._layout is None:
            self._board.lift()
            return
        place = self._layout.place(mouse_event.position.x, mouse_event.position.y)
        kind, button = mouse_event.event_type, mouse_event.button
        erases = button == MouseButton.RIGHT
        if kind == MouseEventType.MOUSE_DOWN:
            self._board.press(place, erases=erases)
        elif kind == MouseEventType.MOUSE_MOVE and button != MouseButton.NONE:
            self._board.drag(place, erases=erases)
        elif kind in (MouseEventType.MOUSE_MOVE, MouseEventType.MOUSE_UP):
            self._board.hover()

    def _means(self) -> Means:
        encoding = self._app.output.encoding().lower().replace("-", "")
        return Means(self._app.color_depth != ColorDepth.DEPTH_1_BIT, encoding.startswith("utf"))


def draw_on(board: Board, *, colours: bool) -> bool:
    """Lets the user draw; returns whether they finished the drawing.

    Raises KeyboardInterrupt on Ctrl-C. The terminal is restored in any case.
    """
    app: Application[bool] = Application(
        key_bindings=_keys(board),
        style=STYLE,
        full_screen=True,
        erase_when_done=True,
        mouse_support=True,
        color_depth=None if colours else ColorDepth.DEPTH_1_BIT,
        min_redraw_interval=FRAME,
    )
    app.ttimeoutlen = ESCAPE
    app.layout = Screen(Window(Paper(board, app)))
    try:
        return app.run(pre_run=partial(_start, app, board), set_exception_handler=False)
    except EOFError:  # a signal ended the program
        return False
    finally:
        _forget_mouse(app)


def _start(app: "Application[bool]", board: Board) -> None:
    """Starts reading the drawing, and makes errors end the board; asyncio would only log them."""

    def end(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if app.future is not None and not app.future.done():
            app.exit(exception=context.get("exception") or RuntimeError(context["message"]))

    asyncio.get_running_loop().set_exception_handler(end)
    app.create_background_task(_keep_reading(app, board))


async def _keep_reading(app: "Application[bool]", board: Board) -> None:
    """Reads the drawing when it has changed, in a thread, so that drawing is not delayed."""
    while True:
        if board.is_stale:
            await asyncio.to_thread(board.refresh)
            app.invalidate()
        await asyncio.sleep(FRAME)


def _forget_mouse(app: "Application[bool]") -> None:
    """Removes mouse events from the typeahead, and leaves typed keys to the prompt."""
    waiting = get_typeahead(app.input)
    mouse = (Keys.Vt100MouseEvent, Keys.WindowsMouseEvent)
    store_typeahead(app.input, [press for press in waiting if press.key not in mouse])


def _keys(board: Board) -> KeyBindings:
    """The key bindings."""

    def finish(event: KeyPressEvent) -> None:
        if not board.drawing.is_blank:
            event.app.exit(result=True)

    actions: dict[tuple[str, ...], Callable[[KeyPressEvent], None]] = {
        ("left",): lambda event: board.step(-1, 0),
        ("right",): lambda event: board.step(1, 0),
        ("up",): lambda event: board.step(0, -1),
        ("down",): lambda event: board.step(0, 1),
        (" ",): lambda event: board.toggle(),
        ("e",): lambda event: board.change_tool(),
        ("c",): lambda event: board.clear(),
        ("u", "c-_"): lambda event: board.undo(),
        ("backspace", "delete"): lambda event: board.say(None),
        tuple("0123456789"): lambda event: board.say(int(event.data)),
        ("c-z",): lambda event: event.app.suspend_to_background(),
        ("q", "escape", "c-d"): lambda event: event.app.exit(result=False),
        ("enter",): finish,
        ("c-c", "<sigint>"): lambda event: event.app.exit(exception=KeyboardInterrupt()),
    }
    keys = KeyBindings()
    for names, action in actions.items():
        for name in names:
            keys.add(name, eager=True)(action)
    return keys

"""The drawing board: a full-screen application for mouse and keys.

Mouse reports are enabled only while it runs.
"""

from functools import partial

from prompt_toolkit.data_structures import Point
from prompt_toolkit.key_binding import KeyPressEvent
from prompt_toolkit.layout import UIContent, UIControl
from prompt_toolkit.mouse_events import MouseButton, MouseEvent, MouseEventType
from prompt_toolkit.styles import Style

from digitnet.repl.board import Board, Layout, layout_for, lines_of
from digitnet.repl.terminal.window import Action, App, full_screen, means_of

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

    def __init__(self, board: Board, app: App) -> None:
        """The layout is computed when first drawn."""
        self._board, self._app = board, app
        self._layout: Layout | None = None

    def create_content(self, width: int, height: int) -> UIContent:
        """Draws the board for a window of this size."""
        self._layout = layout_for(width, height)
        lines = lines_of(self._board, width, height, means_of(self._app))
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


def draw_on(board: Board, *, colours: bool) -> bool:
    """Lets the user draw; returns whether they finished the drawing.

    Raises KeyboardInterrupt on Ctrl-C.
    """

    def read() -> bool:
        was_stale = board.is_stale
        if was_stale:
            board.refresh()
        return was_stale

    actions, paper = _actions(board), partial(Paper, board)
    return full_screen(actions, paper, read, colours=colours, style=STYLE, mouse=True)


def _actions(board: Board) -> dict[tuple[str, ...], Action]:
    """What each key does."""

    def finish(event: KeyPressEvent) -> None:
        if not board.drawing.is_blank:
            event.app.exit(result=True)

    return {
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
        ("q", "escape", "c-d"): lambda event: event.app.exit(result=False),
        ("enter",): finish,
    }

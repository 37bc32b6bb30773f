"""The person at the terminal: questions, pages of what is longer than the screen, and windows that
fill it and answer keys, and the mouse.
"""

import asyncio
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from prompt_toolkit.application import Application, get_app_session
from prompt_toolkit.data_structures import Point
from prompt_toolkit.input.typeahead import get_typeahead, store_typeahead
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import FormattedTextControl, Layout, UIContent, UIControl
from prompt_toolkit.layout import Window as Pane
from prompt_toolkit.mouse_events import MouseEvent
from prompt_toolkit.output import ColorDepth

from digitnet.repl.pictures.grid import Grid, Window
from digitnet.repl.terminal import PROMPT_ROWS
from digitnet.repl.terminal.prompt import Reader


@dataclass(frozen=True)
class Person:
    """Asks the user at the terminal. yes: whether `--yes` was given. light: see Screen."""

    reader: Reader
    yes: bool
    light: Callable[[], bool]

    def confirm(self, question: str) -> bool:
        """Whether the answer is y or yes; does not ask if `--yes` was given."""
        return self.choose(question, "y/N") == "y"

    def choose(self, question: str, choices: str) -> str:
        """The first letter of the answer, empty for none; y if `--yes` was given.

        Asks once more if the answer is anything else, such as a command typed ahead.
        """
        if self.yes:
            return "y"
        may_save = "s=save" in choices
        words = {"", "y", "yes", "n", "no", *(("s", "save") if may_save else ())}
        for again in ("", f"Please answer {'y, n or s' if may_save else 'y or n'}. "):
            answer = self.ask(f"{again}{question} [{choices}]").lower()
            if answer in words:
                return answer[:1]
        return ""

    def ask(self, question: str) -> str:
        width = max(20, shutil.get_terminal_size().columns - 1)
        lines = [textwrap.fill(line, width).replace("\xa0", " ") for line in question.split("\n")]
        try:
            return self.reader.answer("\n".join(lines) + " ").strip()
        except (KeyboardInterrupt, EOFError):
            return ""

    def show(self, window: Window) -> bool:
        """Shows a window, unless the terminal is a dumb one, or has no room for what can be written
        out; returns whether it did.
        """
        colours, size = self.reader.colours, shutil.get_terminal_size()
        if colours is None or (window.has_words and window.needs(*size, sys.stdout.encoding)):
            return False
        show(window, colours=colours, light=self.light())
        return True


PAGE, LINE = (" ", "f", "pagedown", "c-f"), ("c-m", "j", "down")
END, STOP = ("q", "Q", "escape", "c-d"), ("c-c", "<sigint>")


def show_pages(
    lines: Sequence[str], height: Callable[[], int], write: Callable[[str], object]
) -> None:
    """Writes the lines page by page, and waits for a key after each; all at once if keys have been
    typed already, for the prompt. Raises KeyboardInterrupt on Ctrl-C.

    height(): returns the current number of rows of the screen.
    """
    source = get_app_session().input
    waiting = [*get_typeahead(source), *source.read_keys(), *source.flush_keys()]
    store_typeahead(source, waiting)
    shown, step = 0, len(lines) if waiting else height() - 1
    while True:
        if step >= len(lines) - shown and not waiting:  # the last page: the prompt follows
            step = min(step, height() - PROMPT_ROWS)
        page = lines[shown : shown + max(1, step)]
        write("".join(f"{line}\n" for line in page))
        shown += len(page)
        if shown >= len(lines):
            return
        key = _key(f"{shown} of {len(lines)} lines. Space: more, Enter: line, q: end")
        if key in STOP:
            raise KeyboardInterrupt
        if key not in PAGE + LINE:
            write(f"({len(lines) - shown:,} more lines)\n")
            return
        step = 1 if key in LINE else height() - 1


def _key(said: str) -> str:
    """Waits for a key; those that do nothing here are left to the prompt."""
    bindings = KeyBindings()

    @bindings.add(Keys.Any)
    def take(event: KeyPressEvent) -> None:
        (press,) = event.key_sequence
        if press.key not in PAGE + LINE + END + STOP:
            store_typeahead(event.app.input, [press])
        event.app.exit(result=press.key)

    def text() -> str:
        return textwrap.fill(said, max(1, shutil.get_terminal_size().columns - 1))

    foot = Pane(FormattedTextControl(text, style="reverse"), dont_extend_height=True)
    app: Application[str] = Application(Layout(foot), key_bindings=bindings, erase_when_done=True)
    try:
        return app.run()
    except EOFError:  # the terminal is closed
        return "q"


# windows

FRAME = 1 / 30  # minimum seconds between two redraws, and between two calls of `Window.move`

ESCAPE = 0.15
"""Seconds after which an escape character is the Escape key, not the start of a sequence."""

App = Application[None]


class _Control(UIControl):
    def __init__(self, window: Window, app: App, *, light: bool) -> None:
        self._window, self._app, self._light = window, app, light
        self.fits = True

    def create_content(self, width: int, height: int) -> UIContent:
        shades = self._app.color_depth != ColorDepth.DEPTH_1_BIT
        grid = Grid(width, height, light=self._light, shades=shades)
        needs = self._window.needs(width, height, self._app.output.encoding())
        self.fits = not needs
        if self.fits:
            self._window.draw(grid)
        else:
            for y, line in enumerate(textwrap.wrap(f"{needs}; q leaves", width)[:height]):
                grid.write(0, y, line)
        lines = [[(_style(style), text) for style, text in line] for line in grid.lines()]
        at = Point(*grid.cursor) if grid.cursor else None
        return UIContent(lambda row: [*lines[row]], height, at, show_cursor=at is not None)

    def mouse_handler(self, event: MouseEvent) -> None:
        if self.fits:
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
    for name in STOP:
        keys.add(name)(lambda event: event.app.exit(exception=KeyboardInterrupt()))

    @keys.add(Keys.Any)
    def press(event: KeyPressEvent) -> None:
        key = event.key_sequence[0].key
        pressed = key.value if isinstance(key, Keys) else key
        if (control.fits or pressed in END) and not window.press(pressed):
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
    control = _Control(window, app, light=light)
    app.layout = Layout(Pane(control))
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

"""The person at the terminal: questions, windows, and pages of what is longer than the screen."""

import shutil
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from prompt_toolkit.application import Application
from prompt_toolkit.input.typeahead import store_typeahead
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import FormattedTextControl, Layout
from prompt_toolkit.layout import Window as Pane

from digitnet.repl.pictures.grid import Window
from digitnet.repl.terminal import PROMPT_ROWS
from digitnet.repl.terminal.prompt import Reader
from digitnet.repl.terminal.window import show


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
            answer = self._answer(f"{again}{question} [{choices}]").lower()
            if answer in words:
                return answer[:1]
        return ""

    def ask(self, question: str) -> str:
        return self._answer(question)

    def _answer(self, question: str) -> str:
        width = max(20, shutil.get_terminal_size().columns - 1)
        try:
            return self.reader.answer(f"{textwrap.fill(question, width)} ").strip()
        except (KeyboardInterrupt, EOFError):
            return ""

    def show(self, window: Window) -> bool:
        """Shows a window, unless the terminal is a dumb one; returns whether it did."""
        if self.reader.colours is not None:
            show(window, colours=self.reader.colours, light=self.light())
        return self.reader.colours is not None


PAGE, LINE, END = "page", "line", "end"

KEYS = {
    PAGE: (" ", "f", "pagedown", "c-f"),
    LINE: ("enter", "j", "down"),
    END: ("q", "Q", "escape", "c-c", "c-d"),
}


def show_pages(
    lines: Sequence[str], height: Callable[[], int], write: Callable[[str], object]
) -> None:
    """Writes the lines page by page, and waits for a key after each.

    height(): returns the current number of rows of the screen.
    """
    shown, step = 0, height() - 1
    while True:
        if step >= len(lines) - shown:  # the last page: the prompt follows
            step = min(step, height() - PROMPT_ROWS)
        page = lines[shown : shown + max(1, step)]
        write("".join(f"{line}\n" for line in page))
        shown += len(page)
        if shown >= len(lines):
            return
        wish = _wish(f"{shown} of {len(lines)} lines. Space: more, Enter: a line, q: enough")
        if wish == END:
            return
        step = 1 if wish == LINE else height() - 1


def _wish(said: str) -> str:
    """Waits for a key; returns PAGE, LINE or END. Other keys end, and are left to the prompt."""
    bindings = KeyBindings()

    @bindings.add(Keys.Any)
    def leave_to_the_prompt(event: KeyPressEvent) -> None:
        store_typeahead(event.app.input, list(event.key_sequence))
        event.app.exit(result=END)

    for wish, keys in KEYS.items():
        for key in keys:
            bindings.add(key)(lambda event, wish=wish: event.app.exit(result=wish))
    text = FormattedTextControl([("reverse", said)])
    foot = Pane(text, wrap_lines=True, dont_extend_height=True)
    app: Application[str] = Application(Layout(foot), key_bindings=bindings, erase_when_done=True)
    try:
        return app.run()
    except (EOFError, KeyboardInterrupt):  # the terminal is closed
        return END

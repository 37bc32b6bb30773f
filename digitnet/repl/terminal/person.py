"""Questions to the person at the terminal."""

import shutil
import textwrap
from dataclasses import dataclass

from digitnet.repl.pictures.grid import Window
from digitnet.repl.terminal.prompt import Looks, Reader
from digitnet.repl.terminal.window import show


@dataclass(frozen=True)
class Person:
    """Asks the user at the terminal. looks: None for a dumb terminal."""

    reader: Reader
    yes: bool
    looks: Looks | None

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
            answer = self._answer(f"{again}{question} [{choices}] ").lower()
            if answer in words:
                return answer[:1]
        return ""

    def ask(self, question: str) -> str:
        """The answer, empty for none."""
        return self._answer(f"{question} ")

    def show(self, window: Window) -> bool:
        """Shows a window, unless the terminal is a dumb one; returns whether it did."""
        if self.looks is not None:
            show(window, colours=self.looks.colours)
        return self.looks is not None

    def _answer(self, question: str) -> str:
        width = max(20, shutil.get_terminal_size().columns - 1)
        try:
            return self.reader.answer(f"{textwrap.fill(question, width)} ").strip()
        except (KeyboardInterrupt, EOFError):
            return ""

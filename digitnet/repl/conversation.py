"""The program at a prompt: what it completes, asks, and says between the lines."""

from contextlib import suppress

from digitnet.engine.run import work_clock
from digitnet.registry.files import RegistryError
from digitnet.registry.saves import OFFER_SECONDS, files_in
from digitnet.repl.features.saves import welcome
from digitnet.repl.loop import Loop, do_line
from digitnet.repl.result import Note
from digitnet.repl.session import Session
from digitnet.repl.terminal.completion import Hint, Offers, toolbar
from digitnet.repl.terminal.output import JsonOutput, Output, ScreenOutput
from digitnet.repl.terminal.person import Person, show_pages
from digitnet.repl.terminal.prompt import Reader

COACHES = ("lesson", "tour", "patient")  # commands that say themselves what is next


class Conversation(Loop):
    """A session with its output, and what a prompt shows of it."""

    clock = work_clock

    def __init__(self, session: Session, output: Output) -> None:
        """Runs nothing yet."""
        super().__init__(session, output)
        self.completer, self.hint = Offers(session), Hint(session.aliases)
        if isinstance(output, ScreenOutput):
            output.pager = show_pages

    def converse(self, reader: Reader, *, yes: bool) -> None:
        """From now on, questions are asked with `reader`."""
        self.session.interactive = True
        self.session.asker = Person(reader, yes, self.session.is_light)

    def do(self, line: str) -> bool:
        """Runs a line typed at the prompt, and prints what a lesson says to it; returns whether all
        went well.
        """
        session = self.session
        went_well = do_line(line, session, self.output)
        is_followed = session.done not in COACHES and not session.is_over
        if is_followed and session.coach and (said := session.coach.after(session)):
            self.output.report(Note(f"\n{said}"))
        return went_well

    def first_words(self) -> str:
        """What to say before the first line: a welcome back, and what was autosaved."""
        if isinstance(self.output, JsonOutput):
            return ""
        lines = []
        with suppress(RegistryError, OSError):  # whoever needs them is told why they cannot be read
            entries = (registry := self.session.registry).entries(OFFER_SECONDS)
            if len(entries) == len(files_in(registry.folder)):  # else some were not read in time
                lines.append(welcome(entries))
            if self.session.unfinished.orphans():
                lines.append("Unsaved training from the last session: type recover to load it.")
        return "\n".join(line for line in lines if line)

    def message(self) -> str:
        """The prompt's text, such as `first*> `: the network in hand, a star if it is unsaved."""
        if self.session.hand is None:
            return "digitnet> "
        return f"{self.session.hand.title}{'*' if self.session.unsaved else ''}> "

    def toolbar(self, width: int) -> str:
        """The text below the prompt."""
        return toolbar(self.session, width)

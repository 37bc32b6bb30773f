"""Help and leaving: `?` and `s`."""

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from digitnet.repl import kinds
from digitnet.repl.command import COMMANDS, Command, all_commands, command, find
from digitnet.repl.commands.saving import SaveResult, save
from digitnet.repl.errors import CommandError, nearest, quoted
from digitnet.repl.session import Session

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from digitnet.repl.glossary import Meaning


@dataclass(frozen=True)
class HelpResult:
    """Help on all commands, on one in full, or on the meaning of a word. own: user's aliases."""

    commands: list[Command]
    in_full: bool
    own: dict[str, str] = field(default_factory=dict)
    meanings: "list[Meaning]" = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The commands, the user's aliases, and the meanings of a word."""
        return {
            "commands": [
                {
                    "name": c.name,
                    "aliases": list(c.aliases),
                    "usage": c.usage,
                    "help": c.text if self.in_full else c.summary,
                    "examples": dict(c.examples),
                }
                for c in self.commands
            ],
            "own": self.own,
            "meanings": [asdict(meaning) for meaning in self.meanings],
        }

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from digitnet.repl.views.help import all_help, full_help, meant

        if self.meanings:
            yield meant(self.meanings)
        elif self.in_full:
            yield full_help(self.commands[0])
        else:
            yield all_help(self.commands, self.own)


@command(
    "?",
    "help",
    group="This program",
    examples={
        "?": "all commands",
        "? epoch": "what a word means: a term, a setting, a recipe, a data set, ...",
        "? t": "all about t, with examples",
    },
)
def help_(session: Session, name: Annotated[str, kinds.WORD] = "") -> HelpResult:
    """List the commands, explain one in full, or say what a word means."""
    from digitnet.repl.glossary import meanings, words

    if not name:
        return HelpResult(all_commands(), False, session.aliases)
    if name in session.aliases:
        return HelpResult([], False, {name: session.aliases[name]})
    if name in COMMANDS:
        return HelpResult([find(name)], True)
    if found := meanings(name):
        return HelpResult([], False, meanings=found)
    hint = nearest(name, [*COMMANDS, *words()]) or "? lists the commands"
    raise CommandError(f"{quoted(name)} is not a command, nor a word explained here. {hint}")


@dataclass(frozen=True)
class LeaveResult:
    """The end of the session. unsaved: what is lost, in words. saved: the save made on leaving."""

    unsaved: str
    saved: SaveResult | None = None

    def as_json(self) -> dict[str, Any]:
        """What is lost, or null; the name of the save made on leaving, or null."""
        return {"unsaved": self.unsaved or None, "saved": self.saved and self.saved.name}

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        if self.saved:
            yield self.saved
        if self.unsaved:
            yield f"Leaving. Not saved: {self.unsaved}."


@command("s", "stop", "q", "quit", "exit", group="This program", examples={"s": "leave"})
def stop(session: Session) -> LeaveResult:
    """Leave; asks first if there is unsaved training. Ctrl-D does the same."""
    saved: SaveResult | None = None
    if not session.interactive:
        session.may_discard()
    elif session.unsaved:
        question = f"Leave without saving {session.unsaved}?"
        answer = session.asker.choose(question, "y/N/s=save")
        if answer == "s":
            saved = save(session)
        elif answer != "y":
            raise CommandError("not leaving; the network is still in hand. p saves it")
    session.leaving = True
    return LeaveResult(session.unsaved, saved)

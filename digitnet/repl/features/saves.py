from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.text import Text

from digitnet.recipes import RECIPES
from digitnet.registry.files import DamagedSave, RegistryError
from digitnet.registry.saves import Entry, Registry
from digitnet.registry.schema import clean_name
from digitnet.repl import kinds
from digitnet.repl.command import COMMANDS, command
from digitnet.repl.errors import CommandError, nearest, printable, quoted
from digitnet.repl.features.new import InHandResult, new, recipe_of
from digitnet.repl.line import NO_MATCH, PREFIX, as_typed, distance, split
from digitnet.repl.pictures.tables import Rows, counted, percent, size, when
from digitnet.repl.result import Record, ScreenOnly
from digitnet.repl.session import Change, Session
from digitnet.study.plan import question_of

HEADINGS = ("name", "shape", "trained", "accuracy", "on", "size", "saved")


def saves(entries: "Sequence[Entry]", in_hand: str) -> RenderableType:
    """The list of saves, then a line for each damaged one. `*` marks the one in hand."""
    if not entries:
        return Text("There are no saved networks yet: pas NAME saves the one in hand.")
    cells = [_cells(entry, in_hand) for entry in entries if not entry.damaged]
    notes = [
        Text(printable(f"damaged: {entry.file}: {entry.damaged}", 400), "yellow")
        for entry in entries
        if entry.damaged
    ] + [
        Text(
            f"{entry.name!r} is in two files: l loads the newer one, {entry.hidden}; once that is "
            f"renamed, the name is {entry.file}'s"
        )
        for entry in entries
        if entry.hidden and not entry.damaged
    ]
    if not cells:
        return Group(*notes)
    optional = ("size", "trained", "shape", "on", "saved")
    table = Rows(HEADINGS, cells, numbers=("trained", "accuracy", "size"), optional=optional)
    return Group(table, *notes)


def _cells(entry: "Entry", in_hand: str) -> tuple[str, ...]:
    """The cells of a save; `trained` counts mini-batches; a committee has none."""
    return (
        entry.name + (" *" if entry.name == in_hand else ""),
        entry.shape,
        f"{entry.trained_batches:,}" if entry.trained_batches else "",
        "" if entry.accuracy is None else percent(entry.accuracy),
        entry.measured_on,
        size(entry.bytes),
        "included" if entry.included else when(entry.saved_at),
    )


@dataclass(frozen=True)
class SaveResult(Record):
    """A save that is on the disk. again: whether an older version gave way to it. hides: whether an
    included network has this name too.
    """

    name: str
    file: str
    bytes: int
    again: ScreenOnly[bool]
    hides: ScreenOnly[bool]

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        said = f"Saved as {self.name!r} ({size(self.bytes)})"
        if self.again:
            said += f"; undo {as_typed(self.name)} brings back the version before"
        elif self.hides:
            said += f"; del {as_typed(self.name)} brings back the included one"
        yield f"{said}."


def clean(name: str) -> str:
    """The name a person means. Raises CommandError where it cannot be one."""
    try:
        return clean_name(name)
    except ValueError as error:
        raise CommandError(f"{quoted(name)} cannot be a name: {error}") from None


def _asked_for(session: Session) -> str:
    """The name that the person gives. Raises CommandError if it is a command that is not meant."""
    name = _named(session.asker.ask("Save as:"))
    if name in COMMANDS and not session.asker.confirm(
        f"{name} is a command. Is it also to be the network's name?"
    ):
        raise CommandError("nothing was saved; the network is still in hand. p asks again")
    return name


def _named(answer: str) -> str:
    """The name in the answer to `Save as:`, also where a whole command is typed: `pas first`."""
    try:
        ((word, *names),) = split(answer)
    except (CommandError, ValueError):  # an open quote; nothing, or several commands
        return answer
    is_command = word in COMMANDS and COMMANDS[word].name in ("p", "pas")
    return names[0] if is_command and len(names) == 1 else answer


def _save(session: Session, name: str) -> SaveResult:
    """Saves the network in hand, which is called `name` from then on, if a person agrees."""
    model = session.network()
    registry = session.registry
    question = _question(session, name) if session.interactive else ""
    if question and not session.asker.confirm(question):
        raise CommandError("nothing was saved; the network is still in hand")
    hides = registry.includes(name)
    entry, again = registry.save(model, name)
    model.name, model.saved_at = name, entry.saved_at
    session.mark_saved()
    if again:
        session.last_change = Change((entry.file,))
    return SaveResult(name, entry.file, entry.bytes, again, hides)


def _question(session: Session, name: str) -> str:
    """What to ask before something else is overwritten under that name; empty for nothing."""
    model = session.network()
    if session.registry.find(name) is None:
        return ""
    said = f"There is a network named {name!r} already"
    if name == model.name:
        if _is_as_known(session, name):
            return ""
        said = f"{name!r} was saved by another digitnet since it was loaded here"
    return f"{said}. Overwrite it (undo brings it back)?"


def _is_as_known(session: Session, name: str) -> bool:
    """Whether the save of the network in hand is the one that was loaded or saved last."""
    there = session.registry.find(name)
    if there is None or there.damaged:
        return True
    same_time = session.network().saved_at in ("", there.saved_at)
    return same_time and (session.saved is None or session.saved[0] == there.trained_batches)


@command(
    "p",
    "save",
    group="First steps",
    rank=4,
    examples={"p first": "save as first", "p": "save under the network's name"},
)
def save(session: Session, name: Annotated[str, kinds.NAME] = "") -> SaveResult:
    """Save the network under its name or the one given; asks for a name if it has none."""
    model = session.network()
    name = name or model.name or _asked_for(session)
    if not name.strip():
        raise CommandError(
            "no name was given, so nothing was saved; the network is still in hand. "
            "Example: p first"
        )
    return _save(session, clean(name))


@command(
    "pas",
    "save_as",
    group="First steps",
    rank=5,
    examples={"pas first": "save as first", "pas 'my first'": "a name with a space"},
)
def save_as(session: Session, name: Annotated[str, kinds.NAME]) -> SaveResult:
    """Save the network under another name, which becomes its name."""
    session.network()
    return _save(session, clean(name))


@command(
    "l",
    "load",
    group="First steps",
    rank=6,
    examples={
        "l": "list the saves and ask for one",
        "l first": "load the network saved as first",
        "l long record": "load long, or make it from the recipe record if it is not there",
    },
)
def load(
    session: Session,
    name: Annotated[str, kinds.SAVE] = "",
    recipe: Annotated[str, kinds.RECIPE_AFTER_NAME] = "",
) -> InHandResult:
    """Load a saved network. Without a name, lists them and asks.

    With a recipe or a shape after the name, makes that network under that name if there is no such
    save yet, so that a script that begins with it continues where it was interrupted.
    """
    registry = session.registry
    if not name:
        name = _asked_which(session)
    if recipe and registry.exists(f"{name} {recipe}"):  # typed without quotes
        name, recipe = f"{name} {recipe}", ""
    if recipe:
        name = clean(name)
        recipe_of(recipe)  # raises for what is neither a recipe nor the rest of a name
        if not registry.exists(name):
            made: InHandResult = new(session, recipe)
            session.network().name = name
            return replace(made, name=name)
    name = meant(session, name)
    if not registry.exists(name):
        made_by = f"; n {name} makes one from that recipe" if name in RECIPES else ""
        raise CommandError(f"{no_such(session, name)}{made_by}")
    if not session.may_discard():
        raise CommandError("nothing was loaded; the network in hand is unchanged")
    model = registry.load(name)
    session.take(model)
    accuracy = other = ""
    if model.data not in ("", session.data_sets.name):
        other = (
            f" Its data set, {model.data}, is not here: checks use {session.data_sets.name} "
            f"until data {model.data} fetches it."
        )
    if model.accuracy:
        accuracy = f", {percent(model.accuracy.value)} right on the {model.accuracy.on} set"
    trained = f", trained {counted(model.trainer.progress.batches, 'mini-batch')}"
    if model.network.is_committee:  # its members were trained, each by itself
        trained = ""
    return InHandResult.of(
        model,
        f"Loaded {name!r}: {model.network.shape}{trained}{accuracy}.{other}",
    )


def _asked_which(session: Session) -> str:
    """The name of the save that the person wants, by its name or its number in the list."""
    names = session.registry.names()
    if not names:
        raise CommandError("there are no saved networks yet: pas NAME saves one")
    listed = [f"{number:3}  {name}" for number, name in enumerate(names, 1)]
    answer = session.asker.ask("\n".join([*listed, "Which one (name or number)?"])).strip()
    if not answer:
        raise CommandError("no name, so nothing was loaded")
    if answer not in names and answer.isdecimal() and 0 < int(answer) <= len(names):
        return names[int(answer) - 1]
    return answer


def meant(session: Session, typed: str) -> str:
    """The name of the save that is meant: at the prompt, also the only one that begins with what
    was typed, else the only one with these letters in it.
    """
    name = clean(typed)
    if not session.interactive or session.registry.exists(name):
        return name
    distances = {known: distance(name, known) for known in session.registry.names()}
    near = [known for known, far in distances.items() if far == PREFIX] or [
        known for known, far in distances.items() if far < NO_MATCH
    ]
    return near[0] if len(near) == 1 else name


def welcome(entries: Sequence[Entry]) -> str:
    """Which of one's own networks was saved last, and how to go on with it; empty for none."""
    networks = [e for e in entries if e.kind == "network" and not (e.damaged or e.included)]
    if not networks:
        return ""
    last = max(networks, key=lambda entry: entry.saved_at)
    accuracy = "" if last.accuracy is None else f"{percent(last.accuracy)}, "
    more = f"; ls lists {len(networks) - 1} more" if networks[1:] else ""
    return (
        f"Welcome back. {last.name}, {accuracy}{_day(last.saved_at)}. "
        f"l {as_typed(last.name)} goes on with it{more}."
    )


def _day(iso: str) -> str:
    """`today`, `yesterday`, or the date here, of a time in ISO 8601."""
    day = datetime.fromisoformat(iso).astimezone().date()
    days = (datetime.now().astimezone().date() - day).days
    return {0: "today", 1: "yesterday"}.get(days, f"{day}")


def no_such(session: Session, name: str) -> str:
    """Says that there is no such network, and which come near."""
    hint = nearest(name, session.registry.names()) or "ls lists them"
    return f"there is no network named {name!r}. {hint}"


@dataclass(frozen=True)
class ListResult:
    """The saved networks."""

    entries: "list[Entry]"
    in_hand: str

    def as_json(self) -> dict[str, Any]:
        """One object a network or a study; `damaged` is null or says why; `included`: it comes
        with digitnet.
        """
        return {
            "networks": [
                {
                    "name": entry.name,
                    "file": entry.file,
                    "shape": entry.shape,
                    "parameters": entry.parameters,
                    "trained_batches": entry.trained_batches,
                    "accuracy": entry.accuracy,
                    "measured_on": entry.measured_on or None,
                    "saved_at": entry.saved_at,
                    "bytes": entry.bytes,
                    "damaged": entry.damaged or None,
                    "included": entry.included,
                }
                for entry in self.entries
                if entry.kind == "network"
            ],
            "studies": [
                {
                    "name": entry.name,
                    "file": entry.file,
                    "saved_at": entry.saved_at,
                    "bytes": entry.bytes,
                    "damaged": entry.damaged or None,
                }
                for entry in self.entries
                if entry.kind == "study"
            ],
        }

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        yield saves(self.entries, self.in_hand)


@command("ls", "list", group="First steps", rank=7, examples={"ls": "the saved networks"})
def list_(session: Session) -> ListResult:
    """List the saved networks."""
    entries = [_with_question(session.registry, entry) for entry in session.registry.saves()]
    return ListResult(entries, session.hand.name if session.hand else "")


def _with_question(registry: Registry, entry: Entry) -> Entry:
    """The entry, damaged if it is a study whose question cannot be asked."""
    if entry.kind != "study" or entry.damaged or entry.hidden:
        return entry
    try:
        question_of(registry.load_study(entry.name))
    except (DamagedSave, RegistryError) as error:
        return replace(entry, damaged=printable(str(error), 300))
    return entry


@dataclass(frozen=True)
class RenameResult(Record):
    """A save that has another name."""

    name: str
    file: str
    was: str

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        yield f"{self.was!r} is called {self.name!r} now."


@command("ren", "rename", group="Saves", examples={"ren first best": "rename first to best"})
def rename(
    session: Session, old: Annotated[str, kinds.OLD], new: Annotated[str, kinds.NEW]
) -> RenameResult:
    """Rename a saved network."""
    old, new = meant(session, old), clean(new)
    registry = session.registry
    if not registry.exists(old):
        raise CommandError(f"nothing was renamed: {no_such(session, old)}")
    entry = registry.rename(old, new)
    follow_rename(session, old, new)
    session.last_change = Change((entry.file,))
    return RenameResult(new, entry.file, old)


def follow_rename(session: Session, old: str, new: str) -> None:
    """Renames the network in hand if its save was renamed."""
    if session.hand and session.hand.name == new:
        session.saved = None  # its save was gone, and the one of that name is another now
    if session.hand and session.hand.name == old:
        session.hand.name = new

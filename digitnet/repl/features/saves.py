"""`p` and `pas` save, `l` loads, `ls` lists and `ren` renames networks."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.filesize import decimal
from rich.text import Text

from digitnet.digits.datasets import RELATIVES, SOURCES
from digitnet.recipes import RECIPES
from digitnet.registry.files import DamagedSave, RegistryError
from digitnet.registry.model import Model
from digitnet.registry.saves import Entry, Registry, claim, other_files
from digitnet.repl import kinds
from digitnet.repl.command import COMMANDS, as_typed, command, meant
from digitnet.repl.errors import CommandError, nearest, printable
from digitnet.repl.features.new import new, now_in_hand, recipe_of
from digitnet.repl.pictures.tables import Rows, counted, percent, when
from digitnet.repl.result import Said
from digitnet.repl.session import Session, clean
from digitnet.study.plan import question_of


def _asked_for(session: Session) -> str:
    """The name that the person gives. Raises CommandError if it is a command that is not meant."""
    name = session.asker.ask("Save as:")
    if not name.strip():
        raise CommandError("no name was given; nothing was saved. Example: p first")
    if name.partition(" ")[0] in COMMANDS and not session.asker.confirm(
        f"{name} is a command. Use it as the network's name anyway?"
    ):
        raise CommandError("nothing was saved; the network is still in hand. p asks again")
    return name


def _save(session: Session, name: str) -> Said:
    """Saves the network in hand, which is called `name` from then on, if a person agrees."""
    model, registry = session.network(), session.registry
    question = _question(session, name) if session.interactive else ""
    if question and not session.asker.confirm(question):
        raise CommandError("nothing was saved; the network is still in hand")
    hides = _hidden(session, name)
    change = registry.save(model, name)
    entry, before = change.entry, change.before
    model.name, model.saved_at = name, entry.saved_at
    session.mark_saved()
    session.changed(change)
    said = f"Saved as {name!r} ({decimal(entry.bytes)})"
    if before and before is not entry and not before.damaged:
        said += f"; undo {as_typed(name)} brings back the version before"
    else:
        said += hides
    return Said(f"{said}.", {"name": name, "file": entry.file, "bytes": entry.bytes})


def _hidden(session: Session, name: str) -> str:
    """What to say of an included network that a save of this name will hide; empty for none."""
    return f"; del {as_typed(name)} brings back the included one" * session.registry.includes(name)


def _question(session: Session, name: str) -> str:
    """What to ask before something else is overwritten under that name; empty for nothing."""
    model, there = session.network(), session.registry.find(name)
    if there is None or (there.kind == "study" and not there.damaged):  # which is refused
        return ""
    said = f"There is a {there.kind} named {name!r} already"
    if name == model.name:
        is_same_time = model.saved_at == there.saved_at
        is_same_state = session.saved is None or session.saved[0] == there.trained_batches
        if there.damaged or (is_same_time and is_same_state):
            return ""
        said = f"{name!r} was saved by another digitnet since it was loaded here"
    return f"{said}. Overwrite it (undo brings it back)?"


@command("p", "save", group="First steps", rank=4)
def save(session: Session, name: kinds.OWN_NAME = "") -> Said:
    """Save the network under its name or the one given; asks for a name if it has none.

    p first: save as first
    p: save under the network's name
    """
    return _save(session, clean(name or session.network().name or _asked_for(session)))


@command("pas", "save_as", group="First steps", rank=5)
def save_as(session: Session, name: kinds.OWN_NAME) -> Said:
    """Save the network under another name, which becomes its name.

    pas first: save as first
    pas 'my first': a name with a space
    """
    return _save(session, clean(name))


@command("l", "load", group="First steps", rank=6)
def load(session: Session, name: kinds.SAVE = "", recipe: kinds.RECIPE_AFTER_NAME = "") -> Said:
    """Load a saved network. Without a name, lists them and asks.

    With a recipe or a shape after the name, makes that network under that name if there is no such
    save yet, so that a script that begins with it goes on from its last save. With a number
    after the name of a committee, loads a copy of that member.

    l: list the saves and ask for one
    l first: load the network saved as first
    l champion 3: load the third member of a committee
    l long record: load long, or make it from the recipe record if it is not there
    """
    registry, member = session.registry, ""
    if not name:
        name = _asked_which(session)
    if recipe and registry.exists(f"{name} {recipe}"):  # typed without quotes
        name, recipe = f"{name} {recipe}", ""
    if recipe.isdecimal() and registry.exists(meant(name, session)):
        member, recipe = recipe, ""
    if recipe:
        name = clean(name)
        recipe_of(recipe)  # raises for what is neither a recipe nor the rest of a name
        if not registry.exists(name):
            made: Said = new(session, recipe)
            session.network().name = name
            told = f"{made.shown}{_autosaved(session, name)}"
            return Said(told, {**made.fields, "name": name})
    hint = f"; n {name} makes one from that recipe" if name in RECIPES else ""
    name = existing(session, name, hint=hint)
    model = registry.load(name)
    count = len(model.network.members)
    if member and not 1 <= int(member[:9]) <= count:
        has = f"has members 1 to {count}" if count else "is no committee: it has no members"
        raise CommandError(f"{name!r} {has}; the network in hand is unchanged")
    session.discard("nothing was loaded")
    if member:
        model = model.member(int(member))
        session.take(model)
        said = f"Loaded member {member} of {count} of {name!r}: {model.network.shape}."
        return now_in_hand(model, f"{said} It has no name yet: pas NAME saves it.")
    session.take(model)
    said = f"Loaded {name!r}: {model.network.shape}"
    batches = model.trainer.progress.batches
    if batches or not (model.trained_on or model.network.is_committee):  # else it is not known
        said += f", trained {counted(batches, 'mini-batch')}"
    if model.accuracy:
        said += f", {percent(model.accuracy.value)} right on the {model.accuracy.cases}"
        said += ", as it was then" * session.data_sets.was_replaced(model.accuracy)
    left = _autosaved(session, name) if recipe else ""
    return now_in_hand(model, f"{said}.{without_its_data(session, model)}{left}")


def _autosaved(session: Session, name: str) -> str:
    """Says that training of this network was cut short; empty if none was."""
    was = any(claim(path)[0] == name for path in session.unfinished.orphans())
    return " Unsaved training of it was autosaved: recover loads it." * was


def without_its_data(session: Session, model: Model) -> str:
    """What happens to a network whose data set is not here, or has other cases than it takes."""
    is_here, now = model.data in session.data_sets.own.names(), session.data_sets.name
    if model.data in ("", now):
        return ""
    said = f" Its data set, {model.data}, {'does not fit it now' if is_here else 'is not here'}"
    until = f" until data {model.data} fetches it" * (model.data in SOURCES | RELATIVES)
    if session.data_sets.fitting(model.network, now, ""):
        return f"{said}: t and checks use {now}{until}."
    used = "; d and img use it to tell what is a digit" * (model.name == "judge")
    return f"{said}, so c and ch cannot check it{until}{used}."


def _asked_which(session: Session) -> str:
    """The name of the save that the person wants, by its name or its number in the list."""
    names = session.registry.names()
    if not names:
        raise CommandError("there are no saved networks yet: pas NAME saves one")
    listed = [f"{number} {name}".replace(" ", "\xa0") for number, name in enumerate(names, 1)]
    answer = session.asker.ask(f"{'   '.join(listed)}\nWhich one (name or number)?").strip()
    if not answer:
        raise CommandError("no name, so nothing was loaded")
    if answer not in names and answer.isdecimal() and 0 < int(answer) <= len(names):
        return names[int(answer) - 1]
    return answer


def welcome(entries: Sequence[Entry]) -> str:
    """Which of one's own networks was saved last, and how to go on with it; empty for none."""
    networks = [e for e in entries if e.kind == "network" and not (e.damaged or e.included)]
    if not networks:
        return ""
    last = max(networks, key=lambda entry: entry.saved_at)
    more = f"; ls lists {len(networks) - 1} more" if networks[1:] else ""
    return (
        f"Welcome back. {last.name!r}, {_day(last.saved_at)}. "
        f"l {as_typed(last.name)} goes on with it{more}."
    )


def _day(iso: str) -> str:
    """`today`, `yesterday`, or the date here, of a time in ISO 8601."""
    try:
        day = datetime.fromisoformat(iso).astimezone().date()
    except (ValueError, OverflowError):  # a crafted save's
        return iso[:10]
    days = (datetime.now().astimezone().date() - day).days
    return {0: "today", 1: "yesterday"}.get(days, f"{day}")


def loaded(session: Session, typed: str) -> Model:
    """The saved network that is meant. Raises CommandError if there is none."""
    return session.registry.load(existing(session, typed))


def existing(session: Session, typed: str, failure: str = "", hint: str = "") -> str:
    """The name of the save that is meant. Raises CommandError if there is none."""
    name = meant(typed, session)
    if not session.registry.exists(name):
        near = nearest(name, session.registry.names()) or "ls lists them"
        if any(entry.damaged for entry in session.registry.saves()):
            near += "; it may be in a file that cannot be read, which ls names"
        raise CommandError(f"{failure}there is no network named {name!r}. {near}{hint}")
    return name


HEADINGS = ("name", "shape", "trained", "accuracy", "on", "size", "saved (UTC)")
STUDY = ("name", "file", "saved_at", "bytes", "damaged", "hidden")
NETWORK = (
    *("name", "file", "shape", "parameters", "trained_batches", "accuracy", "measured_on"),
    *("saved_at", "bytes", "damaged", "hidden", "included"),
)
"""What `ls` says of studies and networks with --json; `damaged` is null or the reason, `hidden`
null or the file that answers to the name; `included` means: with digitnet.
"""


def listing(entries: list[Entry], in_hand: str, unlisted: Sequence[str] = ()) -> Said:
    """The saved networks and studies. in_hand: the name of the network in hand. unlisted: files
    that begin like saves, and are not named like them.
    """
    networks, studies = _told(entries, "network", NETWORK), _told(entries, "study", STUDY)
    fields = {"networks": networks, "studies": studies, "unlisted": [*unlisted]}
    return Said(Group(*_listed(entries, in_hand, unlisted)), fields)


def _told(entries: list[Entry], kind: str, names: tuple[str, ...]) -> list[dict[str, Any]]:
    told = [{n: getattr(e, n) for n in names} for e in entries if e.kind == kind]
    for one in told:
        one |= {n: one[n] or None for n in ("measured_on", "damaged", "hidden") if n in one}
    return told


def _listed(
    entries: list[Entry], in_hand: str, unlisted: Sequence[str]
) -> Iterator[RenderableType]:
    whole = [entry for entry in entries if not entry.damaged]
    if not entries:
        yield "There are no saved networks yet: pas NAME saves the one in hand."
    if whole:
        all_included = len(whole) > 1 and all(entry.included for entry in whole)
        columns = len(HEADINGS) - all_included
        cells = [_cells(entry, in_hand)[:columns] for entry in whole]
        optional = ("size", "trained", "shape", "on", HEADINGS[-1])
        numbers = ("trained", "accuracy", "size")
        yield Rows(HEADINGS[:columns], cells, numbers=numbers, optional=optional)
        if all_included:
            yield "All of these are included with digitnet."
    for entry in entries:
        if entry.damaged:
            known = ", ".join(dict.fromkeys((entry.name, entry.file)))
            yield Text(printable(f"damaged: {known}: {entry.damaged}", 400), "magenta")
    for entry in whole:
        if entry.hidden:
            yield Text(
                f"{entry.name!r} is in two files: l loads the newer one, {entry.hidden}; "
                f"rename it, and the name will mean {entry.file}"
            )
    for file in unlisted:
        yield Text(
            f"not listed: {printable(file)} looks like a save, but a save's file is named with "
            "16 hexadecimal digits; rename it, such as 0123456789abcdef.pickle, to list it"
        )


def _cells(entry: Entry, in_hand: str) -> tuple[str, ...]:
    """The cells of a save; `trained` counts mini-batches; a committee has none."""
    beside = "> " if entry.name == in_hand else "  "
    return (
        f"{beside if in_hand else ''}{entry.name}",
        entry.shape,
        f"{entry.trained_batches:,}" if entry.trained_batches else "",
        "" if entry.accuracy is None else percent(entry.accuracy),
        entry.measured_on,
        decimal(entry.bytes),
        "included" if entry.included else when(entry.saved_at),
    )


@command("ls", "list", group="First steps", rank=7)
def list_(session: Session) -> Said:
    """List the saved networks and studies; > stands beside the network in hand.

    ls: the saved networks
    """
    entries = [_with_question(session.registry, entry) for entry in session.registry.saves()]
    in_hand = session.hand.name if session.hand else ""
    return listing(entries, in_hand, other_files(session.saves))


def _with_question(registry: Registry, entry: Entry) -> Entry:
    """The entry, damaged if it is a study whose question cannot be asked."""
    if entry.kind != "study" or entry.damaged or entry.hidden:
        return entry
    try:
        question_of(registry.load_study(entry.name))
    except (DamagedSave, RegistryError) as error:
        return replace(entry, damaged=printable(str(error), 300))
    return entry


@command("ren", "rename", group="Saves")
def rename(session: Session, old: kinds.OLD, new: kinds.NEW) -> Said:
    """Rename a saved network.

    ren first best: rename first to best
    """
    new, old = clean(new), existing(session, old, "nothing was renamed: ")
    hides, change = _hidden(session, new), session.registry.rename(old, new)
    if session.hand and session.hand.name == new:  # its save was gone, and this is another's
        session.hand.name, session.saved = "", None
    if session.hand and session.hand.name == old:
        session.hand.name = new
    session.changed(change)
    fields = {"name": new, "file": change.entry.file, "was": old}
    return Said(f"{old!r} is called {new!r} now{hides}.", fields)

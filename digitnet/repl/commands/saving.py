"""Saves: `p`, `pas`, `l`, `ls`, `ren`, `del`, `undo`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.commands.making import InHandResult
from digitnet.repl.errors import CommandError, quoted
from digitnet.repl.session import Session
from digitnet.repl.views.words import counted, percent, size

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from digitnet.registry.listing import Entry


@dataclass(frozen=True)
class SaveResult:
    """A save that is on the disk. again: whether it took the place of an older version."""

    name: str
    file: str
    bytes: int
    again: bool

    def as_json(self) -> dict[str, Any]:
        """Name, file and size."""
        return {"name": self.name, "file": self.file, "bytes": self.bytes}

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        kept = "; the version before is kept, undo brings it back" if self.again else ""
        yield f"Saved as {self.name!r} ({size(self.bytes)}){kept}."


def _clean(name: str) -> str:
    """The name a person means. Raises CommandError where it cannot be one."""
    from digitnet.registry.names import clean_name

    try:
        return clean_name(name)
    except ValueError as error:
        raise CommandError(f"{quoted(name)} cannot be a name: {error}") from None


def _save(session: Session, name: str) -> SaveResult:
    """Saves the network in hand, which is called `name` from then on."""
    named = session.network()
    registry = session.registry
    again = registry.exists(name)
    entry = registry.save(named, name)
    named.name, named.saved_at = name, entry.saved_at
    session.mark_saved()
    return SaveResult(name, entry.file, entry.bytes, again)


@command("p", "save", group="Saves", examples={"p": "save under the network's name"})
def save(session: Session) -> SaveResult:
    """Save the network under its name; one without a name asks for it."""
    named = session.network()
    name = named.name or session.asker.ask("The network has no name yet. Which (pas NAME)?")
    if not name.strip():
        raise CommandError("no name, so nothing was saved. Example: pas first")
    return _save(session, _clean(name))


@command(
    "pas",
    "save_as",
    group="Saves",
    examples={"pas first": "save as first", "pas 'my first'": "a name with a space"},
)
def save_as(session: Session, name: Annotated[str, kinds.NAME]) -> SaveResult:
    """Save the network under another name, which it has from then on."""
    named = session.network()
    name = _clean(name)
    is_other = name != named.name and session.registry.exists(name)
    question = f"There is a network named {name!r} already. Take its place (undo brings it back)?"
    if is_other and session.interactive and not session.asker.confirm(question):
        raise CommandError("nothing was saved; the network is still in hand")
    return _save(session, name)


@command(
    "l",
    "load",
    group="Saves",
    examples={"l": "lists the saves and asks", "l first": "load the network saved as first"},
)
def load(session: Session, name: Annotated[str, kinds.NAME] = "") -> InHandResult:
    """Load a saved network. Without a name, lists them and asks."""
    registry = session.registry
    if not name:
        name = _asked_which(session)
    name = _clean(name)
    if not registry.exists(name):
        raise CommandError(_no_such(session, name))
    if not session.may_let_go():
        raise CommandError("nothing was loaded; the network in hand is as it was")
    named = registry.load(name)
    session.take(named)
    session.use_data_of(named)
    accuracy = other = ""
    if named.data not in ("", session.data_name):
        other = (
            f" Its data set, {named.data}, is not here: checks use {session.data_name} "
            f"until data {named.data} fetches it."
        )
    if named.accuracy:
        accuracy = f", {percent(named.accuracy.value)} right on the {named.accuracy.on} set"
    return InHandResult.of(
        named,
        f"Loaded {name!r}: {named.network.shape}, trained "
        f"{counted(named.trainer.progress.batches, 'mini-batch')}{accuracy}.{other}",
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


def _no_such(session: Session, name: str) -> str:
    """Says that there is no such network, and which come near."""
    import difflib

    names = session.registry.names()
    near = difflib.get_close_matches(name, names, n=2)
    hint = f"Did you mean {' or '.join(near)}?" if near else "ls lists them"
    return f"there is no network named {name!r}. {hint}"


@dataclass(frozen=True)
class ListResult:
    """The saved networks."""

    entries: "list[Entry]"
    in_hand: str

    def as_json(self) -> dict[str, Any]:
        """One object a network; `damaged` is null or says why."""
        return {
            "networks": [
                {
                    "name": entry.name,
                    "shape": entry.shape,
                    "parameters": entry.parameters,
                    "trained_batches": entry.trained_batches,
                    "accuracy": entry.accuracy,
                    "saved_at": entry.saved_at,
                    "bytes": entry.bytes,
                    "damaged": entry.damaged or None,
                }
                for entry in self.entries
            ]
        }

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from digitnet.repl.views.saves import saves

        yield saves(self.entries, self.in_hand, options.max_width)


@command("ls", "list", group="Saves", examples={"ls": "the saved networks"})
def list_(session: Session) -> ListResult:
    """List the saved networks."""
    return ListResult(session.registry.entries(), session.hand.name if session.hand else "")


@dataclass(frozen=True)
class RenameResult:
    """A save that has another name."""

    name: str
    file: str
    was: str

    def as_json(self) -> dict[str, Any]:
        """Its name, its file, and the name it had."""
        return {"name": self.name, "file": self.file, "was": self.was}

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        yield f"{self.was!r} is called {self.name!r} now."


@command("ren", "rename", group="Saves", examples={"ren first best": "first is called best now"})
def rename(
    session: Session, old: Annotated[str, kinds.OLD], new: Annotated[str, kinds.NEW]
) -> RenameResult:
    """Rename a saved network."""
    registry = session.registry
    old, new = _clean(old), _clean(new)
    if not registry.exists(old):
        raise CommandError(f"{_no_such(session, old)}; nothing was renamed")
    entry = registry.rename(old, new)
    if session.hand and session.hand.name == new:
        session.mark_unsaved()  # its save was gone, and the one of that name is another now
    if session.hand and session.hand.name == old:
        session.hand.name = new
    return RenameResult(new, entry.file, old)


@dataclass(frozen=True)
class DeleteResult:
    """Networks that were deleted."""

    deleted: list[str]

    def as_json(self) -> dict[str, Any]:
        """Their names."""
        return {"deleted": self.deleted}

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        them = "it" if len(self.deleted) == 1 else "them, the last one first,"
        yield f"Deleted {_listed(self.deleted)}; undo brings {them} back."


def _listed(names: list[str]) -> str:
    """'a', 'b' and 'c'."""
    quoted = [repr(name) for name in names]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


@command(
    "del",
    "delete",
    group="Saves",
    examples={"del first": "after a yes", "del first second": "both, after a yes"},
)
def delete(session: Session, *names: Annotated[str, kinds.NAME]) -> DeleteResult:
    """Delete saved networks, after a yes; undo brings them back, the last one first."""
    from digitnet.registry.errors import RegistryError

    registry = session.registry
    clean = list(dict.fromkeys(_clean(name) for name in names))
    for name in clean:
        if not registry.exists(name):
            raise CommandError(f"{_no_such(session, name)}; nothing was deleted")
    if not session.asker.confirm(f"Delete {_listed(clean)}?"):
        raise CommandError("nothing was deleted")
    for count, name in enumerate(clean):
        try:
            registry.delete(name)
        except RegistryError as error:
            done = f" Already deleted: {_listed(clean[:count])}." if count else ""
            raise CommandError(f"{error}.{done}") from None
        if session.hand and session.hand.name == name:
            session.hand.name = ""
            session.mark_unsaved()
    return DeleteResult(clean)


@dataclass(frozen=True)
class UndoResult:
    """What came back."""

    restored: str
    kind: str

    def as_json(self) -> dict[str, Any]:
        """Its name."""
        return {"restored": self.restored}

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        if self.kind == "deleted":
            yield f"{self.restored!r} is back."
        else:
            yield (
                f"The version of {self.restored!r} before the last save is back: l loads it. "
                "undo once more brings the newer one back."
            )


@command("undo", group="Saves", examples={"undo": "take back the last delete or overwrite"})
def undo(session: Session) -> UndoResult:
    """Take back the last delete or overwrite, also after a restart."""
    undone = session.registry.undo()
    if session.hand and session.hand.name == undone.name:
        session.hand.saved_at = ""
        session.mark_unsaved()
    return UndoResult(undone.name, undone.kind)

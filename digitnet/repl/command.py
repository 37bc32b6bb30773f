"""Commands: one record each, from which parsing, help and suggestions are all derived.

    @command("t", "train", group="train", examples={"t 3e": "three epochs"})
    def train(session: "Session", amount: Annotated[Amount, AMOUNT] = ONE_EPOCH) -> ...:
        '''Train the network on mini-batches of random cases.'''

The name and aliases, the function's signature and its docstring say everything there is to say;
nothing about a command is written a second time anywhere.
"""

import inspect
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeAlias, TypeVar

from digitnet.repl.errors import CommandError, Unknown, nearest, quoted

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

    from digitnet.repl.session import Session


class Result(Protocol):
    """What a command gives back: it knows how it looks, and what it is as data."""

    def as_json(self) -> dict[str, Any]:
        """The result as fields of one JSON object."""

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult": ...


T = TypeVar("T")
SCREEN_ONLY, OPTIONAL = "screen only", "optional"
ScreenOnly: TypeAlias = Annotated[T, SCREEN_ONLY]
"""The type of a field of a Record that is shown, and is not among its data."""


class Record:
    """Makes a dataclass a result whose data are its fields, but for those of type ScreenOnly."""

    def as_json(self) -> dict[str, Any]:
        """The fields."""
        mine: Any = self
        data = [f for f in fields(mine) if SCREEN_ONLY not in getattr(f.type, "__metadata__", ())]
        return {f.name: getattr(self, f.name) for f in data}


class Report(Protocol):
    """What a long command says while it works.

    It is shown until the next one takes its place. lasting: it stays on the screen instead.
    milestone: what a screen is to keep of it where lines cannot renew themselves; None for nothing.
    """

    @property
    def lasting(self) -> bool: ...

    @property
    def milestone(self) -> "RenderableType | None": ...

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult": ...


@dataclass(frozen=True)
class Note:
    """A sentence said on the way."""

    text: str
    lasting: bool = True
    milestone: None = None

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        yield self.text


Working: TypeAlias = Generator[Report, None, Result]
"""A long command at work: it yields reports and returns its result."""


@dataclass(frozen=True)
class Kind:
    """A kind of argument.

    parse raises ValueError for what is not of the kind, with a reason where that helps, and Unknown
    for what is none of the names there are. choices: what is often meant, each with what it is.
    offers: the same where it depends on the session, or on the arguments before. joins: whether a
    further word belongs to it: `5 epochs` is one amount. is_path: whether it names a file. fuzzy:
    whether letters from within a name will do to have it offered.
    """

    metavar: str
    expects: str
    parse: Callable[[str], Any]
    choices: Callable[[], Mapping[str, str]] = dict
    offers: Callable[["Session", Sequence[str]], Mapping[str, str]] | None = None
    joins: Callable[[str], bool] = lambda word: False
    is_path: bool = False
    fuzzy: bool = False

    def offered(self, session: "Session", words: Sequence[str]) -> Mapping[str, str]:
        """What the prompt offers for it, after these arguments; each with what it is."""
        return self.offers(session, words) if self.offers else self.choices()


@dataclass(frozen=True)
class Argument:
    """One argument of a command, from the function's signature."""

    kind: Kind
    required: bool
    repeated: bool

    @property
    def usage(self) -> str:
        """As in a usage line: `NAME`, `[AMOUNT]`, `NAME...`."""
        shown = self.kind.metavar + ("..." if self.repeated else "")
        return shown if self.required else f"[{shown}]"


@dataclass(frozen=True, eq=False)
class Command:
    """A command: what it is called, what it takes, what it does.

    is_picture: a last argument such as `curves.svg` is the file to draw its result in.
    """

    name: str
    aliases: tuple[str, ...]
    group: str
    function: Callable[..., Any]
    arguments: tuple[Argument, ...]
    summary: str
    text: str
    examples: Mapping[str, str]
    rank: int
    is_picture: bool

    @property
    def usage(self) -> str:
        """`t [AMOUNT]`."""
        return " ".join([self.name, *(argument.usage for argument in self.arguments)])

    def matched(self, words: Sequence[str]) -> tuple[list[list[str]], list[str]]:
        """The words that belong to each argument, as far as there are any, and those left over."""
        given: list[list[str]] = []
        rest = list(words)
        for argument in self.arguments:
            if not rest:
                break
            count = 1
            while count < len(rest) and (argument.repeated or argument.kind.joins(rest[count])):
                count += 1
            given.append(rest[:count])
            del rest[:count]
        return given, rest

    def parse(self, words: Sequence[str]) -> list[Any]:
        """The arguments that `words` stand for. Raises CommandError, saying what was expected."""
        given, rest = self.matched(words)
        values: list[Any] = []
        for argument, its_words in zip(self.arguments, given, strict=False):
            texts = its_words if argument.repeated else [" ".join(its_words)]
            values += [self._parse_one(argument.kind, text) for text in texts]
        missing = next((a for a in self.arguments[len(given) :] if a.required), None)
        if missing:
            raise CommandError(f"{self.name} needs {missing.kind.expects}. {self._example()}")
        if rest:
            takes = f"Usage: {self.usage}" if self.arguments else "It takes no arguments"
            raise CommandError(
                f"{self.name}: unexpected {quoted(' '.join(rest))}. {takes}. {self._example()}"
            )
        return values

    def _parse_one(self, kind: Kind, word: str) -> Any:
        try:
            return kind.parse(word)
        except Unknown as error:
            raise CommandError(f"{quoted(word)} is not {kind.expects}. {error}") from None
        except ValueError as error:
            reason = f" ({error})" if str(error) else ""
            raise CommandError(
                f"{self.name}: {quoted(word)} is not {kind.expects}{reason}. {self._example()}"
            ) from None

    def _example(self) -> str:
        return f"Example: {list(self.examples)[-1]}"


GROUPS = ("First steps", "Learning", "Asking", "Networks", "Saves", "Digits", "This program")
"""The groups that the help shows, in this order."""

COMMANDS: dict[str, Command] = {}
"""Every command by its name and by each of its aliases."""


def command(
    name: str,
    *aliases: str,
    group: str,
    examples: Mapping[str, str],
    rank: int = 5,
    is_picture: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Makes a function a command. Its first parameter is the session; the others, each annotated
    with its Kind, are the arguments; repeated ones with OPTIONAL, where there need be none.

    examples: lines to type, each with what it does; errors show the last. rank: its place in its
    group, those that people need first in front. is_picture: of the Command.

    Raises ValueError at import where a name is taken already, or the group is none of GROUPS.
    """

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        taken = [word for word in (name, *aliases) if word in COMMANDS]
        if taken:
            raise ValueError(f"two commands are called {taken[0]!r}")
        if group not in GROUPS:
            raise ValueError(f"{group!r} is not a group of commands")
        text = inspect.cleandoc(function.__doc__ or "")
        record = Command(
            name,
            aliases,
            group,
            function,
            _arguments(function),
            text.splitlines()[0].rstrip("."),
            "\n\n".join(" ".join(part.split()) for part in text.split("\n\n")),
            examples,
            rank,
            is_picture,
        )
        COMMANDS.update(dict.fromkeys((name, *aliases), record))
        return function

    return register


def _arguments(function: Callable[..., Any]) -> tuple[Argument, ...]:
    """The arguments in a function's signature, after the session."""
    return tuple(
        Argument(
            next(extra for extra in p.annotation.__metadata__ if isinstance(extra, Kind)),
            required=p.default is p.empty and OPTIONAL not in p.annotation.__metadata__,
            repeated=p.kind is p.VAR_POSITIONAL,
        )
        for p in list(inspect.signature(function).parameters.values())[1:]
    )


def find(word: str) -> Command:
    """The command called `word`. Raises CommandError, naming the nearest, where there is none."""
    if word in COMMANDS:
        return COMMANDS[word]
    hint = nearest(word, COMMANDS) or "? lists the commands"
    raise CommandError(f"{quoted(word)} is not a command. {hint}")


def all_commands() -> list[Command]:
    """Every command once, group by group, what people need first in front."""
    return sorted(dict.fromkeys(COMMANDS.values()), key=lambda c: (GROUPS.index(c.group), c.rank))

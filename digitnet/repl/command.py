"""Commands: one record each, from which parsing, help and completion are derived.

    @command("t", "train", group="train", examples={"t 3e": "three epochs"})
    def train(session: "Session", amount: Annotated[Amount, AMOUNT] = ONE_EPOCH) -> ...:
        '''Train the network on mini-batches of random cases.'''

The decorator, the function's signature and its docstring define the command completely; nothing is
repeated elsewhere.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from digitnet.repl.errors import CommandError, Unknown, nearest, quoted
from digitnet.repl.glossary import meanings
from digitnet.repl.session import Session

OPTIONAL = "optional"
"""Marks a repeated argument that may be empty."""


@dataclass(frozen=True)
class Kind:
    """A kind of argument.

    parse: raises ValueError for an invalid text, optionally with a reason, and Unknown for an
    unknown name.
    choices: common values, each with a description.
    offers: the same, if they depend on the session or on the preceding arguments.
    joins: whether a further word belongs to the argument, as in `5 epochs`.
    is_path: whether it is the name of a file.
    fuzzy: whether completion also matches letters inside a name.
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
        """The completions for it after these arguments, each with a description."""
        return self.offers(session, words) if self.offers else self.choices()


@dataclass(frozen=True)
class Argument:
    """An argument of a command, derived from the function's signature."""

    kind: Kind
    required: bool
    repeated: bool

    @property
    def usage(self) -> str:
        """Its form in a usage line: `NAME`, `[AMOUNT]`, `NAME...`."""
        shown = self.kind.metavar + ("..." if self.repeated else "")
        return shown if self.required else f"[{shown}]"


@dataclass(frozen=True, eq=False)
class Command:
    """A command: its names, arguments, function and help.

    is_picture: whether a last argument such as `curves.svg` is the file to draw the result in.
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
        """The usage line, such as `t [AMOUNT]`."""
        return " ".join([self.name, *(argument.usage for argument in self.arguments)])

    def matched(self, words: Sequence[str]) -> tuple[list[list[str]], list[str]]:
        """Assigns words to arguments; returns the words of each, and those left over."""
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
        """Parses the arguments. Raises CommandError, saying what was expected."""
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
            wrong = f"is not valid: {error}. Expected: {kind.expects}"
            wrong = wrong if str(error) else f"is not {kind.expects}"
            raise CommandError(f"{self.name}: {quoted(word)} {wrong}. {self._example()}") from None

    def _example(self) -> str:
        return f"Example: {list(self.examples)[-1]}"


GROUPS = ("First steps", "Learning", "Asking", "Networks", "Saves", "Digits", "This program")
"""The groups of commands, in the order of the help."""

COMMANDS: dict[str, Command] = {}
"""Name or alias → command."""


def command(
    name: str,
    *aliases: str,
    group: str,
    examples: Mapping[str, str],
    rank: int = 5,
    is_picture: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator that registers a function as a command.

    The function's first parameter is the session. The others are the arguments, each annotated with
    its Kind; a repeated one that may be empty is annotated with OPTIONAL too.

    examples: lines to type → what they do; error messages show the last. rank: the position in the
    group, those needed first having the lowest. is_picture: see Command.

    Raises ValueError if a name is already taken or the group is not in GROUPS.
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
    """The arguments of a command, from its function's signature."""
    return tuple(
        Argument(
            next(extra for extra in p.annotation.__metadata__ if isinstance(extra, Kind)),
            required=p.default is p.empty and OPTIONAL not in p.annotation.__metadata__,
            repeated=p.kind is p.VAR_POSITIONAL,
        )
        for p in list(inspect.signature(function).parameters.values())[1:]
    )


def understood(words: list[str]) -> list[str]:
    """The words of a command as they are meant: `?t` and `t --help` ask for help, `T` is `t`."""
    first, *others = words
    if first[0] == "?" and first[1:] and not others:
        return ["?", first[1:]]
    if others in (["--help"], ["-h"]):
        return ["?", first]
    return words if first in COMMANDS else [first.lower(), *others]


def find(word: str, *others: str) -> Command:
    """The command called `word`. Raises CommandError if there is none, and suggests a similar one,
    one that a later word of the line names, as in `how do I draw`, or the meaning of the words.
    """
    if word in COMMANDS:
        return COMMANDS[word]
    said = [other.strip("?.,!").lower() for other in (word, *others)]
    named = [name for name in said[1:] if len(name) > 1 and name in COMMANDS]
    phrases = [" ".join(said[at:]) for at in range(len(said))] + said[:1]
    explained = named[-1:] or [phrase for phrase in phrases if meanings(phrase)]
    hint = f"? {explained[0]} explains it" if explained else nearest(word, COMMANDS)
    raise CommandError(f"{quoted(word)} is not a command. {hint or '? lists the commands'}")


def all_commands() -> list[Command]:
    """All commands, by group and rank."""
    return sorted(dict.fromkeys(COMMANDS.values()), key=lambda c: (GROUPS.index(c.group), c.rank))

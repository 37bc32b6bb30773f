"""Commands: a record each, from which parsing, help and completion are derived; lines of them.

    @command("t", "train", group="Learning")
    def train(session: Session, amount: kinds.AMOUNT = None) -> ...:
        '''Train the network on mini-batches of random cases.

        t 3e: three epochs
        '''

The decorator, the function's signature and its docstring define the command completely.

In a line, commands are separated by `;`, words by spaces; words with spaces are quoted. A backslash
quotes the next character, as in the names of files that are dragged to a terminal; not on Windows,
whose paths have backslashes. Text that was pasted or given with `-c` may have several lines.
"""

import inspect
import os
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from digitnet.engine.schedules import without_commas
from digitnet.engine.settings import SETTINGS
from digitnet.repl.errors import CommandError, Unknown, nearest, printable, quoted
from digitnet.repl.glossary import meanings
from digitnet.repl.session import SESSION_SETTINGS, Session, clean

OPTIONAL = "optional"  # marks a repeated argument that may be empty


@dataclass(frozen=True)
class Kind:
    """A kind of argument.

    parse: raises ValueError for an invalid text, optionally with a reason, and Unknown for an
    unknown name. choices: common values, each with a description. offers: the same, if they depend
    on the session or on the preceding arguments. joins: whether a further word belongs to the
    argument, as in `5 epochs`. is_path: whether it is the name of a file. fuzzy: whether completion
    also matches letters inside a name.
    """

    metavar: str
    expects: str
    parse: Callable[[str], Any]
    choices: Callable[[], Mapping[str, str]] = dict
    offers: Callable[[Session, Sequence[str]], Mapping[str, str]] | None = None
    joins: Callable[[str], bool] = lambda word: False
    is_path: bool = False
    fuzzy: bool = False

    def offered(self, session: Session, words: Sequence[str]) -> Mapping[str, str]:
        """The completions for it after these arguments, each with a description."""
        return self.offers(session, words) if self.offers else self.choices()


def whole(text: str, low: int = 0) -> int:
    """An integer of at least `low` and up to nine digits, as in `1,000`. Raises ValueError."""
    text = without_commas(text) if "," in text else text
    if not re.fullmatch("[0-9]{1,9}", text) or int(text) < low:
        raise ValueError
    return int(text)


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
        values = [
            self._parse_one(argument.kind, text)
            for argument, its in zip(self.arguments, given, strict=False)
            for text in (its if argument.repeated else [" ".join(its)])
        ]
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
            wrong = f"is not valid: {error}" if str(error) else f"is not {kind.expects}"
            raise CommandError(f"{self.name}: {quoted(word)} {wrong}. {self._example()}") from None

    def _example(self) -> str:
        return f"Example: {list(self.examples)[-1]}"


GROUPS = ("First steps", "Learning", "Asking", "Networks", "Saves", "Digits", "This program")
"""The groups of commands, in the order of the help."""

COMMANDS: dict[str, Command] = {}  # name or alias → command


def command(
    name: str, *aliases: str, group: str, rank: int = 5, is_picture: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator that registers a function as a command.

    The function's first parameter is the session. The others are the arguments, each annotated with
    its kind (kinds.py). The last paragraph of its docstring is its examples, `LINE: what it does`
    each; error messages show the last. rank: the position in the group, those needed first having
    the lowest. Raises ValueError if a name is already taken or the group is unknown.
    """

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        taken = [word for word in (name, *aliases) if word in COMMANDS]
        if taken:
            raise ValueError(f"two commands are called {taken[0]!r}")
        if group not in GROUPS:
            raise ValueError(f"{group!r} is not a group of commands")
        text = inspect.cleandoc(function.__doc__ or "")
        summary = text.splitlines()[0].rstrip(".")
        text, _, last = text.rpartition("\n\n")
        examples = dict(line.split(": ", 1) for line in last.splitlines())
        text = "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))
        about = (summary, text, examples, rank, is_picture)
        record = Command(name, aliases, group, function, _arguments(function), *about)
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
    """The words of a command as they are meant: `?t` and `t --help` ask for help, `T` is `t`,
    `set rate=0.1` is `set rate 0.1`, and `save as first` is `pas first`.
    """
    first, *others = words
    if first[0] == "?" and first[1:] and not others:
        return ["?", first[1:]]
    if others in (["--help"], ["-h"]):
        return ["?", first]
    if assigned := first == "set" and re.fullmatch(r"(\w+) ?= ?(.+)", " ".join(others)):
        return [first, assigned[1], *assigned[2].split()]
    if first == "save" and others[:1] == ["as"] and others[1:]:
        return ["pas", *others[1:]]
    return words if first in COMMANDS else [first.lower(), *others]


def find(word: str, *others: str, saves: Callable[[], Iterable[str]] = list) -> Command:
    """The command called `word`. Raises CommandError if there is none, and suggests a similar one,
    one that a later word of the line names, as in `how do I draw`, the meaning of the words, or to
    load the save of that name.
    """
    if word in COMMANDS:
        return COMMANDS[word]
    said = [other.strip("?.,!").lower() for other in (word, *others)]
    named = [name for name in said[1:] if len(name) > 1 and name in COMMANDS]
    phrases = [" ".join(said[at:]) for at in range(len(said))] + said[:1]
    explained = named[-1:] or [phrase for phrase in phrases if meanings(phrase)]
    hint = f"? {explained[0]} explains it" if explained else nearest(word, COMMANDS)
    if without_commas(word).lstrip("-").replace(".", "", 1).isdecimal():
        hint = f"quiz {word} answers a question of quiz"
    elif word in SETTINGS | SESSION_SETTINGS and not named:
        hint = f"Did you mean set {printable(' '.join((word, *others)), 40)}?"
    elif not others and word in saves():
        hint = f"l {as_typed(word)} loads that network"
    raise CommandError(f"{quoted(word)} is not a command. {hint or '? lists the commands'}")


def all_commands() -> list[Command]:
    """All commands, by group, rank and name."""
    of = dict.fromkeys(COMMANDS.values())
    return sorted(of, key=lambda c: (GROUPS.index(c.group), c.rank, c.name))


_ESCAPED = r"(?!)" if os.name == "nt" else r"\\([^\n])"

_TOKEN = re.compile(
    rf"""[^\S\n]*(?:
        (?P<end>[;\n])
      | (?P<comment>\#[^\n]*)
      | (?P<word>(?:"[^"]*"|'[^']*'|{_ESCAPED}|[^\s;"'])+)
      | (?P<open>["'])
    )""",
    re.VERBOSE,
)

MAX_COMMANDS = 1000  # maximum number of commands that an alias stands for
_PLACE = re.compile(r"\$([1-9])")  # where an alias takes a word that is typed after it
_QUOTED = re.compile(rf""""([^"]*)"|'([^']*)'|{_ESCAPED}""")


def split(line: str) -> list[list[str]]:
    """Splits a line into commands and words: `n relu; t 2e` → [[n, relu], [t, 2e]].

    A word that begins with `#` starts a comment. Raises CommandError for an unclosed quote.
    """
    commands: list[list[str]] = [[]]
    for token in _TOKEN.finditer(line.removeprefix("\ufeff").strip()):
        if token["open"]:
            other = {"'": '"', '"': "'"}[token["open"]]
            raise CommandError(
                f"the quote {token['open']} is not closed; quote a word with it by {other}"
            )
        if token["end"]:
            commands.append([])
        elif token["word"]:
            commands[-1].append(_unquoted(token["word"]))
    return [words for words in commands if words]


def expanded(words: list[str], aliases: Mapping[str, str]) -> list[list[str]]:
    """Expands an alias to its commands; the words after it take the place of `$1`, `$2` and so on,
    and the rest of them are appended to the last command.

    Aliases may refer to other aliases. Raises CommandError for one that refers to itself, and for
    more than MAX_COMMANDS commands.
    """
    done: list[list[str]] = []
    pending: list[tuple[list[str], tuple[str, ...]]] = [(words, ())]
    while pending:
        command, within = pending.pop()
        alias = command[0] if command else ""
        if alias in within:
            raise CommandError(
                f"the alias {quoted(alias)} refers to itself: {printable(aliases[alias], 80)}"
            )
        if alias not in aliases:
            done.append(command)
        else:
            meant = _with(split(aliases[alias]) or [[]], command)
            pending += [(each, (*within, alias)) for each in reversed(meant) if each]
        if len(done) + len(pending) > MAX_COMMANDS:
            raise CommandError(f"{quoted(words[0])} stands for more than {MAX_COMMANDS:,} commands")
    return done


def _with(commands: list[list[str]], call: list[str]) -> list[list[str]]:
    numbers = [int(n) for words in commands for word in words for n in _PLACE.findall(word)]
    needed = max(numbers, default=0)
    if needed >= len(call):
        raise CommandError(f"the alias {quoted(call[0])} needs more after it: {needed} in all")
    filled = [[_PLACE.sub(lambda m: call[int(m[1])], w) for w in words] for words in commands]
    return [*filled[:-1], [*filled[-1], *call[needed + 1 :]]]


def _unquoted(word: str) -> str:
    return _QUOTED.sub(lambda m: "".join(group for group in m.groups() if group), word)


def as_typed(text: str, quote: str = "") -> str:
    """Quotes a word if it has spaces or special characters."""
    if not quote and not any(c.isspace() or c in ";'\"#\\" for c in text):
        return text
    quote = quote or ('"' if "'" in text else "'")
    return shlex.quote(text) if quote in text else f"{quote}{text}{quote}"


PREFIX, SUBSEQUENCE, NO_MATCH = 1, 3, 4  # distances between a name and the typed word


def distance(word: str, text: str) -> int:
    """How far a name is from a word: equal, starts with it, contains it, contains its letters."""
    if word == text:
        return 0
    word, text = word.casefold(), text.casefold()
    if text.startswith(word):
        return PREFIX
    rest = iter(text)
    return SUBSEQUENCE - (word in text) if all(letter in rest for letter in word) else NO_MATCH


def meant(typed: str, session: Session) -> str:
    """The name of the save that is meant: at the prompt, also the only one that begins with what
    was typed, else the only one with these letters in it.
    """
    name = clean(typed)
    if not session.interactive or session.registry.exists(name):
        return name
    known = session.registry.names()
    near = [each for each in known if distance(name, each) == PREFIX]
    near = near or [each for each in known if distance(name, each) < NO_MATCH]
    return near[0] if len(near) == 1 else name


def path_of(text: str, example: str) -> Path:
    """The path for a typed text: `~` and `~user` are expanded, a file:// address is the file's.

    Raises CommandError if it is not a valid path.
    """
    if text.startswith("file://"):
        text = unquote(urlsplit(text).path).removeprefix("/" if os.name == "nt" else "")
    try:
        if os.fsencode(text) and "\0" not in text:
            return Path(os.path.expanduser(text))  # noqa: PTH111 - keeps `~` of an unknown user
    except ValueError:
        pass
    raise CommandError(f"{quoted(text)} cannot be a file. Example: {example}")


@dataclass(frozen=True)
class Typing:
    """The last command of a partly typed line.

    words: its complete words. word: the incomplete word after them. quote: its opening quotation
    mark, if any. length: of the word as typed, with quotation marks and backslashes.
    """

    words: list[str]
    word: str = ""
    quote: str = ""
    length: int = 0


def typing(text: str) -> Typing:
    """Parses a partly typed line."""
    words: list[str] = []
    start = end = 0
    for token in _TOKEN.finditer(text):
        start, end = token.start("word"), token.end()
        if token["open"]:
            return Typing(words, text[end:], token["open"], len(text) - end + 1)
        if token["end"]:
            words = []
        elif token["comment"]:
            words = ["#"]  # not the name of any command
        elif token["word"]:
            words.append(_unquoted(token["word"]))
    unfinished = bool(words) and end == len(text)
    return Typing(words[:-1], words[-1], "", end - start) if unfinished else Typing(words)

"""Parses lines: commands are separated by `;`, words by spaces; words with spaces are quoted.

A backslash quotes the next character, as in the names of files that are dragged to a terminal; not
on Windows, whose paths have backslashes. Text that was pasted or given with `-c` may have several
lines.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from digitnet.repl.errors import CommandError, printable, quoted

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

MAX_COMMANDS = 1000
"""Maximum number of commands that an alias stands for."""

_PLACE = re.compile(r"\$([1-9])")
"""Where an alias takes a word that is typed after it."""

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
    """The commands of an alias, with the words of its call."""
    numbers = [int(n) for words in commands for word in words for n in _PLACE.findall(word)]
    needed = max(numbers, default=0)
    if needed >= len(call):
        raise CommandError(f"the alias {quoted(call[0])} needs {needed} words after it")
    filled = [[_PLACE.sub(lambda m: call[int(m[1])], w) for w in words] for words in commands]
    return [*filled[:-1], [*filled[-1], *call[needed + 1 :]]]


def _unquoted(word: str) -> str:
    """Removes the quotes of a word."""
    return _QUOTED.sub(lambda m: "".join(group for group in m.groups() if group), word)


def as_typed(text: str, quote: str = "") -> str:
    """Quotes a word if it has spaces or special characters."""
    if not quote and not any(c.isspace() or c in ";'\"#\\" for c in text):
        return text
    quote = quote or ('"' if "'" in text else "'")
    return f"{quote}{text}{quote}"


PREFIX, SUBSEQUENCE, NO_MATCH = 1, 3, 4
"""Distances between a name and the typed word."""


def distance(word: str, text: str) -> int:
    """How far a name is from a word: equal, starts with it, contains it, contains its letters."""
    if word == text:
        return 0
    word, text = word.casefold(), text.casefold()
    if text.startswith(word):
        return PREFIX
    rest = iter(text)
    return SUBSEQUENCE - (word in text) if all(letter in rest for letter in word) else NO_MATCH


@dataclass(frozen=True)
class Typing:
    """The last command of a partly typed line.

    words: its complete words. word: the incomplete word after them. quote: its opening quotation
    mark, if any.
    """

    words: list[str]
    word: str
    quote: str


def typing(text: str) -> Typing:
    """Parses a partly typed line."""
    words: list[str] = []
    end = 0
    for token in _TOKEN.finditer(text):
        end = token.end()
        if token["open"]:
            return Typing(words, text[end:], token["open"])
        if token["end"]:
            words = []
        elif token["comment"]:
            words = ["#"]  # not the name of any command
        elif token["word"]:
            words.append(_unquoted(token["word"]))
    unfinished = bool(words) and end == len(text) and text[-1] not in "'\""
    return Typing(words[:-1], words[-1], "") if unfinished else Typing(words, "", "")

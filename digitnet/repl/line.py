"""Typed lines: commands divided by `;`, words by spaces, quotes around words with spaces.

A line that was pasted, or given with `-c`, may be several.
"""

import re

from digitnet.repl.errors import CommandError

_TOKEN = re.compile(
    r"""[^\S\n]*(?:
        (?P<end>[;\n])
      | (?P<comment>\#[^\n]*)
      | (?P<word>(?:"[^"]*"|'[^']*'|[^\s;"'])+)
      | (?P<open>["'])
    )""",
    re.VERBOSE,
)
_QUOTED = re.compile(r""""([^"]*)"|'([^']*)'""")


def split(line: str) -> list[list[str]]:
    """The commands of a line, each as its words: `n relu; t 2e` → [[n, relu], [t, 2e]].

    A word that begins with `#` begins a comment. Raises CommandError for a quote left open.
    """
    commands: list[list[str]] = [[]]
    for token in _TOKEN.finditer(line.removeprefix("\ufeff").strip()):
        if token["open"]:
            other = {"'": '"', '"': "'"}[token["open"]]
            raise CommandError(
                f"the quote {token['open']} is not closed; a word with it goes into {other} {other}"
            )
        if token["end"]:
            commands.append([])
        elif token["word"]:
            commands[-1].append(_QUOTED.sub(lambda m: m[1] or m[2] or "", token["word"]))
    return [words for words in commands if words]

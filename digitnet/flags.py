"""The program's options, from the command line, the environment and the configuration file.

The file is TOML, such as

    saves = "~/networks"
    seed = 3
    plain = true
    vi = true

    [alias]
    warm = "n relu; t 2e"

To add an option, write its record in `OPTIONS`.
"""

import argparse
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from digitnet import __version__, paths
from digitnet.repl.errors import CommandError, say_error

_WORD = re.compile(r"[^\s;'\"#]{1,40}")

DESCRIPTION = "A prompt for neural networks that read handwritten digits."

FLAGS = {
    "-c": ("COMMANDS", "do these commands and leave; several -c are done in order"),
    "--completion": ("SHELL", "print what makes Tab complete in bash, zsh or fish"),
    "--man": ("", "print the manual page: digitnet --man | man -l -"),
    "--version": ("", "print the version"),
    "--help": ("", "print this"),
}
"""The flags of the command line alone, with what they take and what they do."""

EPILOG = """\
With no flag, FILE or pipe, opens a prompt. Each flag from --saves to
--keep-going can also be set as an environment variable, as in
DIGITNET_SAVES=~/networks, or in config.toml (DIGITNET_CONFIG names another
file). Exit codes: 0 all well, 1 a command failed, 2 wrong flags, 130
interrupted."""


class WrongFlags(CommandError):
    """Options are not valid; the message says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}. digitnet --help lists the flags")


@dataclass(frozen=True)
class Option:
    """An option: a flag, an environment variable, and a key of the configuration file.

    kind: str, int, or bool for a switch. parse: raises ValueError, with the reason, for a text that
    is not valid.
    """

    name: str
    help: str
    kind: type = bool
    metavar: str | None = None
    parse: Callable[[str], Any] = bool


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and low <= int(text[:12]) <= high):
            raise ValueError(f"{text[:40]!r} is not a whole number from {low} to {high}")
        return int(text)

    return parse


def _theme(text: str) -> str:
    if text not in ("auto", "dark", "light"):
        raise ValueError(f"{text[:40]!r} is not auto, dark or light")
    return text


OPTIONS = {
    option.name: option
    for option in (
        Option("saves", "where networks are saved", str, "DIR",
            partial(paths.checked_folder, "saves")),
        Option("data", "where data sets are looked for first", str, "DIR",
            partial(paths.checked_folder, "data")),
        Option("seed", "draw and order everything with this seed", int, "N", _whole(0, 10**9 - 1)),
        Option("threads", "threads that share the work of training", int, "N", _whole(1, 1024)),
        Option("json", "one JSON object a command"),
        Option("reports", "with --json, an object for each report of t or study"),
        Option("plain", "plain text: no colours, drawings in ASCII, no moving lines"),
        Option("yes", "answer every question with yes"),
        Option("no-color", "no colours"),
        Option("theme", "colours for an auto, dark or light background", str, "THEME", _theme),
        Option("vi", "vi's keys at the prompt"),
        Option("keep-going", "run a script's lines after one that failed too"),
    )
}  # fmt: skip
KEYS = (*OPTIONS, "alias")
"""The keys of the configuration file."""


@dataclass
class Config:
    """The content of the file. values: of options. warnings: the errors in it."""

    path: Path
    values: dict[str, Any] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise WrongFlags(message.removeprefix("argument "))


def read_flags(
    typed: Sequence[str], environ: Mapping[str, str]
) -> tuple[argparse.Namespace, Config]:
    """Parses the options: the command line overrides the environment, which overrides the file.

    typed: the arguments of the command line. Prints a warning for each error in the file. Raises
    WrongFlags for options that are not valid.
    """
    options = _parser().parse_args(typed)
    if options.lines and options.file:
        raise WrongFlags("give either -c or a FILE, not both")
    config = read_config(paths.config_file(environ), is_named=bool(environ.get("DIGITNET_CONFIG")))
    for name, option in OPTIONS.items():
        place = name.replace("-", "_")
        value = _typed_or_set(option, getattr(options, place), environ)
        setattr(options, place, config.values.get(name) if value is None else value)
    if not options.saves and paths.NOWHERE in paths.saves_folder().parents:
        config.warnings.append(
            "there is no home folder, so networks cannot be saved: set HOME, or give --saves DIR"
        )
    for warning in config.warnings:
        say_error(warning)
    return options, config


def _typed_or_set(option: Option, value: Any, environ: Mapping[str, str]) -> Any:
    """An option's value on the command line or in the environment; None if it has none."""
    source, variable = f"--{option.name}", f"DIGITNET_{option.name.upper().replace('-', '_')}"
    if value is None and environ.get(variable):
        value, source = environ[variable], variable
        if option.kind is bool:
            return value.lower() not in ("0", "no", "false", "off")
    try:
        return option.parse(value) if isinstance(value, str) else value
    except ValueError as error:
        raise WrongFlags(f"{source}: {error}") from None


def _parser() -> _Parser:
    parser = _Parser(
        "digitnet",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "file",
        nargs="?",
        metavar="FILE",
        help="a script: commands, and comments after #; - is standard input",
    )
    add("-c", dest="lines", action="append", metavar="COMMANDS", help=FLAGS["-c"][1])
    for name, option in OPTIONS.items():
        if option.kind is bool:
            add(f"--{name}", action="store_const", const=True, help=option.help)
        else:
            add(f"--{name}", metavar=option.metavar, help=option.help)
    add("--completion", choices=("bash", "zsh", "fish"), help=FLAGS["--completion"][1])
    add("--man", action="store_true", help=FLAGS["--man"][1])
    add("-V", "--version", action="version", version=f"digitnet {__version__}")
    return parser


def read_config(path: Path, *, is_named: bool = False) -> Config:
    """Reads the file at `path`, if it exists. Never raises; errors are added to the warnings.

    is_named: whether DIGITNET_CONFIG names it, so that it should exist.
    """
    config = Config(path)
    try:
        fields = paths.read_toml(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        if is_named or not isinstance(error, FileNotFoundError | NotADirectoryError):
            config.warnings.append(f"{path} cannot be read: {reason}. The defaults are used")
        return config
    for key, value in fields.items():
        try:
            _take(config, key, value)
        except ValueError as error:
            config.warnings.append(f"{path}: {error}. It is ignored")
    return config


def _take(config: Config, key: str, value: Any) -> None:
    if key not in KEYS:
        raise ValueError(f"{key!r} is not a setting. There are: {', '.join(KEYS)}")
    if key == "alias":
        if not isinstance(value, dict):
            raise ValueError(f"alias is a table, [alias], not {value!r}")
        _take_aliases(config, value)
        return
    option = OPTIONS[key]
    if type(value) is not option.kind:
        words = {str: "a text", int: "a whole number", bool: "true or false"}
        raise ValueError(f"{key} is {words[option.kind]}, not {value!r}")
    try:
        config.values[key] = value if option.kind is bool else option.parse(str(value))
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def _take_aliases(config: Config, table: Mapping[str, Any]) -> None:
    """Stores the valid aliases in `config`, and adds warnings about the others."""
    for word, line in table.items():
        if not _WORD.fullmatch(word):
            reason = "is not one word"
        elif not isinstance(line, str) or not line.strip():
            reason = f"is a text of commands, not {line!r}"
        else:
            config.aliases[word] = line
            continue
        config.warnings.append(f"{config.path}: alias {word!r} {reason}. It is ignored")


def _taken() -> Mapping[str, tuple[str, str]]:
    """Each flag with what it takes, if anything, and its help."""
    return FLAGS | {f"--{o.name}": (o.metavar or "", o.help) for o in OPTIONS.values()}


def completion(shell: str) -> str:
    """Lines for the shell's startup file, after which Tab completes the flags of digitnet."""
    if shell == "zsh":
        return "compdef _gnu_generic digitnet"  # zsh reads --help
    if shell == "bash":
        return f"complete -o default -W '{' '.join(_taken())}' digitnet"
    lines = []
    for flag, (takes, said) in _taken().items():
        name = f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}"
        about = said.replace("'", "’")
        lines.append(f"complete -c digitnet {name} {takes and '-r '}-d '{about}'")
    return "\n".join(lines)


def manual(commands: Iterable[tuple[str, str]]) -> str:
    """The manual page, as `man` reads it. commands: each with what it does."""
    page = [
        '.TH DIGITNET 1 "" digitnet "User Commands"',
        ".SH NAME",
        _roff(f"digitnet - {DESCRIPTION[0].lower()}{DESCRIPTION[1:].rstrip('.')}"),
        ".SH SYNOPSIS",
        r".B digitnet",
        _roff("[FLAGS] [-c COMMANDS | FILE]"),
        ".SH DESCRIPTION",
        _roff(EPILOG.replace("\n", " ")),
        ".SH OPTIONS",
    ]
    for flag, (takes, said) in _taken().items():
        page += _entry(f"{flag} {takes}".strip(), said)
    page.append(".SH COMMANDS")
    for usage, summary in commands:
        page += _entry(usage, summary)
    return "\n".join(page)


def _entry(term: str, said: str) -> list[str]:
    """A paragraph under a term in bold."""
    return [".TP", rf"\fB{_roff(term)}\fR", _roff(said)]


def _roff(text: str) -> str:
    """The text with what troff would take for commands escaped."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{escaped}" if escaped[:1] in (".", "'") else escaped

"""The program's options, from the command line, the environment and the configuration file."""

import argparse
import os
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from digitnet import __version__, paths
from digitnet.repl.errors import say_error

TEXTS, NUMBERS, SWITCHES = ("saves", "data"), ("seed", "threads"), ("plain", "yes", "no-color")
"""Keys that are also command-line flags, by type."""

KEYS = (*TEXTS, *NUMBERS, *SWITCHES, "vi", "alias")

MAX_BYTES, MAX_LINE = 1 << 16, 1000
"""Limits for parsing: a dotted key with thousands of parts on one line would take gigabytes."""

_WORD = re.compile(r"[^\s;'\"#]{1,40}")


@dataclass
class Config:
    """The content of the file. flags: in command-line form. warnings: the errors in it."""

    path: Path
    flags: list[str] = field(default_factory=list)
    vi: bool = False
    aliases: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def read_config(path: Path) -> Config:
    """Reads the file at `path`, if it exists. Never raises; errors are added to the warnings."""
    config = Config(path)
    try:
        fields = _toml(path)
    except FileNotFoundError:
        return config
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        config.warnings.append(f"{path} cannot be read: {reason}. The defaults are used")
        return config
    for key, value in fields.items():
        try:
            _take(config, key, value)
        except ValueError as error:
            config.warnings.append(f"{path}: {error}. It is ignored")
    return config


def _toml(path: Path) -> dict[str, Any]:
    """Parses a TOML file. Raises OSError, and ValueError if it is not valid TOML."""
    if not path.exists():
        raise FileNotFoundError
    if not path.is_file():  # opening a named pipe would block
        raise ValueError("it is not a file")
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES or max(map(len, data.splitlines()), default=0) > MAX_LINE:
        raise ValueError(
            f"it is too large for settings: more than {MAX_BYTES >> 10} KiB, or a line of more "
            f"than {MAX_LINE:,} characters"
        )
    try:
        return tomllib.loads(data.decode())
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _take(config: Config, key: str, value: Any) -> None:
    """Stores one field in `config`. Raises ValueError for an invalid one."""
    is_value = isinstance(value, str) if key in TEXTS else type(value) is int
    if key in TEXTS and is_value and "\0" in value:
        raise ValueError(f"{key} is not a path: {value!r}")
    if key in (*TEXTS, *NUMBERS) and is_value:
        config.flags += [f"--{key}={value}"]
    elif key in SWITCHES and isinstance(value, bool):
        config.flags += [f"--{key}"] * value
    elif key == "vi" and isinstance(value, bool):
        config.vi = value
    elif key == "alias" and isinstance(value, dict):
        _take_aliases(config, value)
    elif key in KEYS:
        kind = {**dict.fromkeys(TEXTS, "a text"), **dict.fromkeys(NUMBERS, "a whole number")}
        kind["alias"] = "a table, [alias]"
        raise ValueError(f"{key} is {kind.get(key, 'true or false')}, not {value!r}")
    else:
        raise ValueError(f"{key!r} is not a setting. There are: {', '.join(KEYS)}")


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


EPILOG = """\
With no flag, FILE or pipe, opens a prompt. Each flag but -c can also be set as
an environment variable, as in DIGITNET_SAVES=~/networks, or in config.toml
(DIGITNET_CONFIG names another file). Exit codes: 0 all well, 1 a command
failed, 2 wrong flags, 130 interrupted."""


class WrongFlags(Exception):
    """Options are not valid; the message says why."""


class _Parser(argparse.ArgumentParser):
    """An ArgumentParser that raises WrongFlags instead of exiting."""

    def error(self, message: str) -> NoReturn:
        raise WrongFlags(message.removeprefix("argument "))


def _number(low: int, high: int) -> Callable[[str], int]:
    """A type for argparse: an integer from `low` to `high`."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and low <= int(text[:12]) <= high):
            raise argparse.ArgumentTypeError(
                f"{text[:40]!r} is not a whole number from {low} to {high}"
            )
        return int(text)

    return parse


def read_flags(
    typed: Sequence[str], environ: Mapping[str, str]
) -> "tuple[argparse.Namespace, Config]":
    """Parses the options: the command line overrides the environment, which overrides the file.

    typed: the arguments of the command line. Raises WrongFlags if they are not valid.
    """
    parser = _parser()
    parser.parse_args(typed)  # shows help, or an error, before anything is loaded
    config = _config(environ, parser)
    options = parser.parse_args([*config.flags, *_flags_of(environ, parser), *typed])
    _check(options, parser)
    return options, config


def _parser() -> _Parser:
    """The parser of the command line."""
    parser = _Parser(
        "digitnet",
        description="A prompt for neural networks that read handwritten digits.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("file", nargs="?", metavar="FILE", help="a script: commands, and comments after #")
    add("-c", dest="lines", action="append", metavar="COMMANDS",
        help="do these commands and leave; several -c are done in order")  # fmt: skip
    add("--saves", metavar="DIR", help="where networks are saved")
    add("--data", metavar="DIR", help="where data sets are looked for first")
    add("--seed", metavar="N", type=_number(0, 10**9 - 1),
        help="draw and order everything with this seed")  # fmt: skip
    add("--threads", metavar="N", type=_number(1, 1024),
        help="threads that share the work of training")  # fmt: skip
    add("--json", action="store_true", help="one JSON object a command")
    add(
        "--plain",
        action="store_true",
        help="plain text: no colours, drawings in ASCII, no moving lines",
    )
    add("--yes", action="store_true", help="answer every question with yes")
    add("--no-color", action="store_true", help="no colours")
    add("--version", action="version", version=f"digitnet {__version__}")
    return parser


def _flags_of(environ: Mapping[str, str], parser: _Parser) -> list[str]:
    """The options set in the environment, as flags. Raises WrongFlags."""
    flags = []
    for name in ("saves", "data", "seed", "threads"):
        variable = f"DIGITNET_{name.upper()}"
        if value := environ.get(variable):
            flags.append(f"--{name}={value}")
            if reason := _reason_against(flags[-1], parser):
                raise WrongFlags(f"{variable}: {reason}")
    for name in ("json", "plain", "yes", "no-color"):
        value = environ.get(f"DIGITNET_{name.upper().replace('-', '_')}") or "0"
        if value.lower() not in ("0", "no", "false", "off"):
            flags.append(f"--{name}")
    return flags


def _reason_against(flag: str, parser: _Parser) -> str:
    """Why a flag from another source is not valid; empty if it is."""
    try:
        _check(parser.parse_args([flag]), parser)
    except WrongFlags as error:
        return str(error).partition(": ")[2]
    return ""


def _config(environ: Mapping[str, str], parser: _Parser) -> "Config":
    """Reads the configuration file, or the file in DIGITNET_CONFIG; prints a warning per error."""
    chosen = environ.get("DIGITNET_CONFIG")
    config = read_config(Path(chosen) if chosen else paths.config_file())
    if chosen and not config.path.exists():
        config.warnings.append(
            f"DIGITNET_CONFIG: there is no file {config.path}; the defaults are used"
        )
    for flag in tuple(config.flags):
        if reason := _reason_against(flag, parser):
            config.flags.remove(flag)
            name = flag[2:].partition("=")[0]
            config.warnings.append(f"{config.path}: {name}: {reason}. It is ignored")
    for warning in config.warnings:
        say_error(warning)
    return config


def _check(options: argparse.Namespace, parser: _Parser) -> None:
    """Raises WrongFlags for conflicting options, and for folders that are not folders."""
    if options.lines and options.file:
        parser.error("give either -c or a FILE, not both")
    for flag in ("saves", "data"):
        folder = os.path.expanduser(getattr(options, flag) or "")  # noqa: PTH111
        # os.path returns False for a path that cannot be accessed
        missing = not os.path.exists(folder)  # noqa: PTH110
        if folder and not os.path.isdir(folder) and (flag == "data" or not missing):  # noqa: PTH112
            parser.error(f"--{flag}: {folder!r} is not a folder")

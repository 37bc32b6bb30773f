"""The program's options, from the command line, the environment and the configuration file."""

import argparse
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from digitnet import __version__

if TYPE_CHECKING:
    from digitnet.config import Config

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
    from digitnet import paths
    from digitnet.config import read_config
    from digitnet.repl.terminal.output import say_error

    chosen = environ.get("DIGITNET_CONFIG")
    config = read_config(Path(chosen) if chosen else paths.config_file(), _commands)
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


def _commands() -> Collection[str]:
    """The names and aliases of all commands."""
    from digitnet.repl import commands  # noqa: F401 - registers the commands
    from digitnet.repl.command import COMMANDS

    return COMMANDS


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

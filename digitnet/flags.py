"""The program's flags: as typed, from the environment, and from the file of settings."""

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
    """Flags that cannot be followed; the message says why."""


class _Parser(argparse.ArgumentParser):
    """Raises WrongFlags for what is wrong with the flags."""

    def error(self, message: str) -> NoReturn:
        raise WrongFlags(message.removeprefix("argument "))


def _number(low: int, high: int) -> Callable[[str], int]:
    """A type for argparse: a whole number from `low` to `high`."""

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
    """The flags as typed, over those of the environment, over the user's own defaults.

    Raises WrongFlags for what cannot be followed.
    """
    parser = _parser()
    parser.parse_args(typed)  # help, and what is wrong with it, before anything is loaded
    config = _config(environ, parser)
    options = parser.parse_args([*config.flags, *_flags_of(environ, parser), *typed])
    _check(options, parser)
    return options, config


def _parser() -> _Parser:
    """The flags."""
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
    """What the environment says, as the flags that say the same. Raises WrongFlags."""
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
    """What is wrong with a flag that was not typed as one; empty for nothing."""
    try:
        _check(parser.parse_args([flag]), parser)
    except WrongFlags as error:
        return str(error).partition(": ")[2]
    return ""


def _config(environ: Mapping[str, str], parser: _Parser) -> "Config":
    """The user's own defaults, as far as they can be; DIGITNET_CONFIG names another file."""
    from digitnet import paths
    from digitnet.config import read_config
    from digitnet.repl.terminal.output import say_error

    chosen = environ.get("DIGITNET_CONFIG")
    config = read_config(Path(chosen) if chosen else paths.config_file(), _commands)
    if chosen and not config.path.exists():
        config.complaints.append(
            f"DIGITNET_CONFIG: there is no file {config.path}; the defaults are used"
        )
    for flag in tuple(config.flags):
        if reason := _reason_against(flag, parser):
            config.flags.remove(flag)
            name = flag[2:].partition("=")[0]
            config.complaints.append(f"{config.path}: {name}: {reason}. It is ignored")
    for complaint in config.complaints:
        say_error(complaint)
    return config


def _commands() -> Collection[str]:
    """Words that are commands."""
    from digitnet.repl import commands  # noqa: F401 - fills the table of commands
    from digitnet.repl.command import COMMANDS

    return COMMANDS


def _check(options: argparse.Namespace, parser: _Parser) -> None:
    """Raises WrongFlags where flags are right by themselves but cannot be followed."""
    if options.lines and options.file:
        parser.error("give either -c or a FILE, not both")
    for flag in ("saves", "data"):
        folder = os.path.expanduser(getattr(options, flag) or "")  # noqa: PTH111
        # os.path says no where a path cannot even be asked about
        missing = not os.path.exists(folder)  # noqa: PTH110
        if folder and not os.path.isdir(folder) and (flag == "data" or not missing):  # noqa: PTH112
            parser.error(f"--{flag}: {folder!r} is not a folder")

"""The program: its flags, and whether commands come from a person, a script or a pipe."""

import argparse
import io
import os
import signal
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from digitnet import __version__

if TYPE_CHECKING:
    from digitnet.config import Config
    from digitnet.repl.session import Session
    from digitnet.repl.terminal.output import Output
    from digitnet.repl.views.screen import Screen

LONGEST_LINE = 100_000
"""Characters of a line of commands."""

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


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    try:
        return _main(sys.argv[1:] if arguments is None else list(arguments))
    except WrongFlags as error:
        from digitnet.repl.terminal.output import say_error

        say_error(f"{error}. digitnet --help lists the flags")
        return 2
    except KeyboardInterrupt:
        return 130


def _main(typed: Sequence[str]) -> int:
    """Finds out what is asked for, and does it."""
    _prepare_streams()
    parser = _parser()
    parser.parse_args(typed)  # help, and what is wrong with it, before anything is loaded
    config = _config(os.environ, parser)
    options = parser.parse_args([*config.flags, *_flags_of(os.environ, parser), *typed])
    _check(options, parser)
    if options.threads:
        _say_what_threads_there_are(options.threads)
        # a BLAS reads these once, when numpy and scipy load it
        for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ[name] = str(options.threads)
    return _run(options, config)


def _say_what_threads_there_are(wanted: int) -> None:
    """Says so where more threads are asked for than there are cores: no more than those are used.

    A script that asks for many is to run on any machine.
    """
    cores = os.cpu_count() or 1
    if wanted > cores:
        from digitnet.repl.terminal.output import say_error

        say_error(f"--threads {wanted}: this machine has {cores} cores, so {cores} are used")


def _prepare_streams() -> None:
    """Characters that a stream cannot show or read become escapes instead of errors; a screen
    that the environment gives no width is asked for its own.
    """
    for name in ("COLUMNS", "LINES"):
        if os.environ.get(name, "").strip("0 ") == "":
            os.environ.pop(name, None)
    if isinstance(getattr(sys.stdout, "buffer", None), io.RawIOBase):
        # under PYTHONUNBUFFERED, what a signal cuts off a write would be lost
        buffered = io.BufferedWriter(sys.stdout.buffer)
        sys.stdout = io.TextIOWrapper(buffered, sys.stdout.encoding, line_buffering=True)
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    with suppress(AttributeError):
        sys.stdin.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]


def _run(options: argparse.Namespace, config: "Config") -> int:
    """Opens a session and does what the flags ask for."""
    from digitnet import paths
    from digitnet.repl.questions import NonInteractive
    from digitnet.repl.session import Session
    from digitnet.repl.terminal.interrupts import uninterruptible
    from digitnet.repl.terminal.output import say_error

    data = Path(options.data).expanduser() if options.data else None
    session = Session(
        saves=Path(options.saves).expanduser() if options.saves else paths.saves_folder(),
        included=paths.included_folder(),
        data_folders=paths.data_folders(data),
        download_to=paths.cache_folder(),
        seed=options.seed,
        asker=NonInteractive(options.yes),
        vi=config.vi,
        aliases=config.aliases,
    )
    is_script = bool(options.lines or options.file or not _has_terminal())
    output = _output(options, pages=not is_script)
    try:
        if is_script:
            code = _do(lambda: _run_lines(session, output, options), output)
        else:
            code = _do(lambda: _converse(session, output, options), output)
    except KeyboardInterrupt:
        code = 130
    with uninterruptible():
        unsaved = session.hand if session.unsaved_batches else None
        meant = code == 0 and not session.ended_by
        autosaved = session.unfinished.at_exit(unsaved, meant=meant, asked=session.interactive)
        if autosaved and not session.ended_by:
            say_error("the unsaved training was autosaved: recover loads it")
        elif unsaved and (complaint := session.unfinished.complaint):
            say_error(complaint)
    if session.ended_by:  # everything is in order now, so end as the signal asked
        signal.signal(session.ended_by, signal.SIG_DFL)
        os.kill(os.getpid(), session.ended_by)
    return code


def _do(work: Callable[[], int], output: "Output") -> int:
    """Does the work; what stops the whole program is said in a line."""
    from digitnet.repl.errors import CommandError, OutputError
    from digitnet.repl.terminal.output import say_error

    try:
        return work()
    except CommandError as error:
        output.error("", str(error))
    except OutputError as error:
        # what Python would still flush at exit goes nowhere
        with suppress(OSError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        say_error(str(error))
    return 1


def _output(options: argparse.Namespace, *, pages: bool) -> "Output":
    """Objects for scripts, or a screen for people."""
    from digitnet.repl.terminal.output import JsonOutput, ScreenOutput

    if options.json:
        return JsonOutput()

    def screen(stderr: bool) -> "Screen":
        from digitnet.repl.views.screen import Screen

        return Screen(plain=options.plain, no_color=options.no_color or None, stderr=stderr)

    return ScreenOutput(screen, pages=pages)


def _has_terminal() -> bool:
    """Whether a person sits at both ends."""
    return bool(sys.stdin and sys.stdin.isatty() and sys.stdout and sys.stdout.isatty())


def _lines(options: argparse.Namespace) -> Iterator[str]:
    """The lines to do, as they come. Raises CommandError where they cannot be read."""
    from digitnet.repl.errors import CommandError

    if options.lines:
        yield from options.lines
        return
    try:
        if options.file:
            path = Path(options.file)
            with path.open(encoding="utf-8", errors="surrogateescape") as script:
                yield from _bounded(script)
        elif sys.stdin is None:
            raise OSError("it is closed: give commands with -c or in a file")
        else:
            yield from _bounded(sys.stdin)
    except OSError as error:
        where = options.file or "standard input"
        raise CommandError(f"cannot read {where}: {error.strerror or error}") from None


def _bounded(lines: TextIO) -> Iterator[str]:
    """The lines. Raises OSError where one is so long that it can be no commands."""
    while line := lines.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise OSError(f"it has a line of more than {LONGEST_LINE:,} characters")
        yield line


def _run_lines(session: "Session", output: "Output", options: argparse.Namespace) -> int:
    """Does what stands in a script or comes through a pipe."""
    from digitnet.repl.loop import run_lines

    return run_lines(_lines(options), session, output)


def _converse(session: "Session", output: "Output", options: argparse.Namespace) -> int:
    """Opens the prompt."""
    from digitnet import paths
    from digitnet.repl.terminal.prompt import GREETING, converse
    from digitnet.repl.terminal.readers import Looks

    if not options.json:
        _greet(GREETING)
    if not options.json and session.unfinished.has_orphans():
        _greet("Unsaved training from the last session: type recover to load it.")
    session.interactive = True
    colours = not (options.no_color or os.environ.get("NO_COLOR"))
    looks = Looks(options.plain or options.json, colours)
    history = paths.state_folder() / "history"
    converse(session, output, yes=options.yes, looks=looks, history=history)
    return 0


def _greet(text: str) -> None:
    """Prints lines, broken between words where the terminal is narrow."""
    import shutil
    import textwrap

    for line in text.splitlines():
        print(textwrap.fill(line, max(1, shutil.get_terminal_size().columns - 1)))

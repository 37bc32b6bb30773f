"""The program: runs commands from a prompt, a script or a pipe."""

import argparse
import io
import os
import shutil
import signal
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from digitnet import paths
from digitnet.flags import Config, WrongFlags, read_flags
from digitnet.repl.errors import CommandError, OutputError
from digitnet.repl.loop import run_lines
from digitnet.repl.pictures.screen import Screen
from digitnet.repl.session import NonInteractive, Session
from digitnet.repl.terminal.keys import uninterruptible
from digitnet.repl.terminal.output import JsonOutput, Output, ScreenOutput, say_error
from digitnet.repl.terminal.prompt import GREETING, converse
from digitnet.repl.terminal.readers import Looks

MAX_LINE = 100_000
"""Maximum number of characters in a line of commands."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    try:
        return _main(sys.argv[1:] if arguments is None else list(arguments))
    except WrongFlags as error:
        say_error(f"{error}. digitnet --help lists the flags")
        return 2
    except KeyboardInterrupt:
        return 130


def _main(typed: Sequence[str]) -> int:
    """Parses the options and runs."""
    _prepare_streams()
    options, config = read_flags(typed, os.environ)
    if options.threads:
        _warn_of_too_many_threads(options.threads)
        # BLAS reads these once, when numpy and scipy load it
        for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ[name] = str(options.threads)
    return _run(options, config)


def _warn_of_too_many_threads(wanted: int) -> None:
    """Prints a warning if there are fewer cores than threads; only as many threads are used.

    It is not an error, so that a script with --threads runs on any machine.
    """
    cores = os.cpu_count() or 1
    if wanted > cores:
        say_error(f"--threads {wanted}: this machine has {cores} cores, so {cores} are used")


def _prepare_streams() -> None:
    """Makes the standard streams escape characters that they cannot encode or decode, and lets the
    terminal report its size if the environment has none.
    """
    for name in ("COLUMNS", "LINES"):
        if os.environ.get(name, "").strip("0 ") == "":
            os.environ.pop(name, None)
    if isinstance(getattr(sys.stdout, "buffer", None), io.RawIOBase):
        # under PYTHONUNBUFFERED, a write interrupted by a signal would lose data
        buffered = io.BufferedWriter(sys.stdout.buffer)
        sys.stdout = io.TextIOWrapper(buffered, sys.stdout.encoding, line_buffering=True)
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    with suppress(AttributeError):
        sys.stdin.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]


def _run(options: argparse.Namespace, config: "Config") -> int:
    """Runs a session, then autosaves unsaved training; returns the exit code."""
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
        elif unsaved and (warning := session.unfinished.warning):
            say_error(warning)
    if session.ended_by:  # everything is saved, so end by the same signal
        signal.signal(session.ended_by, signal.SIG_DFL)
        os.kill(os.getpid(), session.ended_by)
    return code


def _do(work: Callable[[], int], output: "Output") -> int:
    """Calls work(); prints an error that ends the program in one line, and returns 1."""
    try:
        return work()
    except CommandError as error:
        output.error("", str(error))
    except OutputError as error:
        # discards what Python would flush at exit
        with suppress(OSError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        say_error(str(error))
    return 1


def _output(options: argparse.Namespace, *, pages: bool) -> "Output":
    """The output: JSON, or the screen. pages: whether to page long results."""
    if options.json:
        return JsonOutput()

    def screen(stderr: bool) -> "Screen":
        return Screen(plain=options.plain, no_color=options.no_color or None, stderr=stderr)

    return ScreenOutput(screen, pages=pages)


def _has_terminal() -> bool:
    """Whether standard input and output are terminals."""
    return bool(sys.stdin and sys.stdin.isatty() and sys.stdout and sys.stdout.isatty())


def _lines(options: argparse.Namespace) -> Iterator[str]:
    """The lines of commands, read as needed. Raises CommandError if they cannot be read."""
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
    """The lines. Raises OSError for one that is longer than MAX_LINE."""
    while line := lines.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE:
            raise OSError(f"it has a line of more than {MAX_LINE:,} characters")
        yield line


def _run_lines(session: "Session", output: "Output", options: argparse.Namespace) -> int:
    """Runs the commands of -c, a script or a pipe; returns the exit code."""
    return run_lines(_lines(options), session, output)


def _converse(session: "Session", output: "Output", options: argparse.Namespace) -> int:
    """Opens the prompt."""
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
    """Prints lines, wrapped to the width of the terminal."""
    for line in text.splitlines():
        print(textwrap.fill(line, max(1, shutil.get_terminal_size().columns - 1)))

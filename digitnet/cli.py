"""The program: runs commands from a prompt, a script or a pipe.

This is the one file that imports late: a script has no need of prompt_toolkit, and the first prompt
none of numpy and rich, which a thread loads while the person looks at it.
"""

import argparse
import gc
import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from digitnet.flags import Config, WrongFlags, completion, read_flags
from digitnet.repl.errors import CommandError, OutputError, say_error
from digitnet.repl.interrupts import Interrupts, interruptible


def main(arguments: Sequence[str] | None = None) -> int:
    try:
        return _run(sys.argv[1:] if arguments is None else list(arguments))
    except (OutputError, BrokenPipeError) as error:
        # discards what Python would flush at exit
        with suppress(OSError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error.__cause__ or error, BrokenPipeError):  # as in `digitnet ... | head -1`
            return 128 + 13  # as a program that SIGPIPE has ended
        say_error(str(error))
        return 1
    except CommandError as error:
        say_error(str(error))
        return 2 if isinstance(error, WrongFlags) else 1
    except KeyboardInterrupt:
        return 130


def _run(typed: Sequence[str]) -> int:
    """Does what the arguments ask for; returns the exit code."""
    _prepare_streams()
    if sys.stdout is None:
        raise CommandError("standard output is closed")
    if not os.path.isabs(os.environ.get("HOME", "/")):  # noqa: PTH117 - relative or empty
        os.environ.pop("HOME", None)  # so that the user's entry in the system's list says it
    options, config = read_flags(typed, os.environ)
    if options.threads:
        _limit_threads(options.threads)
    if options.completion:
        print(completion(options.completion), flush=True)
    elif options.man or options.lines or options.file or not _has_terminal():
        return _script(options, config)
    else:
        return _prompt(options, config)
    return 0


@contextmanager
def _loading() -> Iterator[None]:
    """Makes errors of loading the program, as of a broken installation of numpy, CommandErrors."""
    gc.disable()  # nothing of what is loaded is garbage: looking for it takes a tenth of the time
    try:
        yield
    except Exception as error:
        raise CommandError(f"digitnet cannot be loaded: {type(error).__name__}: {error}") from error
    finally:
        gc.enable()


def _script(options: argparse.Namespace, config: Config) -> int:
    """Runs the commands of -c, a script or a pipe, or prints the manual; returns the exit code."""
    with _loading():
        from digitnet.repl.loop import Loop
    interrupts, code = Interrupts(), 1
    program = Loop.start(options, config, interrupts)
    if options.man:
        print(program.manual(), flush=True)
        return 0
    try:
        with interruptible(interrupts):
            code = program.run(options)
    except KeyboardInterrupt:
        code = 130
    finally:
        program.close(code)
    return code


def _prompt(options: argparse.Namespace, config: Config) -> int:
    with _loading():
        from digitnet.repl.terminal.prompt import open_prompt

    def load(interrupts: Interrupts) -> Any:
        with _loading():
            from digitnet.repl.conversation import Conversation
        return Conversation.start(options, config, interrupts)

    return open_prompt(options, config, load)


def _has_terminal() -> bool:
    return bool(sys.stdin and sys.stdin.isatty() and sys.stdout.isatty())


def _limit_threads(wanted: int) -> None:
    """Limits the threads of BLAS, which reads these variables once, when numpy and scipy load it.

    Prints a warning if there are fewer cores than threads; only as many threads are used. It is not
    an error, so that a script with --threads runs on any machine.
    """
    cores = os.cpu_count() or 1
    if wanted > cores:
        say_error(f"--threads {wanted}: this machine has {cores} cores, so {cores} are used")
    for name in ("OPENBLAS_NUM", "OMP_NUM", "MKL_NUM", "VECLIB_MAXIMUM"):
        os.environ[f"{name}_THREADS"] = str(wanted)


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
        encoding = sys.stdin.encoding if sys.stdin.isatty() else "utf-8"  # as scripts have
        sys.stdin.reconfigure(encoding=encoding, errors="surrogateescape")  # type: ignore[union-attr]

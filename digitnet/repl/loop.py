"""The program: a session, an output, and the loop that runs the commands of a line."""

import argparse
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from shlex import join
from time import perf_counter
from typing import Any, Self, TextIO

import numpy as np

from digitnet import paths
from digitnet.engine.report import Refused, Stopped
from digitnet.flags import Config, manual
from digitnet.repl import features as _features  # noqa: F401 - registers the commands
from digitnet.repl.command import COMMANDS, all_commands, expanded, find, split, understood
from digitnet.repl.errors import CommandError, OutputError, printable, say_error
from digitnet.repl.interrupts import Interrupts, uninterruptible
from digitnet.repl.pictures import Screen
from digitnet.repl.pictures.file import FLAGS, requested_picture
from digitnet.repl.result import Note, Result
from digitnet.repl.session import NonInteractive, Session
from digitnet.repl.terminal.output import JsonOutput, Output, ScreenOutput

MAX_LINE = 100_000  # maximum number of characters in a line of commands


class Loop:
    """A session with its output, which runs the lines of a script."""

    def __init__(self, session: Session, output: Output) -> None:
        self.session, self.output = session, output

    @classmethod
    def start(cls, options: argparse.Namespace, config: Config, interrupts: Interrupts) -> Self:
        """The program with these options."""
        for word in [word for word in config.aliases if word in COMMANDS]:
            del config.aliases[word]
            say_error(f"{config.path}: alias {word!r} is a command already. It is ignored")
        session = Session(
            saves=Path(options.saves) if options.saves else paths.saves_folder(),
            included=paths.included_folder(),
            data_folders=paths.data_folders(options.data),
            download_to=paths.cache_folder(),
            seed=options.seed,
            asker=NonInteractive(options.yes),
            vi=bool(options.vi),
            theme=options.theme or "auto",
            aliases=config.aliases,
            interrupts=interrupts,
        )
        if options.json:
            return cls(session, JsonOutput(reports=bool(options.reports)))
        looks: Any = {"no_color": options.no_color or None, "light": session.is_light}
        screen, errors = (
            Screen(plain=options.plain, stderr=stderr, **looks) for stderr in (False, True)
        )
        return cls(session, ScreenOutput(screen, errors))

    def run(self, options: argparse.Namespace) -> int:
        """Runs the commands of -c, a script or a pipe; returns the exit code: 0, 1 after a failure,
        130 after Ctrl-C.
        """
        code = 0
        try:
            for line in _lines(options):
                if not do_line(line, self.session, self.output):
                    code = 1
                if self.session.interrupts.asked:
                    return 130
                if self.session.is_over or (code and not options.keep_going):
                    break
        except CommandError as error:  # the script cannot be read
            self.output.error("", str(error))
            return 1
        return code

    def close(self, code: int) -> None:
        """Autosaves unsaved training; ends the process if a signal has ended the session."""
        session = self.session
        ended_by = session.interrupts.ended_by
        with uninterruptible():
            unsaved = session.hand if session.unsaved_batches else None
            meant = code == 0 and not ended_by
            autosaved = session.unfinished.at_exit(unsaved, meant=meant, asked=session.interactive)
            if autosaved:
                by = "ended by a signal; " if ended_by else ""
                say_error(f"{by}the unsaved training was autosaved: recover loads it")
            elif unsaved and (warning := session.unfinished.warning):
                say_error(warning)
        if ended_by:  # everything is saved, so end by the same signal
            signal.signal(ended_by, signal.SIG_DFL)
            os.kill(os.getpid(), ended_by)

    def manual(self) -> str:
        """The page that `man` shows."""
        return manual(
            (f"{c.usage} ({', '.join(c.aliases)})".removesuffix(" ()"), c.summary)
            for c in all_commands()
        )


def _lines(options: argparse.Namespace) -> Iterator[str]:
    """The lines of commands, read as needed. Raises CommandError if they cannot be read."""
    if options.lines:
        yield from "\n".join(options.lines).split("\n")
        return
    try:
        if options.file and options.file != "-":
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
    """The lines. Raises OSError for one longer than MAX_LINE, and for what is not UTF-8 text."""
    number = 0
    while line := lines.readline(MAX_LINE + 1):
        number += 1
        if number == 1 and not line.strip("\ufeff\r\n\t ").isprintable() and "\0" not in line:
            raise OSError("it is no text. To read a picture: digitnet -c 'l hand; img FILE'")
        if len(line) > MAX_LINE:
            raise OSError(f"it has a line of more than {MAX_LINE:,} characters")
        if "\0" in line:
            raise OSError("it is UTF-16, as PowerShell writes it, or no text; save it as UTF-8")
        yield line


def do_line(line: str, session: Session, output: Output) -> bool:
    """Runs the commands of a line until one fails or is interrupted, and says which are left;
    returns whether none failed.
    """
    try:
        calls = [call for words in split(line) for call in expanded(words, session.aliases)]
    except CommandError as error:
        output.error("", str(error))
        return False
    session.interrupts.asked, done = False, True
    while calls and done and not (session.is_over or session.interrupts.asked):
        words = calls.pop(0)
        done = do_command(understood(words), session, output)
        if not session.is_over:
            unsaved = session.hand if session.unsaved_batches else None
            session.unfinished.after_command(unsaved, session.before or unsaved)
            if warning := session.unfinished.new_warning():
                output.report(Note(f"Warning: {warning}"))
    if calls and not session.is_over:
        output.report(Note(f"Not run: {printable('; '.join(map(join, calls)))}."))
    return done


@np.errstate(all="ignore")  # huge weights overflow
def do_command(words: list[str], session: Session, output: Output) -> bool:
    """Runs one command and shows its result or error; returns whether it succeeded.

    Raises OutputError if the output cannot be written.
    """
    begun = perf_counter()
    with session.interrupts.during_command(lambda: output.tick(perf_counter() - begun)):
        return _do_command(words, session, output)


def _do_command(words: list[str], session: Session, output: Output) -> bool:
    session.done = name = ""
    done: Result | None = None
    arguments, draw = words[1:], None
    try:
        command = find(*words, saves=lambda: session.registry.names())  # noqa: PLW0108 - late
        name = command.name
        if command.is_picture or not FLAGS.isdisjoint(arguments):
            arguments, draw = requested_picture(command, arguments, session)
        session.to_file = draw is not None
        values, session.show = command.parse(arguments), output.report
        result: Result = command.function(session, *values)
        session.interrupts.set_timer(0)  # nothing ticks while the result is shown
        if draw:
            try:
                result = draw(result)
            except (Exception, KeyboardInterrupt):
                done = result  # still show it: the command may have run for hours
                raise
        output.result(name, result)
        session.done = name
    except OutputError:
        raise
    except (Stopped, KeyboardInterrupt):
        session.interrupts.asked = True
        kept = "; the network in hand is kept, as far as trained" if session.hand else ""
        output.error(name, f"interrupted{kept}", done)
        return False
    except Exception as error:
        output.error(name or printable(words[0], 40), _message(error), getattr(error, "done", done))
        return False
    return True


def _message(error: Exception) -> str:
    if isinstance(error, Refused):
        return str(error)
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}; the network in hand is unchanged"
    if isinstance(error, MemoryError):
        return "there is not enough memory for that; the network in hand is unchanged"
    if os.environ.get("DIGITNET_DEBUG"):
        raise error
    return (
        f"this should not have happened ({type(error).__name__}: {error}); the network in hand is "
        "kept. DIGITNET_DEBUG=1 shows where it was"
    )

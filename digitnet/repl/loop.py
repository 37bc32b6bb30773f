"""The command loop: runs the commands of a line and shows their results."""

import os
from collections.abc import Generator, Iterable

from digitnet.digits.datasets import NotHere
from digitnet.digits.idx import BadData
from digitnet.engine.report import Stopped
from digitnet.registry.files import RegistryError
from digitnet.repl import features as _features  # noqa: F401 - registers the commands
from digitnet.repl.command import Command, find
from digitnet.repl.errors import CommandError, OutputError, printable
from digitnet.repl.line import expanded, split
from digitnet.repl.pictures.file import requested_picture
from digitnet.repl.result import Note, Result
from digitnet.repl.session import Session
from digitnet.repl.terminal.keys import interruptible
from digitnet.repl.terminal.output import Output


def run_lines(lines: Iterable[str], session: Session, output: Output) -> int:
    """Runs the lines of a script; returns the exit code: 0, 1 after a failure, 130 after Ctrl-C."""
    with interruptible(session):
        for line in lines:
            done = do_line(line, session, output)
            if session.interrupted:
                return 130
            if not done:
                return 1
            if session.leaving:
                break
    return 0


def do_line(line: str, session: Session, output: Output) -> bool:
    """Runs the commands of a line until one fails or is interrupted; returns whether none did."""
    try:
        calls = [call for words in split(line) for call in expanded(words, session.aliases)]
    except CommandError as error:
        output.error("", str(error))
        return False
    session.interrupted = False
    for words in calls:
        done = do_command(words, session, output)
        if not session.leaving:
            session.unfinished.after_command(session.hand, session.unsaved_batches)
            if warning := session.unfinished.new_warning():
                output.report(Note(f"Warning: {warning}"))
        if not done:
            return False
        if session.leaving or session.interrupted:
            break
    return True


def do_command(words: list[str], session: Session, output: Output) -> bool:
    """Runs one command and shows its result or error; returns whether it succeeded.

    Raises OutputError if the output cannot be written.
    """
    session.done = ""
    done: Result | None = None
    name = printable(words[0], 40)
    try:
        command = find(words[0])
        name = command.name
        arguments, picture = requested_picture(command, words[1:], session.asker)
        result = _execute(command, arguments, session, output)
        if picture:
            try:
                result = picture.draw(result)
            except (Exception, KeyboardInterrupt):
                done = result  # still show it: the command may have run for hours
                raise
        output.result(name, result)
        session.done = name
    except OutputError:
        raise
    except (Stopped, KeyboardInterrupt):
        session.interrupted = True
        output.error(name, "interrupted; the network in hand is kept", done)
        return False
    except Exception as error:
        output.error(name, _message(error), done)
        return False
    return True


def _execute(command: Command, words: list[str], session: Session, output: Output) -> Result:
    """Runs a command, showing what a long one has done; returns its result."""
    arguments = command.parse(words)
    session.working, session.show = True, output.report
    try:
        result = command.function(session, *arguments)
        while isinstance(result, Generator):  # TEMPORARY: commands that are still generators
            try:
                session.report(next(result))
            except Stopped:
                pass
            except StopIteration as end:
                result = end.value
        done: Result = result
    finally:
        session.working = False
    return done


def _message(error: Exception) -> str:
    """The message for an error."""
    if isinstance(error, (CommandError, RegistryError, BadData, NotHere)):
        return str(error)
    if isinstance(error, MemoryError):
        return "there is not enough memory for that; the network in hand is unchanged"
    if os.environ.get("DIGITNET_DEBUG"):
        raise error
    return (
        f"this should not have happened ({type(error).__name__}: {error}); the network in hand is "
        "kept. DIGITNET_DEBUG=1 shows where it was"
    )

"""The prompt: reads lines at a terminal while the program is loaded, and has them run.

The first prompt needs prompt_toolkit alone. A thread loads the program, with numpy, scipy and rich,
while the person looks at it; a line typed before that waits for it.
"""

from pathlib import Path

from prompt_toolkit.utils import is_dumb_terminal

from digitnet.repl.interrupts import Interrupts, interruptible
from digitnet.repl.terminal.keys import keeping_keys
from digitnet.repl.terminal.readers import DumbReader, FullReader, Loading, Looks, Reader

GREETING = """\
digitnet {}: train a neural network to read handwritten digits.
{}tour shows you round in two minutes, ? lists all commands, s leaves."""

NEWCOMER = "Type t to train one, c to ask it, d to draw a digit, pas NAME to keep it.\n"
"""In place of what is told to who has saves, once the list of them is read."""


def converse(
    loading: Loading,
    interrupts: Interrupts,
    yes: bool = False,
    looks: Looks | None = Looks(),  # noqa: B008 - it is frozen
    history: Path | None = None,
) -> None:
    """Reads lines and runs them until the user leaves.

    yes: whether questions answer themselves. looks: None for plain text.
    """
    interrupts.at_prompt = True
    with keeping_keys(loading.suspend, loading.resume) as as_found:
        looks = None if is_dumb_terminal() else looks
        reader: Reader = FullReader(loading, looks, history) if looks else DumbReader(as_found)
        with interruptible(interrupts, reader.leave):
            if not looks:
                loading.wait()
                loading.say_first()
            while not (interrupts.ended_by or (loading.program and loading.program.is_over)):
                line = _line(reader, loading)
                if line is not None and not interrupts.ended_by:
                    loading.wait().converse(reader, looks, yes=yes)
                    loading.say_first()
                    loading.wait().do(line)


def _line(reader: Reader, loading: Loading) -> str | None:
    """A line, None if Ctrl-C was pressed; Ctrl-D leaves like `s`."""
    try:
        return reader.line(loading.program.message if loading.program else "digitnet> ")
    except KeyboardInterrupt:
        return None
    except EOFError:
        return "s"

"""Makes the session that the README shows: `python tests/golden/transcript.py` prints it."""

import sys
import tempfile
from collections.abc import Iterable
from io import StringIO
from pathlib import Path

from digitnet import __version__
from digitnet.repl.conversation import Conversation
from digitnet.repl.pictures import Screen
from digitnet.repl.session import Session
from digitnet.repl.terminal.output import ScreenOutput
from digitnet.repl.terminal.prompt import GREETING, NEWCOMER

ROOT = Path(__file__).parent.parent.parent
LINES = ["t 2e", "c 3", "ch all", "pas first", "s"]


def transcript(lines: Iterable[str], saves: Path) -> str:
    """What a person sees who types these lines at a screen of 80 columns, with seed 1."""
    session = Session(saves, [ROOT / "data"], saves, seed=1)
    shown = StringIO()
    program = Conversation(session, ScreenOutput(Screen(shown, width=80)))
    shown.write(f"{GREETING.format(__version__, NEWCOMER)}\n")
    for line in lines:
        shown.write(f"{program.message()}{line}\n")
        program.do(line)
    return "\n".join(line.rstrip() for line in shown.getvalue().splitlines()) + "\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.write(transcript(LINES, Path(folder)))

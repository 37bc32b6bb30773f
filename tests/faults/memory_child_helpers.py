"""Uses a save by every command in a process of its own; prints what memory each has taken.

Called with the folder of saves. It prints a line of JSON for each command: the command, the peak in
MiB, the seconds until it was heard of, and what was said.
"""

import io
import json
import re
import sys
import threading
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from digitnet.repl.loop import do_line
from digitnet.repl.pictures import Screen
from digitnet.repl.session import NonInteractive, Session
from digitnet.repl.terminal.output import ScreenOutput

DATA = Path(__file__).parent.parent.parent / "data"
LINES = (
    *("ls", "l x", "i", "c 1", "ch 20", "ch all", "show", "w", "cm", "wrong", "why 1", "step"),
    *("grad", "t 1", "min 1", "doctor", "find rate", "look", "diff x x", "vote x x", "l x; p"),
    *("l x; export {0}/x.npz", "study rate 0.1 0.2 --for 1", "set average 0.9; t 1", "c 1 layers"),
)
SECONDS = 10
"""After so many, a command is interrupted."""


class Heard(ScreenOutput):
    """Notes when a command was first heard of."""

    first = 0.0

    def report(self, update: object) -> None:
        self.first = self.first or time.monotonic()


def peak() -> float:
    """The most memory since it was last reset, in MiB."""
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) / 1024


def use(saves: Path) -> None:
    """Does every command, and tells what it took."""
    session = Session(saves, [DATA], saves / "downloads", seed=1, asker=NonInteractive(yes=True))
    for line in LINES:
        Path("/proc/self/clear_refs").write_text("5")
        out = io.StringIO()
        with redirect_stdout(out), redirect_stderr(out):
            output = Heard(Screen(width=80), Screen(stderr=True, width=200))
            timer = threading.Timer(SECONDS, lambda: setattr(session.interrupts, "asked", True))
            begun = time.monotonic()
            timer.start()
            do_line(line.format(saves), session, output)
            timer.cancel()
        seconds = time.monotonic() - begun
        silent = (output.first or time.monotonic()) - begun
        told = {"line": line, "mib": peak(), "seconds": seconds, "silent": silent}
        print(json.dumps(told | {"said": out.getvalue()[-200:]}), flush=True)


if __name__ == "__main__":
    use(Path(sys.argv[1]))

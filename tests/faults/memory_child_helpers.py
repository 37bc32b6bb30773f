"""Uses a save by every command in a process of its own; prints what memory each has taken.

Called with the folder of saves. It prints a line of JSON for each command: the command, the peak in
MiB, and what was said.
"""

import _thread
import io
import json
import re
import sys
import threading
from contextlib import redirect_stderr, redirect_stdout, suppress
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
SECONDS = 5  # after so many, a command is interrupted: what it takes it has by then


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
        out, timer = io.StringIO(), threading.Timer(SECONDS, _thread.interrupt_main)
        with redirect_stdout(out), redirect_stderr(out), suppress(KeyboardInterrupt):
            output = ScreenOutput(Screen(width=80), Screen(stderr=True, width=200))
            timer.start()
            do_line(line.format(saves), session, output)
        timer.cancel()
        said = out.getvalue()
        unforeseen = "should not have happened" in said or "Traceback" in said
        told = {"line": line, "mib": peak(), "unforeseen": unforeseen, "said": said[-200:]}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    use(Path(sys.argv[1]))

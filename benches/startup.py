"""Seconds until the first prompt is on the screen: digitnet beside litecli, another such program.

    python benches/startup.py [--rival LITECLI] [--rounds 15]

Each program starts at a pseudo-terminal of 80 by 24, in turn, `--rounds` times, after two starts
that do not count. The table gives the median and the fastest, and digitnet's ratio to litecli.
`--rival` is the command litecli of an environment of its own (`pip install litecli==1.17.1`).
"""

import argparse
import os
import re
import statistics
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import pexpect

ROOT = Path(__file__).parent.parent
ASKS_FOR_CURSOR = b"\x1b[6n"
_ESCAPES = re.compile(rb"\x1b(\[[0-9;?]*[a-zA-Z]|[()][0AB]|[=>78])")


def seconds_to_prompt(arguments, prompt, home):
    """From the start of the program until its prompt has been written."""
    env = os.environ | {"HOME": home, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    env |= {"XDG_CONFIG_HOME": home, "XDG_STATE_HOME": home, "PYTHONPATH": str(ROOT)}
    begun = perf_counter()
    child = pexpect.spawn(arguments[0], arguments[1:], env=env, dimensions=(24, 80), timeout=20)
    written, answered = b"", 0
    while not re.search(prompt, _ESCAPES.sub(b"", written)):
        written += child.read_nonblocking(65536, timeout=20)
        while written.count(ASKS_FOR_CURSOR) > answered:  # as a terminal does
            child.send("\x1b[1;1R")
            answered += 1
    taken = perf_counter() - begun
    child.close(force=True)
    return taken


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rival", default="")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    programs = {"digitnet": ([sys.executable, "-m", "digitnet"], rb"digitnet>")}
    if options.rival:
        programs["litecli"] = ([options.rival, ":memory:"], rb":memory:>")
    found = {name: [] for name in programs}
    with tempfile.TemporaryDirectory() as home:
        for number in range(options.rounds + 2):
            for name, (arguments, prompt) in programs.items():
                taken = seconds_to_prompt(arguments, prompt, home)
                if number >= 2:
                    found[name].append(taken)
    print("seconds to the first prompt, of", options.rounds)
    print(f"{'':10} {'median':>7} {'fastest':>8}")
    for name, times in found.items():
        print(f"{name:10} {statistics.median(times):7.3f} {min(times):8.3f}")
    if options.rival:
        medians = [statistics.median(found[name]) for name in ("digitnet", "litecli")]
        print(f"digitnet / litecli {medians[0] / medians[1]:.2f}")


if __name__ == "__main__":
    main()

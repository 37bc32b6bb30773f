"""What the display costs: the share of training time that `t` spends on its lines and curves.

    python tests/bench/live.py [--seconds 20] [--rounds 5]

Trains the recipe `relu` on the sample with and without a display (80 by 24, written to a
pseudo-terminal that somebody reads), in turn, and prints cases a second, the share lost, and the
share that the drawing itself measured.
"""

import argparse
import os
import statistics
import sys
import tempfile
import threading
from contextlib import suppress
from io import StringIO
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))


def train(seconds, screen_file):
    """Cases a second of a training, and the share of its time that drawing took."""
    from digitnet.engine.amount import Amount
    from digitnet.recipes import RECIPES
    from digitnet.repl.commands.training import train as command
    from digitnet.repl.session import Session
    from digitnet.repl.terminal.canvas import Canvas
    from digitnet.repl.terminal.output import ScreenOutput
    from digitnet.repl.views.screen import Screen

    with tempfile.TemporaryDirectory() as folder:
        session = Session(Path(folder), [ROOT / "data"], Path(folder), seed=1)
        session.new(RECIPES["relu"])
        shown, terminal = screen_file or StringIO(), screen_file is not None
        output = ScreenOutput(
            lambda stderr: Screen(shown, width=80, force_terminal=terminal, plain=not terminal)
        )
        drawn, draw = [0.0], Canvas.draw

        def timed(canvas, what):
            begun = perf_counter()
            draw(canvas, what)
            drawn[0] += perf_counter() - begun

        Canvas.draw = timed
        begun = perf_counter()
        working = command(session, Amount(seconds, "seconds"))
        with output.live():
            while True:
                try:
                    output.report(next(working))
                except StopIteration as end:
                    result = end.value.as_json()
                    break
        Canvas.draw = draw
        return result["samples_per_second"], drawn[0] / (perf_counter() - begun)


def main():
    """Prints the shares."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    mine, theirs = os.openpty()

    def read():
        with suppress(OSError):  # the end
            while os.read(mine, 65536):
                pass

    threading.Thread(target=read, daemon=True).start()
    with os.fdopen(theirs, "w") as terminal:
        rows = []
        for _ in range(options.rounds):
            quiet, _none = train(options.seconds, None)
            shown, share = train(options.seconds, terminal)
            rows.append((quiet, shown, 1 - shown / quiet, share))
            print(
                f"cases/s without {quiet:8,.0f}  with {shown:8,.0f}  lost {1 - shown / quiet:6.2%}"
                f"  drawing {share:6.2%}"
            )
        lost, drawing = (statistics.median(row[k] for row in rows) for k in (2, 3))
        print(f"medians: lost {lost:.2%}, drawing {drawing:.2%}")


if __name__ == "__main__":
    main()

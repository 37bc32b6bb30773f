"""What the display costs: the share of training time that `t` spends on its lines and curves.

    python benches/live.py [--seconds 20] [--rounds 5] [--recipe relu] [--watch both]

Trains a recipe on the sample with and without a display (80 by 24, or 120 by 40 with something to
watch, written to a pseudo-terminal that somebody reads), in turn, and prints cases a second, the
share lost, and the share that the drawing itself, with `set watch`, measured.
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

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))


def train(options, screen_file):
    """Cases a second of a training, and the share of its time that drawing took."""
    from digitnet.engine.schedules import Amount
    from digitnet.recipes import RECIPES
    from digitnet.repl.features.train import train as command
    from digitnet.repl.pictures import Screen
    from digitnet.repl.session import Session
    from digitnet.repl.terminal.output import Canvas, ScreenOutput

    with tempfile.TemporaryDirectory() as folder:
        session = Session(Path(folder), [ROOT / "data"], Path(folder), seed=1)
        session.take(session.make(RECIPES[options.recipe]), is_saved=False)
        session.watch = options.watch
        columns, rows = (80, 24) if options.watch == "off" else (120, 40)
        shown, terminal = screen_file or StringIO(), screen_file is not None

        screen = Screen(shown, width=columns, force_terminal=terminal, plain=not terminal)
        screen.height = rows
        session.show = ScreenOutput(screen).report
        drawn, draw = [0.0], Canvas.draw

        def timed(method):
            def run(*arguments):
                begun = perf_counter()
                method(*arguments)
                drawn[0] += perf_counter() - begun

            return run

        Canvas.draw = timed(draw)
        begun = perf_counter()
        result = command(session, Amount(options.seconds, "seconds")).as_json()
        Canvas.draw = draw
        return result["samples_per_second"], drawn[0] / (perf_counter() - begun)


def main():
    """Prints the shares."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--recipe", default="relu")
    parser.add_argument("--watch", default="off", help="misread, weights or both")
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
            quiet, _none = train(options, None)
            shown, share = train(options, terminal)
            rows.append((quiet, shown, 1 - shown / quiet, share))
            print(
                f"cases/s without {quiet:8,.0f}  with {shown:8,.0f}  lost {1 - shown / quiet:6.2%}"
                f"  drawing {share:6.2%}"
            )
        lost, drawing = (statistics.median(row[k] for row in rows) for k in (2, 3))
        print(f"medians: lost {lost:.2%}, drawing {drawing:.2%}")


if __name__ == "__main__":
    main()

"""What the display costs: the share of training time that `t` spends on its lines and curves.

    python benches/live.py [--seconds 20] [--rounds 5] [--recipe relu] [--watch both]
    python benches/live.py --watch look     # look train instead of t
    python benches/live.py --frames 200     # the frames of look, one after the other

Trains a recipe on the sample with and without a display (80 by 24, or 120 by 40 with something to
watch, written to a pseudo-terminal that somebody reads), in turn, and prints cases a second, the
share lost, and the share that the drawing itself, with `set watch`, measured. Or draws frames of
`look` at 120 by 40, each of another case, or the next phase of one, and prints how many a second by
the clock and by processor time.
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
from time import perf_counter, process_time

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))


def train(options, screen_file):
    """Cases a second of a training, and the share of its time that drawing took."""
    from digitnet.engine.schedules import Amount
    from digitnet.recipes import RECIPES
    from digitnet.repl.features.look import look
    from digitnet.repl.features.train import train as command
    from digitnet.repl.pictures import Screen
    from digitnet.repl.session import Session
    from digitnet.repl.terminal.output import Canvas, ScreenOutput

    with tempfile.TemporaryDirectory() as folder:
        session = Session(Path(folder), [ROOT / "data"], Path(folder), seed=1)
        session.take(session.make(RECIPES[options.recipe]), is_saved=False)
        is_look = options.watch == "look" and screen_file is not None
        session.watch = "off" if options.watch == "look" else options.watch
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
        amount = Amount(options.seconds, "seconds")
        result = (look(session, "train", amount) if is_look else command(session, amount)).as_json()
        Canvas.draw = draw
        return result["samples_per_second"], drawn[0] / (perf_counter() - begun)


def frames(options, terminal):
    """Prints how many frames of `look` are drawn in a second."""
    from prompt_toolkit.application import Application, create_app_session
    from prompt_toolkit.application.current import set_app
    from prompt_toolkit.data_structures import Size
    from prompt_toolkit.input import create_pipe_input
    from prompt_toolkit.layout import Layout, Window
    from prompt_toolkit.output import ColorDepth
    from prompt_toolkit.output.vt100 import Vt100_Output

    from digitnet.recipes import RECIPES
    from digitnet.repl.features.look import Viewer
    from digitnet.repl.pictures.network import phases
    from digitnet.repl.session import Session
    from digitnet.repl.terminal.person import _Control

    with tempfile.TemporaryDirectory() as folder, create_pipe_input() as keys:
        session = Session(Path(folder), [ROOT / "data"], Path(folder), seed=1)
        session.take(session.make(RECIPES[options.recipe]), is_saved=False)
        view = Viewer(session, session.network(), session.data(), 0)
        output = Vt100_Output(
            terminal, lambda: Size(40, 120), default_color_depth=ColorDepth.TRUE_COLOR
        )
        with create_app_session(input=keys, output=output):
            app = Application(full_screen=True)
            app.layout = Layout(Window(_Control(view, app, light=False)))
            for what in ("case", "phase"):
                clock, processor = perf_counter(), process_time()
                for number in range(options.frames):
                    if what == "case":
                        view.press("right")
                    else:
                        view.running = number % len(phases(view.picture.scene))
                    with set_app(app):
                        app.renderer.render(app, app.layout)
                clock, processor = perf_counter() - clock, process_time() - processor
                print(
                    f"another {what}: {options.frames / clock:.0f} frames a second by the clock, "
                    f"{1000 * processor / options.frames:.1f} ms of processor time each"
                )


def main():
    """Prints the shares."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--recipe", default="relu")
    parser.add_argument("--watch", default="off", help="misread, weights, both or look")
    parser.add_argument("--frames", type=int, default=0, help="how many frames of look to draw")
    options = parser.parse_args()
    mine, theirs = os.openpty()

    def read():
        with suppress(OSError):  # the end
            while os.read(mine, 65536):
                pass

    threading.Thread(target=read, daemon=True).start()
    with os.fdopen(theirs, "w") as terminal:
        if options.frames:
            frames(options, terminal)
            return
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

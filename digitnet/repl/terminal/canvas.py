"""Lines at the foot of the screen that renew themselves while a command works.

Between two drawings the cursor waits at the start of the first line. Terminals that wrap lines anew
when the window gets narrower move it along with its line, and the others leave it where it is:
either way, what is below it is what was drawn. There is no prompt meanwhile and the cursor is never
hidden, so the screen can be left at any moment.
"""

from time import perf_counter, thread_time

from rich.console import Console, RenderableType
from rich.segment import Segment, Segments

MAX_LOAD, INITIAL_SECONDS = 0.01, 0.05
"""Of the time, drawing takes at most this share, and so many seconds at the beginning: of the
processor's, so that other programs at work do not count."""
UNCOUNTED = 2
"""The first drawings are not counted: the libraries they import would use up a minute's share."""
CUT_LINES, WRAP_LINES = "\x1b[?7l", "\x1b[?7h"
"""Lines that have become too long for the window, while they are written, are cut."""
ERASE_LINE, ERASE_BELOW = "\x1b[2K", "\x1b[J"


class Canvas:
    """The last lines on a terminal, drawn over and over."""

    def __init__(self, screen: Console) -> None:
        """Nothing is drawn yet."""
        self._screen = screen
        self._drawn = 0  # lines
        self._size = screen.size
        self._begun = perf_counter()
        self._spent, self._uncounted = 0.0, UNCOUNTED

    def draw(self, what: RenderableType) -> None:
        """Draws over what was drawn before, unless drawing has taken too much time already."""
        screen, begun = self._screen, thread_time()
        has_time = self._spent < INITIAL_SECONDS + MAX_LOAD * (perf_counter() - self._begun)
        if screen.size == self._size and not has_time:
            return
        self._size = screen.size
        lines = screen.render_lines(what, pad=False)[: max(1, screen.height - 1)]
        with screen.capture() as captured:
            for line in lines:
                screen.print(Segments([*line, Segment.line()]), end="")
        *above, last = captured.get().removesuffix("\n").split("\n")
        drawn = "".join(f"{ERASE_LINE}{line}\n" for line in above) + ERASE_BELOW + last
        back = f"\r\x1b[{len(above)}A" if above else "\r"
        self._write(f"\r{CUT_LINES}{drawn}{WRAP_LINES}{back}")
        self._drawn = len(above) + 1
        if self._uncounted:
            self._uncounted -= 1
        else:
            self._spent += thread_time() - begun

    def clear(self) -> None:
        """Takes the lines away, so that what is printed next stands in their place."""
        if self._drawn:
            self._write(f"\r{ERASE_BELOW}")
        self.reset()

    def move_below(self) -> None:
        """Puts the cursor below the lines, where others may write."""
        if self._drawn > 1:
            self._write(f"\x1b[{self._drawn - 1}B")
        self.reset()

    def reset(self) -> None:
        """Leaves the lines where they are, and draws the next ones from where the cursor is."""
        self._drawn = 0

    def _write(self, text: str) -> None:
        self._screen.file.write(text)
        self._screen.file.flush()

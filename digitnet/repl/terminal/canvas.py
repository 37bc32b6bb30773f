"""Lines at the bottom of the screen that are redrawn while a command runs.

Between redraws the cursor is at the start of the first line. When the window gets narrower, some
terminals rewrap lines and move the cursor with its line, others leave it: either way, what was
drawn is below it. There is no prompt meanwhile and the cursor is never hidden, so the program can
be interrupted at any moment.
"""

from time import perf_counter, thread_time

from rich.console import Console, RenderableType
from rich.segment import Segment, Segments

MAX_LOAD, INITIAL_SECONDS = 0.01, 0.05
"""Drawing takes at most this fraction of the time, plus these seconds at the start. CPU time, so
that other programs do not count."""
UNCOUNTED = 2
"""The first redraws are not counted: the imports they cause would use up a minute's budget."""
CUT_LINES, WRAP_LINES = "\x1b[?7l", "\x1b[?7h"
"""Turns line wrapping off and on: lines too long for a window that has shrunk are cut."""
ERASE_LINE, ERASE_BELOW = "\x1b[2K", "\x1b[J"


class Canvas:
    """Lines at the bottom of a terminal that are redrawn in place."""

    def __init__(self, screen: Console) -> None:
        """Draws nothing yet."""
        self._screen = screen
        self._drawn = 0  # lines
        self._size = screen.size
        self._begun = perf_counter()
        self._spent, self._uncounted = 0.0, UNCOUNTED

    def draw(self, what: RenderableType) -> None:
        """Redraws the lines, unless drawing has taken too much time already."""
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
        """Erases the lines; what is printed next takes their place."""
        if self._drawn:
            self._write(f"\r{ERASE_BELOW}")
        self.reset()

    def move_below(self) -> None:
        """Moves the cursor below the lines, so that the shell can write there."""
        if self._drawn > 1:
            self._write(f"\x1b[{self._drawn - 1}B")
        self.reset()

    def reset(self) -> None:
        """Leaves the lines on the screen; the next ones are drawn at the cursor."""
        self._drawn = 0

    def _write(self, text: str) -> None:
        self._screen.file.write(text)
        self._screen.file.flush()

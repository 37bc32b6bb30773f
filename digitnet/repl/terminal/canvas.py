"""Lines at the foot of the screen that renew themselves while a command works.

There is no prompt meanwhile, the cursor is never hidden, and nothing is remembered but how long the
lines are, so the screen can be left at any moment. After a resize the old lines are found again as
terminals wrap them; after Ctrl-Z and `fg` new ones begin below what the shell wrote.
"""

from math import ceil
from time import perf_counter

from rich.console import Console, RenderableType
from rich.segment import Segment, Segments

SHARE, AT_ONCE = 0.01, 0.05
"""Of the time, drawing takes at most this share, and so many seconds at the beginning."""


class Canvas:
    """The last lines on a terminal, drawn over and over."""

    def __init__(self, screen: Console) -> None:
        """Nothing is drawn yet."""
        self._screen = screen
        self._widths: list[int] = []  # of the lines that are drawn
        self._size = screen.size
        self._begun = perf_counter()
        self._spent = 0.0

    def draw(self, what: RenderableType) -> None:
        """Draws over what was drawn before, unless drawing has taken too much time already."""
        screen, begun = self._screen, perf_counter()
        has_time = self._spent < AT_ONCE + SHARE * (begun - self._begun)
        if screen.size == self._size and not has_time:
            return
        self._size = screen.size
        lines = screen.render_lines(what, pad=False)[: max(1, screen.height - 1)]
        with screen.capture() as captured:
            for line in lines:
                screen.print(Segments([*line, Segment.line()]), end="")
        drawn = captured.get().removesuffix("\n").replace("\n", "\n\x1b[2K")
        self._write(f"{self._to_the_top()}\x1b[2K{drawn}\x1b[J")
        self._widths = [Segment.get_line_length(line) for line in lines]
        self._spent += perf_counter() - begun

    def clear(self) -> None:
        """Takes the lines away, so that what is printed next stands in their place."""
        if self._widths:
            self._write(f"{self._to_the_top()}\x1b[J")
        self.forget()

    def forget(self) -> None:
        """Leaves the lines where they are, and draws the next ones from where the cursor is."""
        self._widths = []

    def _to_the_top(self) -> str:
        """Moves the cursor from the end of the last line to the start of the first."""
        across = max(1, self._screen.width)
        up = sum(max(1, ceil(width / across)) for width in self._widths) - 1
        return f"\r\x1b[{up}A" if up > 0 else "\r"

    def _write(self, text: str) -> None:
        self._screen.file.write(text)
        self._screen.file.flush()

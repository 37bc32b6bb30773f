"""What several features draw, and the console that everything is printed on."""

from typing import IO, Any

from rich.console import Console, ConsoleOptions


class Screen(Console):
    """A rich console without markup, emoji codes or highlighting.

    plain: whether to print text only, whatever the terminal supports.
    """

    def __init__(self, file: IO[str] | None = None, *, plain: bool = False, **options: Any) -> None:
        """options: those of rich's Console."""
        no_colour = {"no_color": True} if plain else {}
        super().__init__(
            file=file, markup=False, emoji=False, highlight=False, **options | no_colour
        )
        self.plain = plain or self.is_dumb_terminal
        self._is_forced = bool(options.get("force_terminal"))

    @property
    def can_redraw(self) -> bool:
        """Whether printed lines can be overwritten; not in a file, even if FORCE_COLOR is set."""
        can = self.is_terminal and not self.plain and not self.legacy_windows
        return can and (self._is_forced or self.file.isatty())

    def on_broken_pipe(self) -> None:
        """Raises BrokenPipeError for a closed output; rich would exit silently."""
        raise BrokenPipeError


def draws_blocks(console: Console, options: ConsoleOptions) -> bool:
    """Whether block characters may be used: not if plain, or without Unicode."""
    return not options.ascii_only and not getattr(console, "plain", False)


def draws_shades(console: Console) -> bool:
    """Whether there are enough colours for shades of grey."""
    return console.color_system in ("256", "truecolor") and not console.no_color

"""The console everything is printed on, and what it can show."""

from typing import IO, Literal

from rich.console import Console, ConsoleOptions


class Screen(Console):
    """A rich console that takes text as it is: no markup, no emoji codes, nothing highlighted.

    plain: nothing but text, whatever the terminal could do.
    """

    def __init__(
        self,
        file: IO[str] | None = None,
        *,
        plain: bool = False,
        no_color: bool | None = None,
        width: int | None = None,
        force_terminal: bool | None = None,
        stderr: bool = False,
        record: bool = False,
        color_system: Literal["auto", "truecolor"] = "auto",
    ) -> None:
        """The arguments are rich's own; width None is the terminal's."""
        super().__init__(
            file=file,
            markup=False,
            emoji=False,
            highlight=False,
            soft_wrap=False,
            no_color=True if plain else no_color,
            width=width,
            force_terminal=force_terminal,
            stderr=stderr,
            record=record,
            color_system=color_system,
        )
        self.plain = plain or self.is_dumb_terminal

    @property
    def renews(self) -> bool:
        """Whether lines that were printed can be printed over."""
        return self.is_terminal and not self.plain and not self.legacy_windows

    def on_broken_pipe(self) -> None:
        """Leaves a closed output to the program, where rich would end it without a word."""
        raise BrokenPipeError


def draws_blocks(console: Console, options: ConsoleOptions) -> bool:
    """Whether block characters may be used: not on plain screens, nor without Unicode."""
    return not options.ascii_only and not getattr(console, "plain", False)


def draws_shades(console: Console) -> bool:
    """Whether there are enough colours for shades of grey."""
    return console.color_system in ("256", "truecolor") and not console.no_color

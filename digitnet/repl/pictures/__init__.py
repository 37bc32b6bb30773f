"""What several features draw, the console it is printed on, and what that can show."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.style import Style

ON_LIGHT: dict[str | Style, str] = {
    "green": "#00702c",
    "bold green": "bold #00702c",
    "cyan": "#00607a",
}
"""Colours that a light background swallows → darker ones."""


class Screen(Console):
    """A rich console without markup, emoji codes or highlighting.

    plain: whether to print text only, whatever the terminal supports. light: whether the background
    is light.
    """

    def __init__(
        self,
        file: IO[str] | None = None,
        *,
        plain: bool = False,
        light: Callable[[], bool] = lambda: False,
        **options: Any,
    ) -> None:
        if plain:  # no escape sequence at all, also with FORCE_COLOR
            options |= {"no_color": True, "color_system": None}
        super().__init__(file=file, markup=False, emoji=False, highlight=False, **options)
        self.plain, self.light = plain or self.is_dumb_terminal, light
        self._is_forced = bool(options.get("force_terminal"))

    @property
    def can_redraw(self) -> bool:
        """Whether printed lines can be overwritten; not in a file, even if FORCE_COLOR is set."""
        can = self.is_terminal and not self.plain and not self.legacy_windows
        return can and (self._is_forced or self.file.isatty())

    def get_style(self, name: str | Style, *, default: Style | str | None = None) -> Style:
        name = ON_LIGHT.get(name, name) if self.light() else name
        return super().get_style(name, default=default)

    def on_broken_pipe(self) -> None:
        """Raises BrokenPipeError for a closed output; rich would exit silently."""
        raise BrokenPipeError


@dataclass(frozen=True)
class View:
    """The place to draw in: its columns, the lines of the screen, and what can be shown there.

    blocks: whether block characters may be used. shades: whether there are enough colours for
    shades of grey. redraws: whether printed lines can be overwritten. is_picture: whether it is a
    picture in a file, and not pages one after the other. light: whether its background is light.
    """

    width: int
    height: int
    blocks: bool
    shades: bool
    redraws: bool
    is_picture: bool
    light: bool

    @classmethod
    def of(cls, console: Console, options: ConsoleOptions) -> "View":
        blocks = not options.ascii_only and not getattr(console, "plain", False)
        shades = console.color_system in ("256", "truecolor") and not console.no_color
        redraws = getattr(console, "can_redraw", False)
        light = isinstance(console, Screen) and console.light()
        size = options.max_width, console.height
        return cls(*size, blocks, shades, redraws, console.record, light)


class Drawn:
    """Base class of what is drawn to fit its place: `drawn` yields texts, tables and others.

    shown: what it looks like, or what draws it in a view, unless `drawn` is overridden.
    """

    shown: RenderableType | Callable[[View], RenderResult]

    def drawn(self, view: View) -> RenderResult:
        yield from self.shown(view) if callable(self.shown) else [self.shown]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        return self.drawn(View.of(console, options))

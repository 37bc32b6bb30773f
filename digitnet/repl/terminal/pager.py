"""The pager: what is longer than the screen is shown a page at a time."""

from collections.abc import Callable, Sequence

from prompt_toolkit.application import Application
from prompt_toolkit.input.typeahead import store_typeahead
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import FormattedTextControl, Layout, Window

from digitnet.repl.terminal import PROMPT_ROWS

PAGE, LINE, END = "page", "line", "end"

KEYS = {
    PAGE: (" ", "f", "pagedown", "c-f"),
    LINE: ("enter", "j", "down"),
    END: ("q", "Q", "escape", "c-c", "c-d"),
}


def show_pages(
    lines: Sequence[str], height: Callable[[], int], write: Callable[[str], object]
) -> None:
    """Writes the lines page by page, and waits for a key after each.

    height(): returns the current number of rows of the screen.
    """
    shown, step = 0, height() - 1
    while True:
        if step >= len(lines) - shown:  # the last page: the prompt follows
            step = min(step, height() - PROMPT_ROWS)
        page = lines[shown : shown + max(1, step)]
        write("".join(f"{line}\n" for line in page))
        shown += len(page)
        if shown >= len(lines):
            return
        wish = _wish(f"{shown} of {len(lines)} lines. Space: more, Enter: a line, q: enough")
        if wish == END:
            return
        step = 1 if wish == LINE else height() - 1


def _wish(said: str) -> str:
    """Waits for a key; returns PAGE, LINE or END. Other keys end, and are left to the prompt."""
    bindings = KeyBindings()

    @bindings.add(Keys.Any)
    def leave_to_the_prompt(event: KeyPressEvent) -> None:
        store_typeahead(event.app.input, list(event.key_sequence))
        event.app.exit(result=END)

    for wish, keys in KEYS.items():
        for key in keys:
            bindings.add(key)(lambda event, wish=wish: event.app.exit(result=wish))
    foot = Window(FormattedTextControl([("reverse", said)]), height=1)
    app: Application[str] = Application(Layout(foot), key_bindings=bindings, erase_when_done=True)
    try:
        return app.run()
    except (EOFError, KeyboardInterrupt):  # the terminal is closed
        return END

"""A misread case for a gallery: its answer, guess and confidence."""

from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions
from rich.text import Text

from digitnet.repl.views.gallery import Framed, small_case

if TYPE_CHECKING:
    from digitnet.repl.commands.misreading import Misread


def framed(case: "Misread", console: Console, options: ConsoleOptions) -> Framed:
    """The picture over `4 as 9  0.98`, in the colours of answer and guess in `c`, and its index."""
    label = Text.assemble(
        (str(case.answer), "bold yellow"),
        " as ",
        (str(case.guess), "bold red"),
        f"  {case.confidence:.2f}\n",
        (f"case {case.index:,}", "dim"),
    )
    return small_case(case.inputs, console, options), label

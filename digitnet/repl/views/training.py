"""A training under way, and what came of it."""

from rich.console import Console, ConsoleOptions
from rich.text import Text

from digitnet.engine.trainer import Outcome, Report
from digitnet.repl.views.outputs import bar
from digitnet.repl.views.screen import draws_blocks
from digitnet.repl.views.tables import duration, percent

BAR = 24

ENDINGS = {
    "done": "",
    "target": "The accuracy asked for is reached.",
    "interrupted": "Interrupted: the training so far is kept.",
    "diverged": (
        "The cost was no longer a number, so training stopped and the last good weights are back. "
        "A smaller rate helps: set rate {rate:g}"
    ),
}


def progress_line(report: Report, console: Console, options: ConsoleOptions) -> Text:
    """One line that fits the screen: what matters most stays longest."""
    if report.part is None:
        parts = [f"{report.batches:,} mini-batches"]
    else:
        blocks = draws_blocks(console, options)
        parts = [f"{report.part:4.0%}", f"[{bar(report.part, BAR, blocks=blocks)}]"]
    speed = f"{report.samples / max(report.seconds, 1e-9):,.0f} cases/s"
    left = "" if report.remaining is None else f"{duration(report.remaining)} left"
    numbers = [f"cost {report.cost:.3g}", f"accuracy {percent(report.accuracy)}", left, speed]
    order = [parts[0], *numbers, *parts[1:]]
    shown: list[str] = []
    for text in order:  # most important first
        if text and len("  ".join([*shown, text])) < options.max_width:
            shown.append(text)
    inline = [text for text in (*parts, *numbers) if text in shown]
    return Text("  ".join(inline), no_wrap=True, overflow="crop")


def lasting_line(report: Report) -> Text:
    """A line that stays: how far, the cost, the accuracy on the validation set."""
    return Text(
        f"{report.batches:>9,} mini-batches  cost {report.cost:<8.3g}  "
        f"accuracy {percent(report.accuracy):>8}  {duration(report.seconds):>6}"
    )


def summary(outcome: Outcome, rate: float) -> Text:
    """What the training did, in a sentence or two."""
    speed = outcome.samples / max(outcome.seconds, 1e-9)
    text = Text(
        f"Trained {outcome.batches:,} mini-batches ({outcome.samples:,} cases) in "
        f"{duration(outcome.seconds)}, {speed:,.0f} cases a second. Cost {outcome.cost:.3g}, "
        f"accuracy {percent(outcome.train_accuracy)} on training cases, "
    )
    text.append(f"{percent(outcome.validation_accuracy)} on validation cases", "bold")
    text.append(".")
    ending = ENDINGS[outcome.stopped].format(rate=rate / 10)
    if ending:
        text.append(f"\n{ending}", "yellow" if outcome.stopped == "diverged" else "")
    return text

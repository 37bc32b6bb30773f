"""A training under way, and what came of it."""

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from digitnet.engine.amount import Amount
from digitnet.engine.report import Outcome, Report, Stopped
from digitnet.repl.views.outputs import bar
from digitnet.repl.views.screen import draws_blocks
from digitnet.repl.views.words import counted, duration, percent

BAR = 24

USUAL_RATE = 0.1
"""A rate that most networks can do with."""

ENDINGS = {
    "done": "",
    "target": "The accuracy asked for is reached.",
    "patience": "",
    "interrupted": "Interrupted: the training so far is kept.",
    "diverged": (
        "Training blew up (the cost became NaN or infinite); the last good weights are restored. "
        "Try set rate {rate:g}"
    ),
}


def progress_line(report: Report, console: Console, options: ConsoleOptions) -> Text:
    """One line that renews itself: how far, the numbers, the time left."""
    cost, accuracy = f"cost {report.cost:.3g}", f"accuracy {percent(report.accuracy)}"
    speed = f"{report.samples_per_second:,.0f} cases/s"
    if report.part is None:
        how_far = [counted(report.batches, "mini-batch")]
    else:
        filled = bar(report.part, BAR, blocks=draws_blocks(console, options))
        how_far = [f"{report.part:4.0%}", f"[{filled}]"]
    left = [] if report.remaining is None else [f"{duration(report.remaining)} left"]
    return _fitting(
        [*how_far, cost, accuracy, *left, speed],
        [how_far[0], accuracy, cost, *left, *how_far[1:], speed],
        options.max_width,
    )


@dataclass(frozen=True)
class Milestone:
    """A line that stays: how far, the cost, the accuracy on the validation set."""

    report: Report

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As much of it as fits."""
        yield _milestone(self.report, options)


def _milestone(report: Report, options: ConsoleOptions) -> Text:
    batches = f"{report.batches:>9,} mini-batches"
    cost, accuracy = f"cost {report.cost:<8.3g}", f"accuracy {percent(report.accuracy):>8}"
    time = f"{duration(report.seconds):>6}"
    parts = [batches, cost, accuracy, time]
    return _fitting(parts, [accuracy, cost, batches, time], options.max_width)


def _fitting(parts: list[str], by_weight: list[str], width: int) -> Text:
    """As many of the parts as fit a line, in their order, the weightiest first to be let in."""
    shown: list[str] = []
    for part in by_weight:
        if len("  ".join([*shown, part])) <= width:
            shown.append(part)
    return Text("  ".join(part for part in parts if part in shown), no_wrap=True, overflow="crop")


def ending_of(stopped: Stopped, rate: float) -> str:
    """Why a training ended, where that needs saying; `rate` is its learning rate."""
    return ENDINGS[stopped].format(rate=min(rate / 10, USUAL_RATE))


def summary(outcome: Outcome, amount: Amount, rate: float) -> Text:
    """What the training did, in a line; and why it ended, where that needs saying."""
    text = Text(
        f"Trained {counted(outcome.batches, 'mini-batch')} in {duration(outcome.seconds)}. "
        f"Cost {outcome.cost:.3g}, validation accuracy "
    )
    text.append(percent(outcome.validation_accuracy), "bold")
    text.append(".")
    ending = ending_of(outcome.stopped, rate)
    if outcome.stopped == "patience":
        goal = f"{amount} was not reached: the" if amount.unit == "accuracy" else "Stopped: the"
        ending = f"{goal} validation accuracy no longer improved."
    if outcome.best:
        ending = f"{ending} The best weights so far are back.".strip()
    if ending:
        text.append(f"\n{ending}", "yellow" if outcome.stopped == "diverged" else "")
    return text

"""Renders a training: its progress and its result."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import floor

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from digitnet.engine.amount import Amount
from digitnet.engine.report import Outcome, Report, Stopped
from digitnet.repl.views.outputs import bar
from digitnet.repl.views.screen import draws_blocks
from digitnet.repl.views.words import clock, counted, duration, percent, rounded

BAR = 24
MAX_MILESTONES = 40
"""Maximum number of milestones of a training."""

MUCH_WORSE = 0.005
"""A loss of accuracy that is reported."""
LEARNT = 0.99
"""A training accuracy above which more training has little effect."""

ENDINGS = {
    "done": "",
    "target": "The accuracy asked for is reached.",
    "patience": "Stopped: no further improvement.",
    "interrupted": "Interrupted: the training so far is kept.",
    "diverged": (
        "Training blew up (the cost became NaN or infinite); the last good weights are restored. "
        "Try set rate {rate:g}"
    ),
}


def progress_line(report: Report, console: Console, options: ConsoleOptions) -> Text:
    """The line that is redrawn: the fraction done, cost and accuracy, the time left."""
    is_done = report.part is not None and report.part >= 1  # only the last measurement is left
    cost, accuracy = f"cost {rounded(report.cost)}", f"accuracy {percent(report.accuracy)}"
    speed = f"{report.samples_per_second:,.0f} cases/s"
    if report.part is None:
        done = [counted(report.batches, "mini-batch")]
    else:
        filled = bar(report.part, BAR, blocks=draws_blocks(console, options))
        done = [f"{report.part:4.0%}", f"[{filled}]"]
    left = [] if report.remaining is None else [f"{clock(report.remaining)} left"]
    if is_done:
        left = ["measuring ..."]
        accuracy = accuracy if report.measured else ""
    return _fitting(
        [*done, cost, accuracy, *left, speed],
        [done[0], accuracy, cost, *left, *done[1:], speed],
        options.max_width,
    )


@dataclass
class Milestones:
    """Chooses the measurements to print: at most MAX_MILESTONES, evenly spaced.

    If the amount is an accuracy, those after which the training is longer by 1 / MAX_MILESTONES.
    """

    _next_part: float = 0.0
    _next_batches: float = 0.0

    def is_next(self, report: Report) -> bool:
        """Whether this report is a milestone."""
        part, batches = report.part or 0.0, report.batches
        due = batches >= self._next_batches if report.part is None else part >= self._next_part
        if not report.measured or not due:
            return False
        self._next_part = (floor(part * MAX_MILESTONES) + 1) / MAX_MILESTONES
        self._next_batches = batches * (1 + 1 / MAX_MILESTONES)
        return True


@dataclass(frozen=True)
class Milestone:
    """A line that stays: the mini-batches, cost, validation accuracy and time."""

    report: Report

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Renders as much of the line as fits."""
        yield _milestone(self.report, options)


def _milestone(report: Report, options: ConsoleOptions) -> Text:
    batches = f"{report.batches:>9,} {counted(report.batches, 'mini-batch').split()[1]:<12}"
    cost, accuracy = f"cost {rounded(report.cost):<8}", f"accuracy {percent(report.accuracy):>8}"
    time = f"{clock(report.seconds):>6}"
    parts = [batches, cost, accuracy, time]
    return _fitting(parts, [accuracy, cost, batches, time], options.max_width)


def _fitting(parts: list[str], by_priority: list[str], width: int) -> Text:
    """The parts that fit in a line, in order; chosen by priority, highest first."""
    shown: list[str] = []
    for part in by_priority:
        if part and len("  ".join([*shown, part])) <= width:
            shown.append(part)
    return Text("  ".join(part for part in parts if part in shown), no_wrap=True, overflow="crop")


def summary(outcome: Outcome, amount: Amount) -> Text:
    """The result of the training in one line."""
    trained = f"Trained {counted(outcome.batches, 'mini-batch')} in {duration(outcome.seconds)}."
    if outcome.best:
        trained = f"Trained for {duration(outcome.seconds)}."
    elif amount.total and not outcome.batches:
        trained = f"Nothing to do: it was trained for {amount}."
    text = Text(f"{trained} Cost {outcome.cost:.3g}, validation accuracy ")
    text.append(percent(outcome.validation_accuracy), "bold")
    text.append(".")
    return text


def ending_of(stopped: Stopped, rate: float) -> str:
    """Why a training ended; empty if it is done. rate: to suggest after a divergence."""
    return ENDINGS[stopped].format(rate=rate)


def advice(
    outcome: Outcome,
    rate: float,
    default_rate: float,
    *,
    can_augment: bool,
    was_trained: bool = True,
) -> Iterator[Text]:
    """Why it ended, what was kept, and what to do next; nothing after a normal training."""
    sentences = [ending_of(outcome.stopped, min(rate / 10, default_rate))]
    if outcome.stopped == "patience":
        epochs = counted(round(outcome.epochs_since_best), "epoch")
        best = percent(outcome.validation_accuracy)
        sentences = [f"Stopped: no improvement for {epochs}; best {best}."]
    if outcome.best:
        batches = counted(outcome.batches, "mini-batch")
        sentences.append(f"The weights after {batches} are kept.")
    if outcome.stopped == "patience" and can_augment and outcome.train_accuracy > LEARNT:
        sentences.append("The training cases are learnt: set augment light makes more of them.")
    if outcome.is_guessing and outcome.stopped != "diverged" and rate > default_rate:
        sentences.append(
            f"That is no better than guessing: a rate of {rate:g} is too high. "
            f"Type undo t, then set rate {default_rate:g}"
        )
    elif outcome.stopped == "interrupted" or _is_much_worse(outcome):
        before = f"network before, with {percent(outcome.accuracy_before)}"
        sentences.append(
            f"undo t goes back to the {before if was_trained else 'untrained network'}."
        )
    if ending := " ".join(part for part in sentences if part):
        yield Text(ending, "yellow" if outcome.stopped == "diverged" else "")


def _is_much_worse(outcome: Outcome) -> bool:
    return outcome.accuracy_before - outcome.validation_accuracy >= MUCH_WORSE

"""A training under way, and what came of it."""

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
MOST = 40
"""Milestones of a training."""

MUCH_WORSE = 0.005
"""A loss of accuracy that is worth a word."""
LEARNT = 0.99
"""An accuracy on the training cases from which more training teaches little."""

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
    """One line that renews itself: how far, the numbers, the time left."""
    is_done = report.part is not None and report.part >= 1  # but for measuring what came of it
    cost, accuracy = f"cost {rounded(report.cost)}", f"accuracy {percent(report.accuracy)}"
    speed = f"{report.samples_per_second:,.0f} cases/s"
    if report.part is None:
        how_far = [counted(report.batches, "mini-batch")]
    else:
        filled = bar(report.part, BAR, blocks=draws_blocks(console, options))
        how_far = [f"{report.part:4.0%}", f"[{filled}]"]
    left = [] if report.remaining is None else [f"{clock(report.remaining)} left"]
    if is_done:
        left = ["measuring ..."]
        accuracy = accuracy if report.measured else ""
    return _fitting(
        [*how_far, cost, accuracy, *left, speed],
        [how_far[0], accuracy, cost, *left, *how_far[1:], speed],
        options.max_width,
    )


@dataclass
class Milestones:
    """Chooses the measurements that are worth a line of their own: some MOST, evenly.

    Where the end of the training is not known, those by which it has become longer by a MOST-th.
    """

    _next_part: float = 0.0
    _next_batches: float = 0.0

    def is_next(self, report: Report) -> bool:
        """Whether this report is one."""
        part, batches = report.part or 0.0, report.batches
        due = batches >= self._next_batches if report.part is None else part >= self._next_part
        if not report.measured or not due:
            return False
        self._next_part = (floor(part * MOST) + 1) / MOST
        self._next_batches = batches * (1 + 1 / MOST)
        return True


@dataclass(frozen=True)
class Milestone:
    """A line that stays: how far, the cost, the accuracy on the validation set."""

    report: Report

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As much of it as fits."""
        yield _milestone(self.report, options)


def _milestone(report: Report, options: ConsoleOptions) -> Text:
    batches = f"{report.batches:>9,} {counted(report.batches, 'mini-batch').split()[1]:<12}"
    cost, accuracy = f"cost {rounded(report.cost):<8}", f"accuracy {percent(report.accuracy):>8}"
    time = f"{clock(report.seconds):>6}"
    parts = [batches, cost, accuracy, time]
    return _fitting(parts, [accuracy, cost, batches, time], options.max_width)


def _fitting(parts: list[str], by_weight: list[str], width: int) -> Text:
    """As many of the parts as fit a line, in their order, the weightiest first to be let in."""
    shown: list[str] = []
    for part in by_weight:
        if part and len("  ".join([*shown, part])) <= width:
            shown.append(part)
    return Text("  ".join(part for part in parts if part in shown), no_wrap=True, overflow="crop")


def summary(outcome: Outcome, amount: Amount) -> Text:
    """What the training did, in a line."""
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
    """Why a training ended, where that needs saying; `rate` is one to try after a divergence."""
    return ENDINGS[stopped].format(rate=rate)


def advice(
    outcome: Outcome,
    rate: float,
    default_rate: float,
    *,
    can_augment: bool,
    was_trained: bool = True,
) -> Iterator[Text]:
    """Why it ended, what was kept, and what to do next; nothing where all went as it should."""
    said = [ending_of(outcome.stopped, min(rate / 10, default_rate))]
    if outcome.stopped == "patience":
        epochs = counted(round(outcome.epochs_since_best), "epoch")
        best = percent(outcome.validation_accuracy)
        said = [f"Stopped: no improvement for {epochs}; best {best}."]
    if outcome.best:
        batches = counted(outcome.batches, "mini-batch")
        said.append(f"The weights after {batches} are kept.")
    if outcome.stopped == "patience" and can_augment and outcome.train_accuracy > LEARNT:
        said.append("The training cases are learnt: set augment light makes more of them.")
    if outcome.is_guessing and outcome.stopped != "diverged" and rate > default_rate:
        said.append(
            f"That is no better than guessing: a rate of {rate:g} is too high. "
            f"Type undo t, then set rate {default_rate:g}"
        )
    elif outcome.stopped == "interrupted" or _is_much_worse(outcome):
        before = f"network before, with {percent(outcome.accuracy_before)}"
        said.append(f"undo t goes back to the {before if was_trained else 'untrained network'}.")
    if ending := " ".join(part for part in said if part):
        yield Text(ending, "yellow" if outcome.stopped == "diverged" else "")


def _is_much_worse(outcome: Outcome) -> bool:
    return outcome.accuracy_before - outcome.validation_accuracy >= MUCH_WORSE

"""Renders a study: its progress and its results."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.text import Text

from digitnet.repl.errors import printable
from digitnet.repl.views.outputs import bar
from digitnet.repl.views.screen import draws_blocks
from digitnet.repl.views.tables import rows
from digitnet.repl.views.words import counted, duration, percent

if TYPE_CHECKING:
    from digitnet.repl.commands.studying import StudyReport, StudyResult
    from digitnet.study.answer import Group as Answers

BAR = 24
INTERVAL = 20
"""Width of the drawings of means and spreads."""
NO_FURTHER = 1.1
"""A cost has stopped falling when it is at most this many times the lowest."""
MAX_SEARCH_ROWS = 10
"""Maximum number of rows for a search."""


def progress(report: "StudyReport", console: Console, options: ConsoleOptions) -> Text:
    """One line: the fraction done, the best group so far, the time left."""
    filled = bar(report.done / report.total, BAR, blocks=draws_blocks(console, options))
    left = [f"{duration(report.remaining)} left"] if report.done < report.total else []
    parts = [
        f"{report.done:,} of {report.total:,}",
        *([f"[{filled}]"] if options.max_width >= 70 else []),
        f"best {percent(report.best.accuracy)}",
        *left,
        _named(report.best, [report.best]),
    ]
    return Text("  ".join(parts), no_wrap=True, overflow="crop")


def study(result: "StudyResult", console: Console, options: ConsoleOptions) -> RenderableType:
    """A table of the settings, a curve if only one is varied, and the conclusion."""
    from digitnet.study.answer import best_of

    if not result.groups:
        return Text(f"Study {result.name!r}: nothing is done yet; study {result.name} goes on.")
    best = best_of(result.groups)
    parts: list[RenderableType] = [Text(_about(result)), _table(result, best, console, options)]
    if (curve := _curve(result.groups, console, options)) is not None:
        parts.append(curve)
    parts.append(Text(_answer(result, best)))
    parts += [Text(said) for said in _when_cost_stops(result.groups)]
    done = len(result.runs)
    if done < result.total:
        parts.append(Text(f"{done:,} of {result.total:,} done: study {result.name} goes on."))
    else:
        parts.append(Text(f"study {result.name} best loads the best network.", "dim"))
    return Group(*parts)


def _about(result: "StudyResult") -> str:
    """The shape, amount and data of the trainings, unless the study varies them."""
    from digitnet.study.question import EPOCHS, SHAPE

    varied = _varied(result.groups)
    parts = [] if SHAPE in varied else [f"of {result.shape}"]
    if EPOCHS not in varied:
        epochs = result.groups[0].settings.get(EPOCHS)
        amount = f"{epochs} epochs" if epochs else result.amount
        parts.append(f"for {'1 epoch' if amount == '1 epochs' else amount}")
    return " ".join(["Trainings", *parts, f"on {result.data}:"])


def _table(
    result: "StudyResult", best: "Answers", console: Console, options: ConsoleOptions
) -> RenderableType:
    """A row for each group, in the order of the question; for a search, best first."""
    shown: Sequence[Answers] = result.groups
    if result.is_search:
        shown = sorted(shown, key=lambda group: -group.accuracy)[:MAX_SEARCH_ROWS]
    names = _varied(shown)
    intervals = _intervals(shown, blocks=draws_blocks(console, options))
    lines = []
    for group, interval in zip(shown, intervals, strict=True):
        cells = {name: printable(group.settings.get(name, ""), 30) for name in names}
        cells["accuracy"] = percent(group.accuracy)
        if not result.is_search:
            cells["spread"] = "" if group.spread is None else f"{100 * group.spread:.2f}"
        cells |= {"cost": f"{group.cost:.3g}", "time": duration(group.seconds)}
        if not result.is_search:
            cells["seeds"] = str(len(group.results))
            cells[""] = f"{interval} best" if group is best and len(shown) > 1 else interval
        lines.append(cells)
    wanted = sum(2 + max(len(line[k]) for line in [*lines, {k: k}]) for k in lines[0])
    if wanted > options.max_width + 2:
        for cells in lines:
            cells[""] = "best" if cells.get("", "").endswith("best") else ""
    numbers = "accuracy spread cost time seeds"
    return rows(tuple(lines[0]), [tuple(c.values()) for c in lines], numbers, " ".join(names))


def _varied(groups: "Sequence[Answers]") -> list[str]:
    """The settings that differ among the groups."""
    names = dict.fromkeys(name for group in groups for name in group.settings)
    return [name for name in names if len({g.settings.get(name) for g in groups}) > 1]


def _intervals(groups: "Sequence[Answers]", *, blocks: bool) -> list[str]:
    """The mean and spread of each group on a common scale, such as `  ├─●─┤`."""
    spans = [
        (g.accuracy - (g.spread or 0), g.accuracy, g.accuracy + (g.spread or 0)) for g in groups
    ]
    low, high = min(s[0] for s in spans), max(s[2] for s in spans)
    if high == low:
        return [""] * len(spans)
    left, line, dot, right = "├─●┤" if blocks else "|-o|"
    drawn = []
    for span in spans:
        start, middle, end = (round((x - low) / (high - low) * (INTERVAL - 1)) for x in span)
        cells = [" "] * INTERVAL
        cells[start : end + 1] = line * (end + 1 - start)
        cells[start], cells[end] = left, right
        cells[middle] = dot
        drawn.append("".join(cells))
    return drawn


def _curve(
    groups: "Sequence[Answers]", console: Console, options: ConsoleOptions
) -> RenderableType | None:
    """The accuracy over the only setting that differs, if its values are numbers."""
    from digitnet.repl.views.curves import MIN_ROWS, Chart, Curve, picture

    if len(groups) < 3 or len(_varied(groups)) != 1:
        return None
    (name,) = _varied(groups)
    try:
        points = sorted((float(group.settings[name]), 100 * group.accuracy) for group in groups)
    except ValueError:
        return None
    chart = Chart(f"validation accuracy, % over {name}", [Curve("", points)])
    width, blocks = min(options.max_width, 60), draws_blocks(console, options)
    return picture(chart, width, MIN_ROWS, blocks=blocks)


def _answer(result: "StudyResult", best: "Answers") -> str:
    """The conclusion in a sentence or two."""
    accuracies = [r.accuracy for r in best.results]
    seeds = counted(len(accuracies), "seed")
    spread = "" if best.spread is None else f" ± {100 * best.spread:.2f}"
    reached = f"{percent(best.accuracy)[:-2]}{spread} % of the validation set ({seeds})"
    if len(result.groups) == 1:
        between = f", from {percent(min(accuracies))} to {percent(max(accuracies))}"
        return f"The network reads {reached}{between if len(accuracies) > 1 else ''}."
    said = f"Best: {_named(best, result.groups)}, {reached}."
    lead = result.lead
    if lead is None:
        return said
    points, other = f"{100 * lead.difference:.2f}", _named(lead.over, result.groups)
    if lead.interval is None:
        return f"{said} It leads {other} by {points} points; --repeat 5 tells luck apart."
    low, high = (100 * end for end in lead.interval)
    said += f" It leads {other} by {points} points (95 % interval {low:.2f} to {high:.2f})"
    return f"{said}: more than luck." if lead.is_clear else f"{said}: no clear winner."


def _named(group: "Answers", groups: "Sequence[Answers]") -> str:
    """`rate 0.1, batch 32`: the settings of a group that differ among the groups."""
    names = _varied(groups) or group.settings
    settings = ", ".join(
        f"{name} {group.settings[name]}" for name in names if name in group.settings
    )
    return printable(settings or "the settings as they are", 120)


def _when_cost_stops(groups: "Sequence[Answers]") -> list[str]:
    """If only epochs are varied: the number of epochs from which the cost falls no further."""
    from digitnet.study.question import EPOCHS

    if len(groups) < 3 or _varied(groups) != [EPOCHS]:
        return []
    costs = sorted((float(group.settings[EPOCHS]), group.cost) for group in groups)
    least = min(cost for _, cost in costs)
    stops = next(epochs for epochs, cost in costs if cost <= NO_FURTHER * least)
    if stops == costs[-1][0]:
        return [f"The training cost still falls at {stops:g} epochs."]
    return [f"From {stops:g} epochs on the training cost falls no further."]

"""`plot` draws the costs and the accuracy over the whole training."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from rich.console import RenderResult

from digitnet.charts import BATCHES, Chart, history_charts
from digitnet.engine.arrays import answers_of
from digitnet.engine.evaluate import outputs_for
from digitnet.engine.trainer import Measurement
from digitnet.registry.model import EACH, Model
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError
from digitnet.repl.features.saves import loaded
from digitnet.repl.pictures import View
from digitnet.repl.pictures.curves import Curves
from digitnet.repl.pictures.tables import SEEN_IN_TRAINING, counted, percent
from digitnet.repl.result import Merged, Note, Record, ScreenOnly
from digitnet.repl.session import Session, clean

MAX_NETWORKS = 6  # in a picture: there are this many colours and markers


@dataclass(frozen=True)
class PlotResult(Record):
    """Charts, and a sentence about each network. fields: those of the JSON."""

    charts: ScreenOnly[Sequence[Chart]]
    said: ScreenOnly[Sequence[str]]
    fields: Merged[dict[str, Any]]

    def drawn(self, view: View) -> RenderResult:
        yield Curves(self.charts)
        yield from self.said


@command("plot", group="Learning", rank=2, is_picture=True)
def plot(session: Session, *names: kinds.PLOTTED) -> PlotResult:
    """Plot the costs and the validation accuracy over the whole training.

    For the network in hand; or, with names, for up to six saved networks in one picture. For a
    committee, the accuracy of its members on the test set, alone and together.

    The costs are on a logarithmic axis where the largest is 30 times the smallest; log and linear
    set the axis. rate adds the learning rate, as far as the network was trained in this session.
    In a file, the curves are lines; light before its name draws them on a white background.

    plot first second: two saved networks in one picture
    plot rate: with the learning rate
    plot log curves.svg: costs on a logarithmic axis, in a file: .svg, .pdf, .png or .html
    plot: the cost and the accuracy so far
    """
    words = kinds.PLOT_WORDS.keys() & set(names)
    if {"log", "linear"} <= words:
        raise CommandError("an axis is log or linear, not both. Example: plot log")
    log = True if "log" in words else False if "linear" in words else None
    chosen = list(dict.fromkeys(clean(name) for name in names if name not in words))
    for word in words:
        if session.registry.exists(word):
            session.report(
                Note(f"{word} is a word of plot: to plot that save, ren {word} NEW first.")
            )
    if len(chosen) > MAX_NETWORKS:
        raise CommandError(f"a picture shows up to {MAX_NETWORKS} networks, not {len(chosen)}")
    models = {name: loaded(session, name) for name in chosen} or {"": session.network()}
    first, *others = models.values()
    if first.network.members and not others:
        result = _members(session, first)
    else:
        result = _histories(models, log)
    if "rate" in words:
        result = replace(result, charts=[*result.charts, _rates(models.get(""))])
    return result


def _history(model: Model) -> list[Measurement]:
    if model.network.members:
        raise CommandError(f"a committee is plotted alone: plot {model.name}")
    if not model.trainer.history:
        of = f" of {model.name!r}" if model.name else ""
        raise CommandError(f"there are no measurements{of} yet: t trains and measures")
    return list(model.trainer.history)


def _histories(models: dict[str, Model], log: bool | None) -> PlotResult:
    histories, said = {name: _history(model) for name, model in models.items()}, []
    sets = {name for model in models.values() for name in model.trained_on}
    for name, history in histories.items():
        best = max(history, key=lambda measured: measured.validation_accuracy)
        on = models[name].trained_on
        each = EACH if on[1:] else f", on {''.join(on)} cases" * (sets != {*on})
        said.append(
            f"{name}{': ' if name else ''}{counted(len(history), 'measurement')} in "
            f"{counted(history[-1].batches, 'mini-batch')}{each}; at best "
            f"{percent(best.validation_accuracy)} right, after {best.batches:,}."
        )
    measured = {name: [asdict(m) for m in history] for name, history in histories.items()}
    fields = {"history": measured[""]} if "" in measured else {"histories": measured}
    return PlotResult(history_charts(histories, log), said, fields)


def _rates(model: Model | None) -> Chart:
    last = model.trainer.progress.batches if model else 0
    rates = [point for point in model.rates if point[0] <= last] if model else []
    if not model or len(rates) < 2:
        raise CommandError("the learning rate is noted while t trains the network in hand: t 1e")
    first = rates[0][0]
    since = f", since {first:,}" if first > last / 10 else ""  # what was before is not known
    return Chart(f"learning rate{since}", {"": rates}, over=BATCHES)


def _members(session: Session, model: Model) -> PlotResult:
    data, members = session.data_for(model), model.network.members
    cases, rows = data.test, np.arange(len(data.test))
    answers, outputs = answers_of(cases.targets), []
    for number, (network, scale) in enumerate(members, 1):
        session.report(Note(f"member {number} of {len(members)}", lasting=False))
        outputs.append(outputs_for(network, replace(cases, scale=cases.scale * scale), rows))
    means = np.cumsum(outputs, axis=0) / np.arange(1, len(members) + 1).reshape(-1, 1, 1)
    alone, together = (
        [float((answers_of(a) == answers).mean()) for a in each] for each in (outputs, means)
    )
    curves = {"alone": alone, "the first n together": together}
    points = {name: [(n, 100 * a) for n, a in enumerate(c, 1)] for name, c in curves.items()}
    between = " to ".join(dict.fromkeys(percent(most(alone)) for most in (min, max)))
    said = [
        f"{counted(len(members), 'member')}: {between} alone, {percent(together[-1])} together, of "
        f"the {data.name} test set.",
        *SEEN_IN_TRAINING[session.data_sets.is_seen(data, model)],
    ]
    fields = [{"alone": a, "together": b} for a, b in zip(alone, together, strict=True)]
    chart = Chart("accuracy, %", points, over="members")
    return PlotResult([chart], said, {"members": fields})

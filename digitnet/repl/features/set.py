"""`set` shows and changes settings; `find rate` looks for a learning rate."""

from dataclasses import asdict
from math import inf, isfinite
from typing import Any

from rich.console import Group
from rich.text import Text

from digitnet.charts import Chart
from digitnet.digits.datasets import DataSet
from digitnet.engine.layers import Dense, Dropout
from digitnet.engine.network import Network
from digitnet.engine.optimizers import OPTIMIZERS
from digitnet.engine.settings import NAMED_VALUES, SETTINGS, Settings, spelled
from digitnet.engine.speed import threads
from digitnet.insight.rehearsal import Point, range_test, suggested_rate, untrained_copy
from digitnet.recipes import default_rate
from digitnet.repl import kinds
from digitnet.repl.command import command, whole
from digitnet.repl.errors import CommandError, nearest, printable, quoted
from digitnet.repl.pictures.curves import Curves
from digitnet.repl.pictures.tables import Rows
from digitnet.repl.result import Note, Said
from digitnet.repl.session import SESSION_SETTINGS, Session


def _spelled(name: str, value: Any) -> str:
    """The value of a setting, also of the session, as `set` takes it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return "random" if value is None else spelled(name, value)


@command("set", group="Learning", rank=1)
def set_(
    session: Session, name: kinds.SETTING = "", value: kinds.VALUE = "", horizon: kinds.HORIZON = ""
) -> Said:
    """Show or change settings.

    Settings of training belong to the network in hand and are saved with it; seed, threads, vi,
    epoch_lines, watch and theme belong to this session.

    set: all settings
    set batch all: use the whole training set in each step
    set schedule cosine 20e: a rate that falls over 20 epochs
    set rate 0.01: a smaller learning rate
    """
    value, told = f"{value} {horizon}".strip(), ""
    if value and name in SETTINGS:
        model = session.learner()
        try:
            settings = model.trainer.settings.changed(name, value)
        except ValueError as error:
            hint = nearest(value, NAMED_VALUES[name]())
            raise CommandError(printable(f"{error}. {hint}".removesuffix(". "))) from None
        if data := session.data_if_here(model):
            data.check(name, getattr(settings, name))
        session.change(model, settings)
        data = session.data_if_here(model)  # with the new number of cases
        told = unusual(name, value, settings, model.network, model.recipe, data)
    elif value:
        _set_session(session, name, value)
    values: dict[str, Any] = {}
    if session.hand and not session.hand.network.is_committee:
        values |= asdict(session.hand.trainer.settings)
    elif name in SETTINGS:
        session.learner()
    values |= {n: getattr(session, n, 0) for n in SESSION_SETTINGS} | {"threads": threads.count()}
    values = {name: values[name]} if name else values
    meanings = SETTINGS | SESSION_SETTINGS
    lines = [(name, _spelled(name, v), meanings[name]) for name, v in values.items()]
    table = Rows(("setting", "value", "what it is"), lines, prose=("what it is",))
    return Said(Group(table, *[told] * bool(told)), values | ({"note": told} if told else {}))


def unusual(
    name: str, typed: str, settings: Settings, network: Network, recipe: str, data: DataSet | None
) -> str:
    """What is said of a new value among the settings, if it does not mean what it says."""
    value: Any = getattr(settings, name, None)  # shape and epochs are none of them
    said, rate, usual = "", settings.rate, default_rate(recipe, settings.optimizer)
    if name == "optimizer" and not 0.1 <= rate / usual <= 10:
        said = f"Its usual rate is {usual:g}, and the rate is {rate:g}: set rate {usual:g}"
    if name in ("batch", "cases") and not value and typed != "all":
        said = "0 stands for all of the training cases."
    count = len(data.train) if data else inf
    if name == "batch" and settings.cases:
        count = min(count, settings.cases)
    if name in ("batch", "cases") and value > count:
        what = "each mini-batch is all of them" if name == "batch" else "all are used"
        said = f"There are {count:,} training cases: {what}."
    if name == "momentum" and not OPTIMIZERS[settings.optimizer].uses_momentum:
        said = f"It has no effect: {settings.optimizer} has no momentum."
    if name == "dropout" and value and not any(isinstance(a, Dense) for a in network.layers[:-1]):
        said = "It has no effect: the network has no hidden dense layer."
    elif name == "dropout" and any(type(layer) is Dropout for layer in network.layers):
        said = "The shape has dropout of its own, which stays as it is."
    if name == "smoothing" and value and network.outputs == 1:
        said = "It has no effect: the network has a single output."
    return said


def _set_session(session: Session, name: str, value: str) -> None:
    choices, low = [*kinds.SESSION_VALUES.get(name, ())], int(name == "threads")
    try:
        chosen: Any = choices[choices.index(value)] if choices else whole(value, low)
    except ValueError:
        *others, last = choices or [low]
        takes = f"{', '.join(others)} or {last}" if others else f"a whole number from {low}"
        said = f"{name} is {takes}, not {quoted(value)}. Example: set {name} {last}"
        raise CommandError(said) from None
    if name == "seed":
        session.reseed(chosen)
    elif name == "threads":
        threads.set_count(chosen)
    else:
        setattr(session, name, chosen == "on" if "on" in choices else chosen)


@command("find", group="Learning", rank=4)
def find(session: Session, what: kinds.FOUND = "rate") -> Said:
    """Find a learning rate: train a copy at higher and higher rates, and see where the cost falls.

    This is the learning-rate range test (Smith 2017). The network in hand and its rate are not
    changed. If the network has been trained, the copy is an untrained one.

    find rate: a learning rate for the network in hand
    """
    model = session.learner()
    data = session.data_for(model)
    is_trained = model.trainer.progress.batches > 0
    trainer = untrained_copy(model.trainer) if is_trained else model.trainer

    def report(point: Point | None) -> None:
        words = point and f"rate {point.rate:<8.2g}  cost {point.cost:.3g}"
        session.report(Note(words, lasting=False) if words else None)

    points = range_test(trainer, data.train, report)
    rates, costs = [point.rate for point in points], [point.cost for point in points]
    suggestion = suggested_rate(points, trainer.settings.optimizer)
    finite = [(rate, cost) for rate, cost in zip(rates, costs, strict=True) if isfinite(cost)]
    title = "cost against learning rate"
    curves = Curves([Chart(title, {"": finite}, log_x=True, marked=suggestion)], live=True)
    copy = "Tried on an untrained copy, since a trained network has little left to learn."
    sentence = _suggested(suggestion, rates[costs.index(min(costs))], trainer.settings.rate)
    fields = {"rates": rates, "costs": costs, "suggestion": suggestion}
    shown = Group(curves, *[copy] * is_trained, sentence)
    return Said(shown, fields | {"on_fresh_copy": is_trained})


def _suggested(rate: float | None, lowest: float, present: float) -> Text:
    """What is said of a suggested rate. lowest: the rate of the lowest cost."""
    if rate is None:
        return Text(
            "At no rate did the cost fall: little is left to learn, or something is wrong (doctor)."
        )
    text = Text(f"The cost is lowest near a rate of {lowest:.2g}")
    if rate / 3 < present < 2 * rate:
        return text.append(f"; the rate, {present:g}, is about right.")
    text.append(f", and a lower one leaves a margin; the rate is {present:g} now.\n  Try: ")
    return text.append(f"set rate {rate:g}", "bold")

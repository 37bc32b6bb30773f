"""`n` makes a network, `vote` one of several saves; `i` describes the one in hand."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rich.console import Group

from digitnet.digits.datasets import GIVEN
from digitnet.engine.network import Committee, Network
from digitnet.engine.optimizers import OPTIMIZERS
from digitnet.engine.settings import SETTINGS, Settings, all_spelled
from digitnet.engine.trainer import Trainer
from digitnet.recipes import DEFAULT, RECIPES, Recipe, recipe_for
from digitnet.registry.model import EACH, Model
from digitnet.registry.schema import measured_on
from digitnet.repl import kinds
from digitnet.repl.command import command, meant
from digitnet.repl.errors import CommandError, nearest, printable, quoted
from digitnet.repl.features.check import take_and_check
from digitnet.repl.pictures.digit import all_named
from digitnet.repl.pictures.sheet import layer_line
from digitnet.repl.pictures.tables import counted, duration, pairs, percent, when
from digitnet.repl.result import Said
from digitnet.repl.session import Session

MAX_MEMBERS = 100  # of a committee


def now_in_hand(model: Model, said: str, **others: Any) -> Said:
    """The network now in hand. said: how it was obtained. others: more fields of its JSON."""
    batches = model.trainer.progress.batches
    is_known = batches or not (model.trained_on or model.network.is_committee)
    fields = {
        "name": model.name or None,
        "shape": model.network.shape,
        "recipe": model.recipe or None,
        "parameters": model.network.size,
        "trained_batches": batches if is_known else None,
    }
    return Said(said, fields | others)


@command("n", "new", group="First steps", rank=8)
def new(
    session: Session,
    recipe: kinds.RECIPE = DEFAULT,
    hidden: kinds.HIDDEN = "",
    output: kinds.OUTPUT = "",
    cost: kinds.COST = "",
) -> Said:
    """Make a new network from a recipe or a shape.

    A shape is the size of a case, then one part for each layer: 100 is a dense layer, 32c5 a
    convolution (32 channels, kernels of 5x5), p2 max pooling and a2 average pooling (windows of
    2x2), b batch normalization, d0.5 dropout. 100:tanh sets the layer's activation.

    A shape may be followed by the activation of the hidden layers, that of the output and the cost.

    n: the recipe quick
    n relu: a network from a recipe (? n lists them)
    n 784-100-10: a network of that shape (n 784 100 10 does the same)
    n 28x28-16c5-p2-10: a convolution with 16 channels and 5x5 kernels, then 2x2 pooling
    n 784-100-10 tanh sigmoid squared: with these activations and this cost
    """
    if recipe in RECIPES and hidden:
        raise CommandError(
            f"a recipe has its own activations and cost. Example: n {recipe}, or n 784-100-10 tanh"
        )
    model = session.make(recipe_of(recipe, hidden, output, cost))
    session.discard("nothing was made")
    before = session.data_sets.name
    session.take(model)
    made = f"{model.network.shape}: {model.network.size:,} parameters"
    said = f"New network {made}, seed {model.trainer.seed}, data {model.data}."
    if recipe not in RECIPES and model.data != before:
        said += f" It does not fit {before}."
    return now_in_hand(model, said)


def recipe_of(shape: str, hidden: str = "", output: str = "", cost: str = "") -> Recipe:
    """The recipe of that name, or one for a shape. Raises CommandError for anything else."""
    if shape in RECIPES:
        return RECIPES[shape]
    if not shape[:1].isdigit():
        said = f"{quoted(shape)} is neither a recipe nor a shape such as 784-100-10."
        hint = nearest(shape, RECIPES) or f"The recipes: {', '.join(RECIPES)}"
        raise CommandError(f"{said} {hint}")
    try:
        return recipe_for(shape, hidden, output, cost)
    except ValueError as error:
        raise CommandError(f"{printable(str(error))}. Example: n 784-100-10") from None


@command("vote", group="Asking", rank=7)
def vote(session: Session, *names: kinds.NAME) -> Said:
    """Let several saved networks answer together, by averaging their outputs.

    The committee becomes the network in hand: c, ch and i work with it, pas saves it. Its members
    are copies; they do not change when the saves are trained further.

    vote first second: the mean of the outputs of two networks
    """
    if not 1 <= len(names) <= MAX_MEMBERS:
        raise CommandError(
            f"vote needs the names of 1 to {MAX_MEMBERS} saves. Example: vote first second"
        )
    members = [meant(name, session) for name in names]
    models = [(name, session.registry.load(name)) for name in members]
    _, first = models[0]
    data = session.data_sets.fitting(first.network, first.data, session.data_sets.name)
    committee = _committee(models, 1 / session.data(data).train.scale)
    session.discard("no vote was taken")
    checked = take_and_check(session, committee)
    said = f"A committee of {counted(len(members), 'network')}; pas NAME keeps it."
    return Said(Group(said, checked), {"members": members} | checked.as_json())


def _committee(models: list[tuple[str, Model]], raw: float) -> Model:
    """A committee of named models. Raises CommandError or Unfit if they do not fit together. raw:
    what its inputs are multiplied by for members with `pixels raw`: 255, and 1 for a table.
    """
    members = []
    for name, model in models:
        if model.network.is_committee:
            raise CommandError(f"{name!r} is a committee itself: vote takes single networks")
        scale = raw if model.trainer.settings.pixels == "raw" else 1.0
        members.append((model.trainer.answering().copy(model.network.dtype), scale))
    network = Network([Committee((members[0][0].inputs,), members=members)])
    trained_on = dict.fromkeys(name for _, model in models for name in model.trained_on)
    data, trainer = models[0][1].data, Trainer(network, Settings(), 0)
    committee = Model(trainer, data=data, trained_on=list(trained_on))
    if all(model.knows_own_cases for _, model in models):
        committee.own_cases = frozenset().union(*(model.own_cases for _, model in models))
    called = {  # of others, saved by an earlier version perhaps, it is not known
        model.words: name
        for name, model in models
        if model.words or (model.knows_own_cases and not model.own_cases)
    }
    if len(called) > 1:
        has = [f"{n!r} has {printable(all_named(w), 60) or 'digits'}" for w, n in called.items()]
        raise CommandError(f"members of a committee need the same answers: {'; '.join(has)}")
    committee.words = next(iter(called), ())
    return committee


def _described(of: Mapping[str, Any], settings: Settings) -> dict[str, str]:
    """What `i` says of a network with these facts, one a line."""
    is_committee = of["layers"][-1]["kind"] == "committee"  # not made or trained itself
    accuracy, history = "not measured yet", ""
    if of["accuracy"] is not None:
        cases, comma, seen = of["measured_on"].partition(",")
        accuracy = f"{percent(of['accuracy'])} of the {cases} set{comma}{seen}"
        accuracy += ", as it was then" * of["cases_replaced"]
    if of["measurements"]:
        each = EACH * (len(of["trained_on"]) > 1)
        history = (
            f"{counted(of['measurements'], 'measurement')}{each}, best validation accuracy "
            f"{percent(of['best_validation_accuracy'])} after "
            f"{counted(of['best_after_batches'], 'mini-batch')}; plot draws them"
        )
    saved = f"{when(of['saved_at'])} UTC" if of["saved_at"] else ""
    if of["unsaved"]:
        saved = f"{saved and f'{saved}; '}not saved: {of['unsaved']}"
    values = {
        "name": of["name"] or "none yet: pas NAME gives it one",
        "recipe": "" if is_committee else of["recipe"] or "none: made from a shape",
        "shape": f"{of['shape']}, {of['parameters']:,} parameters, {of['precision']}",
        **{f"layer {n}": layer_line(layer) for n, layer in enumerate(of["layers"], 1)},
        "cost": of["cost"],
        "settings": "" if is_committee else _effective(settings),
        "seed": "" if is_committee else str(of["seed"]),
        "answers": printable(all_named(of["answers"]), 300),
        "data": of["data"],
        "trained": _trained(of, is_committee=is_committee),
        "accuracy": accuracy,
        "history": history,
        "saved": saved,
    }
    return {name: value for name, value in values.items() if value}


def _trained(of: Mapping[str, Any], *, is_committee: bool) -> str:
    names = ("cases given in Python" if name == GIVEN else name for name in of["trained_on"])
    data = f"on {', '.join(names)}"
    if not (of["trained_on"] or of["trained_batches"]):
        return "not yet"
    if is_committee:
        return f"its members, {data}"
    if not of["trained_batches"]:  # a member of a committee, and what is imported, may have been
        return f"{data}, for how long is not recorded"
    batches = counted(of["trained_batches"], "mini-batch")
    cases = counted(of["trained_samples"], "case")
    return f"{batches}, {cases}, {duration(of['trained_seconds'])}, {data}"


def _effective(settings: Settings) -> str:
    off = asdict(Settings()) | {"optimizer": None, "rate": None, "batch": None, "momentum": 0}
    if not OPTIMIZERS[settings.optimizer].uses_momentum:
        off["momentum"] = settings.momentum
    return all_spelled({n: value for n, value in asdict(settings).items() if value != off[n]})


@command("i", "info", group="Networks")
def info(session: Session) -> Said:
    """Show the network in hand: layers, settings, training, accuracy.

    i: describe the network in hand
    """
    model = session.network()
    trainer, network, accuracy = model.trainer, model.network, model.accuracy
    last = trainer.history[-1] if trainer.history else None
    best = max(trainer.history, key=lambda m: m.validation_accuracy, default=None)
    is_saved = session.registry.exists(model.name)  # not where that was deleted
    known = now_in_hand(model, "").fields
    trained, is_made = known["trained_batches"], not network.is_committee
    fields = {
        **known,
        "layers": [
            {"kind": a.kind, "inputs": list(a.input_shape), "outputs": list(a.shape)}
            | a.described()
            for a in network.layers
        ],
        "cost": network.cost_name,
        "precision": network.dtype.name,
        "seed": trainer.seed if is_made else None,
        "trained_samples": None if trained is None else trainer.progress.samples,
        "trained_seconds": None if trained is None else round(trainer.progress.seconds, 3),
        "unsaved": session.unsaved or None,
        "answers": list(model.words),
        "data": model.data or None,
        "trained_on": list(model.trained_on),
        "accuracy": accuracy.value if accuracy else None,
        "measured_on": measured_on(accuracy) or None,
        "cases_replaced": bool(accuracy and session.data_sets.was_replaced(accuracy)),
        "measurements": len(trainer.history),
        "last_cost": last.cost if last else None,
        "best_validation_accuracy": best.validation_accuracy if best else None,
        "best_after_batches": best.batches if best else None,
        "saved_at": (is_saved and model.saved_at) or None,
    }
    shown = pairs(_described(fields, trainer.settings))
    return Said(shown, fields | (asdict(trainer.settings) if is_made else dict.fromkeys(SETTINGS)))

"""Renders `i`: the description of a network."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType

from digitnet.engine.settings import WHOLE_SET, Settings
from digitnet.repl.views.tables import pairs
from digitnet.repl.views.words import counted, duration, percent, when

if TYPE_CHECKING:
    from digitnet.repl.commands.making import InfoResult

USING_MOMENTUM = {"momentum", "nesterov", "schedule-free", "schedule-free-adamw"}
"""Optimisers with a momentum coefficient."""


def _settings(given: Settings) -> str:
    """The settings that have an effect."""
    fields = asdict(given)
    off = {"cases": WHOLE_SET, "schedule": "constant", "pixels": "unit", "augment": "none"}
    if given.optimizer not in USING_MOMENTUM:
        off["momentum"] = given.momentum
    shown = {name: value for name, value in fields.items() if value != off.get(name, 0.0)}
    if given.batch == WHOLE_SET:
        shown["batch"] = "all"
    return ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in shown.items()
    )


def layer_line(layer: dict[str, Any]) -> str:
    """A layer in one line: its kind, input and output shape, and parameters."""
    below, above = ("x".join(str(n) for n in layer[side]) for side in ("inputs", "outputs"))
    words = [f"{layer['kind'].replace('_', ' ')} {below} to {above}"]
    match layer:
        case {"kernel": k}:
            words.append(f"{k}x{k} kernels")
        case {"size": size}:
            words.append(f"{size}x{size} windows")
        case {"probability": p}:
            words.append(f"probability {p:g}")
        case {"members": members}:
            words.append(", ".join(members))
    if "activation" in layer:
        words.append(layer["activation"])
    if layer.get("bias") is False:
        words.append("no biases")
    return ", ".join(words)


def info(about: "InfoResult") -> RenderableType:
    """The fields of `i` as a table of names and values."""
    is_committee = about.layers[-1]["kind"] == "committee"
    accuracy = "not measured yet"
    if about.accuracy is not None:
        accuracy = f"{percent(about.accuracy)} of the {about.measured_on} set"
    values = {
        "name": about.name or "none yet: pas NAME gives it one",
        "recipe": about.recipe or "none: made from a shape",
        "shape": f"{about.shape}, {about.parameters:,} parameters, {about.precision}",
    }
    for number, layer in enumerate(about.layers, 1):
        values[f"layer {number}"] = layer_line(layer)
    values |= {
        "cost": about.cost,
        "settings": _settings(about.settings),
        "seed": str(about.seed),
        "data": about.data,
        "trained": _trained(about, is_committee=is_committee),
        "accuracy": accuracy,
    }
    if is_committee:  # it is not made or trained itself
        for name in ("recipe", "settings", "seed"):
            del values[name]
    if about.measurements:
        values["history"] = (
            f"{counted(about.measurements, 'measurement')}, best validation accuracy "
            f"{percent(about.best_validation_accuracy or 0.0)} after {about.best_after_batches:,} "
            "mini-batches; plot draws them"
        )
    if saved := _saved(about):
        values["saved"] = saved
    return pairs(values)


def _trained(about: "InfoResult", *, is_committee: bool) -> str:
    """How long and on which data sets the network was trained."""
    data = f"on {', '.join(about.trained_on)}"
    if is_committee:
        return f"its members, {data}"
    if not about.trained_batches:
        return "not yet"
    amounts = (
        counted(about.trained_batches, "mini-batch"),
        counted(about.trained_samples, "case"),
        duration(about.trained_seconds),
    )
    return ", ".join([*amounts, data])


def _saved(about: "InfoResult") -> str:
    """When the network was saved, and what is unsaved; empty if there is nothing to save."""
    saved = about.saved_at and f"{when(about.saved_at)} UTC"
    if about.unsaved:
        return f"{saved}; not saved: {about.unsaved}" if saved else f"no: {about.unsaved}"
    return saved or ""

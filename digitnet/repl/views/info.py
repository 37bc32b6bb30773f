"""What a network is made of, in words."""

from typing import Any

from rich.console import RenderableType

from digitnet.engine.settings import SETTINGS, WHOLE_SET
from digitnet.repl.views.tables import pairs
from digitnet.repl.views.words import counted, duration, percent, when


def _settings(fields: dict[str, Any]) -> str:
    """The settings that are in force: all that are not off."""
    off = {"cases": WHOLE_SET, "schedule": "constant", "pixels": "unit"}
    if fields["optimizer"] not in ("momentum", "nesterov"):
        off["momentum"] = fields["momentum"]
    shown = {name: fields[name] for name in SETTINGS if fields[name] != off.get(name, 0.0)}
    if fields["batch"] == WHOLE_SET:
        shown["batch"] = "all"
    return ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in shown.items()
    )


def info(fields: dict[str, Any]) -> RenderableType:
    """The fields of `i` as names beside values."""
    trained = "not yet"
    if fields["trained_batches"]:
        trained = (
            f"{counted(fields['trained_batches'], 'mini-batch')}, "
            f"{counted(fields['trained_samples'], 'case')}, "
            f"{duration(fields['trained_seconds'])}, on {', '.join(fields['trained_on'])}"
        )
    accuracy = "not measured yet"
    if fields["accuracy"] is not None:
        accuracy = f"{percent(fields['accuracy'])} of the {fields['measured_on']} set"
    values = {
        "name": fields["name"] or "none yet: pas NAME gives it one",
        "recipe": fields["recipe"] or "none: made from a shape",
        "shape": f"{fields['shape']}, {fields['parameters']:,} parameters, {fields['precision']}",
    }
    for number, layer in enumerate(fields["layers"], 1):
        bias = "" if layer["bias"] else ", no biases"
        values[f"layer {number}"] = (
            f"{layer['kind']} {layer['inputs']} to {layer['outputs']}, {layer['activation']}{bias}"
        )
    values |= {
        "cost": fields["cost"],
        "settings": _settings(fields),
        "seed": str(fields["seed"]),
        "data": fields["data"],
        "trained": trained,
        "accuracy": accuracy,
    }
    if fields["measurements"]:
        values["history"] = (
            f"{counted(fields['measurements'], 'measurement')}, best validation accuracy "
            f"{percent(fields['best_validation_accuracy'])} after {fields['best_after_batches']:,} "
            "mini-batches; plot draws them"
        )
    saved = fields["saved_at"] and f"{when(fields['saved_at'])} UTC"
    if fields["unsaved"]:
        values["saved"] = f"{saved or 'no'}; not saved: {fields['unsaved']}"
    elif saved:
        values["saved"] = saved
    return pairs(values)

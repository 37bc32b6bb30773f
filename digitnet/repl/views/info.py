"""What a network is made of, in words."""

from typing import Any

from rich.console import RenderableType

from digitnet.engine.settings import WHOLE_SET
from digitnet.repl.views.tables import pairs
from digitnet.repl.views.words import duration, percent


def info(fields: dict[str, Any]) -> RenderableType:
    """The fields of `i` as names beside values."""
    batch = "all cases" if fields["batch"] == WHOLE_SET else f"{fields['batch']} cases"
    trained = "not yet"
    if fields["trained_batches"]:
        trained = (
            f"{fields['trained_batches']:,} mini-batches, {fields['trained_samples']:,} cases, "
            f"{duration(fields['trained_seconds'])}, on {', '.join(fields['trained_on'])}"
        )
        if fields["unsaved_batches"]:
            trained += f" ({fields['unsaved_batches']:,} mini-batches not saved)"
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
        "settings": f"rate {fields['rate']:g}, batch of {batch}, momentum {fields['momentum']:g}, "
        f"l2 {fields['l2']:g}",
        "seed": str(fields["seed"]),
        "data": fields["data"],
        "trained": trained,
        "accuracy": accuracy,
    }
    if fields["saved_at"]:
        values["saved"] = fields["saved_at"]
    return pairs(values)

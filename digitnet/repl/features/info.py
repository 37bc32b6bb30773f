"""`i` describes the network in hand."""

from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

from digitnet.engine.settings import WHOLE_SET, Settings
from digitnet.repl.command import command
from digitnet.repl.pictures.sheet import layer_line
from digitnet.repl.pictures.tables import counted, duration, pairs, percent, when
from digitnet.repl.result import Record
from digitnet.repl.session import Session


@dataclass(frozen=True)
class InfoResult(Record):
    """A description of the network in hand."""

    name: str | None
    recipe: str | None
    shape: str
    parameters: int
    layers: list[dict[str, Any]]
    cost: str
    precision: str
    seed: int
    settings: "Settings"
    trained_batches: int
    trained_samples: int
    trained_seconds: float
    unsaved: str | None
    data: str
    trained_on: list[str]
    accuracy: float | None
    measured_on: str | None
    measurements: int
    last_cost: float | None
    best_validation_accuracy: float | None
    best_after_batches: int | None
    saved_at: str | None

    def as_json(self) -> dict[str, Any]:
        """The fields and the settings, flat."""
        fields = super().as_json()
        del fields["settings"]
        return fields | asdict(self.settings)

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        yield described(self)


@command("i", "info", group="Networks", examples={"i": "describe the network in hand"})
def info(session: Session) -> InfoResult:
    """Show the network in hand: layers, settings, training, accuracy."""
    model = session.network()
    trainer, network, accuracy = model.trainer, model.network, model.accuracy
    last = trainer.history[-1] if trainer.history else None
    best = max(trainer.history, key=lambda m: m.validation_accuracy, default=None)
    return InfoResult(
        name=model.name or None,
        recipe=model.recipe or None,
        shape=network.shape,
        parameters=network.size,
        layers=[
            {
                "kind": layer.kind,
                "inputs": list(layer.input_shape),
                "outputs": list(layer.shape),
                **layer.described(),
            }
            for layer in network.layers
        ],
        cost=network.cost_name,
        precision=network.dtype.name,
        seed=trainer.seed,
        settings=trainer.settings,
        trained_batches=trainer.progress.batches,
        trained_samples=trainer.progress.samples,
        trained_seconds=round(trainer.progress.seconds, 3),
        unsaved=session.unsaved or None,
        data=model.data,
        trained_on=list(model.trained_on),
        accuracy=accuracy.value if accuracy else None,
        measured_on=accuracy.on if accuracy else None,
        measurements=len(trainer.history),
        last_cost=last.cost if last else None,
        best_validation_accuracy=best.validation_accuracy if best else None,
        best_after_batches=best.batches if best else None,
        saved_at=model.saved_at or None,
    )


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


def described(about: "InfoResult") -> RenderableType:
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

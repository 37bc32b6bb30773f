"""Networks with a planted fault, and healthy ones: what the doctor is tested and benched with."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from digitnet.digits.datasets import SOURCES, DataSet
from digitnet.engine.arrays import Cases, answers_of, one_hot
from digitnet.engine.layers import Dense
from digitnet.engine.network import Network
from digitnet.engine.pictures import Convolution
from digitnet.engine.report import Report, ignore
from digitnet.engine.run import run
from digitnet.engine.schedules import Amount
from digitnet.engine.settings import Settings
from digitnet.engine.shapes import network_of, spelled_out
from digitnet.engine.trainer import Trainer
from digitnet.insight.doctor import Finding, diagnose
from digitnet.insight.facts import Facts
from digitnet.recipes import RECIPES, build

ROOT = Path(__file__).parent.parent.parent
DENSE, CONVOLUTION = "784-32-10", "28x28-3c5-p3-8c3-p2-10"
USUAL = {"optimizer": "momentum", "rate": 0.05, "batch": 16}


@dataclass
class Patient:
    trainer: Trainer
    train: Cases
    sets: dict[str, Cases]
    batch: int = 16  # that is usual for this network
    are_pictures: bool = True

    @property
    def weighted(self) -> list[Dense | Convolution]:
        return [la for la in self.trainer.network.layers if isinstance(la, Dense | Convolution)]

    def trained(self, amount: str) -> "Patient":
        run(self.trainer, self.train, self.sets["validation"], Amount.parse(amount))
        return self

    def findings(self, report: Report = ignore) -> list[Finding]:
        def spelled(network: Network, settings: Settings) -> str:
            return f"n {spelled_out(network)}; {settings}"

        how = {"usual_batch": self.batch, "are_pictures": self.are_pictures, "report": report}
        return diagnose(Facts(self.trainer, self.train, self.sets, spelled, **how))

    @property
    def codes(self) -> list[str]:
        return [finding.code for finding in self.findings()]


@cache
def data_set(name: str) -> DataSet:
    return SOURCES[name].read([ROOT / "data"])


def with_data(trainer: Trainer, name: str) -> Patient:
    seen = data_set(name).as_seen(trainer.settings.cases, trainer.settings.pixels)
    sets = {"validation": seen.validation, "test": seen.test}
    return Patient(trainer, seen.train, sets, are_pictures=seen.picture is not None)


def fresh(shape: str, *, seed: int = 1, options: Any = None, **settings: Any) -> Patient:
    """An untrained network of this shape, with the sample. options: those of `network_of`."""
    network = network_of(shape, **(options or {}))
    network.initialize(seed)
    return with_data(Trainer(network, Settings(**(USUAL | settings)), seed), "sample")


def table(
    shape: str,
    amount: str = "",
    *,
    noise: float = 0.5,
    odds: Any = None,
    unit: Any = 1,
    shift: Any = 0,
    decimals: int = 5,
    **how: Any,
) -> Patient:
    """A network, trained, and a table in which column k is large where the answer is k. odds: of
    the answers. unit: of each column. how: as of `fresh`.
    """
    inputs, *_, outputs = map(int, shape.split("-"))
    rng = np.random.default_rng(1)
    answers = rng.choice(outputs, 600, p=odds)
    x = noise * rng.normal(size=(600, inputs)) + 2 * one_hot(answers, inputs)
    cases = Cases(
        np.round(x * unit + shift, decimals).astype(np.float32), one_hot(answers, outputs), 1.0
    )
    sets = {"validation": some(cases, slice(400, 500)), "test": some(cases, slice(500, 600))}
    patient = Patient(fresh(shape, **how).trainer, some(cases, slice(400)), sets)
    patient.are_pictures = False
    return patient.trained(amount) if amount else patient


def recipe(name: str, amount: str = "", *, seed: int = 1, **settings: Any) -> Patient:
    """A recipe's network after some training, with some settings changed."""
    wanted = RECIPES[name]
    wanted = replace(wanted, settings=replace(wanted.settings, **settings))
    patient = with_data(build(wanted, seed).trainer, wanted.data.replace("mnist", "sample"))
    patient.batch = RECIPES[name].settings.batch
    return patient.trained(amount) if amount else patient


# planted faults: each takes a shape, dense or convolutional


Plant = Callable[[str], Patient]


def planted(
    amount: str = "",
    change: Callable[[Patient], None] | None = None,
    *,
    shapes: tuple[str, str] = (DENSE, CONVOLUTION),
    **how: Any,
) -> Plant:
    """A network, dense or convolutional, that is trained and then changed. how: as of `fresh`."""

    def plant(shape: str) -> Patient:
        patient = fresh(shapes[shape != DENSE], **how)
        if amount:
            patient.trained(amount)
        if change:
            change(patient)
        return patient

    return plant


def scale(patient: Patient, factor: float, last: bool = True) -> None:
    for layer in patient.weighted[-1:] if last else patient.weighted[:-1]:
        layer.weights *= factor


def shrink(patient: Patient) -> None:
    for layer in patient.weighted:
        layer.weights *= 1e-4


def set_hidden(patient: Patient, weight: float | None, bias: float) -> None:
    for layer in patient.weighted[:-1]:
        layer.weights[:] = layer.weights if weight is None else weight
        assert layer.biases is not None
        layer.biases[:] = bias


def favour_0(patient: Patient, by_weights: bool = False) -> None:
    output = patient.weighted[-1]
    assert output.biases is not None
    if by_weights:
        output.weights[:, 0] += 2
    else:
        output.biases[0] += 60


def some(cases: Cases, rows: Any) -> Cases:
    return replace(cases, inputs=cases.inputs[rows], targets=cases.targets[rows])


def forget_statistics(patient: Patient) -> None:
    for norm in patient.trainer.network.batch_norms:
        norm.mean[:], norm.variance[:] = 0, 1


def changed(how: Callable[[Cases], Cases], *names: str) -> Plant:
    """A network whose sets of these names were changed, `train` among them."""

    def plant(shape: str) -> Patient:
        patient = fresh(shape)
        if "train" in names:
            patient.train = how(patient.train)
        for name in patient.sets.keys() & set(names):
            patient.sets[name] = how(patient.sets[name])
        return patient

    return plant


def answered(change: Callable[[Any], Any]) -> Callable[[Cases], Cases]:
    return lambda cases: replace(cases, targets=change(cases.targets))


def turned(change: Callable[[Any], Any]) -> Callable[[Cases], Cases]:
    return lambda cases: replace(
        cases,
        inputs=np.ascontiguousarray(change(cases.inputs.reshape(-1, 28, 28)).reshape(-1, 784)),
    )


TRANSPOSED = turned(lambda pictures: pictures.transpose(0, 2, 1))
INVERTED = turned(lambda pictures: 255 - pictures)
SHIFTED = turned(lambda pictures: np.roll(pictures, (5, -4), (1, 2)))


SCRAMBLED = turned(
    lambda p: p.reshape(-1, 784)[:, np.random.default_rng(1).permutation(784)].reshape(p.shape)
)


PLANTS: dict[str, Plant] = {
    "same-inputs": changed(turned(np.zeros_like), "train"),
    "pixels": planted(pixels="raw"),
    "imbalance": changed(
        lambda c: some(c, np.r_[np.flatnonzero(answers_of(c.targets) == 1), 0:60]), "train"
    ),
    "transposed": changed(TRANSPOSED, "test"),
    "inverted": changed(INVERTED, "train"),
    "shifted": changed(SHIFTED, "validation"),
    "renamed": changed(answered(lambda answers: np.roll(answers, 1, axis=1)), "train"),
    "mirrored": changed(turned(lambda pictures: pictures[:, :, ::-1]), "test"),
    "upside-down": changed(turned(lambda pictures: pictures[:, ::-1]), "train"),
    "turned": changed(turned(lambda pictures: pictures[:, ::-1, ::-1]), "validation"),
    "turned-left": changed(turned(lambda pictures: np.rot90(pictures, 1, (1, 2))), "test"),
    "turned-right": changed(turned(lambda pictures: np.rot90(pictures, -1, (1, 2))), "test"),
    "scaled": changed(turned(lambda pictures: pictures // 32), "test"),
    "scrambled": changed(SCRAMBLED, "train"),
    "unseen": changed(lambda c: some(c, answers_of(c.targets) < 2), "train"),
    "labels": changed(answered(lambda a: np.random.default_rng(1).permutation(a)), "train"),
    "too-few": planted("20e", cases=100),
    "schedule": planted("60", optimizer="sgd", rate=0.01, schedule="cosine 50"),
    "decay": planted(l2=0.5),
    "l1": planted("30", l1=0.1, l2=1e-4),
    "max-norm": planted("30", max_norm=0.05, l2=1e-4),
    "clip": planted(clip=1e-4),
    "dropout": lambda shape: (
        fresh(shape, dropout=0.95)
        if shape == DENSE
        else fresh("28x28-3c5-p3-d0.95-8c3-p2-d0.95-10")
    ),
    "augment": planted(augment="rotation=180,shift=12,zoom=0.9"),
    "smoothing": planted(smoothing=0.99),
    "momentum": planted(momentum=0.999),
    "batch": planted("200", batch=1, rate=0.1, momentum=0.9),
    "rate-high": planted(rate=3.0),
    "rate-low": planted("100", rate=1e-6),
    "not-finite": planted(change=partial(scale, factor=np.nan)),
    "symmetric": planted(change=partial(set_hidden, weight=0.01, bias=0)),
    "dead": planted(change=partial(set_hidden, weight=None, bias=-50)),
    "saturated": planted(
        change=partial(scale, factor=3, last=False),
        options={"hidden": "sigmoid", "initializer": "normal"},
    ),
    "exploding": planted(
        change=partial(scale, factor=4, last=False),
        shapes=("784-32-32-32-32-32-10", "28x28-4c3-p2-4c3-4c3-4c3-4c3-10"),
    ),
    "vanishing": planted(
        shapes=("784-20-20-20-20-20-20-20-20-10", "28x28-4c3-p2-4c3-4c3-4c3-4c3-4c3-10"),
        options={"hidden": "sigmoid"},
    ),
    "small-weights": planted(
        change=shrink, shapes=("784-50-50-50-10", "28x28-3c5-p3-8c3-p2-20-20-10")
    ),
    "large-weights": planted(change=partial(scale, factor=40)),
    "biases": planted(change=favour_0),
    "linear": planted(shapes=(DENSE, CONVOLUTION.replace("p", "a")), options={"hidden": "linear"}),
    "cannot-fit": planted(shapes=("784-1-10", "28x28-1c5-p24-10")),
    "stale": planted(
        "150", forget_statistics, shapes=("784-32-b-10", "28x28-3c5-b-p3-8c3-b-p2-10")
    ),
    "over-fitting": planted("60e", cases=500, rate=0.1, seed=6),
    "few-steps": planted("6e", batch=0, average=0.0),
    "one-answer": planted("200", partial(favour_0, by_weights=True)),
    "plateau": planted("3e", shapes=("784-3-10", "28x28-3c5-3-10")),
    "repeated": changed(lambda cases: some(cases, np.arange(2000) % 1000), "train"),
    "seen": lambda shape: changed(lambda _: some(fresh(shape).train, slice(0, 1000)), "test")(
        shape
    ),
}


# healthy networks

AGES = {
    "quick": ("", "20", "1e"),
    "diary": ("", "50", "3e"),
    "relu": ("20",),
    "devember": ("",),
    "notebook-better": ("", "30", "20e"),
    "truth": ("", "50"),
    "mini": ("", "100", "3000"),
    "mini3": ("", "3000"),
}
SLOW_AGES = {"quick": ("12e",), "diary": ("1e", "20e"), "relu": ("3e",), "conv": ("", "30"),
             "fast": ("40",), "truth": ("10000",)}  # fmt: skip
HOW: list[tuple[str, dict[str, Any]]] = [
    ("", {"optimizer": "adam", "rate": 0.001}),
    ("300", {"optimizer": "adam", "rate": 0.001}),
    ("1e", {"optimizer": "rmsprop", "rate": 0.001}),
    ("100", {"optimizer": "nesterov"}),
    ("1e", {"optimizer": "schedule-free", "rate": 1.0}),
    ("", {"optimizer": "schedule-free-adamw", "rate": 0.005}),
    ("1e", {"optimizer": "sgd", "rate": 0.1, "schedule": "constant"}),
    ("1e", {"dropout": 0.5, "augment": "light"}),
]
"""How `quick` may be trained, too."""

Healthy = tuple[str, str, int, dict[str, Any]]
"""A recipe, how long it is trained, a seed, and settings that are changed."""


def aged(ages: dict[str, tuple[str, ...]]) -> list[Healthy]:
    """Each recipe at each age, with another seed."""
    return [(name, age, seed, {}) for name, each in ages.items() for seed, age in enumerate(each)]


HEALTHY = aged(AGES) + [("quick", age, 3 + k, how) for k, (age, how) in enumerate(HOW)]
SLOW = aged(SLOW_AGES)

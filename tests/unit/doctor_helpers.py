"""Networks with a planted fault, and healthy ones: what the doctor is tested and benched with."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from digitnet.digits.datasets import SOURCES, DataSet
from digitnet.engine.arrays import Cases
from digitnet.engine.report import Report, ignore
from digitnet.engine.run import run
from digitnet.engine.schedules import Amount
from digitnet.engine.settings import Settings
from digitnet.engine.shapes import network_of
from digitnet.engine.trainer import Trainer
from digitnet.insight.doctor import Finding, diagnose
from digitnet.insight.facts import Facts
from digitnet.recipes import RECIPES, build

ROOT = Path(__file__).parent.parent.parent
DENSE, CONVOLUTION = "784-32-10", "28x28-3c5-p3-8c3-p2-10"
USUAL = {"optimizer": "momentum", "rate": 0.05, "batch": 16}


@dataclass
class Patient:
    """A network and its data. code: of its fault, empty if it is healthy."""

    trainer: Trainer
    train: Cases
    validation: Cases
    code: str = ""

    def trained(self, amount: str) -> "Patient":
        """The same network after more training."""
        run(self.trainer, self.train, self.validation, Amount.parse(amount))
        return self

    def findings(self, report: Report = ignore) -> list[Finding]:
        """The doctor's findings."""
        sets = {"validation": self.validation}
        return diagnose(Facts(self.trainer, self.train, sets, report=report))


@cache
def data_set(name: str) -> DataSet:
    """A data set included with digitnet."""
    return SOURCES[name].read([ROOT / "data"])


def fresh(shape: str, *, seed: int = 1, options: Any = None, **settings: Any) -> Patient:
    """An untrained network of this shape, with the sample. options: those of `network_of`."""
    network = network_of(shape, **(options or {}))
    network.initialize(seed)
    trainer = Trainer(network, Settings(**(USUAL | settings)), seed)
    seen = data_set("sample").as_seen(trainer.settings.cases, trainer.settings.pixels)
    return Patient(trainer, seen.train, seen.validation)


def recipe(name: str, amount: str = "", *, seed: int = 1, **settings: Any) -> Patient:
    """A recipe's network after some training, with some settings changed."""
    wanted = RECIPES[name]
    wanted = replace(wanted, settings=dict(wanted.settings) | settings)
    trainer = build(wanted, seed).trainer
    data = wanted.data.replace("mnist", "sample")
    seen = data_set(data).as_seen(trainer.settings.cases, trainer.settings.pixels)
    patient = Patient(trainer, seen.train, seen.validation)
    return patient.trained(amount) if amount else patient


# planted faults: each takes a shape, dense or convolutional

Plant = Callable[[str], Patient]


def hidden(patient: Patient) -> list[Any]:
    """The hidden layers with weights."""
    return [la for la in patient.trainer.network.layers if hasattr(la, "weights")][:-1]


def last(patient: Patient) -> Any:
    """The last layer."""
    return patient.trainer.network.layers[-1]


def initial_cost(shape: str) -> Patient:
    patient = fresh(shape)
    last(patient).weights *= 40
    return patient


def one_answer(shape: str) -> Patient:
    patient = fresh(shape).trained("200")
    last(patient).biases[0] += 30
    return patient


def labels(shape: str) -> Patient:
    patient = fresh(shape)
    order = np.random.default_rng(1).permutation(len(patient.train))
    patient.train = replace(patient.train, targets=patient.train.targets[order])
    return patient


def rate_high(shape: str) -> Patient:
    return fresh(shape, rate=3.0)


def rate_low(shape: str) -> Patient:
    return fresh(shape, rate=1e-6).trained("100")


def plateau(shape: str) -> Patient:
    """Few linear units: a bottleneck that can tell few digits apart."""
    narrow = "784-1:linear-10" if shape == DENSE else "28x28-1c5:linear-2:linear-10"
    return fresh(narrow, rate=0.01).trained("20e")


def saturated(shape: str) -> Patient:
    wide = {"hidden": "sigmoid", "initializer": "normal"}
    patient = fresh(shape, options=wide)
    for layer in hidden(patient):
        layer.weights *= 3
    return patient


def dead(shape: str) -> Patient:
    patient = fresh(shape)
    for layer in hidden(patient):
        layer.biases[:] = -50
    return patient


def vanishing(shape: str) -> Patient:
    deep = "784-20-20-20-20-20-20-20-20-10"
    if shape != DENSE:
        deep = "28x28-4c3-p2-4c3-4c3-4c3-4c3-4c3-10"
    return fresh(deep, options={"hidden": "sigmoid"})


def exploding(shape: str) -> Patient:
    deep = "784-32-32-32-32-32-10" if shape == DENSE else "28x28-4c3-p2-4c3-4c3-4c3-4c3-10"
    patient = fresh(deep)
    for layer in hidden(patient):
        layer.weights *= 4
    return patient


def pixels(shape: str) -> Patient:
    return fresh(shape, pixels="raw")


def symmetric(shape: str) -> Patient:
    patient = fresh(shape)
    for layer in hidden(patient):
        layer.weights[:] = 0.01
    return patient


def over_fitting(shape: str) -> Patient:
    return fresh(shape, cases=500, rate=0.1).trained("150e")


def too_few(shape: str) -> Patient:
    return fresh(shape, cases=100).trained("20e")


def imbalance(shape: str) -> Patient:
    patient = fresh(shape)
    ones = np.flatnonzero(patient.train.targets[:, 1] == 1)
    rows = np.concatenate([ones, np.arange(60)])
    train = patient.train
    patient.train = replace(train, inputs=train.inputs[rows], targets=train.targets[rows])
    return patient


def decay(shape: str) -> Patient:
    return fresh(shape, l2=0.5)


def dropout(shape: str) -> Patient:
    if shape == DENSE:
        return fresh(shape, dropout=0.95)
    return fresh("28x28-3c5-p3-d0.95-8c3-p2-d0.95-10")


def stale(shape: str) -> Patient:
    normalized = "784-32-b-10" if shape == DENSE else "28x28-3c5-b-p3-8c3-b-p2-10"
    patient = fresh(normalized).trained("150")
    for norm in patient.trainer.network.batch_norms:
        norm.mean[:], norm.variance[:] = 0, 1
    return patient


def cannot_fit(shape: str) -> Patient:
    return fresh("784-1-10" if shape == DENSE else "28x28-1c5-p24-10")


def ignores_inputs(shape: str) -> Patient:
    patient = fresh(shape).trained("100")
    last(patient).weights *= 1e-8
    return patient


def same_inputs(shape: str) -> Patient:
    patient = fresh(shape)
    patient.train = replace(patient.train, inputs=np.zeros_like(patient.train.inputs))
    return patient


PLANTS: dict[str, Plant] = {
    "initial-cost": initial_cost,
    "one-answer": one_answer,
    "labels": labels,
    "rate-high": rate_high,
    "rate-low": rate_low,
    "plateau": plateau,
    "saturated": saturated,
    "dead": dead,
    "vanishing": vanishing,
    "exploding": exploding,
    "pixels": pixels,
    "symmetric": symmetric,
    "over-fitting": over_fitting,
    "too-few": too_few,
    "imbalance": imbalance,
    "decay": decay,
    "dropout": dropout,
    "stale": stale,
    "cannot-fit": cannot_fit,
    "ignores-inputs": ignores_inputs,
    "same-inputs": same_inputs,
}


# healthy networks

Healthy = tuple[str, str, int, dict[str, Any]]
"""A recipe, how long it is trained, a seed, and settings that are changed."""

HEALTHY: list[Healthy] = [
    ("quick", "", 1, {}),
    ("quick", "20", 2, {}),
    ("quick", "1e", 3, {}),
    ("quick", "12e", 1, {}),
    ("quick", "", 2, {"optimizer": "adam", "rate": 0.001}),
    ("quick", "2e", 3, {"optimizer": "adam", "rate": 0.001}),
    ("quick", "1e", 1, {"optimizer": "rmsprop", "rate": 0.001}),
    ("quick", "100", 2, {"optimizer": "nesterov"}),
    ("quick", "1e", 3, {"optimizer": "schedule-free", "rate": 1.0}),
    ("quick", "", 1, {"optimizer": "schedule-free-adamw", "rate": 0.005}),
    ("quick", "2e", 2, {"optimizer": "sgd", "rate": 0.1, "schedule": "constant"}),
    ("quick", "2e", 1, {"dropout": 0.5, "augment": "light"}),
    ("diary", "", 1, {}),
    ("diary", "50", 2, {}),
    ("diary", "1e", 3, {}),
    ("diary", "3e", 1, {}),
    ("diary", "20e", 2, {}),
    ("relu", "", 1, {}),
    ("relu", "20", 2, {}),
    ("relu", "3e", 3, {}),
    ("devember", "", 1, {}),
    ("devember", "20", 2, {}),
    ("notebook-better", "", 1, {}),
    ("notebook-better", "30", 2, {}),
    ("notebook-better", "20e", 3, {}),
    ("conv", "", 1, {}),
    ("conv", "30", 2, {}),
    ("fast", "40", 2, {}),
    ("truth", "", 1, {}),
    ("truth", "50", 2, {}),
    ("truth", "10000", 3, {}),
    ("mini", "", 1, {}),
    ("mini", "100", 2, {}),
    ("mini", "3000", 3, {}),
    ("mini3", "", 1, {}),
    ("mini3", "3000", 2, {}),
]

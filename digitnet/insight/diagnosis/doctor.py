"""The doctor: the table of checks, causes before what follows from them, and the examination."""

from collections.abc import Callable, Generator
from dataclasses import dataclass

from digitnet.engine.cases import Cases
from digitnet.engine.trainer import Trainer
from digitnet.insight.diagnosis import checks_data, checks_layers, checks_training
from digitnet.insight.diagnosis.finding import Figures, Finding
from digitnet.insight.diagnosis.measure import measure
from digitnet.insight.diagnosis.measurements import Measurements
from digitnet.insight.diagnosis.rehearsal import Stop
from digitnet.insight.diagnosis.what_if import what_if

Check = Callable[[Measurements], Figures | None]


@dataclass(frozen=True)
class Examination:
    """A check, by the code of its fault.

    explained_by: the codes of faults that bring this one about; where one of them is found, this
    one is no finding of its own.
    """

    code: str
    check: Check
    explained_by: frozenset[str] = frozenset()


# families of faults, by what is at fault: the data, the layers, what holds training back
_DATA = frozenset({"same-inputs", "pixels", "labels", "imbalance", "too-few"})
_LAYERS = frozenset({"symmetric", "dead", "saturated", "vanishing", "exploding", "ignores-inputs"})
_HELD = frozenset({"initial-cost", "decay", "dropout", "rate-high", "rate-low"})
# with these nothing else in the network can be as it should
_FATAL = frozenset({"same-inputs", "pixels", "symmetric", "dead"})
# what the settings may explain: where nothing else is found, they are tried
_EXPLAINED_BY_SETTINGS = frozenset({"one-answer", "plateau"})

EXAMINATIONS = (
    Examination("same-inputs", checks_data.same_inputs),
    Examination("pixels", checks_data.unscaled_pixels),
    Examination("imbalance", checks_data.imbalance, frozenset({"same-inputs"})),
    Examination("labels", checks_data.wrong_labels, frozenset({"same-inputs", "imbalance"})),
    Examination("symmetric", checks_layers.symmetric_weights),
    Examination("dead", checks_layers.dead_relus, _FATAL),
    Examination("saturated", checks_layers.saturated_units, _FATAL),
    Examination("exploding", checks_layers.exploding_gradient, _FATAL | {"saturated"}),
    Examination("vanishing", checks_layers.vanishing_gradient, _FATAL | {"saturated"}),
    Examination(
        "ignores-inputs", checks_layers.ignored_inputs, _FATAL | {"saturated", "vanishing"}
    ),
    Examination("initial-cost", checks_layers.initial_cost, _FATAL | _LAYERS),
    Examination("stale", checks_training.stale_statistics),
    Examination("cannot-fit", checks_layers.cannot_fit, _FATAL | _LAYERS),
    Examination("decay", checks_training.too_much_decay, _FATAL | _LAYERS),
    Examination("dropout", checks_training.too_much_dropout, _FATAL | _LAYERS | {"decay"}),
    Examination(
        "rate-high",
        checks_training.rate_too_high,
        _DATA | _LAYERS | {"initial-cost", "decay", "dropout"},
    ),
    Examination("rate-low", checks_training.rate_too_low, _DATA | _LAYERS | _HELD | {"cannot-fit"}),
    Examination("too-few", checks_data.too_few_cases),
    Examination("over-fitting", checks_training.over_fitting, _DATA | {"stale"}),
    Examination(
        "one-answer", checks_training.one_answer, _DATA | _LAYERS | _HELD | {"stale", "cannot-fit"}
    ),
    Examination(
        "plateau",
        checks_training.plateau,
        _DATA | _LAYERS | _HELD | {"stale", "cannot-fit", "one-answer"},
    ),
)
"""All checks, in the order in which their findings are told."""


def diagnose(
    trainer: Trainer, train: Cases, validation: Cases, stop: Stop
) -> Generator[str, None, list[Finding]]:
    """What is wrong with a network, causes first; tells what it is at. The network is only read.

    Raises Interrupted when `stop` says so, and ValueError where cases are to be deformed that are
    no square pictures.
    """
    if not trainer.network.is_finite():
        return [Finding("not-finite", {})]
    measured = yield from measure(trainer, train, validation, stop)
    if {found.code for found in judge(measured)} <= _EXPLAINED_BY_SETTINGS:
        measured = yield from what_if(measured, trainer, train, stop)
    return judge(measured)


def judge(m: Measurements) -> list[Finding]:
    """The findings that these measurements show."""
    findings: list[Finding] = []
    for examination in EXAMINATIONS:
        if examination.explained_by & {found.code for found in findings}:
            continue
        figures = examination.check(m)
        if figures is not None:
            findings.append(Finding(examination.code, figures))
    return findings

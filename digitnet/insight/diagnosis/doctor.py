"""The doctor: a table of checks, causes before their consequences, and the diagnosis."""

from collections.abc import Callable, Generator
from dataclasses import dataclass

from digitnet.engine.cases import Cases
from digitnet.engine.trainer import Trainer
from digitnet.insight.diagnosis import checks_data, checks_layers, checks_training
from digitnet.insight.diagnosis.alternatives import try_alternatives
from digitnet.insight.diagnosis.finding import Figures, Finding
from digitnet.insight.diagnosis.measure import measure
from digitnet.insight.diagnosis.measurements import Measurements
from digitnet.insight.diagnosis.rehearsal import Stop

CheckFunction = Callable[[Measurements], Figures | None]


@dataclass(frozen=True)
class Check:
    """A check and the code of the fault it finds.

    explained_by: codes of faults that cause this one. If one of them was found, the check is
    skipped.
    """

    code: str
    function: CheckFunction
    explained_by: frozenset[str] = frozenset()


# groups of faults: of the data, of the layers, of the settings
_DATA = frozenset({"same-inputs", "pixels", "labels", "imbalance", "too-few"})
_LAYERS = frozenset({"symmetric", "dead", "saturated", "vanishing", "exploding", "ignores-inputs"})
_SETTINGS = frozenset({"initial-cost", "decay", "dropout", "rate-high", "rate-low"})
# faults that disturb everything else in the network
_FATAL = frozenset({"same-inputs", "pixels", "symmetric", "dead"})
# faults that settings may explain: if there are no others, alternative settings are tried
_EXPLAINED_BY_SETTINGS = frozenset({"one-answer", "plateau"})

CHECKS = (
    Check("same-inputs", checks_data.same_inputs),
    Check("pixels", checks_data.unscaled_pixels),
    Check("imbalance", checks_data.imbalance, frozenset({"same-inputs"})),
    Check("labels", checks_data.wrong_labels, frozenset({"same-inputs", "imbalance"})),
    Check("symmetric", checks_layers.symmetric_weights),
    Check("dead", checks_layers.dead_relus, _FATAL),
    Check("saturated", checks_layers.saturated_units, _FATAL),
    Check("exploding", checks_layers.exploding_gradient, _FATAL | {"saturated"}),
    Check("vanishing", checks_layers.vanishing_gradient, _FATAL | {"saturated"}),
    Check("ignores-inputs", checks_layers.ignored_inputs, _FATAL | {"saturated", "vanishing"}),
    Check("initial-cost", checks_layers.initial_cost, _FATAL | _LAYERS),
    Check("stale", checks_training.stale_statistics),
    Check("cannot-fit", checks_layers.cannot_fit, _FATAL | _LAYERS),
    Check("decay", checks_training.too_much_decay, _FATAL | _LAYERS),
    Check("dropout", checks_training.too_much_dropout, _FATAL | _LAYERS | {"decay"}),
    Check(
        "rate-high",
        checks_training.rate_too_high,
        _DATA | _LAYERS | {"initial-cost", "decay", "dropout"},
    ),
    Check("rate-low", checks_training.rate_too_low, _DATA | _LAYERS | _SETTINGS | {"cannot-fit"}),
    Check("too-few", checks_data.too_few_cases),
    Check("over-fitting", checks_training.over_fitting, _DATA | {"stale"}),
    Check(
        "one-answer",
        checks_training.one_answer,
        _DATA | _LAYERS | _SETTINGS | {"stale", "cannot-fit"},
    ),
    Check(
        "plateau",
        checks_training.plateau,
        _DATA | _LAYERS | _SETTINGS | {"stale", "cannot-fit", "one-answer"},
    ),
)
"""All checks, in the order in which their findings are reported."""


def diagnose(
    trainer: Trainer, train: Cases, validation: Cases, stop: Stop
) -> Generator[str, None, list[Finding]]:
    """Returns a network's faults, causes first; yields what it is doing. Changes nothing.

    Raises Interrupted if `stop` returns True, and ValueError if deformations are set and the inputs
    are not square pictures.
    """
    if not trainer.network.is_finite():
        return [Finding("not-finite", {})]
    measured = yield from measure(trainer, train, validation, stop)
    if {found.code for found in judge(measured)} <= _EXPLAINED_BY_SETTINGS:
        measured = yield from try_alternatives(measured, trainer, train, stop)
    return judge(measured)


def judge(m: Measurements) -> list[Finding]:
    """Runs the checks on the measurements."""
    findings: list[Finding] = []
    for check in CHECKS:
        if check.explained_by & {found.code for found in findings}:
            continue
        figures = check.function(m)
        if figures is not None:
            findings.append(Finding(check.code, figures))
    return findings

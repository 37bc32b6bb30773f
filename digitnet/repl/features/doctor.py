"""`doctor` diagnoses the network in hand and suggests remedies."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.text import Text

from digitnet.digits.datasets import DataSet
from digitnet.engine.trainer import Trainer
from digitnet.insight.doctor import Figures, Finding, diagnose
from digitnet.insight.rehearsal import Interrupted
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError
from digitnet.repl.pictures.tables import counted
from digitnet.repl.session import Session

MIN_WIDTH = 100
"""A network whose widest hidden layer has fewer units may be too small."""


@dataclass(frozen=True)
class Patient:
    """The facts that a network's remedies depend on. examined: what was examined, in words."""

    shape: str
    inputs: int
    outputs: int
    widest: int
    data: str
    some_cases: bool
    deformable: bool
    examined: str

    @classmethod
    def of(cls, trainer: "Trainer", data: "DataSet") -> "Patient":
        """The facts about a network and its data set."""
        network, settings = trainer.network, trainer.settings
        return cls(
            shape=network.shape,
            inputs=network.inputs,
            outputs=network.outputs,
            widest=max((layer.shape[-1] for layer in network.layers[:-1]), default=0),
            data=data.name,
            some_cases=bool(settings.cases),
            deformable=data.picture is not None and settings.augment == "none",
            examined=(
                f"{counted(len(data.train), 'training case')} and their answers, the signals and "
                f"gradients of {counted(len(network.layers), 'layer')}, the history, a batch of 16 "
                f"learned by heart, and a short training of a copy"
            ),
        )

    @property
    def larger(self) -> str:
        """The command for a larger network."""
        return (
            "n quick"
            if (self.inputs, self.outputs) == (784, 10)
            else (f"n {self.inputs}-100-{self.outputs}")
        )


@dataclass(frozen=True)
class Advice:
    """A finding in words."""

    code: str
    what: str
    evidence: str
    remedy: str


Remedy = Callable[["Figures", Patient], str]


def _again(figures: "Figures", patient: Patient) -> str:
    return f"n {patient.shape}"


def _larger(figures: "Figures", patient: Patient) -> str:
    return patient.larger


def _other_data(figures: "Figures", patient: Patient) -> str:
    return "set cases all" if patient.some_cases else "data sample"


def _more_cases(figures: "Figures", patient: Patient) -> str:
    return "set cases all" if patient.some_cases else "data mnist"


def _less_dropout(figures: "Figures", patient: Patient) -> str:
    if "-d" not in patient.shape:
        return "set dropout 0.2"
    return "n " + re.sub(r"-d0?\.\d+", "-d0.2", patient.shape)


def _against_over_fitting(figures: "Figures", patient: Patient) -> str:
    if patient.some_cases:
        return "set cases all"
    return "set augment light" if patient.deformable else "set dropout 0.2"


def _off_the_plateau(figures: "Figures", patient: Patient) -> str:
    return patient.larger if patient.widest < MIN_WIDTH else "find rate"


def _train_or_renew(figures: "Figures", patient: Patient) -> str:
    return "t 1e" if figures["recovers"] else f"n {patient.shape}"


def _command(template: str) -> Remedy:
    return lambda figures, patient: template.format(**figures)


WORDS: dict[str, tuple[str, str, Remedy]] = {
    "not-finite": (
        "The weights are no longer numbers: training has blown up.",
        "NaN or infinity among the weights",
        _again,
    ),
    "same-inputs": (
        "All training cases look the same.",
        "every input is {value:g} in every case",
        _other_data,
    ),
    "pixels": (
        "The pixels are not scaled.",
        "inputs from {low:g} to {high:g}, weights made for 0 to 1",
        _command("set pixels unit"),
    ),
    "imbalance": (
        "The answers are unevenly distributed.",
        "{share:.0%} of the training cases are {answer}",
        _other_data,
    ),
    "labels": (
        "The answers do not match the pictures.",
        "only {agreement:.0%} of the {where} cases have the answer of most of the cases that look "
        "most like them",
        _other_data,
    ),
    "symmetric": (
        "Units have the same weights, and will keep them.",
        "layer {layer} ({text}): {count:,} of {units:,} units are copies of another",
        _again,
    ),
    "dead": (
        "Most ReLUs of a layer are dead: no case switches them on.",
        "layer {layer} ({text}): {count:,} of {units:,} units are 0 for every case",
        _again,
    ),
    "saturated": (
        "Most units of a layer are saturated, and hardly learn.",
        "layer {layer} ({text}): {count:,} of {units:,} {activation} units are near their ends "
        "for almost every case",
        _again,
    ),
    "exploding": (
        "The gradient explodes on its way back through the layers.",
        "the error signal is {low:.2g} at layer {last} and {high:.2g} at layer {first}",
        _again,
    ),
    "vanishing": (
        "The gradient vanishes on its way back through the layers.",
        "its norm is {high:.2g} at layer {last} and {low:.2g} at layer {first}",
        _again,
    ),
    "ignores-inputs": (
        "The network ignores its inputs.",
        "the sums of its outputs differ by {response:.1g} from case to case",
        _again,
    ),
    "initial-cost": (
        "It starts out sure and wrong: the first weights of the outputs are too large.",
        "cost {cost:.3g} before any training, where guessing costs {chance:.3g}",
        _again,
    ),
    "stale": (
        "The statistics of batch normalisation are not those of the weights.",
        "cost {old:.3g} with them, {new:.3g} with new ones",
        _command("t 1"),
    ),
    "cannot-fit": (
        "It cannot learn even 16 cases by heart.",
        "{fitted:.0%} of them right at best, after 600 steps on nothing else",
        _larger,
    ),
    "decay": (
        "The penalty on large weights is too strong.",
        "cost {before:.3g} to {after:.3g} in a short training with {setting} {value:g}, to "
        "{other:.3g} without",
        _command("set {setting} 0"),
    ),
    "dropout": (
        "Too many units are left out.",
        "cost {before:.3g} to {after:.3g} in a short training with dropout {value:g}, to "
        "{other:.3g} without",
        _less_dropout,
    ),
    "rate-high": (
        "The learning rate is too high.",
        "cost {before:.3g} to {after:.3g} in a short training at rate {value:g}, to {other:.3g} "
        "at {rate:g}",
        _command("set rate {rate:g}"),
    ),
    "rate-low": (
        "The learning rate is too low.",
        "cost {before:.3g} to {after:.3g} in a short training at rate {value:g}, to {other:.3g} "
        "at {rate:g}",
        _command("set rate {rate:g}"),
    ),
    "too-few": (
        "There are too few training cases.",
        "{cases:,} cases, {each:.0f} for each answer",
        _more_cases,
    ),
    "over-fitting": (
        "It learns its training cases by heart, and reads others worse than before.",
        "{train:.1%} of the training cases right, {validation:.1%} of the validation cases, whose "
        "cost has risen from {lowest:.3g} to {cost:.3g}",
        _against_over_fitting,
    ),
    "one-answer": (
        "It says {answer} to almost everything.",
        "{share:.0%} of its guesses are {answer}, {right:.0%} of the cases",
        _train_or_renew,
    ),
    "plateau": (
        "It has stopped learning, with much left to learn.",
        "cost {before:.3g}, and {batches:,} mini-batches later {cost:.3g}; {accuracy:.1%} of the "
        "training cases right",
        _off_the_plateau,
    ),
}
"""Code → what is wrong, the evidence with its figures, and the remedy."""


def advised(finding: "Finding", patient: Patient) -> Advice:
    """A finding in words."""
    what, evidence, remedy = WORDS[finding.code]
    figures = finding.figures
    return Advice(
        finding.code,
        _filled(what, figures),
        _filled(evidence, figures),
        remedy(figures, patient),
    )


def _filled(template: str, figures: "Figures") -> str:
    """Fills in the figures; per cent as `97 %`."""
    return template.format(**figures).replace("%", " %")


def advice(found: Advice) -> RenderableType:
    """The finding, its evidence, and the command to try."""
    tried = Text("Try: ")
    tried.append(found.remedy, "bold")
    indented = Padding(Group(Text(found.evidence), tried), (0, 0, 0, 2), expand=False)
    return Group(Text(found.what, "yellow"), indented)


def healthy(examined: str) -> RenderableType:
    """The message that nothing was found, with what was examined."""
    return Text(f"Nothing wrong was found. Looked at: {examined}.")


@dataclass(frozen=True)
class ExaminingReport:
    """What the doctor is examining."""

    what: str
    lasting: bool = False
    milestone: None = None

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        yield f"looking at {self.what} ..."


@dataclass(frozen=True)
class DoctorResult:
    """The findings, causes first. examined: what was examined, in words."""

    findings: "Sequence[Advice]"
    examined: str

    def as_json(self) -> dict[str, Any]:
        """The code, the evidence and a command to type for each finding."""
        return {
            "findings": [
                {"code": found.code, "evidence": found.evidence, "remedy": found.remedy}
                for found in self.findings
            ]
        }

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        if not self.findings:
            yield healthy(self.examined)
        for found in self.findings:
            yield advice(found)


@command(
    "doctor",
    group="Learning",
    rank=3,
    examples={"doctor": "why does it not learn?"},
)
def doctor(session: Session) -> Any:
    """Find out what keeps the network from learning, and what to try.

    Examines the data, the layers and the history, and trains a copy for a short time; the network
    itself is not changed. Each finding comes with its evidence and one command to try.
    """
    model = session.learner()
    data = session.data_for(model)
    steps = diagnose(model.trainer, data.train, data.validation, session.stop)
    try:
        while True:
            yield ExaminingReport(next(steps))
    except StopIteration as end:
        findings = end.value
    except Interrupted:
        raise CommandError("interrupted; the network is unchanged") from None
    except ValueError as error:  # the cases are not pictures
        raise CommandError(f"{error}. Example: set augment none") from None
    patient = Patient.of(model.trainer, data)
    return DoctorResult([advised(found, patient) for found in findings], patient.examined)

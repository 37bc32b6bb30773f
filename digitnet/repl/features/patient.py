"""`patient` gives out broken networks: find out what is wrong, and cure it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
from rich.console import RenderResult

from digitnet.digits.datasets import DataSet
from digitnet.engine.arrays import Cases
from digitnet.engine.layers import Weighted
from digitnet.insight.doctor import FAULTS
from digitnet.repl import kinds
from digitnet.repl.command import command, find, split
from digitnet.repl.errors import CommandError
from digitnet.repl.pictures import Drawn, View
from digitnet.repl.pictures.tables import Rows, percent
from digitnet.repl.result import Record, Said, ScreenOnly
from digitnet.repl.school import Patient, patients
from digitnet.repl.session import Session

NAME = "patient"
"""The name of the spoilt data of a patient."""


def _weighted(session: Session) -> list[Weighted]:
    return [la for la in session.network().network.layers if isinstance(la, Weighted)]


def _fill(value: float, *, biases: bool) -> Callable[[Session], None]:
    """Sets all weights, or the biases of the hidden layers, to a number."""

    def spoil(session: Session) -> None:
        for layer in _weighted(session)[: -1 if biases else None]:
            array = layer.biases if biases else layer.weights
            if array is not None:
                array[...] = value

    return spoil


def _grow(session: Session) -> None:
    for layer in _weighted(session):
        layer.weights *= 60


def _with_data(change: Callable[[DataSet], DataSet]) -> Callable[[Session], None]:
    """Gives the network changed data, on which it is then trained."""

    def spoil(session: Session) -> None:
        session.data_sets.lend(replace(change(session.data("sample")), name=NAME))
        session.network().data = NAME

    return spoil


def _turned(cases: Cases) -> Cases:
    pictures: Any = cases.inputs.reshape(-1, 28, 28).transpose(0, 2, 1)
    return replace(cases, inputs=np.ascontiguousarray(pictures.reshape(len(cases), -1)))


SPOILS: dict[str, Callable[[Session], None]] = {
    "zero weights": _fill(0, biases=False),
    "huge weights": _grow,
    "low biases": _fill(-20, biases=True),
    "answers off by one": _with_data(
        lambda d: replace(d, train=replace(d.train, targets=np.roll(d.train.targets, 1, axis=1)))
    ),
    "pictures transposed": _with_data(lambda d: replace(d, train=_turned(d.train))),
    "rows out of step": _with_data(
        lambda d: replace(d, train=replace(d.train, targets=np.roll(d.train.targets, 1, axis=0)))
    ),
}  # fmt: skip
"""What may have been done to a patient's network, or to its data."""


@dataclass
class Treatment:
    """A patient being treated. named: whether the cause was named. hints: how many were given."""

    number: int
    patient: Patient
    named: bool = False
    cured: bool = False
    hints: int = 0

    def after(self, session: Session) -> str:
        """What is said after a command, if the network has become well."""
        if self.cured or not session.done or session.hand is None:
            return ""
        model = session.network()
        if model.trainer.progress.batches == 0 or model.network.outputs != 10:
            return ""
        cases = session.data("sample").validation
        if not model.network.fits(cases):
            return ""
        accuracy = model.trainer.measure(cases).accuracy
        if accuracy < self.patient.cure:
            return ""
        self.cured = True
        right = f"{percent(accuracy)} of the sample's validation cases are right: cured."
        return f"{right} {self.end(session)}"

    def name(self, cause: str, session: Session) -> str:
        """What is said of a cause that was named."""
        if cause not in self.patient.causes:
            return f"No: {cause} is not it. patient hint helps, and so does doctor."
        self.named = True
        return f"Yes: {FAULTS[cause].what} {self.end(session)}"

    def end(self, session: Session) -> str:
        """What is left to do, or the end."""
        if not self.named:
            return "And what was it? patient CAUSE names it, as in patient rate-high."
        if not self.cured:
            return f"Now cure it: train a network that gets {percent(self.patient.cure)} right."
        session.coach = None
        return f"{self.patient.told} That was patient {self.number}; patient lists all."


@dataclass(frozen=True)
class PatientsResult(Drawn):
    """All patients, by what their owners say."""

    stories: list[str]

    def as_json(self) -> dict[str, Any]:
        return {"patients": self.stories}

    def drawn(self, view: View) -> RenderResult:
        rows = [(str(number), story) for number, story in enumerate(self.stories, 1)]
        yield Rows(("", "what its owner says"), rows, prose=("what its owner says",))
        yield "patient 3 takes the third in hand."


@dataclass(frozen=True)
class PatientResult(Record):
    """The patient now in hand. cure: the accuracy to reach."""

    number: int
    story: str
    shape: str
    cure: float
    said: ScreenOnly[str]

    def drawn(self, view: View) -> RenderResult:
        yield self.said


@command(
    NAME,
    group="This program",
    examples={
        "patient": "all patients",
        "patient hint": "a hint about the one in hand",
        "patient rate-high": "say what is wrong with it",
        "patient 3": "take the third in hand",
    },
)
def patient(
    session: Session, what: Annotated[int | str, kinds.PATIENT] = 0
) -> PatientsResult | PatientResult | Said:
    """Cure a broken network: a patient is loaded, say what is wrong and make it learn.

    Every means is allowed: i, set, plot, why, w, show, doctor. The accuracy is checked after each
    command. Patients are networks as learners really had them.
    """
    every = patients()
    if not what:
        return PatientsResult([each.story for each in every])
    if isinstance(what, int):
        return _admit(session, what, every)
    treatment = session.coach
    if not isinstance(treatment, Treatment):
        raise CommandError("no patient is in hand: patient lists them, patient 1 takes the first")
    if what != "hint":
        return Said(treatment.name(what, session), {"cause": what, "right": treatment.named})
    hints = treatment.patient.hints
    treatment.hints += 1
    hint = hints[min(treatment.hints, len(hints)) - 1]
    return Said(hint, {"hint": hint})


def _admit(session: Session, number: int, every: list[Patient]) -> PatientResult:
    """Makes the broken network, as its owner did."""
    if number > len(every):
        raise CommandError(f"there are {len(every)} patients, not {number}. patient lists them")
    if not session.may_discard():
        raise CommandError("no patient was taken; the network in hand is unchanged")
    chosen, session.hand = every[number - 1], None
    session.data_sets.choose(session.data("sample"))
    make, _, training = chosen.make.partition(" | ")
    _run(session, make)
    if chosen.spoil:
        SPOILS[chosen.spoil](session)
    _run(session, training)
    session.mark_saved()
    session.coach = Treatment(number, chosen)
    shape = session.network().network.shape
    goal = f"Find out what is wrong (patient CAUSE names it), and get {percent(chosen.cure)} right."
    said = f'"{chosen.story}"\n\nIn hand: {shape}. {goal} patient hint helps.'
    return PatientResult(number, chosen.story, shape, chosen.cure, said)


def _run(session: Session, line: str) -> None:
    """Runs the commands of a line, without showing their results."""
    for name, *words in split(line):
        called = find(name)
        called.function(session, *called.parse(words))

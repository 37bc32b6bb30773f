"""The doctor: `doctor` diagnoses the network in hand and suggests remedies."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from digitnet.repl.command import Working, command
from digitnet.repl.errors import CommandError
from digitnet.repl.session import Session

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from digitnet.repl.views.doctoring import Advice


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
        from digitnet.repl.views.doctoring import advice, healthy

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
def doctor(session: Session) -> Working:
    """Find out what keeps the network from learning, and what to try.

    Examines the data, the layers and the history, and trains a copy for a short time; the network
    itself is not changed. Each finding comes with its evidence and one command to try.
    """
    from digitnet.insight.diagnosis.doctor import diagnose
    from digitnet.insight.diagnosis.rehearsal import Interrupted
    from digitnet.repl.views.doctoring import Patient, advised

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

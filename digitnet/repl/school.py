"""Lessons and patients: steps with goals, read from files that anybody can write.

A lesson is a file NN-name.toml in `digitnet/lessons`, or in `lessons` beside config.toml:

    title = "One unit"
    about = "What a unit computes."      # said first

    [[step]]
    say = "What to do, and why."
    type = "n truth; t 20"               # an example to type
    goal = {command = "t", cost = 0.1}   # without one: the last command of the example
    hint = "What to try instead."        # said when the goal is not reached
    skips = 1                            # steps before it that doing it early completes, too

A goal is reached when all in it hold after a command; `GOALS` has their names. `patients.toml` has
a table [[patient]] for each broken network: see `features/patient.py`.
"""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from digitnet.engine.layers import Dense
from digitnet.paths import PACKAGE, config_file
from digitnet.repl.command import COMMANDS, split
from digitnet.repl.errors import CommandError, printable
from digitnet.repl.session import Session

LESSONS = PACKAGE / "lessons"
PROGRESS = "lessons.txt"
"""The file in the saves' folder that keeps how far each lesson was taken: a name and a number."""


def _hidden_units(session: Session) -> int:
    layers = [la for la in session.network().network.layers if isinstance(la, Dense)]
    return sum(layer.units for layer in layers[:-1])


def _has_settings(session: Session, wanted: Mapping[str, Any]) -> bool:
    settings = session.network().trainer.settings
    return all(getattr(settings, name) == value for name, value in wanted.items())


def _epochs(session: Session) -> float:
    model = session.network()
    return model.trainer.progress.samples / len(session.data_for(model).train)


def _accuracy(session: Session) -> float:
    """On the validation set."""
    model = session.network()
    return model.trainer.measure(session.data_for(model).validation).accuracy


def _cost(session: Session) -> float:
    model = session.network()
    return model.trainer.measure(session.data_for(model).train).cost


GOALS: dict[str, Callable[[Session, Any], bool]] = {
    "command": lambda session, name: session.done == COMMANDS[name].name,
    "accuracy": lambda session, least: _accuracy(session) >= least,
    "accuracy_below": lambda session, most: _accuracy(session) < most,
    "cost": lambda session, most: _cost(session) <= most,
    "units": lambda session, most: _hidden_units(session) <= most,
    "layer": lambda session, kind: any(
        layer.kind == kind for layer in session.network().network.layers
    ),
    "recipe": lambda session, name: session.network().recipe == name,
    "settings": _has_settings,
    "epochs": lambda session, least: _epochs(session) >= least,
    "batches": lambda session, least: session.network().trainer.progress.batches >= least,
    "data": lambda session, name: session.data().name == name,
    "saved": lambda session, wanted: bool(session.network().name and not session.unsaved),
    "quiz": lambda session, wanted: session.quiz_right >= wanted,
}
"""What a goal may ask of the session: name → whether it holds for the value in the file."""


@dataclass(frozen=True)
class Step:
    """A step of a lesson, as its file has it."""

    say: str
    type: str
    goal: Mapping[str, Any]
    hint: str = ""
    skips: int = 0

    def is_reached(self, session: Session) -> bool:
        """Whether the last command reached the goal."""
        if not session.done or ("command" not in self.goal and session.hand is None):
            return False
        with suppress(CommandError):
            return all(GOALS[name](session, value) for name, value in self.goal.items())
        return False


@dataclass
class Lesson:
    """A lesson, and the index of the step that is next."""

    name: str
    title: str
    about: str
    steps: Sequence[Step]
    at: int = 0

    def after(self, session: Session) -> str:
        """What is said after a command: the next step, a hint, or the end."""
        before = self.at
        while self.at < len(self.steps):
            ahead = self.steps[self.at :]
            if self.at > before:  # one command, one step; a state may complete several
                ahead = [] if "command" in ahead[0].goal else ahead[:1]
            reached = [n for n, s in enumerate(ahead) if n <= s.skips and s.is_reached(session)]
            if not reached:
                break
            self.at += reached[0] + 1
        if self.at == before:
            hint = self.steps[self.at].hint
            return "\n".join([*[hint] * bool(hint and session.done), f"{self.reminder}  {OFF}"])
        keep_progress(session, self)
        session.quiz_right = session.quiz_asked = 0  # a goal counts from its step on
        if self.at == len(self.steps):
            session.coach = None
            return f"That was the lesson {self.title}. lesson lists all of them."
        return self.told

    @property
    def told(self) -> str:
        """What is next."""
        return f"{self.steps[self.at].say}\n{self.reminder}"

    @property
    def reminder(self) -> str:
        return f"{self.title}, {self.at + 1} of {len(self.steps)}: type {self.steps[self.at].type}"


OFF = "(lesson off ends it)"


def lessons() -> dict[str, Path]:
    """The name of each lesson, such as `01-tour`, and its file; one's own come last."""
    own = config_file().parent / "lessons"
    return {
        path.stem: path for folder in (LESSONS, own) for path in sorted(folder.glob("*-*.toml"))
    }


def read_lesson(path: Path) -> Lesson:
    """The lesson in a file. Raises CommandError, saying what is wrong with the file."""
    written = _read(path)
    steps = []
    for number, each in enumerate(written.get("step", []), 1):
        known = {field.name for field in fields(Step)}
        wrong = [printable(word) for word in {*each} - known]
        if wrong or not {"say", "type"} <= {*each}:
            reason = f"has {wrong[0]}, which is not known" if wrong else "needs say and type"
            raise CommandError(f"{printable(str(path))}: step {number} {reason}")
        each.setdefault("goal", {"command": split(each["type"])[-1][0]})
        unknown = [printable(goal) for goal in {*each["goal"]} - {*GOALS}]
        if unknown:
            raise CommandError(
                f"{printable(str(path))}: step {number} has the goal {unknown[0]}; "
                f"there are {', '.join(GOALS)}"
            )
        steps.append(Step(**each))
    if not steps:
        raise CommandError(f"{printable(str(path))} has no [[step]]")
    title, about = (str(written.get(key, path.stem)) for key in ("title", "about"))
    return Lesson(path.stem, title, about, steps)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CommandError(
            f"{printable(str(path))} cannot be read: {printable(str(error))}"
        ) from None


def progress(session: Session) -> dict[str, int]:
    """How many steps of each lesson were taken."""
    with suppress(OSError, ValueError):
        lines = (session.saves / PROGRESS).read_text(encoding="utf-8").splitlines()
        return {name: int(number) for name, number in (line.rsplit(" ", 1) for line in lines)}
    return {}


def keep_progress(session: Session, lesson: Lesson) -> None:
    """Notes how far a lesson was taken, so that it can be resumed on another day."""
    lines = [f"{name} {n}\n" for name, n in (progress(session) | {lesson.name: lesson.at}).items()]
    with suppress(OSError):  # the saves cannot be written: then it is not resumed
        session.saves.mkdir(parents=True, exist_ok=True)
        (session.saves / PROGRESS).write_text("".join(lines), encoding="utf-8")


@dataclass(frozen=True)
class Patient:
    """A broken network, as patients.toml has it.

    story: what its owner says. make: the line that makes it. spoil: what is then done to it, of
    `features/patient.py`. causes: faults that the doctor knows, any of which is right. cure: the
    validation accuracy to reach. hints: one after the other. told: what it was.
    """

    story: str
    make: str
    causes: Sequence[str]
    cure: float
    hints: Sequence[str]
    told: str
    spoil: str = ""


def patients() -> list[Patient]:
    """All patients, in order."""
    return [Patient(**each) for each in _read(LESSONS / "patients.toml")["patient"]]

"""`lesson` teaches in steps that the prompt checks; `patient` gives out broken networks to cure.

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
a table [[patient]] for each broken network, see `Patient`.
"""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from rich.console import Group

from digitnet.digits.files import read_bounded
from digitnet.engine.arrays import Cases
from digitnet.engine.evaluate import Evaluation
from digitnet.engine.layers import Dense, Weighted
from digitnet.insight.doctor import FAULTS
from digitnet.paths import PACKAGE, config_file
from digitnet.registry.files import write_durably
from digitnet.registry.model import Model
from digitnet.repl import kinds
from digitnet.repl.command import COMMANDS, command, find, split
from digitnet.repl.errors import CommandError, printable
from digitnet.repl.pictures.tables import Rows
from digitnet.repl.result import Said
from digitnet.repl.session import Coach, Session

LESSONS = PACKAGE / "lessons"
MAX_FILE = 1 << 18
PROGRESS = "lessons.txt"
"""The file in the saves' folder that keeps how far each lesson was taken: a name and a number."""


def _measured(session: Session, cases: str) -> Evaluation:
    model = session.network()
    measured: Cases = getattr(session.data_for(model), cases)
    return model.trainer.measure(measured)


def _on_sample(session: Session) -> float:
    """The accuracy on the sample's validation cases; 0 if they do not fit the network."""
    model, sample = session.network(), session.data("sample")
    cases = sample.as_seen(0, model.trainer.settings.pixels).validation
    return model.trainer.measure(cases).accuracy if model.network.fits(cases) else 0.0


GOALS: dict[str, Callable[[Session, Any, Any], bool]] = {
    "command": lambda session, model, name: session.done == COMMANDS[name].name,
    "accuracy": lambda session, model, least: _measured(session, "validation").accuracy >= least,
    "accuracy_below": lambda session, model, most: _measured(session, "validation").accuracy < most,
    "cost": lambda session, model, most: _measured(session, "train").cost <= most,
    "units": lambda session, model, most: (
        sum([layer.units for layer in model.network.layers if isinstance(layer, Dense)][:-1])
        <= most
    ),
    "layer": lambda session, model, wanted: any(
        wanted in (la.kind, la.config().get("activation")) for la in model.network.layers
    ),
    "recipe": lambda session, model, name: model.recipe == name,
    "settings": lambda session, model, wanted: (
        wanted.items() <= asdict(model.trainer.settings).items()
    ),
    "epochs": lambda session, model, least: (
        model.trainer.progress.samples >= least * len(session.data_for(model).train)
    ),
    "batches": lambda session, model, least: model.trainer.progress.batches >= least,
    "data": lambda session, model, name: session.data().name == name,
    "saved": lambda session, model, wanted: bool(model.name and not session.unsaved),
    "quiz": lambda session, model, wanted: session.quiz_right >= wanted,
}
"""What a goal may ask of the session and of the network in hand, or None: name → whether it holds
for the value in the file.
"""


def _is_reached(goal: Mapping[str, Any], session: Session) -> bool:
    if not session.done or ("command" not in goal and session.hand is None):
        return False
    # a goal of one's own may be of another type, or ask for a network where there is none
    with suppress(CommandError, TypeError, AttributeError):
        return all(GOALS[name](session, session.hand, value) for name, value in goal.items())
    return False


@dataclass(frozen=True)
class Step:
    """A step of a lesson, as its file has it."""

    say: str
    type: str
    goal: Mapping[str, Any]
    hint: str = ""
    skips: int = 0

    @property
    def commands(self) -> set[str]:
        """The names of the commands in its example."""
        return {COMMANDS[word].name for word, *_ in split(self.type) if word in COMMANDS}


@dataclass
class Lesson(Coach):
    """A lesson, and the index of the step that is next. seen: the network in hand when that began.
    made: the network that a step has made, and how many mini-batches it was trained for in the
    steps.
    """

    name: str
    title: str
    about: str
    steps: Sequence[Step]
    at: int = 0
    seen: Model | None = None
    made: tuple[Model | None, int] = None, 0

    def after(self, session: Session) -> str:
        """What is said after a command: the next step, a hint, or the end."""
        before = self.at
        while self.at < len(self.steps):
            ahead = self.steps[self.at :]
            if self.at > before:  # one command, one step; a state may complete several
                ahead = [] if "command" in ahead[0].goal else ahead[:1]
            reached = [n for n, s in enumerate(ahead) if n <= s.skips]
            reached = [n for n in reached if _is_reached(ahead[n].goal, session)]
            if not reached:
                break
            self.at += reached[0] + 1
        if self.at > before:
            hand, taken = session.hand, self.steps[before : self.at]
            makes = hand is not self.seen and any("n" in step.commands for step in taken)
            if hand and (hand is self.made[0] or makes):
                self.made = hand, hand.trainer.progress.batches
            self.seen = hand
            return self.next_told(session)
        step = self.steps[self.at]
        is_near = session.done in step.commands
        number = right = ""
        if "quiz" in step.goal:
            number = " NUMBER" if session.question else ""
            right = f"{session.quiz_right} of {step.goal['quiz']} right; "
        off = "lesson next skips it, lesson off ends it"
        return "\n".join([*[step.hint] * is_near, f"{self.reminder}{number}  ({right}{off})"])

    def next_told(self, session: Session) -> str:
        """What is said where a step ends: the next one, or the end."""
        _keep_progress(session, self)
        session.quiz_right = 0  # a goal counts from its step on
        session.quiz_asked = int(session.question is not None)
        if self.at == len(self.steps):
            session.coach = None
            return f"That was the lesson {self.title}. lesson lists all of them."
        return self.told

    def may_discard(self, model: Model) -> bool:
        made, batches = self.made
        return model is made and model.trainer.progress.batches == batches and not model.name

    @property
    def told(self) -> str:
        return f"{self.steps[self.at].say}\n{self.reminder}"

    @property
    def reminder(self) -> str:
        return f"{self.title}, {self.at + 1} of {len(self.steps)}: type {self.steps[self.at].type}"


def lessons() -> dict[str, Path]:
    """The name of each lesson, such as `01-tour`, and its file; one's own come last."""
    own = config_file().parent / "lessons"
    return {
        path.stem: path for folder in (LESSONS, own) for path in sorted(folder.glob("*-*.toml"))
    }


def read_lesson(path: Path) -> Lesson:
    """The lesson in a file. Raises CommandError, saying what is wrong with the file."""
    written, steps, where = _read(path), [], printable(str(path))
    for number, each in enumerate(written.get("step", []), 1):
        if not {"say", "type"} <= {*each} <= {*Step.__annotations__}:
            has = printable(", ".join(each))
            expected = "it needs say and type, and may have goal, hint and skips"
            raise CommandError(f"{where}: step {number} has {has}; {expected}")
        texts = [each["say"], each["type"], each.get("hint", "")]
        if not all(isinstance(text, str) for text in texts) or not each["type"].strip():
            raise CommandError(f"{where}: step {number}: say, type and hint are texts")
        each.setdefault("goal", {"command": split(each["type"])[-1][0]})
        if unknown := [printable(goal) for goal in {*each["goal"]} - {*GOALS}]:
            raise CommandError(
                f"{where}: step {number} has the goal {unknown[0]}; there are {', '.join(GOALS)}"
            )
        if each["goal"].get("command", "t") not in COMMANDS:
            raise CommandError(f"{where}: the goal of step {number} has an unknown command")
        steps.append(Step(**each))
    if not steps:
        raise CommandError(f"{where} has no [[step]]")
    title, about = (str(written.get(key, path.stem)) for key in ("title", "about"))
    return Lesson(path.stem, title, about, steps)


def _read(path: Path) -> dict[str, Any]:
    """What is in a file. Raises CommandError if it cannot be read."""
    try:
        return tomllib.loads(read_bounded(path, MAX_FILE).decode())
    except (OSError, ValueError) as error:
        reason = printable(str(error))
        raise CommandError(f"{printable(str(path))} cannot be read: {reason}") from None


def _progress(session: Session) -> dict[str, int]:
    with suppress(OSError, ValueError):
        lines = read_bounded(session.saves / PROGRESS, MAX_FILE, follow=False).decode().splitlines()
        return {name: int(number) for name, number in (line.rsplit(" ", 1) for line in lines)}
    return {}


def _keep_progress(session: Session, lesson: Lesson) -> None:
    """Notes how far a lesson was taken, so that it can be resumed on another day."""
    taken = _progress(session) | {lesson.name: lesson.at}
    with suppress(OSError):  # the saves cannot be written: then it is not resumed
        session.saves.mkdir(parents=True, exist_ok=True)
        text = "".join(f"{name} {number}\n" for name, number in taken.items())
        write_durably(session.saves / PROGRESS, text.encode())


T = TypeVar("T")


def _numbered(noun: str, every: Sequence[T], number: int) -> T:
    if number > len(every):
        raise CommandError(f"there are {len(every)} {noun}s, not {number}. {noun} lists them")
    return every[number - 1]


@command("lesson", group="This program")
def lesson(session: Session, number: kinds.LESSON = 0) -> Said:
    """Take a lesson of five minutes: steps to type, with goals that are checked.

    Other commands may be used in between. A lesson left is resumed where it was or, without a
    network in hand, where one is made; one that was finished begins again. Lessons of your own
    belong in the folder lessons beside config.toml.

    lesson: all lessons, and how far you got
    lesson next: skip a step
    lesson off: end the lesson
    lesson 3: begin or resume the third
    """
    files, taken = list(lessons().values()), _progress(session)
    if not number:
        return _listed([read_lesson(path) for path in files], taken)
    if isinstance(number, str):
        current = session.coach
        if number == "off" and current is not None:  # a patient's treatment, too
            session.coach = None
            return Said("The lesson is over; lesson lists all of them.", {})
        if not isinstance(current, Lesson):
            raise CommandError("no lesson has begun: at the prompt, lesson 3 begins the third")
        current.at += 1
        return Said(current.next_told(session), {})
    chosen = read_lesson(_numbered("lesson", files, number))
    steps = [{"says": step.say, "type": step.type} for step in chosen.steps]
    if session.interactive:
        chosen.at = taken.get(chosen.name, 0) % len(steps)
        is_treated = isinstance(session.coach, Treatment)
        is_there = session.hand and not is_treated
        while chosen.at and not (is_there or {"n", "l"} & chosen.steps[chosen.at].commands):
            chosen.at -= 1  # to where its network is made
        over = "This ends the treatment of the patient.\n" * is_treated
        session.coach, chosen.seen = chosen, session.hand
        begun = over + ("Resumed:\n" if chosen.at else f"{chosen.about}\n\n")
        said = f"{begun}{chosen.told}"
    else:
        lines = [f"{n}. {s['says']}\n   {s['type']}" for n, s in enumerate(steps, 1)]
        said = "\n".join([f"{chosen.title}: {chosen.about}", *lines])
    return Said(said, {"title": chosen.title, "steps": steps})


def _listed(every: Sequence[Lesson], taken: Mapping[str, int]) -> Said:
    rows, data = [], []
    for number, each in enumerate(every, 1):
        count, at = len(each.steps), min(taken.get(each.name, 0), len(each.steps))
        taken_so_far = f" ({at} of {count})" if at else ""
        rows.append((f"{number:2}", f"{each.title}{taken_so_far}", each.about))
        data.append({"name": each.name, "title": each.title, "steps": count, "taken": at})
    below = "lesson 1 begins the first; patient has broken networks to cure, quiz asks questions."
    table = Rows(("", "", ""), rows, prose=("",))
    return Said(Group(table, below), {"lessons": data})


@command("tour", group="This program")
def tour(session: Session, off: kinds.OFF = "") -> Any:
    """Take a two-minute tour: train a network, ask it, draw for it, save it. It is lesson 1.

    tour off: end the tour
    tour: start the tour
    """
    return lesson(session, off or 1)


NAME = "Patient"  # of the spoilt data of a patient: no data set of one's own can have it


def _turned(cases: Cases) -> Cases:
    pictures: Any = cases.inputs.reshape(-1, 28, 28).transpose(0, 2, 1)
    return replace(cases, inputs=np.ascontiguousarray(pictures.reshape(len(cases), -1)))


def _rolled(axis: int) -> Callable[[Cases], Cases]:
    return lambda cases: replace(cases, targets=np.roll(cases.targets, 1, axis))


WEIGHTS = {"zero weights": 0.0, "huge weights": 60.0}
"""By what all weights of a patient may have been multiplied."""

BIASES = {"low biases": -20.0}  # what all biases of its hidden layers may have been set to

CASES = {
    "answers off by one": _rolled(1),
    "pictures transposed": _turned,
    "rows out of step": _rolled(0),
}
"""How its training cases may have been changed."""


def _spoil(session: Session, how: str) -> None:
    """Does to a patient's network, or to its cases, what is in its file."""
    layers = [la for la in session.network().network.layers if isinstance(la, Weighted)]
    for layer in layers:
        layer.weights *= WEIGHTS.get(how, 1.0)
        if how in BIASES and layer.biases is not None and layer is not layers[-1]:
            layer.biases[...] = BIASES[how]
    if how in CASES:
        data = session.data("sample")
        session.data_sets.lend(replace(data, train=CASES[how](data.train), name=NAME))
        session.network().data = NAME


@dataclass(frozen=True)
class Patient:
    """A broken network, as patients.toml has it.

    story: what its owner says. make: the line that makes it; after a | what follows once it is
    spoilt. spoil: how, of WEIGHTS, BIASES and CASES. causes: faults that the doctor knows, any of
    which is right. cure: the validation accuracy to reach. hints: one after the other. told: what
    it was.
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


@dataclass
class Treatment(Coach):
    """A patient being treated.

    shape: of its network. named: whether the cause was named. hints: how many were given.
    """

    number: int
    patient: Patient
    shape: str
    named: bool = False
    cured: bool = False
    hints: int = 0

    def after(self, session: Session) -> str:
        """What is said after a command, if the network has become well."""
        if self.cured or not session.done or _on_sample(session) < self.patient.cure:
            return ""
        if not self.named and session.network().network.shape != self.shape:
            return "That is another network. What is wrong with the patient? patient CAUSE says it."
        self.cured = True
        right = f"At least {100 * self.patient.cure:g} % of the sample's validation cases are right"
        return f"{right}: cured. {self._end(session)}"

    def name(self, cause: str, session: Session) -> str:
        """What is said of a cause that was named."""
        if cause not in self.patient.causes:
            return f"No: {cause} is not it. patient hint helps, and so does doctor."
        self.named, self.cured = True, _on_sample(session) >= self.patient.cure
        return f"Yes: {FAULTS[cause].what} {self._end(session)}"

    def _end(self, session: Session) -> str:
        """What is left to do, or the end."""
        if not self.named:
            return "And what was it? patient CAUSE names it; ? patient lists causes."
        if not self.cured:
            return f"Now cure it: train a network that gets {100 * self.patient.cure:g} % right."
        session.coach = None
        return f"{self.patient.told} That was patient {self.number}; patient lists all."


@command("patient", group="This program")
def patient(session: Session, what: kinds.PATIENT = 0) -> Said:
    """Cure a broken network: a patient is loaded, say what is wrong and make it learn.

    Every means is allowed: i, set, plot, why, w, show, doctor. The accuracy is checked after each
    command. Patients are networks as learners really had them.

    patient: all patients
    patient hint: a hint about the one in hand
    patient rate-high: say what is wrong with it
    patient 3: take the third in hand
    """
    every = patients()
    if not what:
        stories = [each.story for each in every]
        rows = [(str(number), story) for number, story in enumerate(stories, 1)]
        table = Rows(("", "what its owner says"), rows, prose=("what its owner says",))
        below = "patient 3 takes the third in hand."
        return Said(Group(table, below), {"patients": stories})
    if isinstance(what, int):
        return _admit(session, what, every)
    treatment = session.coach
    if not isinstance(treatment, Treatment):
        raise CommandError("no patient is in hand: patient lists them, patient 1 takes the first")
    hints, causes = treatment.patient.hints, treatment.patient.causes
    if what != "hint":
        return Said(treatment.name(what, session), {"cause": what, "right": what in causes})
    treatment.hints += 1
    hint = hints[min(treatment.hints, len(hints)) - 1]
    last = "\nThat was the last hint; doctor helps." * (treatment.hints >= len(hints))
    return Said(f"{hint}{last}", {"hint": hint})


def _admit(session: Session, number: int, every: list[Patient]) -> Said:
    chosen = _numbered("patient", every, number)
    session.discard("no patient was taken")
    make, _, training = chosen.make.partition(" | ")
    with session.unless_it_fails():
        session.hand = None
        session.data_sets.choose(session.data("sample"))
        _run(session, make)
        _spoil(session, chosen.spoil)
        _run(session, training)
    session.mark_saved()
    shape = session.network().network.shape
    over = "The lesson is interrupted: lesson lists it.\n" * isinstance(session.coach, Lesson)
    session.coach = Treatment(number, chosen, shape)
    goal = f"Find out what is wrong (patient CAUSE names it), and get {100 * chosen.cure:g} % right"
    said = f'{over}"{chosen.story}"\n\nIn hand: {shape}. {goal}. patient hint helps.'
    fields = {"number": number, "story": chosen.story, "shape": shape, "cure": chosen.cure}
    return Said(said, fields)


def _run(session: Session, line: str) -> None:
    """Runs the commands of a line, without showing their results."""
    for name, *words in split(line):
        called = find(name)
        called.function(session, *called.parse(words))
        if session.interrupts.asked:
            raise CommandError("interrupted: no patient was taken")

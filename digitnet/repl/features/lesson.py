"""`lesson` teaches in steps that the prompt checks; the first lesson is the tour."""

from dataclasses import dataclass
from typing import Annotated, Any

from rich.console import RenderResult

from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError
from digitnet.repl.pictures import Drawn, View
from digitnet.repl.pictures.tables import Rows
from digitnet.repl.result import Record, Said, ScreenOnly
from digitnet.repl.school import Lesson, lessons, progress, read_lesson
from digitnet.repl.session import Session


@dataclass(frozen=True)
class LessonsResult(Drawn):
    """All lessons, and how many of their steps were taken."""

    lessons: list[Lesson]

    def as_json(self) -> dict[str, Any]:
        return {
            "lessons": [
                {"name": each.name, "title": each.title, "steps": len(each.steps), "taken": each.at}
                for each in self.lessons
            ]
        }

    def drawn(self, view: View) -> RenderResult:
        rows = [
            (
                str(number),
                each.title,
                f"{each.at} of {len(each.steps)}" if each.at else "",
                each.about,
            )
            for number, each in enumerate(self.lessons, 1)
        ]
        yield Rows(("", "lesson", "taken", "about"), rows, prose=("about",))
        yield "lesson 1 begins the first; patient has broken networks to cure, quiz asks questions."


@dataclass(frozen=True)
class LessonResult(Record):
    """A lesson begun. said: its first step; in a script, all of them."""

    title: str
    steps: list[dict[str, Any]]
    said: ScreenOnly[str]

    def drawn(self, view: View) -> RenderResult:
        yield self.said


@command(
    "lesson",
    group="This program",
    examples={
        "lesson": "all lessons, and how far you got",
        "lesson off": "end the lesson",
        "lesson 3": "begin or resume the third",
    },
)
def lesson(
    session: Session, number: Annotated[int | str, kinds.LESSON] = 0
) -> LessonsResult | LessonResult | Said:
    """Take a lesson of five minutes: steps to type, with goals that are checked.

    Other commands may be used in between. A lesson left is resumed where it was, also on another
    day; one that was finished begins again. Lessons of your own belong in the folder lessons beside
    config.toml.
    """
    files = list(lessons().values())
    if number == "off":
        session.coach = None
        return Said("The lesson is over; lesson lists all of them.", {})
    taken = progress(session)
    if not number:
        every = [read_lesson(path) for path in files]
        for each in every:
            each.at = min(taken.get(each.name, 0), len(each.steps))
        return LessonsResult(every)
    if int(number) > len(files):
        raise CommandError(f"there are {len(files)} lessons, not {number}. lesson lists them")
    chosen = read_lesson(files[int(number) - 1])
    steps = [{"says": step.say, "type": step.type} for step in chosen.steps]
    if not session.interactive:
        said = "\n".join(f"{n}. {s['says']}\n   {s['type']}" for n, s in enumerate(steps, 1))
        return LessonResult(chosen.title, steps, f"{chosen.title}: {chosen.about}\n{said}")
    chosen.at = taken.get(chosen.name, 0) % len(chosen.steps)
    session.coach = chosen
    begun = f"{chosen.about}\n\n" if not chosen.at else "Where you left:\n"
    return LessonResult(chosen.title, steps, f"{begun}{chosen.told}")


@command(
    "tour",
    group="This program",
    examples={"tour off": "end the tour", "tour": "start the tour"},
)
def tour(session: Session, off: Annotated[str, kinds.OFF] = "") -> Any:
    """Take a two-minute tour: train a network, ask it, draw for it, save it. It is lesson 1."""
    return lesson(session, off or 1)

"""Lessons, patients and the quiz, played as a learner plays them, wrong turns included."""

from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from session_helpers import do, refusal

from digitnet.repl.errors import CommandError
from digitnet.repl.features.lesson import (
    BIASES,
    CASES,
    WEIGHTS,
    Lesson,
    Step,
    Treatment,
    lessons,
    patients,
    read_lesson,
)
from digitnet.repl.session import NonInteractive, Session

LESSONS = list(lessons().values())
PATIENTS = patients()
CURES = [
    "set rate 3; t 3e", "n diary; t 3e", "n; t 2e", "n; t 2e", "n 784-20-20-20-20-10; t 4e",
    "n; t 2e", "n 784-64-10; t 2e", "n 784-64-10; t 2e", "n 784-64-10; t 2e",
    "n; t 2e", "n; t 2e", "n diary; t 3e", "n; t 2e", "n; t 2e", "n; t 2e", "n; t 2e",
    "n 784-30-10; t 3e", "data sample; n; t 2e", "data sample; n; t 2e", "data sample; n; t 2e",
]  # fmt: skip
"""What cures each patient, in order."""


def coached(session: Session, line: str) -> str:
    """What is said after a line at the prompt."""
    do(session, line)
    coach: Any = session.coach
    return str(coach.after(session)) if coach else ""


def take(session: Session, step: Step) -> str:
    """Does what a step asks for; where that needs a board, it is done."""
    if step.type in ("d", "mine 7"):
        session.done = step.type.split()[0]
        return str(session.coach.after(session)) if session.coach else ""
    if "quiz" not in step.goal:
        return coached(session, step.type)
    for _ in range(step.goal["quiz"]):
        do(session, "quiz")
        said = coached(session, f"quiz {session.question.answer:.6g}")
    return said


@pytest.mark.parametrize("number", range(1, len(LESSONS) + 1))
def test_a_lesson_is_played_from_its_first_step_to_its_end(session: Session, number: int) -> None:
    session.interactive, session.included = True, ROOT / "saves" / "included"
    session.asker = NonInteractive(yes=True)
    do(session, f"lesson {number}")
    lesson = session.coach
    assert isinstance(lesson, Lesson)
    for at, step in enumerate(lesson.steps):
        assert lesson.at == at
        assert lesson.reminder in coached(session, "data")  # a look elsewhere
        do(session, f"lesson off; lesson {number}")  # resumed where it was
        assert isinstance(session.coach, Lesson)
        lesson = session.coach
        assert lesson.at == at
        said = take(session, step)
    assert "That was the lesson" in said
    assert session.coach is None


def test_a_goal_that_is_not_reached_is_told_with_a_hint(session: Session) -> None:
    session.interactive, session.asker = True, NonInteractive(yes=True)
    do(session, "lesson 5")
    assert "n diary, set rate 0.01" in coached(session, "n diary; t 20")
    assert "2 of 5" in coached(session, "n diary; set rate 0.01; t 1e")


def test_a_teacher_writes_another_lesson(tmp_path: Path, session: Session) -> None:
    path = tmp_path / "90-mine.toml"
    path.write_text('title = "Mine"\n[[step]]\nsay = "Few."\ntype = "n 784-20-10; t 1e"\n'
                    "goal = {units = 20, accuracy = 0.7}\n")  # fmt: skip
    lesson = read_lesson(path)
    session.coach = lesson
    assert "1 of 1" in coached(session, "n 784-30-10; t 1e")
    assert "That was the lesson Mine" in coached(session, lesson.steps[0].type)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[step]", "cannot be read"),
        ('title = "No steps"', r"has no \[\[step\]\]"),
        ('[[step]]\nsay = "a"', "step 1 has say; it needs say and type"),
        ('[[step]]\nsay = "a"\ntype = "t"\nsays = ""', "step 1 has say, type, says; "),
        ('[[step]]\nsay = "a"\ntype = "t"\ngoal = {acuracy = 1}', "the goal acuracy; there are"),
    ],
)
def test_a_lesson_that_is_wrong_says_what(tmp_path: Path, text: str, says: str) -> None:
    (path := tmp_path / "12-wrong.toml").write_text(text)
    with pytest.raises(CommandError, match=says):
        read_lesson(path)


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(n, marks=[pytest.mark.full] * (n not in (1, 7, 18)))
        for n in range(1, len(PATIENTS) + 1)
    ],
)
def test_a_patient_is_named_by_the_doctor_and_cured(session: Session, number: int) -> None:
    patient = PATIENTS[number - 1]
    do(session, f"patient {number}; patient hint")
    treatment = session.coach
    assert isinstance(treatment, Treatment)
    assert coached(session, "i") == ""  # it is not well yet
    *_, wrong = do(session, "patient seen")
    assert not wrong["right"]
    *_, told = do(session, "doctor")
    code = told["findings"][0]["code"]
    assert code in patient.causes
    assert do(session, f"patient {code}")[-1]["right"]
    assert patient.told in coached(session, CURES[number - 1])
    assert session.coach is None


def test_every_patient_is_broken_in_a_way_that_is_known() -> None:
    assert len(CURES) == len(PATIENTS) == 20
    assert {each.spoil for each in PATIENTS} == {"", *WEIGHTS, *BIASES, *CASES}


def test_a_quiz_takes_three_wrong_answers(session: Session) -> None:
    do(session, "n mini; quiz")
    first, _, third = do(session, "quiz 77; quiz -77,5; quiz 1000")
    assert first["answer"] is None
    assert third["answer"] is not None
    assert "nothing is asked" in refusal(session, "quiz 1")


@pytest.mark.parametrize("line", ["n mini", "n mini3", "n truth", "n 784-16-16-10", "n diary"])
def test_every_question_can_be_computed_from_what_is_given(session: Session, line: str) -> None:
    do(session, f"{line}; t 3")
    for right in range(1, 31):
        (asked,) = do(session, "quiz")
        assert asked["givens"]
        (answered,) = do(session, f"quiz {session.question.answer * 1.005:.6g}")
        assert (answered["right"], answered["asked"]) == (right, right)


def test_what_is_not_there_is_refused(session: Session) -> None:
    assert "there are 20 patients" in refusal(session, "patient 21")
    assert "no patient is in hand" in refusal(session, "patient rate-high")
    assert "lessons, not 99" in refusal(session, "lesson 99")
    assert "what is wrong with it" in refusal(session, "patient cold")

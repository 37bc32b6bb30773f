"""Lessons, patients and the quiz, played as a learner plays them, wrong turns included."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from conftest import ROOT
from importing_helpers import ANSWERS, COUNT, PICTURES, npz
from session_helpers import do, refusal, shown

from digitnet.repl.command import split
from digitnet.repl.errors import CommandError
from digitnet.repl.features.lesson import (
    BIASES,
    CASES,
    NAME,
    PROGRESS,
    WEIGHTS,
    Lesson,
    Treatment,
    _keep_progress,
    _measured,
    _on_sample,
    _progress,
    lessons,
    patients,
    read_lesson,
)
from digitnet.repl.features.quiz import SHOWN
from digitnet.repl.session import NonInteractive, Session

LESSONS = list(lessons().values())
PATIENTS = patients()
CURES = [
    "set rate 3; t 3e", "n diary; t 3e", "n; t 2e", "n; t 2e", "n 784-30-30-30-30-30-30-10; t 8e",
    "n; t 2e", "n 784-64-10; t 2e", "n 784-64-10; t 2e", "n 784-64-10; t 2e",
    "n; t 2e", "n; t 2e", "n diary; t 3e", "n; t 2e", "n; t 2e", "n; t 2e", "n; t 2e",
    "n 784-30-10; t 3e", "data sample; n; t 2e", "data sample; n; t 2e", "data sample; n; t 2e",
]  # fmt: skip
"""What cures each patient, in order."""
SLOW = ("n; set batch 1; t 1e", "n; set augment light; t 15e")
"""Steps that are skipped without --full."""


def coached(session: Session, line: str) -> str:
    """What is said after a line at the prompt."""
    do(session, line)
    coach: Any = session.coach
    return str(coach.after(session)) if coach else ""


def take(session: Session, lesson: Lesson, is_full: bool) -> str:
    """Does what a step asks for, after a wrong turn; where that needs a board, it is done."""
    step = lesson.steps[lesson.at]
    if step.type in SLOW and not is_full:
        return shown(session, "lesson next", width=500)
    if step.type in ("d", "mine DIGIT"):
        session.done = step.type.split()[0]
        return lesson.after(session)
    if "quiz" in step.goal:
        for _ in range(step.goal["quiz"]):
            do(session, "quiz")
            said = coached(session, "quiz 1e9")
            assert step.hint in said
            assert "type quiz NUMBER  (" in said
            said = coached(session, f"quiz {session.question.answer:.6g}")
        return said
    if step.hint:  # training a little, with whatever is in hand, is not what was asked for
        is_near = any(name == "t" for name, *_ in split(step.type))
        assert coached(session, "t 1").startswith(step.hint) == is_near
    return coached(session, step.type)


@pytest.mark.parametrize("number", range(1, len(LESSONS) + 1))
def test_a_lesson_is_played_to_its_end_with_wrong_turns(
    session: Session, number: int, pytestconfig: pytest.Config
) -> None:
    session.interactive, session.included = True, ROOT / "saves" / "included"
    session.asker = NonInteractive(yes=True)
    do(session, f"lesson {number}")
    for at in range(len(read_lesson(LESSONS[number - 1]).steps)):
        lesson: Any = session.coach
        assert lesson.at == at
        refusal(session, "t -1")  # that is refused, and says nothing about the goal
        assert lesson.after(session).startswith(f"{lesson.reminder}  (")
        assert lesson.reminder in coached(session, "data")  # a look elsewhere
        do(session, f"lesson off; lesson {number}")  # resumed where it was
        assert isinstance(session.coach, Lesson)
        assert session.coach.at == at
        said = take(session, session.coach, pytestconfig.getoption("full"))
    assert "That was the lesson" in said
    assert session.coach is None


def test_a_lesson_and_the_treatment_of_a_patient_end_each_other(session: Session) -> None:
    session.interactive = True
    do(session, "patient 1; lesson off")
    assert session.coach is None
    do(session, "lesson 1")
    assert "The lesson is interrupted" in shown(session, "patient 1")
    assert "This ends the treatment" in shown(session, "lesson 1")


def test_a_step_is_skipped_and_only_the_lessons_networks_go_without_asking(
    session: Session,
) -> None:
    session.interactive = True
    do(session, "t 1; lesson 7")
    assert "Discard 1 mini-batch" in refusal(session, "n")
    session.asker = NonInteractive(yes=True)
    assert "Mini-batches, 2 of 4" in coached(session, "n; set batch all; t 5e")
    session.asker = NonInteractive()
    do(session, "n; t 1")
    assert "Discard 1 mini-batch" in refusal(session, "n; set batch 1; t 1e")
    assert "Mini-batches, 3 of 4: type n; set batch 16" in shown(session, "lesson next", width=500)
    do(session, "lesson next")
    assert "That was the lesson" in shown(session, "lesson next", width=500)
    assert session.coach is None


def test_a_network_that_met_a_goal_before_the_lesson_goes_only_after_a_yes(
    session: Session,
) -> None:
    session.interactive = True
    do(session, "n; set batch all; t 5e; lesson 7")
    assert "2 of 4" in coached(session, "t 1")
    assert "Discard" in refusal(session, "n")


@pytest.mark.parametrize(("number", "at", "line"), [
    (2, 1, "n truth; t 1; i"), (4, 1, "n diary; set rate 0.01; t 1e"),
    (5, 1, "n diary; set rate 300; t 6e"), (6, 2, "n diary; set rate 0.01; t 1e; i"),
    (6, 2, "n; set rate 1e-9; t 100"), (6, 6, "n 784-20-20-10; set rate 0.02; t 2e"),
    (7, 1, "n; set batch all; t 5e; i"), (7, 2, "n; t 1e; set batch 1"),
    (7, 1, "data sample11; n 121-9-10; set batch all; t 5e"), (8, 1, "n; set cases 200; t 40e; i"),
    (8, 1, "data sample11; n 121-9-10; set cases 200; t 40e"), (9, 1, "n conv; i"),
    (9, 3, "l hand; i"), (11, 1, "n; t 2e; i"), (11, 5, "n; t 2e; pas a; set rate 0.02; p"),
])  # fmt: skip
def test_a_step_is_not_done_by_what_was_there_before(
    session: Session, number: int, at: int, line: str
) -> None:
    session.included = ROOT / "saves" / "included"
    session.coach = lesson = read_lesson(LESSONS[number - 1])
    lesson.at = at - 1
    coached(session, line)
    assert lesson.at == at - 1


@pytest.mark.parametrize(
    ("number", "left_at", "resumed_at"), [(1, 7, 7), (2, 4, 1), (6, 3, 2), (11, 7, 7)]
)
def test_a_lesson_is_resumed_where_its_network_is_made(
    session: Session, number: int, left_at: int, resumed_at: int
) -> None:
    session.interactive = True
    lesson = read_lesson(LESSONS[number - 1])
    lesson.at = left_at - 1
    _keep_progress(session, lesson)
    for made, at in (("", resumed_at), ("n; ", left_at)):
        do(session, f"{made}lesson {number}")
        assert isinstance(session.coach, Lesson)
        assert session.coach.at == at - 1


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
        ('[[step]]\nsay = "a"\ntype = "t"\ngoal = {command = "trian"}', "an unknown command"),
        ('[[step]]\nsay = 3\ntype = "t"', "say, type and hint are texts"),
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
    patient, cure = PATIENTS[number - 1], CURES[number - 1]
    do(session, f"patient {number}")
    hints = [shown(session, "patient hint") for _ in patient.hints]
    assert [hint.endswith("That was the last hint; doctor helps.\n") for hint in hints] == [
        *[False] * len(hints[1:]), True,
    ]  # fmt: skip
    assert isinstance(session.coach, Treatment)
    assert coached(session, "t 20") == coached(session, "i") == ""  # that does not make it well
    assert not do(session, "patient seen")[-1]["right"]
    code = do(session, "doctor")[-1]["findings"][0]["code"]
    assert code in patient.causes
    if number % 2:
        assert do(session, f"patient {code}")[-1]["right"]
        assert patient.told in coached(session, cure)
    else:
        assert "patient CAUSE names it" in coached(session, cure)
        assert patient.told in shown(session, f"patient {code}", width=500)
    assert session.coach is None


STORIES = {
    1: ("validation", 0.1, 0.23), 4: ("validation", 0.1, 0.3), 6: ("validation", 0.88, 0.92),
    12: ("validation", 0.3, 0.55), 15: ("train", 1, 1), 18: ("train", 0.95, 1),
    20: ("train", 0.985, 0.995),
}  # fmt: skip
"""The accuracies that the owners of patients speak of: of which cases, and in which range."""


@pytest.mark.parametrize("number", STORIES)
def test_what_the_owner_of_a_patient_says_is_so(
    session: Session, number: int, share: Callable[[int, int], int]
) -> None:
    cases, low, high = STORIES[number]
    for seed in range(1, 1 + share(1, 5)):
        session.reseed(seed)
        do(session, f"patient {number}")
        assert low <= _measured(session, cases).accuracy <= high


def test_every_patient_is_broken_in_a_way_that_is_known() -> None:
    assert len(CURES) == len(PATIENTS) == 20
    assert {each.spoil for each in PATIENTS} == {"", *WEIGHTS, *BIASES, *CASES}


def test_the_training_of_a_patient_is_undone_and_no_less_than_nothing_is_unsaved(
    session: Session,
) -> None:
    do(session, "patient 1; undo t")
    assert (session.unsaved_batches, session.unsaved) == (0, "")
    do(session, "t 5")
    assert session.unsaved_batches == 5


def test_a_patient_that_cannot_be_made_leaves_the_network_in_hand(session: Session) -> None:
    do(session, "n mini")
    mine = session.hand
    with patch("digitnet.repl.features.lesson._spoil", side_effect=CommandError("no")):
        assert refusal(session, "patient 1") == "no"
    asks = partial(setattr, session.interrupts, "asked")
    with patch("digitnet.repl.features.lesson._spoil", side_effect=lambda *_: asks(True)):  # Ctrl-C
        assert refusal(session, "patient 18") == "interrupted: no patient was taken"
    assert (session.hand, session.data_sets.name) == (mine, "mini")


def test_a_data_set_of_ones_own_may_be_named_patient(session: Session, tmp_path: Path) -> None:
    own = npz(images=PICTURES, labels=ANSWERS)(tmp_path)
    do(session, f"data import patient {own}; patient 18; data")
    assert session.data().name == NAME  # which no list of data sets changes
    do(session, "data patient")
    assert len(session.data().train) < COUNT


def test_a_cure_counts_with_the_pixels_that_it_was_trained_on(session: Session) -> None:
    do(session, "n 784-b-10; set pixels raw; t 50")
    assert _on_sample(session) == _measured(session, "validation").accuracy


def test_a_quiz_takes_three_wrong_answers(session: Session) -> None:
    asked, again = do(session, "n mini; quiz; quiz")[1:]
    assert asked == again  # until it is answered
    first, _, third = do(session, "quiz 77; quiz -77,5; quiz 1000")
    assert first["answer"] is None
    assert third["answer"] is not None


def test_a_quiz_is_about_the_weights_that_answer(session: Session) -> None:
    do(session, "n mini; set average 1; set rate 40; t 20")
    outputs = [do(session, f"c {index}")[0]["outputs"] for index in range(8)]
    told = [do(session, "quiz; quiz skip")[0] for _ in range(40)]
    (asked, *_) = [each["givens"]["a"] for each in told if "cost C" in each["question"]]
    assert any(asked == pytest.approx(each, rel=1e-3) for each in outputs)


@pytest.mark.parametrize(("recipe", "is_asked"), [("mini", True), ("spiral", False)])
def test_a_rate_is_asked_for_where_the_usual_one_is_seen_to_do_well(
    session: Session, recipe: str, is_asked: bool
) -> None:
    do(session, f"n {recipe}")
    asked = [do(session, "quiz; quiz skip")[0] for _ in range(40)]
    curves = [each["givens"]["mean cost"] for each in asked if "Was its rate" in each["question"]]
    assert [len(curve) for curve in curves] == [SHOWN] * len(curves)
    assert bool(curves) == is_asked


def test_a_question_asked_before_a_step_ends_counts_in_the_next(session: Session) -> None:
    session.coach = read_lesson(lessons()["03-by-hand"])
    do(session, "n; quiz")
    assert "2 of 6" in coached(session, "n mini")
    answered = do(session, f"quiz {session.question.answer:.6g}")[0]
    assert (answered["right"], answered["asked"]) == (1, 1)


@pytest.mark.parametrize("line", ["n mini", "n mini3", "n truth", "n 784-16-16-10", "n diary"])
def test_every_question_can_be_computed_from_what_is_given(session: Session, line: str) -> None:
    do(session, f"{line}; t 3")
    for right in range(1, 31):
        (asked,) = do(session, "quiz")
        assert asked["givens"]
        assert asked["givens"].get("g = dC/dw") != 0
        if rate := asked["givens"].get("η"):  # not w − η g, which is nearly w
            assert session.question.answer == pytest.approx(-rate * asked["givens"]["g = dC/dw"])
        if session.question.answer:
            wrong = (0, session.question.answer * 1.03)
            assert all(do(session, f"quiz {n:.6g}")[0]["answer"] is None for n in wrong)
        (answered,) = do(session, f"quiz {session.question.answer * 1.005:.6g}")
        assert (answered["right"], answered["asked"]) == (right, right)


def test_a_link_in_the_place_of_the_progress_is_not_written_through(
    session: Session, tmp_path: Path
) -> None:
    (victim := tmp_path / "victim").write_text("precious")
    session.saves.mkdir(exist_ok=True)
    (session.saves / PROGRESS).symlink_to(victim)
    lesson = read_lesson(next(iter(lessons().values())))
    _keep_progress(session, lesson)
    assert victim.read_text() == "precious"
    assert _progress(session) == {lesson.name: 0}

"""A newcomer's whole sessions at a pseudo-terminal: the tour, mistakes, a saved network; the next
evening.
"""

import re
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, Program, Start
from PIL import Image
from session_helpers import do

from digitnet.digits.datasets import SOURCES
from digitnet.repl.features.lesson import lessons, read_lesson
from digitnet.repl.session import Session

STEPS = read_lesson(lessons()["01-tour"]).steps


def test_from_the_first_prompt_to_a_saved_network(terminal: Start, program: Program) -> None:
    t = terminal(80, 40)
    t.wait_for("d to draw a digit")
    t.ready().do("toru", "Did you mean tour?")
    t.do("tour", "Tour, 1 of 7: type t 3e$")
    t.do("what now?", "Tour, 1 of 7: type t 3e  .lesson next skips it, lesson off ends it.")
    t.do("t 1000e", "left")
    t.type("\x03")
    t.wait_for("Interrupted: the training so far is kept.")
    for number, step in enumerate(STEPS[1:], 2):
        t.wait_for(f"Tour, {number} of 7: type {step.type}$")
        t.type(f"{step.type}\r")
        if step.type == "d":
            t.wait_for("draw a digit with")
            t.type("\x1b")  # leaves
        elif step.type in ("wrong", "why"):
            t.wait_for("more|q leave")
            t.type("q")
    t.wait_for("That was the lesson Tour")
    t.type("s\r")
    assert t.leave() == 0
    assert "'first'" in program("-c", "l first; ch all").stdout


WIDER = (80, 24), (120, 40)

NEXT_EVENING = [
    ("undo", "Take back one of an earlier session: 'first' was changed? [y/N]"),
    ("n", "nothing was taken back"),
    ("ls", "first ... included"),
    ("l fir", "Loaded 'first'"),
    ("l first banana", "'banana' is neither a recipe nor a shape"),
    ("t 5", "training • validation ... Trained 5 mini-batches"),
    ("undo", "as it was after 110 mini-batches"),
    ("redo", "as it was after 115 mini-batches"),
    ("plot log", "cost (log)"),
    ("plot x.jpg", "ends in .svg"),
    ("wrong", "as ... Space: more"),
    ("w 3", "weights into unit 3 ... weights"),
    ("w case 11", "weights times pixels"),
    ("cm", "Most often misread"),
    ("diff ready first 11", "case 11 of the sample test set ... ready first"),
    ("l champion; w", "Discard"),
    ("y", "member 1 of 7; l champion 2 loads another"),
    ("l champion 3", "Loaded member 3 of 7 of 'champion'"),
    ("l ready; img {n}", "3 digits 207 ... 1: 2 ... 2: 0 ... 3: 7"),
    ("? hidden layers", "hidden layer, a term"),
    ("how do I draw", "? draw explains it"),
    ("n mini", "New network 3-3-2"),
    ("study nosuch", "is neither a setting nor a study"),
    ("find lr", "cost against learning rate"),
    ("set theme dark; c 1", "guess"),
]
"""What is typed, and the words that the screen then shows, with ... between, at any width."""


@pytest.mark.parametrize(
    ("columns", "rows"), [(50, 20), *(pytest.param(*s, marks=pytest.mark.full) for s in WIDER)]
)
def test_the_next_evening(
    terminal: Start, program: Program, columns: int, rows: int, tmp_path: Path
) -> None:
    sample = SOURCES["sample"].read([ROOT / "data"]).test
    firsts = [int(np.flatnonzero(sample.targets[:, digit])[0]) for digit in (2, 0, 7)]
    digits = np.hstack(sample.inputs[firsts].reshape(3, 28, 28))
    Image.fromarray(255 - digits).resize((252, 84)).save(tmp_path / "n.png")
    program("-c", "n mini; pas 'my own'; n diary; t 100; pas first; t 10; p")
    t = terminal(columns, rows, COLORFGBG="0;15")
    t.wait_for(r"Welcome back\.\s'first',\stoday\.")
    for line, seen in NEXT_EVENING:
        t.type(f"\x0c{line.format(n=tmp_path / 'n.png')}\r")
        t.wait_for("(?s)" + r"\s+".join(map(re.escape, seen.split())).replace(r"\.\.\.", ".*"))


def test_the_tour_takes_nothing_it_does_not_teach(session: Session) -> None:
    do(session, "; ".join(step.type for step in STEPS if step.type != "d"))
    assert session.registry.names() == ["first"]
    assert not session.unsaved


def test_the_tour_leaps_over_what_is_done_already(session: Session) -> None:
    session.interactive = True
    do(session, "tour")
    for done, said in (
        ("why", "1 of 7"),  # that needs what comes before
        ("t", "2 of 7: type c"),
        ("c", "3 of 7: type wrong"),
        ("wrong", "4 of 7: type d"),
        ("why", "6 of 7: type pas"),  # where the terminal cannot draw
        ("pas", "7 of 7: type l"),
        ("l", "That was the lesson Tour"),
    ):
        session.done = done
        assert session.coach
        assert said in session.coach.after(session)
    assert session.coach is None

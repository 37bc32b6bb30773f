"""A newcomer's whole session at a pseudo-terminal: the tour, mistakes, Ctrl-C, a saved network."""

from conftest import Program, Start
from session_helpers import do

from digitnet.repl.features.lesson import lessons, read_lesson
from digitnet.repl.session import Session

STEPS = read_lesson(lessons()["01-tour"]).steps


def test_from_the_first_prompt_to_a_saved_network(terminal: Start, program: Program) -> None:
    t = terminal(80, 40)
    t.wait_for("d to draw a digit")
    t.ready().do("toru", "Did you mean tour?")
    t.do("tour", "Tour, 1 of 7: type t 3e$")
    t.do("what now?", "Tour, 1 of 7: type t 3e  .lesson off ends it.")
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

"""A newcomer's whole session at a pseudo-terminal: the tour, mistakes, Ctrl-C, a saved network."""

from conftest import Program, Start
from session_helpers import do

from digitnet.repl.features.help import STEPS, tour_after
from digitnet.repl.session import Session


def test_from_the_first_prompt_to_a_saved_network(terminal: Start, program: Program) -> None:
    t = terminal(80, 40)
    t.wait_for("d to draw a digit")
    t.ready().do("toru", "Did you mean tour?")
    t.do("tour", "Tour, 1 of 7: type t 3e$")
    t.do("what now?", "Tour, 1 of 7: type t 3e  .tour off ends the tour.")
    t.do("t 1000e", "left")
    t.type("\x03")
    t.wait_for("Interrupted: the training so far is kept.")
    for number, step in enumerate(STEPS[1:], 2):
        t.wait_for(f"Tour, {number} of 7: type {step.type}$")
        t.type(f"{step.type}\r")
        if step.type == "d":
            t.wait_for("draw a digit with")
            t.type("\x1b")  # leaves
        elif step.type == "why":
            t.wait_for("^:|more")
            t.type("q")
    t.wait_for("That was the tour")
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
    assert "1 of 7" in tour_after(session, "why")  # that needs what comes before
    assert "2 of 7: type c" in tour_after(session, "t")
    assert "3 of 7: type wrong" in tour_after(session, "c")
    assert "4 of 7: type d" in tour_after(session, "wrong")
    assert "6 of 7: type pas" in tour_after(session, "why")  # where the terminal cannot draw
    assert "7 of 7: type l" in tour_after(session, "pas")
    assert "That was the tour" in tour_after(session, "l")
    assert session.tour is None

"""A newcomer's whole session at a pseudo-terminal: the tour, mistakes, Ctrl-C, a saved network."""

from conftest import Program, Start
from session_helpers import do

from digitnet.repl.features.help import STEPS, tour_after
from digitnet.repl.session import Session


def test_from_the_first_prompt_to_a_saved_network(terminal: Start, program: Program) -> None:
    t = terminal(80, 40)
    t.wait_for("tour shows you round")
    t.ready().do("toru", "Did you mean tour?")
    t.do("tour", "Tour, 1 of 8: type show$")
    t.do("what now?", "Tour, 1 of 8: type show  .tour off ends the tour.")
    for number, step in enumerate(STEPS[:-1], 2):
        t.do(step.type, f"Tour, {number} of 8: type {STEPS[number - 1].type}$")
        if step.type == "t 3e":
            t.do("t 1000e", "left")
            t.type("\x03")
            t.wait_for("Interrupted: the training so far is kept.")
            t.wait_for("Tour, 5 of 8: type c 7  .tour off")
    t.do("ls", "^first \\*")
    t.wait_for("That was the tour")
    t.type("s\r")
    assert t.leave() == 0
    assert "'first'" in program("-c", "l first; ch all").stdout


def test_the_tour_takes_nothing_it_does_not_teach(session: Session) -> None:
    do(session, "; ".join(step.type for step in STEPS))
    assert session.registry.names() == ["first"]
    assert not session.unsaved


def test_the_tour_leaps_over_what_is_done_already(session: Session) -> None:
    session.interactive = True
    do(session, "tour")
    assert "1 of 8" in tour_after(session, "ls")  # that needs nothing of what comes before
    assert "5 of 8: type c" in tour_after(session, "t")
    assert "8 of 8: type ls" in tour_after(session, "pas")
    assert "That was the tour" in tour_after(session, "ls")
    assert session.tour is None

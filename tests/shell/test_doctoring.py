"""`doctor` and `find rate` as a person, a script and a screen have them."""

from io import StringIO

import pytest
from session_helpers import Kept, do, refusal

from digitnet.insight.doctor import Finding
from digitnet.insight.rehearsal import Point
from digitnet.repl.features.doctor import DoctorResult
from digitnet.repl.features.find import FindResult
from digitnet.repl.loop import do_line
from digitnet.repl.pictures import Screen
from digitnet.repl.session import Session


def shown(result: object, width: int, *, plain: bool = False) -> str:
    screen = Screen(StringIO(), plain=plain, width=width)
    with screen.capture() as capture:
        screen.print(result)
    return capture.get()


def test_a_healthy_network_has_no_findings(session: Session) -> None:
    *_, result = do(session, "n 784-32-10; doctor")
    assert result == {"command": "doctor", "findings": []}
    assert session.unsaved == ""


def test_the_remedy_is_a_command_that_helps(session: Session) -> None:
    *_, ill = do(session, "n 784-32-10; set rate 5; doctor")
    (found,) = ill["findings"]
    assert found["code"] == "rate-high"
    assert "with rate 5" in found["evidence"]
    assert found["remedy"].replace("set", "with") in found["evidence"]
    after, without = found["reached"]
    assert after > 0.7
    assert without < 0.2
    *_, again = do(session, f"{found['remedy']}; doctor")
    assert again["findings"] == []


def test_each_remedy_that_is_a_setting_clears_its_finding(session: Session) -> None:
    for ill, code in (("pixels raw", "pixels"), ("l2 1", "decay"), ("dropout 0.95", "dropout")):
        *_, before = do(session, f"n 784-32-10; set {ill}; doctor")
        (found,) = before["findings"]
        *_, after = do(session, f"{found['remedy']}; doctor")
        assert (found["code"], after["findings"]) == (code, [])


def test_old_statistics_are_renewed_by_the_remedy(session: Session) -> None:
    do(session, "n 784-32-b-10; t 100")
    assert session.hand is not None
    (norm,) = session.hand.network.batch_norms
    norm.mean[:], norm.variance[:] = 0, 1
    (before,) = do(session, "doctor")
    (found,) = before["findings"]
    *_, after = do(session, f"{found['remedy']}; doctor")
    assert (found["code"], after["findings"]) == ("stale", [])


def test_nobody_is_examined_who_is_not_there(session: Session) -> None:
    assert "no network in hand" in refusal(session, "doctor")
    assert "no network in hand" in refusal(session, "find rate")
    do(session, "n truth")
    assert "augment" in refusal(session, "set augment light; doctor")


def test_find_takes_one_word(session: Session) -> None:
    assert "what to find" in refusal(session, "find")
    assert "Did you mean rate?" in refusal(session, "find rat")


@pytest.mark.parametrize("command", ["doctor", "find rate"])
def test_ctrl_c_is_heard_between_mini_batches(session: Session, command: str) -> None:
    class Impatient(Kept):
        def report(self, report: object) -> None:
            session.interrupts.asked = True

    do(session, "n 784-32-10")
    assert session.hand is not None
    before = session.hand.trainer.snapshot()
    output = Impatient()
    assert not do_line(command, session, output)
    assert "interrupted" in output.errors[0]
    after = session.hand.trainer.snapshot()
    assert [v.tobytes() for v in before.values] == [v.tobytes() for v in after.values]


def test_the_rates_and_their_costs(session: Session) -> None:
    *_, result = do(session, "n 784-32-10; find rate")
    rates, costs = result["rates"], result["costs"]
    assert len(rates) == len(costs) > 20
    assert rates == sorted(rates)
    assert rates[0] < result["suggestion"] < rates[costs.index(min(costs))]
    assert session.hand is not None
    assert session.hand.trainer.settings.rate == 0.05
    assert session.unsaved == ""


def test_a_trained_network_is_tried_on_a_fresh_copy(session: Session) -> None:
    *_, untrained = do(session, "n 784-32-10; find rate")
    *_, trained = do(session, "t 1e; find rate")
    assert trained == {**untrained, "on_fresh_copy": True}
    assert "untrained copy" in shown(FindResult([], None, 0.05, True), 80)


@pytest.mark.parametrize("width", [50, 80, 120])
@pytest.mark.parametrize("plain", [True, False])
def test_a_finding_is_what_its_evidence_and_what_to_try(width: int, plain: bool) -> None:
    evidence = "cost 2 to 9 in a short training with rate 5, to 0.4 with rate 0.1"
    finding = Finding(
        "rate-high", "The learning rate is too high.", evidence, "set rate 0.1", (0.84, 0.11), 100
    )
    text = shown(DoctorResult([finding], "everything"), width, plain=plain)
    what, *details = [line.rstrip() for line in text.splitlines()]
    assert what == "The learning rate is too high."
    assert all(line.startswith("  ") and len(line) <= width for line in details)
    assert "  Try: set rate 0.1" in details
    told = " ".join(line.strip() for line in details)
    assert told.startswith(evidence)
    assert told.endswith("84 % right after 100 mini-batches, 11 % without it.")
    assert text.isascii()


@pytest.mark.parametrize("width", [20, 50, 80, 120])
@pytest.mark.parametrize("plain", [True, False])
def test_the_curve_fits_the_screen(session: Session, width: int, plain: bool) -> None:
    points = [
        Point(10.0**-k, cost) for k, cost in ((5, 2.3), (4, 2.0), (3, 1.0), (2, float("inf")))
    ]
    text = shown(FindResult(points, 0.01, 0.05), width, plain=plain)
    lines = text.splitlines()
    assert all(len(line) <= width for line in lines)
    assert lines[-1].strip() == "Try: set rate 0.01"
    assert ("learning rate" in text.splitlines()[0]) == (width >= 30)
    assert text.isascii() == plain or width < 30

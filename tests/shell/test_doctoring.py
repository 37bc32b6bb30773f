"""`doctor` and `find rate` as a person, a script and a screen have them."""

from dataclasses import replace
from io import StringIO

import pytest
from session_helpers import Kept, do, refusal
from session_helpers import shown as shown_line

from digitnet.engine.shapes import spelled_out
from digitnet.engine.trainer import Measurement
from digitnet.insight import rehearsal
from digitnet.insight.doctor import Finding
from digitnet.insight.rehearsal import Rehearsal
from digitnet.repl.features.doctor import DoctorResult
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
    for right, is_told in ((0.924, True), (0.938, False)):  # of 500 cases, as many by chance
        first, last = Measurement(500, 0.1, 0.2, 0.956), Measurement(41_000, 0.0, 0.3, right)
        session.network().trainer.history[:] = [Measurement(0, 2.3, 2.3, 0.99), first, last]
        said = " ".join(shown_line(session, "doctor").split())
        told = f"95.60 % of the validation cases were right after 500 mini-batches, and {right:.1%}"
        assert (told[:-1] in said) is is_told


@pytest.mark.parametrize(
    ("ill", "code"),
    [
        ("set rate 5", "rate-high"),
        ("set rate 5; t 1e", "rate-high"),
        ("set pixels raw", "pixels"),
        ("set l2 1", "decay"),
        ("set dropout 0.95", "dropout"),
        ("set dropout 0.95; t 1e", "dropout"),
    ],
)
def test_the_remedy_as_typed_clears_the_finding(session: Session, ill: str, code: str) -> None:
    *_, before = do(session, f"n 784-32-10; {ill}; doctor")
    (finding,) = before["findings"]
    assert finding["code"] == code
    assert code == "pixels" or f"with {ill[4:].removesuffix('; t 1e')}, to" in finding["evidence"]
    after, without = finding["reached"]
    assert after > max(0.7, without + 0.5)
    *_, again = do(session, f"{finding['remedy']}; doctor")
    assert again["findings"] == []


@pytest.mark.parametrize(
    "line",
    [
        "n diary",
        "n 784-16-16-10 sigmoid sigmoid squared; set optimizer sgd; set batch 10",
        "n 784-16-12:tanh-10 sigmoid; set optimizer nesterov; set schedule cosine 20e",
        "n 28x28-4c5-p4-b-10 tanh; set l2 0.0002",
    ],
)
def test_a_remedy_keeps_all_but_what_is_at_fault(
    session: Session, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "28x28" in line:
        monkeypatch.setattr(rehearsal, "WORK", 0)  # as short as those of a large network
    do(session, line)
    model = session.network()
    *_, told = do(session, "set rate 3000; t 40; doctor")
    finding = told["findings"][0]
    assert finding["code"] == "rate-high"
    do(session, finding["remedy"])
    new = session.network()
    assert spelled_out(new.network) == spelled_out(model.network)
    assert new.network.cost_name == model.network.cost_name
    assert replace(new.trainer.settings, rate=1) == replace(model.trainer.settings, rate=1)


def test_a_new_network_is_compared_with_the_untrained_one(session: Session) -> None:
    made = "n 784-16-10; set dropout 0.95"
    *_, untrained = do(session, f"{made}; doctor")
    *_, trained = do(session, f"{made}; t 1e; doctor")
    without = [told["findings"][0]["reached"][1] for told in (untrained, trained)]
    assert without[0] == without[1]
    assert trained["findings"][0]["remedy"] == "n 784-16-10; set dropout 0.2"


def test_a_finding_is_told_at_length(session: Session) -> None:
    do(session, "n 784-32-10; set rate 5")
    (told,) = do(session, "doctor 1")[0]["findings"]
    assert told["tried"][0]["line"] == ""
    assert told["tried"][0]["accuracy"] < 0.3 < told["reached"][0]
    text = shown_line(session, "doctor 1", width=80)
    for part in ("Seen: cost", "as it is", "10 steps", "cost of each mini-batch", "Read on: ?"):
        assert part in text
    assert "there is no finding 2: doctor found 1 finding" in refusal(session, "doctor 2")


def test_a_fault_that_no_training_cures_has_its_remedy_also_where_a_trial_shows_no_gain(
    session: Session,
) -> None:
    do(session, "n 784-20-20-10 linear; set rate 0.02; t 2e")
    (finding,) = do(session, "doctor")[0]["findings"]
    assert (finding["code"], finding["remedy"][:14], finding["reached"]) == (
        "linear", "n 784-20-20-10", None,
    )  # fmt: skip


def test_a_copy_whose_cost_became_infinite_has_no_accuracy(session: Session) -> None:
    said = shown_line(session, "n 784-20-20-10 linear; set rate 1; t 20; doctor", width=200)
    assert "mini-batches; without it the cost became infinite." in said


def test_members_of_a_committee_are_examined_one_by_one(session: Session) -> None:
    do(session, "n 784-16-10; t 2e; pas a; n 784-16-10; t 2e; pas b; n 784-16-10; t 2e")
    assert session.hand is not None
    for parameter in session.hand.network.parameters:
        parameter.value[...] = -1
    session.hand.trainer.averages = None
    do(session, "pas c; vote a b c")
    (told,) = do(session, "doctor")
    assert {finding["evidence"][:9] for finding in told["findings"]} == {"member 3:"}
    assert not any(finding["remedy"] for finding in told["findings"])
    do(session, "n 784-16-10; t 30; pas c; vote a b c")
    (told,) = do(session, "doctor 1")
    assert told["findings"][0]["code"] == "weak-member"
    assert "count the same" in shown_line(session, "doctor 1")


def test_old_statistics_are_renewed_by_the_remedy(session: Session) -> None:
    do(session, "n 784-32-b-10; t 100")
    (norm,) = session.network().network.batch_norms
    norm.mean[:], norm.variance[:] = 0, 1
    (before,) = do(session, "doctor")
    (finding,) = before["findings"]
    *_, after = do(session, f"{finding['remedy']}; doctor")
    assert (finding["code"], after["findings"]) == ("stale", [])


@pytest.mark.parametrize("command", ["doctor", "find rate"])
def test_ctrl_c_is_heard_between_mini_batches(session: Session, command: str) -> None:
    class Impatient(Kept):
        def report(self, report: object) -> None:
            session.interrupts.asked = True

    do(session, "n 784-32-10")
    before = session.network().trainer.snapshot()
    output = Impatient()
    assert not do_line(command, session, output)
    assert "interrupted" in output.errors[0]
    after = session.network().trainer.snapshot()
    assert [v.tobytes() for v in before.values] == [v.tobytes() for v in after.values]


def test_the_usual_rate_of_another_optimizer_is_told(session: Session) -> None:
    do(session, "n quick")
    said = "usual rate is 0.001, and the rate is 0.05: set rate 0.001"
    assert said in shown_line(session, "set optimizer adam")
    assert "usual" not in shown_line(session, "set rate 0.002; set optimizer adamw")


def test_the_rates_and_their_costs(session: Session) -> None:
    *_, result = do(session, "n 784-32-10; find rate")
    rates, costs = result["rates"], result["costs"]
    assert len(rates) == len(costs) > 20
    assert rates == sorted(rates)
    assert rates[0] < result["suggestion"] < rates[costs.index(min(costs))]
    assert session.network().trainer.settings.rate == 0.05
    assert session.unsaved == ""
    *_, trained = do(session, "t 1e; find")
    assert trained == {**result, "on_fresh_copy": True}
    text = shown_line(session, "set rate 1; find", width=30)
    assert "untrained copy" in " ".join(text.split())
    assert text.splitlines()[-1].strip() == f"Try: set rate {result['suggestion']:g}"
    lowest = f"The cost is lowest near a rate of {rates[costs.index(min(costs))]:.2g}, "
    assert lowest in " ".join(text.split())
    near = shown_line(session, f"set rate {1.5 * result['suggestion']:g}; find")
    assert "is about right" in near
    assert "Try" not in near


@pytest.mark.parametrize("width", [50, 80, 120])
@pytest.mark.parametrize("plain", [True, False])
def test_a_finding_is_what_its_evidence_and_what_to_try(width: int, plain: bool) -> None:
    evidence = "cost 2 to 9 in a short training with rate 5, to 0.4 with rate 0.1"
    told = "The learning rate is too high.", "", evidence, "set rate 0.1", (0.84, 0.11)
    trials = {"": Rehearsal(500, 2, 9, 0.11), "set rate 0.1": Rehearsal(100, 2, 0.4, 0.84)}
    finding = Finding("rate-high", "settings", *told, trials)
    text = shown(DoctorResult([finding], "everything"), width, plain=plain)
    what, *details, more = [line.rstrip() for line in text.splitlines()]
    assert more == "More on the first: doctor 1"
    assert what == "The learning rate is too high."
    assert all(line.startswith("  ") and len(line) <= width for line in details)
    assert "  Try: set rate 0.1" in details
    said = " ".join(line.strip() for line in details)
    assert said.startswith(evidence)
    assert said.endswith("84 % right after 100 mini-batches, 11 % after 500 without it.")
    assert text.isascii()

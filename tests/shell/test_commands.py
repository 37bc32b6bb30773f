"""Every command on a plain session: what it changes, what it gives back, what it refuses."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from digitnet.repl.command import COMMANDS, Report, Result, all_commands, command
from digitnet.repl.loop import do_line
from digitnet.repl.session import Session


@dataclass
class Kept:
    """An output that keeps what it is given, as data."""

    results: list[dict[str, Any]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)

    def result(self, command: str, result: Result) -> None:
        self.results.append({"command": command} | json.loads(json.dumps(result.as_json())))

    def error(self, command: str, message: str) -> None:
        self.errors.append(message)

    def report(self, report: Report) -> None:
        self.reports.append(report)

    def live(self) -> Any:
        from contextlib import nullcontext

        return nullcontext()


@dataclass
class Answers:
    """Somebody who gives these answers, one after the other."""

    given: list[str]
    asked: list[str] = field(default_factory=list)

    def ask(self, question: str) -> str:
        self.asked.append(question)
        return self.given.pop(0)

    def confirm(self, question: str) -> bool:
        return self.ask(question) == "y"


def do(session: Session, line: str) -> list[dict[str, Any]]:
    """The results of a line that must go well."""
    output = Kept()
    assert do_line(line, session, output), output.errors
    return output.results


def refusal(session: Session, line: str) -> str:
    """The one error of a line that must not go well."""
    output = Kept()
    assert not do_line(line, session, output)
    (message,) = output.errors
    return message


def test_t_makes_the_usual_network_where_there_is_none(session: Session) -> None:
    (result,) = do(session, "t")
    assert result["samples"] == 3500
    assert result["stopped"] == "done"
    assert session.hand is not None
    assert session.hand.recipe == "quick"
    assert session.unsaved == f"{result['batches']} mini-batches of training"


def test_the_usual_network_does_well_within_seconds(session: Session) -> None:
    *_, checked = do(session, "t 5e; ch all")
    assert checked["accuracy"] > 0.9


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_diary_reads_the_majority_right(session: Session, seed: int) -> None:
    session.seed = seed
    *_, checked = do(session, "n diary; t 20e; ch all")
    assert checked["accuracy"] >= 0.89


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_relu_on_the_sample(session: Session, seed: int) -> None:
    session.seed = seed
    *_, checked = do(session, "n relu; t 10e; ch all")
    assert checked["accuracy"] >= 0.935
    assert checked["set"] == "sample test"
    assert checked["seen_in_training"] is False


def test_truth(session: Session) -> None:
    *_, checked = do(session, "n truth; t 10000; ch all")
    assert checked["correct"] == checked["total"] == 4
    assert checked["seen_in_training"] is True
    for index, answer in enumerate([0, 0, 1, 1]):
        (case,) = do(session, f"c {index}")
        assert case["answer"] == answer
        assert abs(case["outputs"][0] - answer) < 0.02


def test_c_tells_one_case(session: Session) -> None:
    *_, case = do(session, "t 2e; c 7")
    assert case["index"] == 7
    assert len(case["outputs"]) == 10
    assert case["guess"] == max(range(10), key=case["outputs"].__getitem__)
    assert case["correct"] == (case["guess"] == case["answer"])
    assert sum(case["outputs"]) == pytest.approx(1, abs=1e-5)


def test_ch_checks_as_many_as_asked(session: Session) -> None:
    results = do(session, "t 1e; ch; ch 30; ch all")
    assert [r["total"] for r in results[1:]] == [100, 30, 1000]
    assert all(r["accuracy"] == r["correct"] / r["total"] for r in results[1:])
    assert "ch all" in refusal(session, "ch 1001")


def test_a_network_trained_on_mnist_has_seen_the_sample(session: Session) -> None:
    do(session, "n")
    assert session.hand is not None
    session.hand.trained_on.append("mnist")
    assert do(session, "ch all")[0]["seen_in_training"] is True
    assert "seen in training" in str(session.hand.accuracy)


def test_saving_and_loading_bring_the_same_network_back(session: Session) -> None:
    *_, checked, case, _ = do(session, "n diary; t 3e; ch all; c 0; pas one")
    other = Session(session.saves, session.data_folders, session.download_to)
    loaded, checked_again, case_again = do(other, "l one; ch all; c 0")
    assert loaded["name"] == "one"
    assert loaded["trained_batches"] == 1050
    assert (checked_again, case_again) == (checked, case)


def test_training_goes_on_after_a_load_as_if_never_saved(session: Session) -> None:
    *_, straight = do(session, "n diary; t 200; t 200; c 0")
    *_, resumed = do(session, "n diary; t 200; pas half; n relu; l half; t 200; c 0")
    assert resumed["outputs"] == straight["outputs"]


def test_del_and_undo(session: Session) -> None:
    do(session, "n; pas one; pas two")
    assert "--yes" in refusal(session, "del one")
    session.asker = Answers(["n", "y"])
    assert "nothing was deleted" in refusal(session, "del one")
    assert do(session, "del one") == [{"command": "del", "deleted": ["one"]}]
    assert [n["name"] for n in do(session, "ls")[0]["networks"]] == ["two"]
    assert do(session, "undo") == [{"command": "undo", "restored": "one"}]
    assert [n["name"] for n in do(session, "ls")[0]["networks"]] == ["one", "two"]
    assert "no delete or overwrite" in refusal(session, "undo")


def test_deleting_the_network_in_hand_leaves_it_in_hand_unsaved(session: Session) -> None:
    session.asker = Answers(["y"])
    do(session, "n; t 10; pas one; del one")
    assert session.unsaved == "10 mini-batches of training"
    assert do(session, "i")[0]["name"] is None


def test_undo_of_an_overwrite(session: Session) -> None:
    do(session, "n diary; t 10; pas one; t 5; p")
    do(session, "undo")
    assert do(session, "l one")[0]["trained_batches"] == 10


def test_p_asks_for_a_name_once(session: Session) -> None:
    session.asker = Answers(["mine"])
    results = do(session, "n; t 1; p; t 1; p")
    assert [r["name"] for r in results if r["command"] == "p"] == ["mine", "mine"]
    session.asker = Answers([" "])
    assert "nothing was saved" in refusal(session, "n; p")


def test_l_without_a_name_asks(session: Session) -> None:
    assert "no saved networks" in refusal(session, "l")
    do(session, "n; pas one; n relu")
    session.asker = Answers(["one"])
    assert do(session, "l")[0]["name"] == "one"
    assert "Did you mean one?" in refusal(session, "l ona")


def test_unsaved_training_is_asked_about_before_it_is_let_go(session: Session) -> None:
    session.interactive = True
    do(session, "t 5")
    session.asker = answers = Answers(["n", "n", "n", "y"])
    for line in ("n diary", "s"):
        refusal(session, line)
    assert session.hand is not None
    assert session.hand.recipe == "quick"
    do(session, "pas one; t 5")
    assert "as it was" in refusal(session, "l one")
    do(session, "s")
    assert session.leaving
    assert len(answers.asked) == 4
    assert all("Not saved: " in question for question in answers.asked)


def test_scripts_are_never_asked_about_unsaved_training(session: Session) -> None:
    *_, left = do(session, "t 5; n diary; t 5; s")
    assert left == {"command": "s", "unsaved": "5 mini-batches of training"}


def test_set_changes_the_training_and_is_saved(session: Session) -> None:
    do(session, "n; set rate 0.5; set batch all; set l2 0.001; pas one")
    do(session, "n diary; l one")
    fields = do(session, "i")[0]
    assert (fields["rate"], fields["batch"], fields["l2"]) == (0.5, 0, 0.001)
    assert do(session, "set momentum") == [{"command": "set", "momentum": 0.9}]
    assert do(session, "set seed 9; n")[1]["command"] == "n"
    assert do(session, "i")[0]["seed"] == 9


def test_networks_from_shapes(session: Session) -> None:
    assert do(session, "n 784-30-10 tanh sigmoid squared")[0]["parameters"] == 23860
    assert [x["activation"] for x in do(session, "i")[0]["layers"]] == ["tanh", "sigmoid"]
    assert do(session, "n 3-4-1; i")[1]["data"] == "truth"
    assert do(session, "n 784-10; i")[1]["data"] == "sample"


def test_show_and_data(session: Session) -> None:
    shown, here = do(session, "show 12; data")
    assert len({case["index"] for case in shown["cases"]}) == 12
    assert (here["train"], here["validation"], here["test"]) == (3500, 500, 1000)
    assert do(session, "data mini; show 100")[0]["name"] == "mini"


def test_a_data_set_that_cannot_be_read_leaves_the_one_in_use(session: Session) -> None:
    session.data_folders = [session.saves]
    assert "not here" in refusal(session, "data sample")
    session.data_name = "mini"
    refusal(session, "data sample")
    assert session.data_name == "mini"


def test_a_network_does_not_take_data_of_another_size(session: Session) -> None:
    assert "does not fit" in refusal(session, "n relu; data truth; t")


def test_a_network_whose_data_is_not_here_uses_what_fits(session: Session) -> None:
    do(session, "n")
    assert session.hand is not None
    session.hand.data = "mnist"
    do(session, "pas one; data truth; l one")
    assert session.data_name == "sample"


WRONG = {
    "trian": "Did you mean train",
    "t 5x": "mini-batches (500), epochs (3e)",
    "t 1 2": "Example: t 3e",
    "c 1000": "0 to 999",
    "c one": "the number of a case",
    "ch none": "`all`",
    "pas": "needs a name. Example: pas 'my first'",
    "pas ''": "at least one character",
    f"pas {'x' * 65}": "at most 64",
    "pas a\x1b[31mb": "printable",
    "l nobody": "no network named 'nobody'",
    "del": "needs a name",
    "del nobody": "nothing was deleted",
    "n 784": "neither a recipe",
    "n 784-x-10": "neither a recipe",
    "n relu tanh": "a recipe has its own",
    "n 784-10 softplus": "not an activation",
    "n 784-10-10 softmax": "last layer",
    "n 784-10 relu tanh cross-entropy": "between 0 and 1",
    "n 784-99999-99999-10": "at most",
    "n 12-10": "no data set has 12 numbers in",
    "set speed 5": "not a setting. There are: optimizer, rate",
    "set rate -1": "must be above 0",
    "set batch some": "a whole number or all",
    "set threads 0": "from 1",
    "data cifar": "not a data set. There are: sample",
    "? nothing": "not a command",
    "show 0": "a whole number from 1",
    "c 'open": "not closed",
    "i now": "takes no arguments",
}


@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_is_said_in_one_line(session: Session, line: str) -> None:
    do(session, "n")
    message = refusal(session, line)
    assert WRONG[line] in message
    assert message.isprintable()


@pytest.mark.parametrize("line", ["t", "c", "ch", "p", "i", "pas x", "set rate 1"])
def test_commands_that_need_a_network_say_so(session: Session, line: str) -> None:
    if line == "t":
        do(session, line)
        return
    assert "n makes one" in refusal(session, line)


@pytest.mark.parametrize("line", ["", "   ", ";", " ; ; ", "# a comment", "\t"])
def test_nothing_is_done_for_nothing(session: Session, line: str) -> None:
    assert do(session, line) == []


def test_the_rest_of_a_line_is_not_done_after_a_failure(session: Session) -> None:
    refusal(session, "n; nonsense; pas one")
    assert do(session, "ls") == [{"command": "ls", "networks": []}]


def test_an_error_nobody_thought_of_is_told_in_a_line(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(Session, "data", fail)
    message = refusal(session, "show")
    assert "ZeroDivisionError" in message
    assert "kept" in message


def test_two_commands_cannot_have_one_name() -> None:
    with pytest.raises(ValueError, match="'train'"):
        command("zz", "train", group="Learning", examples={"zz": ""})(lambda session: None)


def test_every_example_in_the_help_is_understood() -> None:
    from digitnet.repl.line import split

    for record in all_commands():
        for example in record.examples:
            ((name, *words),) = split(example)
            assert COMMANDS[name] is record
            record.parse(words)

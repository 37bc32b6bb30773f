"""Every command on a plain session: what it changes, what it gives back, what it refuses."""

import json
import re
from statistics import median

import pytest
from conftest import Program
from session_helpers import Answers, do, refusal, shown

from digitnet.repl.result import Said
from digitnet.repl.session import NonInteractive, Session
from digitnet.repl.terminal.completion import toolbar
from digitnet.repl.terminal.output import JsonOutput


@pytest.mark.parametrize(
    ("data", "made"),
    [
        ("sample", "784-256-10 (recipe quick, seed 1, data sample)"),
        ("moons", "2-100-2 (seed 1, data moons)"),
        ("xor", "2-100-1 (seed 1, data xor)"),
    ],
)
def test_t_makes_a_network_for_the_data_set_in_use_and_says_so(
    session: Session, data: str, made: str
) -> None:
    session.seed = 1
    assert f"Made a network, {made}." in shown(session, f"data {data}; t 1", width=80)
    assert session.network().trained_on == [session.data_sets.name] == [data]


def test_t_makes_a_network_that_does_well_where_there_is_none(session: Session) -> None:
    (result,) = do(session, "t")
    assert (result["samples"], result["stopped"]) == (3500, "done")
    assert session.network().recipe == "quick"
    assert session.unsaved == f"{result['batches']} mini-batches of training"
    *_, checked = do(session, "t 2e; ch all")
    assert checked["accuracy"] > 0.9


@pytest.mark.full
def test_diary_reads_the_majority_right(session: Session) -> None:
    """Some seeds leave a digit unlearned, and which ones depends on the last bit of a sum."""
    session.asker, accuracies = NonInteractive(yes=True), []
    for session.seed in range(1, 8):
        *_, checked = do(session, "n diary; t 20e; ch all")
        accuracies.append(checked["accuracy"])
    assert median(accuracies) >= 0.89
    assert min(accuracies) >= 0.8


@pytest.mark.full
@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_relu_on_the_sample(session: Session, seed: int) -> None:
    session.seed = seed
    _, trained, _, checked = do(session, "n relu; t 96%; t 5e; ch all")
    assert trained["stopped"] == "target"
    assert checked["accuracy"] >= 0.95
    assert (checked["set"], checked["seen_in_training"]) == ("sample test", False)


def test_truth_ends_as_its_author_saw(session: Session) -> None:
    *cases, checked = do(session, "n truth; t 10000; c 0; c 1; c 2; c 3; ch all")[2:]
    assert checked["correct"] == checked["total"] == 4
    assert checked["seen_in_training"] is True
    for case, answer in zip(cases, [0, 0, 1, 1], strict=True):
        assert case["answer"] == answer
        assert abs(case["outputs"][0] - answer) < 0.01


def test_c_says_in_plain_text_where_the_ink_is(session: Session) -> None:
    text = " ".join(shown(session, "n; c 3").split())
    assert "Ink in rows 5 to 24 and columns 5 to 20 of 28 x 28 pixels, counted from 0; " in text
    assert "Ink" not in shown(session, "c 3", plain=False)


def test_ch_checks_as_many_as_asked(session: Session) -> None:
    results = do(session, "t 1e; ch; ch 30; ch all; ch 1,000")
    assert [r["total"] for r in results[1:]] == [100, 30, 1000, 1000]
    assert all(r["accuracy"] == r["correct"] / r["total"] for r in results[1:])
    assert "ch all" in refusal(session, "ch 1001")


def test_del_and_undo(session: Session) -> None:
    assert do(session, "n; pas one; undo")[-1]["deleted"] == ["one"]  # a first save
    assert session.unsaved_batches == 0
    do(session, "redo; p; pas two")
    assert "--yes" in refusal(session, "del one")
    session.asker = Answers(["n", "y"])
    assert "nothing was deleted" in refusal(session, "del one")
    assert do(session, "del one") == [{"command": "del", "deleted": ["one"]}]
    assert [n["name"] for n in do(session, "ls")[0]["networks"]] == ["two"]
    assert do(session, "undo") == [{"command": "undo", "restored": "one"}]
    assert [n["name"] for n in do(session, "ls")[0]["networks"]] == ["one", "two"]
    assert do(session, "undo")[0]["deleted"] == ["one"]
    assert "no delete, overwrite or rename" in refusal(session, "undo; undo two")
    session.asker = Answers(["y"])
    do(session, "t 10; pas one; del one")  # the one in hand, which stays there
    shown = do(session, "i")[0]
    assert (shown["name"], shown["unsaved"]) == ("one", "10 mini-batches of training")
    assert shown["saved_at"] is None


def test_ren_of_the_network_in_hand(session: Session) -> None:
    session.asker = NonInteractive(yes=True)
    *_, saved = do(session, "n mini; t 5; pas one")
    (renamed,) = do(session, "ren one ' Two '")
    assert renamed == {"command": "ren", "name": "Two", "file": saved["file"], "was": "one"}
    assert session.unsaved == ""
    *_, saved, listed = do(session, "t 5; p; ls")
    assert saved["name"] == "Two"
    assert [(n["name"], n["trained_batches"]) for n in listed["networks"]] == [("Two", 10)]


def test_ren_to_the_name_of_a_network_in_hand_that_has_no_save_left(session: Session) -> None:
    do(session, "n mini; pas other; n mini; t 5; pas one")
    session.registry.delete("one")
    do(session, "ren other one")
    assert session.unsaved == "5 mini-batches of training"


def test_p_asks_for_a_name_once(session: Session) -> None:
    session.asker = Answers(["mine", "y"])  # the second: it is a command's word too
    results = do(session, "n; t 1; p; t 1; p")
    assert [r["name"] for r in results if r["command"] == "p"] == ["mine", "mine"]
    for answers in ([" "], ["ls", "n"]):
        session.asker = Answers(answers)
        assert "nothing was saved" in refusal(session, "n; p")
    assert session.registry.names() == ["mine"]


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
    assert "unchanged" in refusal(session, "l one")
    assert "no network named 'nosuch'" in refusal(session, "vote nosuch")
    do(session, "s")
    assert session.leaving
    assert len(answers.asked) == 4
    assert all(q.startswith(("Discard ", "Leave without saving ")) for q in answers.asked)


def test_scripts_are_never_asked_about_unsaved_training(session: Session) -> None:
    *_, left = do(session, "t 5; n diary; t 5; s")
    assert left == {"command": "s", "unsaved": "5 mini-batches of training", "saved": None}


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
    cases, here = do(session, "show 12; data")
    assert len({case["index"] for case in cases["cases"]}) == 12
    assert (here["train"], here["validation"], here["test"]) == (3500, 500, 1000)
    text = shown(session, "show 6", width=80, plain=False)
    assert [n for line in text.splitlines() if (n := line.count("case "))] == [3, 3]
    text = shown(session, "data sample11; show 1", width=80, plain=False)
    assert len(text.splitlines()) == 2 + 1 + 6 + 2  # a small picture as it is
    assert do(session, "data mini; show 100")[0]["name"] == "mini"


def test_a_data_set_that_cannot_be_used_leaves_the_one_in_use(session: Session) -> None:
    do(session, "n")
    session.network().data = "mnist"
    do(session, "pas one; data truth; l one")
    assert session.data_sets.name == "sample"  # which fits, where mnist is not here
    assert "does not fit" in refusal(session, "data truth; t")
    session.data_sets.folders = [session.saves]
    assert "not here" in refusal(session, "data sample")
    assert session.data_sets.name == "truth"
    assert "data xor. It does not fit spiral." in shown(session, "data spiral; n 2-8-1")
    assert "not fit" not in shown(session, "n spiral; n 2-8-2")


def test_the_history_is_kept_shown_and_drawn(session: Session) -> None:
    assert "there are no measurements yet" in refusal(session, "n diary; plot")
    trained = do(session, "t 3e")[0]
    (drawn,) = do(session, "plot")
    batches = [point["batches"] for point in drawn["history"]]
    assert batches == sorted(batches)
    assert batches[-1] == trained["batches"]
    (told,) = do(session, "i")
    assert told["measurements"] == len(drawn["history"])
    best = max(drawn["history"], key=lambda point: point["validation_accuracy"])
    assert told["best_validation_accuracy"] == best["validation_accuracy"]
    assert told["best_after_batches"] == best["batches"]


@pytest.mark.parametrize(
    ("width", "line", "text"),
    [
        (80, "", " no network yet: n makes one | data sample"),
        (20, "", " data sample"),
        (80, "n truth", " truth | 3-1 | 0 mini-batches | data truth"),
        (80, "n truth; t 4",
         " truth (not saved) | validation (seen in training) # % | 3-1 | data truth"),
        (30, "n truth; t 4", " truth (not saved) | 3-1"),
        (30, f"n truth; pas {14 * '猫'}; t 4", " 3-1 | 4 mini-batches"),
        (80, "n 784-10", " 784-10 | 0 mini-batches | data sample"),
        (80, "n; t 5", " quick (not saved) | validation # % | 784-256-10 | 5 mini-batches"),
        (80, "n; t 5; pas a; ch all", " a | test # % | 784-256-10 | 5 mini-batches | data sample"),
        (80, "n; pas a; vote a a", " committee of 2 | test # % | data sample"),
    ],
)  # fmt: skip
def test_toolbar(session: Session, width: int, line: str, text: str) -> None:
    do(session, line)
    assert re.sub(r"[\d.]+ %", "# %", toolbar(session, width)) == text
    assert len(toolbar(session, width)) < width


def test_an_accuracy_on_cases_seen_is_called_so_and_replaces_no_honest_one(
    session: Session,
) -> None:
    do(session, "n 784-10; t 20; ch all")
    hand = session.network()
    honest = hand.accuracy
    hand.trained_on = ["mnist"]  # to which the sample's test cases belong
    text = shown(session, "ch all", width=200)
    assert honest and hand.accuracy == honest
    assert f"Its accuracy remains {100 * honest.value:.2f} %" in text
    hand.accuracy = None
    assert do(session, "ch all")[0]["seen_in_training"] is True
    assert hand.accuracy is not None
    assert hand.accuracy.is_seen


def test_with_reports_a_training_tells_how_far_it_is_in_json(program: Program) -> None:
    lines = program("--json", "--reports", "-c", "n 784-10; t 2e; ch").stdout.splitlines()
    reports = [json.loads(line).get("report") for line in lines]
    assert reports[0] is None is reports[-2] is reports[-1]  # n, t and ch
    batches = [report["batches"] for report in reports[1:-2]]
    assert batches == sorted(set(batches)) and len(batches) > 2
    assert reports[-3]["validation_accuracy"] == json.loads(lines[-2])["validation_accuracy"]
    assert len(program("--json", "-c", "n 784-10; t 2e").stdout.splitlines()) == 2
    *reports, _ = program("--json", "--reports", "-c", "study rate 1 2 --for 1").stdout.splitlines()
    assert json.loads(reports[-1]) == {"report": {"done": 2, "total": 2}}


def test_numbers_that_are_none_are_null_in_json(
    program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    done = program("--json", "-c", "n 784-30-10 relu linear squared; set rate 1e36; t 3; min 2")
    lines = [json.loads(line, parse_constant=pytest.fail) for line in done.stdout.splitlines()]
    assert (lines[2]["stopped"], done.stderr) == ("diverged", "")
    fields = {"a": [float("nan"), 1.0], "b": {"c": float("inf")}, "d": "nan"}
    JsonOutput().result("x", Said("", fields))
    found = json.loads(capsys.readouterr().out)
    assert [found[name] for name in "abd"] == [[None, 1.0], {"c": None}, "nan"]

"""`study` at a session: asked, kept, gone on with, shown, and its best network loaded."""

import json
import os
import pickle
import re
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from io import StringIO
from math import inf
from pathlib import Path
from random import Random
from typing import Any

import pytest
import session_helpers
from conftest import ROOT, Program
from importing_helpers import ANSWERS, PICTURES
from session_helpers import Kept, do, refusal, shown
from terminal_helpers import command

from digitnet.digits.datasets import SOURCES, DataSet
from digitnet.digits.own import OwnCases, spread
from digitnet.engine.settings import Settings
from digitnet.registry.files import RegistryError
from digitnet.registry.model import Blueprint, Result, StudyRecord
from digitnet.registry.saves import Registry
from digitnet.repl.features.study import StudyResult
from digitnet.repl.loop import do_line
from digitnet.repl.pictures import Screen
from digitnet.repl.result import Note
from digitnet.repl.session import Session
from digitnet.study.conduct import processes, train
from digitnet.study.plan import Job, Plan, parse, plan_of

in_threads = session_helpers.in_threads
QUESTION = "n 784-8-10; study rate 0.02 0.1 --repeat 2 --for 100"


def test_a_study_compares_keeps_and_is_shown_again(session: Session) -> None:
    (_, found) = do(session, QUESTION)
    assert (found["name"], found["total"], len(found["runs"])) == ("study-1", 4, 4)
    assert [run["settings"]["rate"] for run in found["runs"]] == ["0.02", "0.1"] * 2
    assert [run["seed"] for run in found["runs"]] == [1, 1, 2, 2]
    assert all(0.3 < run["validation_accuracy"] <= 1 for run in found["runs"])
    assert all(run["cost"] > 0 and run["seconds"] > 0 for run in found["runs"])
    assert found["best"] in ({"rate": "0.02"}, {"rate": "0.1"})
    assert [mean["seeds"] for mean in found["means"]] == [2, 2]
    assert found["seen_in_training"] is False
    assert found["lead"]["interval"][0] < found["lead"]["difference"] < found["lead"]["interval"][1]
    assert (found["shape"], found["amount"]) == ("784-8-10", "100 mini-batches")
    again, listed = do(session, "study study-1; ls")
    assert again["runs"] == found["runs"]
    assert listed["networks"] == []
    (study,) = listed["studies"]
    assert (study["name"], study["damaged"]) == ("study-1", None)
    assert do(session, "study epochs 0")[0]["name"] == "study-2"
    assert session.hand is not None
    assert session.hand.trainer.progress.batches == 0  # the network in hand is unchanged


@pytest.mark.usefixtures("in_threads")
def test_cases_seen_in_training_are_told_and_more_seeds_advised_where_no_more_are_to_come(
    session: Session,
) -> None:
    text = " ".join(
        shown(session, "n mini; set patience 99; study rate 0.1 1 --for 20 --name one").split()
    )
    assert "Trainings of 3-3-2 for up to 20 mini-batches on mini:" in text
    assert "(1 seed, cases seen in training). It leads" in text
    assert "--repeat 5 shows whether it is luck." in text
    best = shown(session, "study one best", width=300)
    assert re.search(r"; pas NAME saves it\.\n\d of 8 right: .* of the mini test set, cost", best)
    assert "so this is optimistic" in best
    record = session.registry.load_study("one")
    record.words += ["--repeat", "2"]
    session.registry.save(record, "one", "")
    text = shown(session, "study one show", width=300)
    assert "2 of 4 done" in text
    assert "luck" not in text


@pytest.mark.usefixtures("in_threads")
@pytest.mark.parametrize(
    ("rates", "has_best", "blown"),
    [("1e20 0.1 0.2 --repeat 2", True, 2), ("1e20 1e30 1e5", False, 3)],
)
def test_a_training_that_blows_up_is_called_so_and_comes_last(
    session: Session, rates: str, has_best: bool, blown: int
) -> None:
    (_, found) = do(session, f"n 784-16-10; study rate {rates} --for 20")
    assert [(r["validation_accuracy"], r["cost"]) for r in found["runs"]].count((0, None)) == blown
    assert (found["best"] is None, found["lead"] is None) == (not has_best, not has_best)
    assert (found["means"][0]["accuracy"], found["means"][0]["cost"]) == (0, inf)
    text = " ".join(shown(session, "study study-1").split())
    assert "1e20 blew up" in text
    assert f"{blown} trainings blew up (the cost became NaN or infinite), which counts as 0" in text
    assert ("best loads" in text) == ("over rate" in text) == has_best
    assert do_line("study study-1 best", session, output := Kept()) == has_best
    assert has_best or "has no network to load: study study-1 goes on" in output.errors[0]


@pytest.mark.usefixtures("in_threads")
def test_the_best_is_trained_again_to_the_bit_and_checked_once(session: Session) -> None:
    (*_, found) = do(session, QUESTION)
    best, saved = do(session, "study study-1 best; pas winner")
    in_study = [r for r in found["runs"] if r["settings"] == found["best"]]
    assert best["seen_in_training"] is False
    assert best["validation_accuracy"] == max(r["validation_accuracy"] for r in in_study)
    assert best["accuracy"] == best["correct"] / best["total"]
    assert best["total"] == 1000
    assert saved["name"] == "winner"
    assert session.hand is not None
    assert session.hand.accuracy is not None
    assert session.hand.accuracy.on == "sample test"


@dataclass
class Beside(Kept):
    """An output in which something is done beside a study, at its first report."""

    do_beside: Callable[[], object] = list

    def report(self, update: Note) -> None:
        if not self.reports:
            self.do_beside()
        super().report(update)


@pytest.mark.usefixtures("in_threads")
def test_a_study_leaves_what_was_saved_under_its_name_meanwhile(session: Session) -> None:
    def take_the_name() -> None:
        with suppress(RegistryError):  # where no result is there yet
            session.registry.delete("first")
        session.registry.save(session.network(), "first")

    output = Beside(do_beside=take_the_name)
    do(session, "n 784-8-10")
    assert do_line("study rate 0.02 0.1 --for 100 --name first", session, output)
    assert "Saved as 'study-1': another save was named 'first' meanwhile." in [
        note.shown for note in output.reports
    ]
    assert len(do(session, "study study-1")[0]["runs"]) == 2
    assert session.registry.load("first").network.shape == "784-8-10"


@pytest.mark.usefixtures("in_threads")
@pytest.mark.parametrize(
    ("do_beside", "name"),
    [(lambda saves: saves.rename("x", "y"), "y"), (lambda saves: saves.delete("x"), "x")],
)
def test_a_study_follows_its_file_and_is_saved_again_if_that_is_gone(
    session: Session, do_beside: Callable[[Registry], object], name: str
) -> None:
    rates = [str(rate) for rate in range(1, 13)]  # more than are at work at once
    session.registry.save(replace(ASKED, words=["rate", *rates]), "x")
    output = Beside(do_beside=lambda: do_beside(session.registry))
    assert do_line("study x", session, output)
    told = "'x' was deleted meanwhile; it is saved again." in [n.shown for n in output.reports]
    assert ([e["name"] for e in do(session, "ls")[0]["studies"]], told) == ([name], name == "x")
    assert len(session.registry.load_study(name).results) == 12


@pytest.mark.usefixtures("in_threads")
def test_a_study_that_goes_on_in_two_terminals_keeps_the_results_of_both(session: Session) -> None:
    def finish_one() -> None:
        record = session.registry.load_study("x")
        record.results[3] = Result(3, 0.125, 1.0, 1.0)
        session.registry.save(record, "x")

    session.registry.save(replace(ASKED, words=["rate", "1", "2", "3", "4"]), "x")
    assert do_line("study x", session, Beside(do_beside=finish_one))
    assert session.registry.load_study("x").results[3].accuracy == 0.125


@pytest.mark.usefixtures("in_threads")
def test_a_study_of_data_that_was_replaced_is_shown_and_not_trained(session: Session) -> None:
    own, parts = session.data_sets.own, spread(100)
    own.keep("some", OwnCases(PICTURES[:100], ANSWERS[:100], parts), None)
    do(session, "data some; n 784-4-10; study epochs 0 1")
    assert do(session, "study study-1 best; n 784-4-10")
    own.keep("some", OwnCases(PICTURES[100:], ANSWERS[100:], parts), own.version("some"))
    told = refusal(session, "study study-1 best")
    assert "the data set some has other cases now" in told
    told = do(session, "study study-1 show")[0]
    assert (len(told["runs"]), told["seen_in_training"]) == (2, None)
    assert "best loads" not in shown(session, "study study-1 show")


@pytest.mark.usefixtures("in_threads")
@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("study rate", "no values"),
        ("study rate 0.1 fast", "rate is a number"),
        ("study shape 784-20-10 28x28-32c50-10", "does not fit"),
        ("study shape 3-2", "does not fit the data set sample"),
        ("n; pas one; study one", "is a network"),
        ("n; study epochs 0 --name s; p s", "'s' is a study already: choose another name"),
        ("n; pas a; study epochs 0 --name s; ren a s", "there is a study named 's' already"),
        ("study epochs 0 --name s; l s", "is a study"),
        ("study epochs 0 --name s; study rate 1 2 --name s", "already"),
        ("study epochs 0 --name s; study s worst", "show or best. Example: study s show"),
        ("study epochs 0 --name s; study s bets", "Did you mean best?"),
        ("study epochs 0 --name s; study best s", "Examples: study rate 0.01 0.1, study NAME best"),
        ("study epochs 0 --name 'my rates'; study my_rates", "Did you mean 'my rates'?"),
        ("study epochs 0 --name s; study s --name t", "--name has no effect here"),
        ("study epochs 0 --name s; study s best --on tcp://x:1", "--on has no effect here"),
        ("study rate 1 2 bacth 3", "a number, not 'bacth'. Did you mean batch?"),
        ("study rate 1 2 --repat 3", "Did you mean --repeat?"),
        ("study optimizer sdg adam", "Did you mean sgd?"),
        ("study lr 1 2", "Did you mean rate?"),
        ("study sdg 1 2", "'sdg' is neither a setting nor a study. Example"),
        ("study rate 1 2 --name batch", "is reserved"),
        ("study rate 1 2 --name", "--name is followed by a value"),
        ("study rate 1 2 --on tcp://127.0.0.1:9 --repeat 2", "no scheduler answers"),
    ],
)
def test_what_cannot_be_studied_is_told_in_a_line(session: Session, line: str, says: str) -> None:
    message = refusal(session, line)
    assert says in message
    assert "\n" not in message


@pytest.mark.usefixtures("in_threads")
@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (
            "dropout 0 0.5",
            ["dropout 0.5: It has no effect: the network has no hidden dense layer."],
        ),
        (
            "dropout 0.5 shape 784-4-10 784-10",
            ["dropout 0.5, shape 784-10: It has no effect: the network has no hidden dense layer."],
        ),
        ("cases 0 9999", ["cases 0: 0 stands", "cases 9999: There are 3,500 training cases: all"]),
        ("batch 16 200 cases 100", ["batch 200: There are 100 training cases: each mini-batch"]),
        ("optimizer sgd adam", ["optimizer adam: Its usual rate is 0.001, and the rate is 0.05"]),
        ("optimizer sgd adam rate 0.1 0.001", []),
        ("momentum 0.5 0.9 optimizer sgd momentum", []),
        ("optimizer sgd momentum 0.5", ["momentum 0.5: It has no effect: sgd has no momentum."]),
    ],
)
def test_a_value_that_does_not_mean_what_it_says_is_told(
    session: Session, asked: str, says: list[str]
) -> None:
    output = Kept()
    assert do_line(f"n 784-10; study {asked} --for 1", session, output)
    *told, _ = [str(note.shown) for note in output.reports if note.lasting]
    assert len(told) == len(says)
    assert all(map(str.startswith, told, says))


@pytest.mark.usefixtures("in_threads")
def test_a_study_whose_first_result_cannot_be_saved_is_none(session: Session) -> None:
    session.saves.write_text("in the way")
    assert "; no study was made" in refusal(session, "study epochs 0")


@pytest.mark.usefixtures("in_threads")
@pytest.mark.parametrize("values", ["0 2,000", "1 1,000", "1 0.5 .25"])
def test_epochs_may_be_typed_in_any_way(session: Session, values: str) -> None:
    (asked,) = do(session, f"n mini; study epochs {values}")[1:]
    typed = values.replace(",", "").split()
    assert [run["settings"]["epochs"] for run in asked["runs"]] == typed
    assert do(session, "study study-1")[-1] == asked


ASKED = StudyRecord(
    "x",
    ["rate", "0.1", "1", "epochs", "1"],
    Blueprint("3-4-2"),
    data="mini",
    seed=1,
    results={0: Result(0, 0.5, 1e100, 1e100), 1: Result(1, 0.0, 0.0, 0.0)},
)
SEARCH = {"words": ["auto", "10s"], "candidates": 2}
ODD: dict[str, tuple[dict[str, Any], str]] = {
    "figures at their limits": ({}, ""),
    "words of an earlier version": (
        {"words": ["rate", "1", "1.0", "epochs", "1", "--for", "3", "--for", "4"]},
        "",
    ),
    "a search that has just begun": (SEARCH | {"results": {0: Result(0, 0.5, 1e100, 1.0)}}, ""),
    "no question": ({"words": ["nonsense"]}, "'nonsense' cannot be varied"),
    "no values": ({"words": ["rate"]}, "rate has no values"),
    "a value of another kind": ({"words": ["rate", "fast"]}, "rate is a number"),
    "a value out of bounds": ({"words": ["dropout", "0", "7"]}, "dropout must be"),
    "epochs of another kind": ({"words": ["epochs", "nan"]}, "epochs are numbers"),
    "a search without settings": ({"words": ["auto", "10s"]}, "0 settings to start with"),
    "a search without end": (SEARCH | {"candidates": 20_000}, "20,000 settings"),
    "settings without a search": ({"candidates": 2}, "2 settings to start with"),
    "a result of no training": ({"results": {2: Result(2, 0.5, 1.0, 1.0)}}, "does not consist of"),
    "a result of a later round": (
        SEARCH | {"results": {2: Result(2, 0.5, 1.0, 1.0)}},
        "does not consist of",
    ),
    "a shape without parts": ({"shape": "-"}, ""),
    "no shape": ({"shape": ""}, ""),
    "a search without shape": (SEARCH | {"shape": "", "results": {}}, "cannot be trained"),
    "data that does not fit": ({"shape": "784-4-10", "results": {}}, "does not fit"),
    "data that nobody has": ({"data": "nowhere", "results": {}}, "nowhere"),
    "a shape that is none": ({"shape": "3-x-2", "results": {}}, "cannot be trained"),
}


@pytest.mark.usefixtures("in_threads")
@pytest.mark.parametrize("what", ODD)
def test_a_study_that_cannot_be_is_refused_in_a_line(session: Session, what: str) -> None:
    changes, says = ODD[what]
    blueprint = replace(ASKED.blueprint, shape=changes.get("shape", ASKED.blueprint.shape))
    others = {name: value for name, value in changes.items() if name != "shape"}
    session.registry.save(replace(ASKED, blueprint=blueprint, **others), "x")
    for line in ("study x", "study x best", "ls", "study x"):
        output = Kept()
        done = do_line(line, session, output)
        assert line == "study x best" or done == (line == "ls" or not says)
        if not done:
            (message,) = output.errors
            assert line == "study x best" or says in message
            assert "should not have happened" not in message
            assert "\n" not in message
    (study,) = do(session, "ls")[0]["studies"]
    tells = "words" in changes or "candidates" in changes
    assert bool(study["damaged"]) == (tells and bool(says) and "results" not in changes)


def test_ctrl_c_keeps_what_is_done_and_the_study_goes_on(session: Session) -> None:
    class CtrlC(Kept):
        def report(self, update: Note) -> None:
            super().report(update)
            session.interrupts.asked = len(self.reports) > 2

    output = CtrlC()
    do(session, "n 784-8-10")
    assert do_line("study rate 0.02 0.1 --repeat 4 --for 200", session, output)
    done = len(output.results[0]["runs"])
    assert 0 < done < 8
    record = session.registry.load_study("study-1")
    first = replace(record, results={0: record.results[0]})
    kept = StringIO()
    Screen(kept, plain=True, width=100).print(StudyResult(first, plan_of(first)))
    assert "With rate 0.02, it reads" in kept.getvalue()
    (whole,) = do(session, "study study-1")
    assert len(whole["runs"]) == 8


# the same, whoever does it

PLAN = Plan(
    parse(["rate", "0.02", "0.1", "dropout", "0", "0.5", "--repeat", "2", "--for", "60"]),
    Blueprint("784-16-10", settings=Settings(average=1.0)),
    seed=3,
)


@pytest.fixture(scope="module")
def sample() -> DataSet:
    return SOURCES["sample"].read([ROOT / "data"])


def bits(results: dict[int, Result]) -> list[tuple[int, float, float]]:
    return [(n, r.accuracy, r.cost) for n, r in sorted(results.items())]


@pytest.mark.parametrize("size", [1, 3])
def test_results_are_the_same_to_the_bit_in_processes_and_threads(
    sample: DataSet, size: int
) -> None:
    jobs = PLAN.round({})
    alone = {job.number: train(job, sample) for job in jobs}
    shuffled = Random(1).sample(jobs, len(jobs))
    with processes(sample, size) as crew:
        futures: list[Future[Result]] = [crew.submit(job) for job in shuffled]
        in_processes = {f.result().number: f.result() for f in futures}
    executor: Executor
    with ThreadPoolExecutor(size) as executor:
        in_threads = {r.number: r for r in executor.map(lambda j: train(j, sample), shuffled)}
    assert bits(alone) == bits(in_processes) == bits(in_threads)


def test_a_worker_that_is_killed_costs_no_result(session: Session) -> None:
    output = Kept()
    killed: list[int] = []

    def report(_: object) -> None:
        if not killed:
            for child in children(os.getpid()):
                if "spawn_main" in Path(f"/proc/{child}/cmdline").read_text():
                    killed.append(child)
                    os.kill(child, signal.SIGKILL)
                    break

    output.report = report  # type: ignore[method-assign, assignment]
    assert do_line("n 784-8-10; study rate 0.02 0.1 --repeat 3 --for 300", session, output)
    assert killed
    runs = output.results[-1]["runs"]
    assert len(runs) == len({(r["seed"], r["settings"]["rate"]) for r in runs}) == 6


def children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for path in listed for child in path.read_text().split()]


def test_no_process_is_left_behind_by_a_study_that_is_killed(
    environment: dict[str, str], tmp_path: Path
) -> None:
    line = "study rate 0.02 0.1 --repeat 500 --for 50e"
    with subprocess.Popen(
        command(["-c", line]), env=environment, cwd=tmp_path, stdout=subprocess.PIPE
    ) as program:
        deadline = time.monotonic() + 30
        workers: list[int] = []
        while len(workers) < 2 and time.monotonic() < deadline:
            workers = children(program.pid)
            time.sleep(0.05)
        time.sleep(1)
        program.kill()
        assert program.stdout is not None
        program.stdout.close()
    while any(Path(f"/proc/{w}").exists() for w in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [w for w in workers if Path(f"/proc/{w}").exists()]


def test_a_search_is_shown_with_its_rounds(program: Program) -> None:
    done = program("--json", "-c", "n 784-8-10; study auto 1s")
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["ok"], done.stderr
    assert found["amount"] is None
    assert {run["amount"] for run in found["runs"]} >= {"1 epoch", "3 epochs"}
    assert len(found["runs"]) == found["total"]


def test_the_job_carries_no_data() -> None:
    jobs: list[Job] = PLAN.round({})
    assert max(len(pickle.dumps(job)) for job in jobs) < 2_000

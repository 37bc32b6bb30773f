"""Unfinished training is put aside, found again after the worst, and gone when it is not needed."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Begin, Program, Start
from recovery_helpers import kept, left_by
from session_helpers import Answers, Kept, do, refusal

from digitnet.registry import recovery
from digitnet.registry.recovery import FOLDER, Recovery
from digitnet.repl.loop import do_line
from digitnet.repl.session import NonInteractive, Session


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_training_that_was_killed_is_recovered(
    environment: dict[str, str], program: Program, number: signal.Signals, session: Session
) -> None:
    assert left_by(environment, number) == -number
    done = program("--json", "-c", "recover; i; ch all; t 5; pas back; ls")
    recovered, told, checked, trained, _, listed = map(json.loads, done.stdout.splitlines())
    assert recovered["recipe"] == "diary"
    assert recovered["trained_batches"] > 100
    assert told["trained_on"] == ["sample"]
    assert checked["accuracy"] > 0.15  # it has learnt something, however busy the machine was
    assert not checked["seen_in_training"]
    assert trained["batches"] == 5
    assert listed["networks"][0]["trained_batches"] == recovered["trained_batches"] + 5
    assert kept(session.saves) == []
    assert "there is no unfinished training" in program("-c", "recover").stderr


def test_the_name_comes_back_where_its_save_is_still_there(
    environment: dict[str, str], program: Program
) -> None:
    line = "n diary; pas mine; t 600s"
    left_by(environment, signal.SIGKILL, line)
    assert json.loads(program("--json", "-c", "recover").stdout)["name"] == "mine"
    left_by(environment, signal.SIGKILL, line)
    assert program("--yes", "-c", "del mine").returncode == 0
    assert json.loads(program("--json", "-c", "recover").stdout)["name"] is None


def test_the_prompt_offers_it(terminal: Start, environment: dict[str, str]) -> None:
    left_by(environment, signal.SIGKILL)
    t = terminal()
    t.wait_for("^Unsaved training from the last session: type recover to load it.$")
    t.wait_for("^digitnet>$")
    t.type("recover\r")
    t.wait_for("Recovered a network, 784-16-16-10, trained")
    t.wait_for(r"^diary\*>$")
    t.type("s\ry\r")
    assert t.leave() == 0
    assert kept(Path(environment["DIGITNET_SAVES"])) == []


def test_what_a_living_program_keeps_is_not_taken(
    session: Session, monkeypatch: pytest.MonkeyPatch, program: Program
) -> None:
    monkeypatch.setattr(recovery, "BUSY_SECONDS", 0.0)
    do(session, "n diary; t 30")
    assert len(kept(session.saves)) == 1
    assert "there is no unfinished training" in program("-c", "recover").stderr
    do(session, "pas saved")
    assert kept(session.saves) == []


def test_it_goes_when_another_network_is_taken(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "BUSY_SECONDS", 0.0)
    do(session, "n diary; t 30; n relu")
    assert kept(session.saves) == []


def test_a_short_training_is_put_aside_after_it(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    do(session, "n diary; t 30")
    assert kept(session.saves) == []
    monkeypatch.setattr(recovery, "IDLE_SECONDS", 0.0)
    do(session, "c 1")
    assert len(kept(session.saves)) == 1
    do(session, "t 30")
    monkeypatch.setattr(recovery, "IDLE_SECONDS", 60.0)
    do(session, "undo t; set rate 0.125; t 30")  # as many mini-batches, and not the same ones
    monkeypatch.setattr(recovery, "IDLE_SECONDS", 0.0)
    do(session, "c 1")
    session.unfinished.release()
    assert do(session, "n mini; recover; set")[-1]["rate"] == 0.125


def test_a_damaged_file_is_told_and_left(session: Session) -> None:
    folder = session.saves / FOLDER
    folder.mkdir(parents=True)
    (folder / "1-0123abcd.pickle").write_bytes(b"\x80\x03cos\nsystem\n.")
    message = refusal(session, "recover")
    assert "there is no unfinished training" in message
    assert "cannot be read" in message
    assert message.endswith("and it can be removed")
    assert len(kept(session.saves)) == 1


def test_a_folder_that_cannot_be_written_stops_no_training(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "BUSY_SECONDS", 0.0)
    session.saves.mkdir()
    (session.saves / FOLDER).write_text("no folder")
    assert do(session, "n diary; t 30")[-1]["batches"] == 30


def test_a_script_that_fails_keeps_its_training(program: Program) -> None:
    failed = program("-c", "n diary; t 50; l nothing")
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[1:] == [
        "digitnet: the unsaved training was autosaved: recover loads it"
    ]
    for _ in range(2):  # to look at it is not to give it up
        assert "trained 50 mini-batches" in program("-c", "recover").stdout
    assert program("-c", "recover; pas best").returncode == 0
    assert program("-c", "recover").returncode == 1


def test_a_script_that_is_interrupted_keeps_its_training(begin: Begin, program: Program) -> None:
    with begin("-c", "n diary; t 20; t 60s") as child:
        assert child.stdout
        while not child.stdout.readline().startswith("Trained 20"):
            pass
        time.sleep(0.5)
        child.send_signal(signal.SIGINT)
        child.communicate()
    assert child.returncode == 130
    assert json.loads(program("--json", "-c", "recover").stdout)["trained_batches"] > 20


def test_what_was_recovered_outlasts_a_script_that_turns_to_another_network(
    program: Program, environment: dict[str, str]
) -> None:
    program("-c", "n diary; t 50; nonsense")
    program("-c", "n diary; t 30; nonsense")
    for line in ("recover; n mini", "recover; recover", "recover; n mini; s", "recover; s"):
        assert program("-c", line).returncode == 0
        assert len(kept(Path(environment["DIGITNET_SAVES"]))) == 2


def test_ctrl_c_while_a_script_ends_loses_nothing(
    begin: Begin, program: Program, share: Callable[[int, int], int]
) -> None:
    for gap in (0.03, 0.0, 0.01, 0.06)[: share(1, 4)]:
        with begin("-c", "n relu; t 20; t 60s") as child:
            assert child.stdout
            while not child.stdout.readline().startswith("Trained 20"):
                pass
            child.send_signal(signal.SIGINT)
            time.sleep(gap)
            child.send_signal(signal.SIGINT)
            _, errors = child.communicate()
        assert "Traceback" not in errors
        assert "recover loads it" in errors
        assert program("-c", "recover; pas x").returncode == 0


NOTHING = ["n diary; t 50", "n diary; t 50; pas x; nonsense", "nonsense", "n; set rate 1; nonsense"]


@pytest.mark.parametrize("line", NOTHING)
def test_a_script_with_nothing_to_keep_leaves_nothing(
    environment: dict[str, str], program: Program, line: str
) -> None:
    assert "recover" not in program("-c", line).stderr
    assert kept(Path(environment["DIGITNET_SAVES"])) == []


@pytest.mark.parametrize("working", [False, True])
def test_a_terminal_that_is_closed_loses_no_training(
    terminal: Start, environment: dict[str, str], program: Program, working: bool
) -> None:
    t = terminal()
    t.wait_for("^digitnet>$")
    t.type("n diary\r")
    t.wait_for("^diary>$")
    t.type("t 200\r")
    t.wait_for(r"^diary\*>$")
    if working:
        t.type("t 60s\r")
        t.wait_for(r"\d s left")
    t.close_window()
    until = time.monotonic() + 10
    while not kept(Path(environment["DIGITNET_SAVES"])):
        assert time.monotonic() < until
        time.sleep(0.02)
    time.sleep(0.5)
    recovered = json.loads(program("--json", "-c", "recover").stdout)
    assert recovered["trained_batches"] > 200 if working else recovered["trained_batches"] == 200


def test_what_could_not_be_read_back_is_told_and_leaves_the_autosave_before(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    do(session, "n diary; t 30")
    keep = session.unfinished.autosave
    assert keep(session.network())
    monkeypatch.setattr(recovery, "IDLE_SECONDS", 0.0)
    session.network().trainer.progress.seconds = float("inf")
    session.network().trainer.progress.batches += 1
    output = Kept()
    for line in ("c 1", "c 2"):
        assert do_line(line, session, output)
    do_line("c 3", session, output)
    told = [str(report) for report in output.reports]
    assert len(told) == 1  # once is enough
    assert "was not autosaved" in told[0]
    assert "'seconds' is not a finite number" in told[0]
    assert not keep(session.network())
    session.unfinished.release()
    assert do(session, "n mini; recover")[-1]["trained_batches"] == 30


def test_a_script_is_told_that_its_training_could_not_be_autosaved(
    program: Program, environment: dict[str, str]
) -> None:
    saves = Path(environment["DIGITNET_SAVES"])
    saves.mkdir()
    (saves / FOLDER).write_text("no folder")
    failed = program("-c", "n diary; t 5; nonsense")
    assert failed.returncode == 1
    assert "the training was not autosaved: " in failed.stderr


def test_no_lock_is_left_where_nothing_could_be_written(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    do(session, "n diary; t 5")
    monkeypatch.setattr(recovery, "write_durably", full)
    assert not session.unfinished.autosave(session.network())
    assert [*(session.saves / FOLDER).iterdir()] == []


@pytest.mark.parametrize(
    "line",
    [
        "n diary; set optimizer adam; set l2 1e30; t 1e",
        "n diary; set l2 1e38; t 3",
        "n diary; set l1 1e308; t 3",
        "n quick; set rate 1e300; t 3",
        "n mini; set l2 1e308; min 3",
    ],
)
def test_whatever_is_set_what_was_trained_can_be_saved(session: Session, line: str) -> None:
    do(session, f"{line}; grad; pas x; l x")


@pytest.mark.filterwarnings("error")
def test_a_penalty_too_large_to_compute_with_is_told_by_the_gradients_check(
    session: Session,
) -> None:
    assert do(session, "n diary; set l2 1e308; grad")[-1]["checked"] == 0


def test_nothing_is_discarded_for_a_recovery_without_saying_of_what(session: Session) -> None:
    do(session, "n mini; t 3")
    session.interactive, session.asker = True, Answers(["n"])
    assert refusal(session, "recover") == "there is no unfinished training"
    assert session.unfinished.autosave(session.network())
    session.unfinished.release()
    (path,) = kept(session.saves)
    os.utime(path, (0, 0))
    do(session, "t 2")
    assert "nothing was recovered" in refusal(session, "recover")
    assert session.asker.asked == [
        "Discard 5 mini-batches of training to recover the training of 1970-01-01 00:00 UTC?"
    ]


def test_what_is_saved_of_a_recovered_training_is_not_told_as_unsaved(session: Session) -> None:
    do(session, "n mini; t 10; pas a; t 5")
    assert session.unfinished.autosave(session.network())
    session.unfinished.release()
    do(session, "n; recover")
    assert session.unsaved == "5 mini-batches of training"


@pytest.mark.parametrize("is_here", [True, False])
def test_statistics_are_measured_anew_on_the_cases_of_the_training_alone(
    session: Session, tmp_path: Path, is_here: bool
) -> None:
    (tmp_path / "a.csv").write_text("a,b,c\n" + "1,9,0\n2,7,1\n" * 20)
    session.asker = NonInteractive(yes=True)
    do(session, f"data import some {tmp_path / 'a.csv'}; n 2-b-3-2; t 3")
    (norm,) = session.network().network.batch_norms
    measured = norm.mean.copy()
    norm.mean[:] = 100  # as between two measurements
    assert session.unfinished.autosave(session.network())
    session.unfinished.release()
    do(session, "n mini" if is_here else "n mini; data delete some")
    do(session, "recover")
    (norm,) = session.network().network.batch_norms
    np.testing.assert_allclose(norm.mean, measured if is_here else 100)


def test_the_latest_is_recovered_first(session: Session) -> None:
    recovery, ages = session.unfinished, {}
    for batches in (3, 5, 4):
        do(session, f"n mini; t {batches}")
        assert recovery.autosave(session.network())
        recovery.release()
        for path in {*kept(session.saves)} - {*ages}:
            ages[path] = batches
    for path, batches in ages.items():
        os.utime(path, (batches, batches))
    session.unfinished = Recovery(session.saves)
    for batches in (5, 4, 3):
        assert do(session, "recover")[0]["trained_batches"] == batches

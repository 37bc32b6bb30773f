"""What trainings say and leave behind: pictures, advice, what undo t takes back, plots."""

import re
import signal
from io import StringIO
from pathlib import Path

import pytest
from conftest import Program
from session_helpers import do, refusal, shown

from digitnet.engine.report import Stopped
from digitnet.engine.run import Status
from digitnet.repl.features.train import progress_line
from digitnet.repl.loop import do_line
from digitnet.repl.pictures import Screen, View
from digitnet.repl.result import Note
from digitnet.repl.session import Session
from digitnet.repl.terminal.output import ScreenOutput


def weights(session: Session) -> list[bytes]:
    assert session.hand
    return [p.value.tobytes() for p in session.hand.network.parameters]


# advice


@pytest.mark.parametrize("recipe", ["quick", "relu", "784-20-10"])
def test_a_rate_far_too_high_is_told_from_the_cost_it_ends_at(
    session: Session, recipe: str
) -> None:
    text = " ".join(shown(session, f"n {recipe}; set cases 800; set rate 20; t 2e").split())
    told = "would cost about as much or less: a rate of 20 is too high. Type undo t, then doctor"
    assert text.endswith(f"{told}, which finds a better one.")


def test_a_network_that_learns_gets_no_advice(session: Session) -> None:
    assert "rate" not in shown(session, "n diary; set cases 500; t 1e")
    do(session, "n 784-20-10; set rate 0.06")
    assert "rate" not in shown(session, "t 1")  # after which it still guesses


@pytest.mark.parametrize(("schedule", "rate"), [("cosine", "0"), ("one-cycle", "5e-06")])
def test_a_schedule_that_is_over_is_told(session: Session, schedule: str, rate: str) -> None:
    over = f"The schedule is over, so the rate is {rate}: set schedule constant."
    begun = f"n 784-10-10; set cases 500; set schedule {schedule} 2e"
    assert "is over" not in shown(session, f"{begun}; t 2e")
    for line in ("t 1e", "t 99%", f"{begun}; t 3e"):
        assert " ".join(shown(session, line).split()).endswith(over)
    assert "is over" not in shown(session, "min 2")  # which has no rate
    do(session, f"n 784-10-10; set cases 500; set schedule {schedule}")
    assert "is over" not in shown(session, "t 1")
    assert "no improvement" in shown(session, "set rate 1e-9; set patience 49; t 50e")


def test_a_training_that_blew_up_is_told_as_nothing_else(session: Session) -> None:
    assert "blew up" in shown(session, "n 784-10-10; set schedule cosine; set rate 1e30; t 1")
    blown_up = " ".join(shown(session, "n 784-10-10; set rate 1e30; t 99 total").split())
    assert "Nothing to do" not in blown_up
    assert "blew up" in blown_up


def test_a_training_that_trains_nothing_changes_nothing(session: Session) -> None:
    do(session, "data circle; n 2-4-b-2; t 300; ch all")
    hand = session.network()
    (norm,) = hand.network.batch_norms

    def state() -> tuple[object, ...]:
        return hand.accuracy, hand.trainer.progress.place, norm.mean.tobytes()

    before = state()
    do(session, "data spiral; t 0.0001%")
    assert state() == before
    do(session, "n 2-8-b-2; t 0.0001%")
    assert session.network().accuracy is None  # of statistics that are gone again


def test_an_accuracy_measured_with_other_answers_is_dropped(session: Session) -> None:
    do(session, "n 784-10-10; t 20; ch all; set rate 1")
    assert session.network().accuracy
    do(session, "set average 0")
    assert session.network().accuracy is None
    do(session, "ch all; t 5; set rate 2; undo t")
    assert session.network().accuracy
    do(session, "t 5; set pixels raw; undo t")
    assert session.network().accuracy is None


def test_without_the_running_mean_statistics_are_those_of_the_weights_that_answer(
    session: Session,
) -> None:
    for line in ("n 784-16-b-10; set rate 0.3; t 60; t 60; set average 0", "undo t"):
        do(session, line)
        trainer = session.network().trainer
        norm, told = trainer.network.batch_norms[0], trainer.network.batch_norms[0].mean.copy()
        trainer.measure_statistics(session.data_for(session.network()).train)
        assert (norm.mean == told).all()


def test_a_schedule_free_network_answers_alike_after_a_load_and_undo(session: Session) -> None:
    line = "n 784-10-10; set average 0; set optimizer schedule-free; set rate 1; t 1e; pas x"
    (*_, saved) = do(session, f"{line}; ch all")
    (*_, loaded) = do(session, "l x; ch all")
    (*_, back) = do(session, "min 1; undo t; ch all")
    (*_, left) = do(session, "t 1; set optimizer sgd; undo t; ch all")
    for other in (loaded, back, left):
        assert other["cost"] == pytest.approx(saved["cost"])


def test_a_target_out_of_reach_says_how_far_it_came(session: Session) -> None:
    text = " ".join(shown(session, "n 784-10-10; set cases 100; t 5; t 99%").split())
    found = re.search(r"Stopped: no improvement for (\d+) epochs\.", text)
    assert found
    assert int(found[1]) >= 30
    (kept,) = do(session, "i")
    assert f"The weights after {kept['trained_batches']:,} mini-batches are kept." in text
    assert text.endswith("The training cases are learned: set augment light makes more of them.")


# undo t


def test_undo_t_takes_the_last_training_back_and_forth(session: Session) -> None:
    do(session, "n diary; set cases 500; t 20")
    assert session.hand
    trainer = session.hand.trainer
    before, history, accuracy = weights(session), list(trainer.history), session.hand.accuracy
    do(session, "t 40")
    after = weights(session)
    session.hand.data = "chosen since"
    (undone,) = do(session, "undo t")
    assert undone["trained_batches"] == 20
    assert weights(session) == before != after
    assert (trainer.history, session.hand.accuracy) == (history, accuracy)
    assert session.hand.data == "chosen since"
    assert session.unsaved_batches == 20
    do(session, "undo t")
    assert weights(session) == after
    assert trainer.progress.batches == 60
    do(session, "undo t; t 40")
    assert weights(session) == after


@pytest.mark.parametrize("line", ["min 3", "set optimizer adam; t 5", "set average 1; t 5", "step"])
def test_undo_t_takes_back_whatever_trained(session: Session, line: str) -> None:
    do(session, "n diary; set cases 500; t 20")
    before = weights(session)
    do(session, line)
    assert weights(session) != before
    do(session, "undo t")
    assert weights(session) == before
    do(session, "t 5")


def test_undo_t_of_what_was_saved_meanwhile_is_unsaved(session: Session) -> None:
    do(session, "n diary; set cases 500; t 20; pas one; t 5; undo t")
    assert not session.unsaved
    do(session, "t 5; p; undo t")
    assert session.unsaved_batches == 20
    do(session, "undo t; set rate 1; t 5")
    assert session.unsaved


def test_there_may_be_nothing_for_undo_t(session: Session) -> None:
    assert "no network" in refusal(session, "undo t")
    do(session, "n diary; set cases 500; t 5; n diary")
    assert "no training to take back" in refusal(session, "undo t")


def test_an_interrupted_training_says_how_it_is_taken_back(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise Stopped

    do(session, "n diary; set cases 500; t 20")
    assert session.hand and session.hand.accuracy
    before, number = session.hand.accuracy.value, 0

    class Interrupting(ScreenOutput):
        def report(self, update: Note) -> None:
            super().report(update)
            session.interrupts.asked, session.interrupts.ended_by = True, number

    def told(line: str) -> str:
        file = StringIO()
        do_line(line, session, Interrupting(Screen(file, width=100)))
        return " ".join(file.getvalue().split())

    text = told("t 100e")
    assert "Interrupted: the training so far is kept." in text
    assert text.endswith(f"undo t goes back to the network before, with {before * 100:.2f} %.")
    assert told("n diary; t 100e").endswith("undo t goes back to the untrained network.")
    with monkeypatch.context() as patch:  # before the first iteration
        patch.setattr("digitnet.engine.minimize._Objective.__call__", stop)
        assert told("n diary; min 3").endswith("Interrupted before it changed anything.")
    assert told("n diary; t 100e; p 'my first'; t").endswith("network. Not run: p 'my first'; t.")
    number = signal.SIGTERM
    assert told("n diary; t 100e; p").endswith("Interrupted: the training so far is kept.")


# amounts


def test_a_script_may_be_run_again_until_all_is_done(session: Session) -> None:
    do(session, "n diary; set cases 500; t 1e")
    assert [do(session, "t 3e total")[0]["batches"] for _ in range(2)] == [100, 0]
    for total in ("3 epochs", "1 epoch"):
        said = f"Nothing to do: it was trained on as many cases as in {total} in all, or more."
        assert said in " ".join(shown(session, f"t {total} total").split())


def test_what_is_no_total_is_refused(session: Session) -> None:
    for line in ("t 90% total", "t total", "t 3e totals", "t 3e total total"):
        refusal(session, f"n diary; {line}")


# what is shown


def test_a_line_for_each_epoch_if_these_are_wanted(session: Session) -> None:
    do(session, "n diary; set cases 500; set epoch_lines on")
    text = shown(session, "t 2e; t 1e")
    assert [int(n) for n in re.findall(r"^Epoch (\d): \d+ / 500$", text, re.MULTILINE)] == [1, 2, 3]
    assert "mini-batches  cost" not in text
    do(session, "set epoch_lines off")
    assert "Epoch" not in shown(session, "t 1e")
    assert "on or off" in refusal(session, "set epoch_lines 3")


def test_the_curves_that_stay_begin_untrained_and_go_on_with_each_training_which_is_marked(
    session: Session,
) -> None:
    do(session, "n diary; set cases 500")
    for line, ticks in (
        ("t 5", ["0", "5"]),
        ("t 20", ["0", "5", "25"]),
        ("min 3", ["0", "25", "28"]),
    ):
        *_, last = re.split(r"\x1b\[J", shown(session, line, can_redraw=True))
        below = next(row for row in last.splitlines()[::-1] if re.fullmatch(r"[ \d]+", row))
        assert below.split() == 2 * ticks


def test_the_last_cost_of_the_curve_is_told_beside_that_on_training_cases(session: Session) -> None:
    line = "n diary; set cases 500; set augment light; set smoothing 0.1; t 1e"
    text = " ".join(shown(session, line).split())
    last = re.findall(r"mini-batches cost ([\d.]+)", text)[-1]
    how = f"{last} on the last mini-batches, augmented, with smoothed targets"
    assert re.search(rf"cost [\d.]+ on training cases \({how}\)", text)


def test_a_long_training_has_some_forty_milestones(session: Session) -> None:
    text = shown(session, "n diary; set cases 50; set batch 2; t 100e")
    assert 35 <= text.count("mini-batches  cost") <= 45


@pytest.mark.parametrize(
    ("part", "seconds", "start"),
    [
        (0.5, 99, " 50%  accuracy 9.00 %  cost 9,940  99 s left  ["),
        (0.5, 112, " 50%  accuracy 9.00 %  cost 9,940  1:52 left  ["),
        (0.5, 3599, " 50%  accuracy 9.00 %  cost 9,940  59:59 left  ["),
        (0.5, 12005, " 50%  accuracy 9.00 %  cost 9,940  3 h 20 min left  ["),
        (1.0, 0, "100%  cost 9,940  measuring ...  ["),
    ],
)
def test_the_line_of_a_training_tells_the_time_left_or_that_it_measures(
    part: float, seconds: float, start: str
) -> None:
    report = Status(9, 90, 1.0, 90.0, part, seconds, 9940.0, 0.09, 2.0, False, 0, 0.1, 9940.0)
    screen = Screen(StringIO(), width=120)
    line = progress_line(report, View.of(screen, screen.options)).plain
    assert line.startswith(start)
    assert line.endswith("]  90 cases/s")


def test_one_mini_batch_is_one(session: Session) -> None:
    text = shown(session, "n diary; set cases 500; t 1; min 1")
    assert "1 mini-batch " in text
    assert "1 iteration " in text
    assert "after 1 mini-batch; plot" in shown(session, "n 784-10; t 1; i", width=200)


@pytest.mark.parametrize(("lines", "batches"), [("t 3; t 3", [0, 3, 6]), ("min 12", [*range(13)])])
def test_each_t_however_short_and_each_iteration_is_in_the_plot(
    session: Session, lines: str, batches: list[int]
) -> None:
    *_, info, plot = do(session, f"n devember; set cases 500; {lines}; i; plot")
    assert [point["batches"] for point in plot["history"]] == batches
    assert info["trained_batches"] == batches[-1]


def test_networks_are_compared_in_a_plot(session: Session) -> None:
    do(session, "n diary; set cases 500; t 1e; pas one; t 1e; pas 'my two'")
    text = shown(session, "plot one 'my two'")
    assert "validation cost  * one  o my two" in text
    assert re.search("^one: 6 measurements in 50 mini-batches; at best", text, re.MULTILINE)
    assert [*do(session, "plot one one 'my two'")[0]["histories"]] == ["one", "my two"]
    assert "no network named 'three'" in refusal(session, "plot one three")
    assert "ren log NEW" in shown(session, "ren one log; plot log 'my two'; ren log one")
    assert "each on the data set" not in text + shown(session, "i", width=300)
    assert " cases; at best" not in text
    do(session, "n mini; t 5; pas other")
    text = shown(session, "plot one other", width=200)
    assert "batches, on sample cases; at best" in text and "on mini cases; at best" in text
    do(session, "data circle; n 2-4-2; t 5; data spiral; t 5")
    for line in ("plot", "i"):
        assert ", each on the data set trained on then" in shown(session, line, width=300)
    do(session, "n diary; pas fresh")
    assert "no measurements of 'fresh'" in refusal(session, "plot one fresh")


def test_plot_draws_on_the_axis_asked_for_and_the_rate_as_far_as_it_is_known(
    session: Session, tmp_path: Path
) -> None:
    do(session, "n diary; set cases 500; set schedule cosine 2e; t 1e; pas one")
    assert "cost (log)" in shown(session, "plot log")
    assert "(log)" not in shown(session, "plot linear")
    assert "not both" in refusal(session, "plot linear log")
    assert "learning rate" in shown(session, "plot rate")
    rates = [rate for _, rate in session.network().rates]
    assert rates == sorted(rates, reverse=True)
    assert 0.4 < rates[-1] / rates[0] < 0.6  # half of a cosine
    file = tmp_path / "one.svg"
    do(session, f"plot one log light {file}")
    assert b'fill="#ffffff"' in file.read_bytes()
    do(session, "l one")
    for line in ("plot rate", "plot one rate"):
        assert "while t trains" in refusal(session, line)


def test_ch_says_how_to_see_the_misread_ones(session: Session) -> None:
    assert shown(session, "n diary; ch all").rstrip().endswith("wrong shows the misread ones.")
    assert shown(session, "ch 10").rstrip().endswith("wrong shows the misread ones of all 1,000.")
    assert "wrong" not in shown(session, "n truth; t 3000; ch all")
    text = shown(session, "n 784-10 linear linear squared; set pixels raw; t 1; ch all", width=200)
    assert re.search(r"cost [\d.]+e1\d \+ \d+,\d+ penalty", text.splitlines()[-2])


# targets that the recipes reach


@pytest.mark.parametrize("seed", ["1", *(pytest.param(s, marks=pytest.mark.full) for s in "2345")])
def test_the_first_network_reaches_what_it_is_asked_for(program: Program, seed: str) -> None:
    done = program("--json", "--seed", seed, "-c", "t 93%", "-c", "t 94%")
    assert done.stdout.count('"stopped": "target"') == 2

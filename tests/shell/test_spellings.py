"""What people type for an amount or a shape, and mean the same by."""

import pytest
from session_helpers import do, refusal, shown

from digitnet.repl.session import Session


@pytest.mark.parametrize("line", ["t 2 epochs", "t 2e", "t 2 e", "t 26 batches", "t 26"])
def test_an_amount_of_training(session: Session, line: str) -> None:
    do(session, "n diary; set cases 130")
    (trained,) = do(session, line)
    assert trained["batches"] == 26


def test_a_horizon(session: Session) -> None:
    do(session, "n; set schedule cosine 20 epochs")
    assert session.hand
    assert session.hand.trainer.settings.schedule == "cosine 20e"


@pytest.mark.parametrize(
    "line", ["n 784 30 10 tanh", "n 784,30,10 tanh", "n 784, 30, 10 tanh", "n 784-30-10 tanh"]
)
def test_a_shape(session: Session, line: str) -> None:
    (made,) = do(session, line)
    assert made["shape"] == "784-30-10"
    assert session.hand
    assert session.hand.network.layers[0].config()["activation"] == "tanh"


def test_save_as_and_the_name_of_a_save(session: Session) -> None:
    assert do(session, "n mini; save as mynet")[-1]["name"] == "mynet"
    assert refusal(session, "mynet") == "'mynet' is not a command. l mynet loads that network"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("rate 0,05", 0.05),
        ("rate=0.05", 0.05),
        ("rate = 0,001", 0.001),
        ("rate 1,000", 1000),
        ("batch 1,000", 1000),
        ("augment rotation=5,shift=2", "rotation=5,shift=2"),
    ],
)
def test_the_value_of_a_setting(session: Session, line: str, value: object) -> None:
    *_, said = do(session, f"n; set {line}")
    assert [*said.values()] == ["set", value]
    assert do(session, "ch 1,000")[0]["total"] == 1000


def test_more_cases_than_there_are_is_told(session: Session) -> None:
    do(session, "n; set rate 0.1")
    assert "3,500 training cases: all are used" in shown(session, "set cases 99999")
    assert "each mini-batch is all of them" in shown(session, "set batch 5000")
    assert "training cases" not in shown(session, "set batch 3500")
    assert "0 stands for all of the training cases" in shown(session, "set batch 0")
    assert "stands for" not in shown(session, "set batch all")


def test_a_shape_of_all_parts(session: Session) -> None:
    (made,) = do(session, "n 28x28 4c5 b p2 d0.5 10:tanh 10")
    assert made["shape"] == "28x28-4c5-b-p2-d0.5-10-10"

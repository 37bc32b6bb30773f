"""`like` and `fool`: what is near a test case."""

import numpy as np
import pytest
from session_helpers import do, refusal, shown

from digitnet.engine.arrays import Cases, answers_of, one_hot
from digitnet.engine.layers import Dense
from digitnet.engine.network import Network
from digitnet.insight.around import smallest_change
from digitnet.repl.session import Session


def test_like_gives_the_training_cases_with_the_smallest_distances(session: Session) -> None:
    *_, told = do(session, "n 784-30-10; t 200; like 11")
    data, network = session.data(), session.network().trainer.answering()
    x = data.test.inputs[11] / np.float32(255)
    train = data.train.inputs / np.float32(255)
    hidden = network.layers[0]
    for name, a, b in (
        ("inputs", x[np.newaxis], train),
        ("hidden", hidden.forward(x[np.newaxis]).copy(), hidden.forward(train)),
    ):
        far = np.sqrt(np.square(b.astype(float) - a).sum(axis=1))
        assert [each["index"] for each in told[name]] == far.argsort()[:6].tolist()
        assert [each["distance"] for each in told[name]] == pytest.approx(
            np.sort(far)[:6], rel=1e-4
        )
        answers = answers_of(data.train.targets)[[each["index"] for each in told[name]]]
        assert [each["answer"] for each in told[name]] == answers.tolist()


def test_a_case_that_was_trained_on_is_most_like_itself(session: Session) -> None:
    *_, told = do(session, "n mini; like 5")
    for nearest in (told["inputs"][0], told["hidden"][0]):
        assert (nearest["index"], nearest["distance"]) == (5, 0)


@pytest.mark.parametrize("shape", [
    "784-30-10", "28x28-4c5-p2-10", "784-20-b-10 sigmoid",
    "784-20-10 relu relu squared",  # several outputs are 0, and the first of these is the answer
])  # fmt: skip
@pytest.mark.parametrize("wanted", ["", "3"])
def test_a_fooled_network_gives_the_other_answer(session: Session, shape: str, wanted: str) -> None:
    *_, told = do(session, f"n {shape}; t 300; fool 1 {wanted}")
    network, x = session.network().trainer.answering(), session.data().test.inputs[1] / 255
    changed = np.array(told["changed"])
    assert 0 <= changed.min() <= changed.max() <= 1
    assert told["size"] == pytest.approx(np.linalg.norm(changed - x))
    assert told["largest"] == pytest.approx(np.abs(changed - x).max())

    def read(part: float) -> int:
        inputs = (x + part * (changed - x)).astype(np.float32)
        return int(answers_of(network.forward(inputs[np.newaxis]))[0])

    assert read(1) == told["guess"] != told["before"] == read(0)
    assert read(0.95) != told["guess"]  # no more is changed than is needed
    assert told["guess"] == int(wanted or told["guess"])
    assert told["random"] < 50


@pytest.mark.parametrize("units", [1, 10])
def test_from_a_linear_network_the_change_is_the_shortest_way_to_the_border(units: int) -> None:
    rng = np.random.default_rng(0)
    layer = Dense((9,), units=units, activation="sigmoid", dtype=np.float64)
    layer.weights[:] = rng.standard_normal((9, units))
    network, x = Network([layer], "squared"), rng.standard_normal(9)
    z = layer.weights.T @ x
    others = np.delete(np.arange(units), z.argmax())
    w = layer.weights[:, others].T - layer.weights[:, z.argmax()] if units > 1 else layer.weights.T
    far = (z.max() - z[others] if units > 1 else np.abs(z)) / np.linalg.norm(w, axis=1)
    cases = Cases(rng.standard_normal((50, 9)), one_hot(np.zeros(50, int), units), 1.0)
    change = smallest_change(network, x, cases, None, (-np.inf, np.inf))
    assert change is not None
    assert np.linalg.norm(change.x - x) == pytest.approx(far.min(), rel=0.03)
    guess = answers_of(network.forward(change.x[np.newaxis]))[0]
    assert guess == (others[far.argmin()] if units > 1 else z[0] < 0)
    assert np.abs(change.saliency) == pytest.approx(np.abs(w[far.argmin()]))


def test_in_a_plane_no_answer_is_much_nearer_than_the_one_found(session: Session) -> None:
    do(session, "n spiral; t 50e")
    network, inputs = session.network().trainer.answering(), session.data().test.inputs
    turn = np.linspace(0, 2 * np.pi, 200)
    ring = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    for case in range(8):
        (told,) = do(session, f"fool {case}")
        for far in np.linspace(0, 0.8 * told["size"], 30):
            nearer = (inputs[case] + far * ring).astype(np.float32)
            assert (answers_of(network.forward(nearer)) == told["before"]).all()
    assert shown(session, f"fool {case}").splitlines()[1:3] == [
        f"{name} {' '.join(f'{value:.4g}' for value in values)}"
        for name, values in (("inputs", inputs[case]), ("changed", told["changed"]))
    ]


def test_what_cannot_be_asked_is_refused(session: Session) -> None:
    do(session, "n 784-10; t 300")
    assert "\nthe change: # and + above zero, = and - below\n" in shown(session, "fool 11")
    (checked,) = do(session, "c 11")
    assert refusal(session, f"fool 11 {checked['guess']}") == (
        f"the network already reads {checked['guess']}: give another answer"
    )


def test_of_a_committee_the_first_member_is_asked(session: Session) -> None:
    *_, alone = do(session, "n 784-10; t 100; pas a; like 3")
    *_, liked, fooled = do(session, "n 784-10; t 50; pas b; vote a b; like 3; fool 3")
    assert liked.pop("member").startswith("member 1 of 2")
    assert fooled["member"].startswith("member 1 of 2")
    assert liked == alone

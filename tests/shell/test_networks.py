"""Networks of any layers, committees and deformations, as a person has them at the prompt."""

import numpy as np
import pytest
from session_helpers import Answers, do, refusal, shown

from digitnet.repl.command import COMMANDS
from digitnet.repl.pictures import Screen
from digitnet.repl.session import NonInteractive, Session

SMALL = "28x28-4c5-p4-10"


def test_a_convolutional_network_does_all_that_others_do(session: Session) -> None:
    made, trained, checked, *_ = do(session, f"n {SMALL}; t 60; ch all; c 3; grad; i; pas conv")
    assert (made["shape"], made["parameters"]) == (SMALL, 1554)
    assert trained["batches"] == 60
    assert checked["accuracy"] > 0.5
    info = do(session, "l conv; i")[1]
    assert [layer["kind"] for layer in info["layers"]] == [
        "convolution",
        "max_pool",
        "flatten",
        "dense",
    ]
    assert do(session, "ch all")[0]["accuracy"] == checked["accuracy"]
    assert do(session, "grad")[0]["max_relative_error"] < 1e-5
    assert do(session, "min 2")[0]["iterations"] == 2


def test_a_committee_answers_with_the_mean(session: Session) -> None:
    do(session, f"n {SMALL}; t 40; pas a; n 784-20-10; set pixels raw; set rate 0.001; t 40; pas b")
    alone = [do(session, f"l {name}; c 5")[1]["outputs"] for name in "ab"]
    voted = do(session, "vote a b")[0]
    assert (voted["members"], voted["set"]) == (["a", "b"], "sample test")
    assert voted["correct"] == round(voted["accuracy"] * voted["total"])
    together = do(session, "c 5")[0]["outputs"]
    np.testing.assert_allclose(together, np.mean(alone, axis=0), atol=1e-6)
    do(session, "pas both; n diary; l both")
    assert do(session, "c 5")[0]["outputs"] == together
    assert do(session, "ch all")[0]["accuracy"] == voted["accuracy"]
    assert do(session, "i")[0]["trained_on"] == ["sample"]
    with (screen := Screen(width=80)).capture() as shown:
        screen.print(COMMANDS["i"].function(session))
    text = shown.get()
    assert "its members, on sample" in text
    assert "settings" not in text


@pytest.mark.parametrize("line", ["t", "min 2", "grad", "set rate 1", "set rate"])
def test_a_committee_does_not_learn(session: Session, line: str) -> None:
    (*_, settings) = do(session, "n diary; pas a; vote a; set")
    assert "rate" not in settings
    assert "trained   not yet" in shown(session, "i")
    assert "a committee cannot be trained" in refusal(session, line)


@pytest.mark.parametrize(
    ("line", "words"),
    {
        "vote": "needs a name",
        "vote nobody": "no network named",
        "vote a both": "a committee itself",
        "vote a truth": "the same numbers",
        "vote a words": "need the same answers: 'a' has digits; 'words' has 0 j, 1 i",
    }.items(),
)
def test_what_cannot_vote_is_told(session: Session, line: str, words: str) -> None:
    do(session, "n truth; pas truth; n diary; pas a; vote a; pas both; n diary")
    session.network().words = tuple("jihgfedcba")
    do(session, "pas words")
    hand = session.hand
    assert words in refusal(session, line)
    assert session.hand is hand


def test_a_member_whose_words_are_not_known_can_vote(session: Session) -> None:
    do(session, "n diary; pas a; n diary")
    session.network().words = tuple("jihgfedcba")
    do(session, "pas words; n diary")
    session.network().own_cases = frozenset([bytes(8)])  # of a set of one's own, without words
    do(session, "pas b; vote b words")
    assert session.network().words == tuple("jihgfedcba")


def test_deformations_are_shown_and_trained_on(session: Session) -> None:
    do(session, "n diary")
    assert "are not augmented. Example: set augment light" in refusal(session, "show augment")
    do(session, "set augment strong")
    assert len(do(session, "show augment")[0]["cases"]) == 18
    assert "training set, augmented\n" in shown(session, "show augment")
    assert do(session, "t 5")[0]["batches"] == 5
    assert "is none, light, strong" in refusal(session, "set augment much")


def test_what_is_for_pictures_is_refused_for_a_table_also_where_a_save_has_it(
    session: Session,
) -> None:
    do(session, "n xor")
    for setting, value in ("pixels", "raw"), ("augment", "light"):
        said = f"{setting} is for pictures, and xor is a table. Example: set {setting} "
        assert refusal(session, f"set {setting} {value}") in (said + "none", said + "unit")
    assert "xor is a table" in refusal(session, "study augment none light")
    trainer = session.network().trainer
    trainer.change(trainer.settings.changed("augment", "light"))
    for line in ("t 5", "step", "min 1"):
        assert "xor is a table" in refusal(session, line)
    do(session, "set augment none; t 5")
    assert "xor is a table" in refusal(session, "show augment")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("n 784-10; set dropout 0.1", "no hidden dense layer"),
        ("n xor; set smoothing 0.1", "a single output"),
        ("n diary; set momentum 0.5", "sgd has no momentum"),
        ("n 784-20-d0.5-10; set dropout 0.2", "The shape has dropout of its own"),
        ("n diary; set dropout 0.5; set augment light; min 1", "uses dropout 0.5, augment light."),
        ("n diary; set patience 1; set clip 1; min 1", "Only t uses clip 1, patience 1."),
        ("n 784-8-b-10; set cases 200; min 1", "measures new ones"),
        ("n xor; set optimizer adamw; set l2 0.1; min 1", "Only t uses l2 0.1."),
        ("n diary; set cases 200; set cases 9999", "There are 3,500 training cases: all are used."),
    ],
)
def test_a_setting_without_effect_is_told(session: Session, line: str, said: str) -> None:
    assert said in shown(session, line)
    if "min" not in line:
        assert said in do(session, line)[-1]["note"]
    assert "effect" not in shown(session, "n diary; set dropout 0.1; set smoothing 0.1")
    assert "Only t" not in shown(session, "n diary; min 1")


def test_a_shape_that_cannot_be_is_told_layer_and_size_before_anything_is_asked(
    session: Session,
) -> None:
    do(session, "n diary; t 3")
    session.interactive, session.asker = True, (answers := Answers([]))
    message = refusal(session, "n 28x28-8c5-p4-8c9-10")
    assert "8c9 in 28x28-8c5-p4-8c9-10: a 9x9 kernel does not fit pictures of 6x6" in message
    assert answers.asked == []


@pytest.mark.parametrize(
    "made", ["xor", "truth", "784-9-10", "784-9-10 relu sigmoid", "784-9-10 relu linear squared"]
)
def test_a_committee_has_the_cost_of_its_members(session: Session, made: str) -> None:
    session.asker = NonInteractive(yes=True)
    do(session, f"n {made}; t 10")
    trainer = session.network().trainer
    if made == "xor":  # a table has no pixels, but a save may have this setting
        trainer.change(trainer.settings.changed("pixels", "raw"))
    alone = do(session, "pas x; c 0; ch all")[-2:]
    *together, plot = do(session, "vote x x; pas y; l y; c 0; ch all; plot")[-3:]
    assert [of["cost"] for of in together] == pytest.approx([of["cost"] for of in alone], rel=1e-5)
    assert [n["together"] for n in plot["members"]] == 2 * [together[-1]["accuracy"]]
    assert "2 members" in shown(session, "look 0")


def test_a_committee_whose_members_differ_in_their_cost_has_the_squared_one(
    session: Session,
) -> None:
    session.asker = NonInteractive(yes=True)
    do(session, "n xor; t 50; pas x; n 2-3-1 tanh linear squared; t 9; pas y")
    voted, about, _, loaded, *_, member = do(session, "vote x y; i; pas both; l both; l both 1; i")
    assert about["cost"] == "squared"
    for name in ("seed", "rate", "trained_samples", "trained_seconds"):  # it has none of its own
        assert about[name] is None
    for told in (about, loaded, member):
        assert told["trained_batches"] is None
    assert voted["seen_in_training"]

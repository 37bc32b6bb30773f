"""What the network sees and where it fails: `wrong`, `cm`, `w`, and `c` with its layers."""

import re
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len
from session_helpers import Kept, do, refusal, shown

from digitnet.repl.loop import do_line
from digitnet.repl.pictures import Screen
from digitnet.repl.pictures.tables import INDENT
from digitnet.repl.result import Result
from digitnet.repl.session import Session


@pytest.fixture
def trained(session: Session) -> Session:
    """A session with a network that misreads some of the sample."""
    do(session, "n 784-12-10; t 200")
    return session


def test_wrong_and_cm_tell_the_same_as_ch(trained: Session) -> None:
    wrong, cm, ch = do(trained, "wrong; cm; ch all")
    assert len(wrong["cases"]) == ch["total"] - ch["correct"]
    matrix = np.array(cm["matrix"])
    assert matrix.shape == (10, 10)
    assert (matrix.trace(), matrix.sum()) == (ch["correct"], ch["total"])
    assert cm["recall"] == pytest.approx(matrix.diagonal() / matrix.sum(axis=1))
    assert cm["precision"] == pytest.approx(matrix.diagonal() / matrix.sum(axis=0))
    confidences = [case["confidence"] for case in wrong["cases"]]
    assert confidences == sorted(confidences, reverse=True)
    first = wrong["cases"][0]
    (c,) = do(trained, f"c {first['index']}")
    assert (c["answer"], c["guess"], c["correct"]) == (first["answer"], first["guess"], False)
    assert c["guess"] == np.argmax(c["outputs"])
    assert sum(c["outputs"]) == pytest.approx(1, abs=1e-5)
    assert c["outputs"][c["guess"]] == pytest.approx(first["confidence"], abs=1e-5)


def test_wrong_of_one_answer_and_of_one_guess(trained: Session) -> None:
    (cm,) = do(trained, "cm")
    matrix = np.array(cm["matrix"])
    (fours,) = do(trained, "wrong 4")
    assert fours["total"] == matrix[4].sum()
    assert len(fours["cases"]) == matrix[4].sum() - matrix[4, 4]
    (nines,) = do(trained, "wrong 4 9")
    assert len(nines["cases"]) == matrix[4, 9] > 0
    assert {(c["answer"], c["guess"]) for c in nines["cases"]} == {(4, 9)}
    for line, kind, count in [
        ("4", "misread", len(fours["cases"])),
        ("4 9", "read as 9", matrix[4, 9]),
    ]:
        said = f"{count} of the 100 4s of the sample test set are {kind}, most confident first\n"
        assert shown(trained, f"wrong {line}").startswith(said)


@pytest.mark.parametrize(
    ("recipe", "classes"), [("truth", 2), ("mini", 2), ("mini3", 3), ("notebook-better", 10)]
)
def test_tables_and_small_pictures_are_shown_too(
    session: Session, recipe: str, classes: int
) -> None:
    cm, wrong, w, c = do(session, f"n {recipe}; cm; wrong; w; c 1 layers")[1:]
    assert len(cm["matrix"]) == len(cm["recall"]) == classes
    assert sum(map(sum, cm["matrix"])) == wrong["total"]
    assert w["units"] == len(w["weights"])
    assert len(c["layers"]) == (0 if recipe == "truth" else 1)
    of = {2: " cases of 1 of", 3: " the 1 case of 1 of", 10: " 1s of"}[classes]
    assert of in shown(session, "wrong 1")


def test_outputs_for_more_than_ten_answers_stand_in_columns(
    session: Session, tmp_path: Path
) -> None:
    pixels = ",".join(f"p{n}" for n in range(64))
    rows = [",".join(f"{(k % 12 + n) % 9}" for n in range(64)) + f",a{k % 12}" for k in range(240)]
    (tmp_path / "own.csv").write_text("\n".join([f"{pixels},kind", *rows]))
    text = shown(session, f"data import own {tmp_path}/own.csv; n 784-5-12; c 1")
    before = [len(head) for head in re.findall(r"^(.*)0\.\d{3}", text, re.MULTILINE)]
    assert before == before[:1] * 12
    assert re.search(r" cases? of 3 of the own test set", shown(session, "wrong 3"))


@pytest.mark.parametrize("line", ["n 784-12-10; t 30", "n 784-12-b-10; t 5"])
def test_the_weights_as_the_network_answers_with_them(session: Session, line: str) -> None:
    *_, w, unit, why = do(session, f"{line}; w; w 3; why 5")
    network = session.network().trainer.with_answering_weights()
    mine = network.parameters[0].value[:, 3].reshape(28, 28)
    np.testing.assert_array_equal(np.float32(w["weights"][3]), mine)
    assert unit["weights"] == w["weights"][3]
    assert unit["bias"] == (w["biases"] and w["biases"][3])
    np.testing.assert_array_equal(np.float32(unit["outgoing"]), network.layers[-1].weights[3])
    z = np.reshape(w["weights"], (12, -1)) @ (session.data().test.inputs[5] / 255)
    assert why["layers"][0]["z"] == pytest.approx(z + np.array(w["biases"] or 0), abs=1e-6)


def test_w_case_and_c_layers_tell_the_same(trained: Session) -> None:
    (maps,) = do(trained, "w case 11")
    c, random = do(trained, "c 11 layers; c layers")
    assert len(random["layers"]) == 1
    assert (maps["index"], maps["answer"]) == (11, 4)
    assert np.shape(maps["maps"]) == (12, 28, 28)
    (hidden,) = c["layers"]
    assert hidden["layer"] == "12"
    assert maps["outputs"] == pytest.approx(hidden["activations"])


def test_a_convolution_shows_its_kernels_and_feature_maps(session: Session) -> None:
    w, maps, c = do(session, "n 28x28-6c5-p2-4c3-8-10; w; w case 2; c 2 layers")[1:]
    assert (w["layer"], w["units"]) == ("convolution", 6)
    assert np.shape(w["weights"]) == (6, 5, 5)
    assert np.shape(maps["maps"]) == (6, 12, 12)
    assert maps["outputs"] is None
    assert [(la["layer"], np.shape(la["activations"])) for la in c["layers"]] == [
        ("6c5-p2", (12, 12, 6)),
        ("4c3", (10, 10, 4)),
        ("8", (8,)),
    ]
    first = np.array(c["layers"][0]["activations"])
    np.testing.assert_allclose(first.transpose(2, 0, 1), maps["maps"])


def test_a_committee_answers_shows_its_first_member_and_plots_all_of_them(session: Session) -> None:
    do(
        session,
        "n 784-8-10; t 100; pas a; ch all; n 784-9-10; set pixels raw; set rate 0.001; t 100",
    )
    assert "is plotted alone: plot both" in refusal(
        session, "pas b; vote a b; pas both; plot a both"
    )
    cm, wrong, ch, w, maps, why, layers, c, plot = do(
        session, "cm; wrong; ch all; w; w case 3; why 3; c 3 layers; c 3; plot"
    )
    assert np.trace(cm["matrix"]) == ch["correct"] == ch["total"] - len(wrong["cases"])
    for result in (w, maps, why, layers):
        assert result["member"] == "member 1 of 2; l both 2 loads another"
    assert (w["units"], len(c["votes"])) == (8, 2)
    assert "member 1 of 2" in shown(session, "w")
    says = ", ".join(f"1 says {guess}" for guess in c["votes"])
    assert f"its 2 members: {says}\n" in shown(session, "c 3") or len({*c["votes"]}) == 1
    assert plot["members"][1]["together"] == ch["accuracy"]
    assert do(session, "n; plot both")[1]["members"] == plot["members"]
    accuracies = [do(session, f"l both {n}; ch all")[1]["accuracy"] for n in (1, 2)]
    assert accuracies == [member["alone"] for member in plot["members"]]
    assert do(session, "l a; why 3")[1]["layers"] == why["layers"]
    assert f"1 member: {100 * accuracies[0]:.2f} % alone, " in shown(session, "vote a; plot")


def test_diff_tells_what_only_one_of_two_networks_misreads(trained: Session) -> None:
    do(trained, "pas a; t 400; pas b")
    (diff,) = do(trained, "diff a b")
    matrix = {name: do(trained, f"l {name}; wrong")[1]["cases"] for name in "ab"}
    wrong = {name: {case["index"] for case in cases} for name, cases in matrix.items()}
    for network, other in zip(diff["networks"], "ba", strict=True):
        name = network["name"]
        assert {c["index"] for c in network["alone_wrong"]} == wrong[name] - wrong[other]
        assert network["correct"] == 1000 - len(wrong[name])
    assert diff["both_wrong"] == len(wrong["a"] & wrong["b"])
    (same,) = do(trained, "diff a")  # against the one in hand, which is b
    assert [network["name"] for network in same["networks"]] == ["a", "b"]
    (*both, outputs) = do(trained, "diff a b 11; diff a 11; c 11")
    assert [of["networks"][1]["outputs"] for of in both] == 2 * [outputs["outputs"]]
    assert "no network named 'c'" in refusal(trained, "diff a c")
    trained.network().trained_on = ["mnist"]  # to which the sample's test cases belong
    do(trained, "pas seen; n truth; pas truth; l seen")
    (same,) = do(trained, "diff a")
    assert [of["seen_in_training"] for of in (*same["networks"], same)] == [False, True, True]
    assert shown(trained, "diff a", width=200).count("set, seen in training, ") == 1
    assert re.search("^ +output ", shown(trained, "data truth; diff truth truth 2"), re.MULTILINE)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("wrong 10", "the answers are 0 to 9"),
        ("wrong 1 x", "'x' is not a guess"),
        ("wrong 4 4", "a 4 read as 4 is right"),
        ("w 12", "there is no unit 12: the first layer has units 0 to 11"),
        ("w 1 2", "a unit is shown without a case"),
        ("w case 1000", "there is no case 1,000"),
        ("w cas", "'cas' is not the number of a unit"),
        ("c 1 layer", "Did you mean layers?"),
        ("n mini; w case 1", "w case needs pictures"),
    ],
)
def test_what_cannot_be_shown_is_refused(trained: Session, line: str, says: str) -> None:
    *before, last = line.split("; ")
    for each in before:
        do(trained, f"pas x; {each}")
    assert says in refusal(trained, last)


def test_weights_that_are_no_numbers(trained: Session) -> None:
    trainer = trained.network().trainer
    trainer.averages = None
    trainer.network.parameters[0].value[:] = np.inf
    for line in ("wrong", "cm", "w", "c 1 layers"):
        assert "not numbers" in refusal(trained, line)


def test_cases_seen_in_training_are_told(session: Session) -> None:
    do(session, "n 784-8-10")
    session.network().trained_on.append("mnist")
    wrong, cm = do(session, "wrong; cm")
    assert wrong["seen_in_training"]
    assert cm["seen_in_training"]
    session.network().trained_on[:] = ["deleted"]
    for line, seen in {"t 1": "perhaps seen", "min 1": "perhaps seen", "n mini; t 1": "seen",
                       "n mini; min 1": "seen"}.items():  # fmt: skip
        assert f"(cases {seen} in training)" in " ".join(shown(session, line).split())


LINES = (
    "n 121-9-10; set augment rotation=12,shift=2; set rate 0.0123456789; t 9; i; set; data",
    "n 121-9-10; t 9; pas a-network-with-a-rather-long-name; ls; cm; ch all; grad; why 3",
    "n notebook-better; doctor; min 2; step; undo t",
    "n mini; t 30; i; w; w 1; why 1; step; c 1 layers; cm; ls",
    "data mini; study rate 0.0123456789 0.1 l2 6e-06 1e-05 shape 3-30-20-2 3-5-2 --for 5",
    "? ; ? n; ? t; ? set; ? rate; ? epoch; tour",
)


@pytest.mark.parametrize("line", LINES)
def test_what_is_shown_of_a_number_is_the_number_on_every_screen(
    session: Session, line: str
) -> None:
    output = Shown()
    assert do_line(line, session, output), output.errors
    for result in output.shown:
        numbers = words_with_digits(printed(result, 300))
        for width in (40, 50, 80):
            text = printed(result, width)
            assert max(map(cell_len, text.splitlines())) <= width
            if "Not shown for lack of space" not in text:
                whole = {word for word in numbers if cell_len(word) <= width - INDENT}
                assert whole <= words_with_digits(text)


class Shown(Kept):
    """An output that keeps the results themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[Result] = []

    def result(self, command: str, result: Result) -> None:
        self.shown.append(result)


def printed(result: Result, width: int) -> str:
    file = StringIO()
    Screen(file, width=width, force_terminal=False).print(result)
    return file.getvalue()


def words_with_digits(text: str) -> set[str]:
    return {word.strip(".,;:()") for word in text.split() if any(map(str.isdigit, word))}

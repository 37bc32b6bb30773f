"""`why` and `step`: their data, what they change, what they refuse, and at a terminal."""

import re
from collections.abc import Iterator

import numpy as np
import pytest
from conftest import Start
from session_helpers import Kept, do, refusal, shown
from terminal_helpers import Terminal

from digitnet.insight.why import from_inputs, terms_of
from digitnet.recipes import RECIPES
from digitnet.repl.features.why import Film, why
from digitnet.repl.loop import do_line
from digitnet.repl.pictures.grid import Grid, Window
from digitnet.repl.pictures.sheet import MAX_JSON_NUMBERS
from digitnet.repl.session import Session


@pytest.mark.parametrize("recipe", ["truth", "mini", "mini3"])
def test_a_small_network_is_given_whole(session: Session, recipe: str) -> None:
    *_, told = do(session, f"n {recipe}; t 7; why 2")
    (checked,) = do(session, "c 2")
    for field in ("index", "set", "answer", "guess"):
        assert told[field] == checked[field]
    assert told["outputs"] == pytest.approx(checked["outputs"], rel=1e-12)
    assert told["cost"] == pytest.approx(checked["cost"], rel=1e-12)
    for layer in told["layers"]:
        assert len(layer["z"]) == len(layer["a"]) == len(layer["delta"]) == layer["shape"][0]
        assert np.array(layer["gradient"]["weights"]).shape[1:] == tuple(layer["shape"])
        assert layer["a"] == pytest.approx((1 / (1 + np.exp(-np.array(layer["z"])))).tolist())


def test_large_arrays_are_null_and_the_largest_terms_are_told(session: Session) -> None:
    *_, told = do(session, "n 28x28-4c5-p2-20-10; t 30; why 11")
    convolution, pool, flat, hidden, output = told["layers"]
    assert convolution["z"] is None  # 24 x 24 x 4 numbers
    assert np.array(pool["z"]).shape == (12, 12, 4)
    assert hidden["gradient"]["weights"] is None  # 576 x 20
    assert np.array(output["gradient"]["weights"]).size <= MAX_JSON_NUMBERS
    assert convolution["strongest"]["terms"][0]["from"][2] == 0
    assert flat["gradient"] == {}
    strongest = output["strongest"]
    assert strongest["place"] == [told["guess"]]
    terms = strongest["terms"]
    assert [t["product"] for t in terms] == pytest.approx([t["x"] * t["w"] for t in terms])
    sizes = [abs(t["product"]) for t in terms]
    assert sizes == sorted(sizes, reverse=True)
    assert hidden["strongest"]["place"] in [t["from"] for t in terms]


def test_step_shows_the_weights_that_why_explains(session: Session) -> None:
    """The running mean, if there is one: both say so."""
    (told,) = do(session, "n mini; set average 1; step 5")[2:]
    explained, checked = do(session, "why 3; c 3")
    assert explained["outputs"] == pytest.approx(checked["outputs"], abs=1e-5)
    (step,) = told["steps"][-1:]
    weights = session.network().trainer.with_answering_weights().parameters[0].value
    assert step["parameters"][0]["answers"] == weights.tolist()
    assert explained["weights"] == "running mean"
    assert "averaged weights" in shown(session, "why 3", width=80)
    assert "running mean" in shown(session, "step", width=80)
    assert "answers" not in do(session, "n mini; step")[1]["steps"][0]["parameters"][0]


def test_step_shows_all_that_is_done_to_the_weights(session: Session) -> None:
    text = shown(session, "n mini; step")
    assert "min(1" not in text
    assert "penalties" not in text
    text = shown(session, "set clip 0.1; set max_norm 0.5; set l1 0.1; step")
    assert "the mean over the cases, with penalties" in text
    _, clipped, *_, limited = re.findall(r"^[gvw] .*", text, re.MULTILINE)
    assert clipped == "g <- g min(1, 0.1 / |g|), |g| over all parameters"
    assert limited == "w <- w min(1, 0.5 / |w|), w into each unit"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("n quick; why 3 cost", "δ_j = −y_j + a_j Σ y_i = a_j − y_j"),
        ("n mini; why 3 cost", "and not 2 (a − y)"),
        ("n 784-9-10 relu sigmoid; why 3 cost", "δ = a − y"),
        ("n 784-9-10 relu softmax squared; why 3 cost", "The Jacobian of softmax"),
        ("n 784-30-10; why 3 1", "layer 1: gradient"),
    ],
)
def test_a_part_of_it_fits_on_a_screen(session: Session, line: str, says: str) -> None:
    text = shown(session, line, width=80, plain=False)
    assert says in text
    assert len(text.splitlines()) <= 50


def test_of_equal_ones_in_a_window_the_first_is_taken(session: Session) -> None:
    do(session, "n 28x28-1c3-p2-10")
    for parameter in session.network().network.parameters:
        parameter.value[...] = -1
    assert "the largest, the first of 4 equal ones" in shown(session, "why 3 2", width=80)


def test_outputs_that_are_no_numbers_are_not_explained(session: Session) -> None:
    do(session, "n mini3")
    session.network().network.parameters[0].value[...] = np.nan
    assert "too large to compute with" in refusal(session, "why 1")


def test_saturated_units_and_zero_gradients_can_be_shown(session: Session) -> None:
    do(session, "n 784-12-10")
    for parameter in session.network().network.parameters:
        parameter.value[...] = -1e30 if parameter.name == "weights" else 0
    text = shown(session, "why 3", width=80)
    assert "12 of them zero" in text
    assert "nan" not in text


def test_step_trains_as_t_1_does(session: Session) -> None:
    do(session, "n mini; set batch 3; t 5")
    expected = session.network().network.parameters[0].value.tolist()
    *_, one, two, three = do(session, "n mini; set batch 3; step; step 3; step")
    assert session.unsaved_batches == 5
    assert [step["batch"] for step in two["steps"]] == [2, 3, 4]
    assert one["stopped"] == two["stopped"] == "done"
    assert session.network().accuracy is not None
    assert three["validation_accuracy"] == session.network().accuracy.value
    assert three["steps"][0]["parameters"][0]["after"] == expected


def test_a_step_that_reads_less_is_shown_with_patience_too(session: Session) -> None:
    *_, told = do(session, "n 784-10; t 2e; set patience 5; set rate 30; step 3")
    assert len(told["steps"]) == 3
    assert session.network().trainer.settings.patience == 5


def test_step_tells_each_weight_before_and_after(session: Session) -> None:
    (told,) = do(session, "n truth; step")[1:]
    (step,) = told["steps"]
    (weights,) = step["parameters"]
    before, gradient, change, after = (
        np.array(weights[name]) for name in ("before", "gradient", "change", "after")
    )
    assert (step["cases"], step["rate"], weights["layer"], weights["name"]) == (4, 4, 1, "weights")
    np.testing.assert_allclose(change, -4 * gradient)
    np.testing.assert_allclose(before + change, after)
    assert step["cost_after"] < step["cost_before"]


def test_step_gives_large_parameters_by_their_norms(session: Session) -> None:
    *_, told = do(session, "n diary; step")
    weights, biases, *_ = told["steps"][0]["parameters"]
    assert weights["before"] is None
    assert len(biases["before"]) == 16
    value = session.network().network.parameters[0].value
    assert weights["norms"]["after"] == pytest.approx(float(np.linalg.norm(value)))


def test_all_but_the_last_step_are_reports(session: Session) -> None:
    do(session, "n truth")
    output = Kept()
    assert do_line("step 4", session, output)
    assert [report.shown.observed.number for report in output.reports] == [1, 2, 3]  # type: ignore[attr-defined]


def test_an_interrupted_step_keeps_those_before(session: Session) -> None:
    do(session, "n truth")
    output = Kept()

    def interrupt(report: object) -> None:
        session.interrupts.asked = True

    output.report = interrupt  # type: ignore[method-assign]
    do_line("step 50", session, output)
    (told,) = output.results
    assert told["stopped"] == "interrupted"
    assert len(told["steps"]) == session.unsaved_batches == 1


def test_a_step_that_blows_up_keeps_the_weights(session: Session) -> None:
    do(session, "n 784-12-10 relu linear squared; set rate 1e38")
    value = session.network().network.parameters[0].value
    before = value.copy()
    *_, told = do(session, "step 5")
    assert told["stopped"] == "diverged"
    np.testing.assert_array_equal(value, before)
    assert "Type doctor to see why" in shown(session, "step", width=200)


@pytest.mark.parametrize(
    "line",
    [*(f"n {recipe}; why 1" for recipe in RECIPES), "n truth; step", "n quick; step", "n; step 2"],
)
def test_every_recipe_can_be_explained_on_a_narrow_screen(session: Session, line: str) -> None:
    text = shown(session, line, width=50)
    assert max(map(len, text.splitlines())) <= 50
    assert ("backwards" in text) == ("why" in line)


def pages(film: Film, width: int, height: int) -> list[list[str]]:
    """The screens that one sees going through a film with Space."""
    seen: list[list[str]] = []
    while not seen or not re.match(r"(\d+) of \1 ", seen[-1][-1]):
        film.draw(grid := Grid(width, height))
        seen.append(["".join(text for _, text in line).rstrip() for line in grid.lines()])
        assert film.press(" ")
    assert not film.press("q")
    return seen


HEADING = re.compile(r" +(x|y|z|w|x w|δ|a|f′|dC/da|dC/dw|dC/dkernel|(output|unit) \d| )+")


def under_headings(pages: list[list[str]]) -> Iterator[tuple[str, str, str]]:
    """The rows of numbers, each after the title of its page and the heading above it."""
    for title, *rows, _ in pages:
        heading = ""
        for row in rows:
            heading = row if HEADING.fullmatch(row) else heading
            if re.search(r"\d$", row) and heading != row:
                yield title, heading, row


@pytest.mark.parametrize(
    ("line", "size"),
    [("n mini", (120, 40)), ("n diary", (40, 16)), ("n 28x28-4c5-p2-20-10", (40, 16)),
     ("n 28x28-4c5-p2-20-10", (80, 24)), ("n 784-10-10", (80, 21)), ("n 784-10-10", (80, 22)),
     ("n 784-10-10", (50, 16)), ("n 784-10-10", (50, 24))],
)  # fmt: skip
def test_a_film_goes_through_all_layers_and_no_page_ends_with_a_heading_or_lacks_one(
    session: Session, line: str, size: tuple[int, int]
) -> None:
    do(session, line)
    seen, layers = pages(Film(why(session, 3)), *size), len(session.network().network.layers)
    titles = list(dict.fromkeys(page[0].strip("─ ") for page in seen))
    assert titles[1] == f"forwards, layer 1 of {layers}"
    assert titles[-1] == f"backwards, layer 1 of {layers}"
    assert len(titles) == 3 + 2 * layers
    for page in seen:
        *_, last = (row for row in page[1:-1] if row)
        assert not HEADING.fullmatch(last)
        assert page[-1].endswith("q leave  space → next  ← back")
    whole = pages(Film(why(session, 3)), size[0], 200)
    assert set(under_headings(seen)) == set(under_headings(whole))


@pytest.mark.parametrize(
    ("spaces", "line", "heading"),
    [(0, "n mini", ""), (0, "n diary", ""), (1, "n mini", "── forwards, layer 1 of 2 "),
     (3, "n mini", "── the cost ")],
)  # fmt: skip
def test_the_scene_at_which_a_film_is_left_stays_under_the_case_told_once(
    session: Session, monkeypatch: pytest.MonkeyPatch, spaces: int, line: str, heading: str
) -> None:
    def show(_: object, window: Window) -> bool:
        window.draw(Grid(80, 24))
        for _ in range(spaces):
            window.press(" ")
            window.draw(Grid(80, 24))
        return True

    session.interactive = True
    monkeypatch.setattr(type(session.asker), "show", show)
    first, second, *others = shown(session, f"{line}; why 5", plain=False).splitlines()[1:]
    assert first.startswith("case 5 of the ")
    assert second.startswith(heading)
    assert first not in " ".join([second, *others])


def test_the_map_adds_up_to_the_weighted_sum_whatever_the_layer(session: Session) -> None:
    do(session, "n 784-16-8-10; set average 0; t 50")
    for parameter in session.network().network.parameters:
        parameter.value[...] *= parameter.name == "weights"
    passes = why(session, 3).page.passes
    for layers in (1, 2, 3):
        added = from_inputs(passes[:layers], (4,))
        assert added.sum() == pytest.approx(passes[layers - 1].z[4])
    np.testing.assert_allclose(from_inputs(passes[:1], (4,)), terms_of(passes[0], (4,)).products)


def test_where_outputs_are_equal_in_its_precision_all_commands_take_the_same(
    session: Session,
) -> None:
    do(session, "n diary")
    *_, weights, biases = (p.value for p in session.network().network.parameters)
    weights[...], biases[...] = 0, np.linspace(-38, -37, 10)  # in float64 the last is the largest
    for line in ("c 3", "why 3", "look 3"):
        assert do(session, line)[0]["guess"] == 0
        precision = " in float32" * (line != "c 3")  # whose numbers are not those of float64
        assert f"the first of 10 equal outputs{precision}, answer" in shown(session, line, width=90)


def colours(t: Terminal) -> set[str]:
    return {cell.fg for row in t.screen.buffer.values() for cell in row.values()}


@pytest.mark.parametrize("env", [{}, {"DIGITNET_PLAIN": "1"}, {"NO_COLOR": "1"}])
def test_sheets_have_colours_unless_they_are_not_wanted(
    terminal: Start, env: dict[str, str]
) -> None:
    t = terminal(80, 110, **env)
    t.wait_for("^digitnet>")
    t.type("n mini\rwhy 5\r")
    if "DIGITNET_PLAIN" not in env:
        t.wait_for("^1 of 7")
        t.type("  \x1b[D")
        t.wait_for("^2 of 7")
        t.type("q")
    t.type("step\r")
    t.wait_for(r"^ b (→|->) 1 .*\n(.*\n)*mini\*>")
    assert (colours(t) == {"default"}) == bool(env)
    sheet = t.text()[t.text().index("forwards") :]
    assert ("backwards" in sheet) == ("DIGITNET_PLAIN" in env)
    assert sheet.isascii() == ("DIGITNET_PLAIN" in env)
    if not env:  # where there is no room for the film, it is written out
        t.resize(80, 14)
        t.type("why 5\r")
        t.wait_for(r"^layer 1: dense 3 to 3(.*\n)+\d+ of \d+ lines\. Space: more")

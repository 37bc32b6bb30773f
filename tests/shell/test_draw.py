"""The board without a terminal: the mouse and keys on prompt_toolkit's pipe input, and `d`."""

from collections.abc import Callable, Iterator
from io import BytesIO, TextIOWrapper

import pytest
from board_helpers import DIGITS
from conftest import ROOT
from mouse_helpers import LEFT, MOVED, NONE, RIGHT, Hand, sgr, stroke
from prompt_toolkit.application import create_app_session
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.input.typeahead import get_typeahead
from prompt_toolkit.output import DummyOutput
from prompt_toolkit.output.vt100 import Vt100_Output
from session_helpers import do, refusal

from digitnet.digits.drawing import Place
from digitnet.digits.prepare import Picture
from digitnet.repl.features.draw import Board, Layout
from digitnet.repl.features.img import PIXELS, Reading
from digitnet.repl.session import Session
from digitnet.repl.terminal.person import show

CTRL_C, ESCAPE, ENTER = "\x03", "\x1b", "\r"
LAYOUT = Layout(56, 28)  # of the board on DummyOutput, which has 80 columns and 40 rows


def read(picture: Picture) -> list[Reading]:
    return [Reading(picture[::6, ::6], [0.0] * 10, 0)]


Sent = Callable[[str], tuple[Board, bool]]


@pytest.fixture
def keyboard() -> Iterator[PipeInput]:
    with (
        create_pipe_input() as keyboard,
        create_app_session(input=keyboard, output=DummyOutput()),
    ):
        yield keyboard


@pytest.fixture
def sent(keyboard: PipeInput) -> Sent:
    """Sends these keys to a board; the board, and whether somebody was done with it."""

    def send(keys: str) -> tuple[Board, bool]:
        board = Board(read)
        keyboard.send_text(keys)
        show(board, colours=True, light=False)
        return board, board.is_done

    return send


def ink_at(board: Board, place: Place) -> float:
    x, y = place
    return float(board.drawing.scaled_to(28, 28)[int(y), int(x)])


def at(place: Place, *events: tuple[int, int, int]) -> str:
    """Events of the mouse: each a button, and how far it is from a place on the paper."""
    x, y = LAYOUT.character(place)
    return "".join(sgr(button, x + right, y + down) for button, right, down in events)


RIGHT_BY, LEFT_BY, UP_BY, DOWN_BY = "\x1b[C", "\x1b[D", "\x1b[A", "\x1b[B"

DRAWN = {
    "a stroke": (stroke(LAYOUT, [(4, 4), (24, 24)]), [(5, 5), (14, 14), (23, 23)], [(24, 4)]),
    "moves without a button": (
        at((4, 14), (LEFT, 0, 0), (LEFT + MOVED, 20, 0))
        + at((4, 18), (NONE + MOVED, 20, 0), (NONE + MOVED, 0, 0)),
        [(8, 14)], [(8, 22)],
    ),
    "a stroke that ends beside the board": (
        at((24, 14), (LEFT, 0, 0), (LEFT + MOVED, 30, 0)) + sgr(LEFT, 79, 15, up=True)
        + at((4, 4), (NONE + MOVED, 60, 0), (NONE + MOVED, 0, 0)),
        [(27, 14)], [(24, 4), (4, 4)],
    ),
    "the right button": (
        stroke(LAYOUT, [(4, 14), (24, 14)]) + stroke(LAYOUT, [(14, 4), (14, 24)], RIGHT),
        [(6, 14)], [(14, 14)],
    ),
    "a stroke that leaves the paper and comes back, taken back": (
        stroke(LAYOUT, [(20, 20), (31, 20), (31, 4), (20, 4)]) + "u ", [(14, 14)], [(24, 4)],
    ),
    "a button that goes down beside the paper": (
        stroke(LAYOUT, [(33, 14), (31, 14), (20, 14), (10, 14)]), [(15, 14)], [(25, 14)],
    ),
    "keys, while somebody touches the mouse": (
        f"{8 * LEFT_BY} {16 * (RIGHT_BY + at((3, 3), (NONE + MOVED, 0, 0)))} {8 * DOWN_BY}",
        [(14, 14)], [(22, 20), (3, 3)],
    ),
    "right": (f" {4 * RIGHT_BY} ", [(17, 14)], [(11, 14)]),
    "left": (f" {4 * LEFT_BY} {4 * UP_BY}", [(11, 14)], [(10, 10)]),
    "up": (f" {4 * UP_BY} ", [(14, 11)], [(14, 18)]),
    "down": (f" {4 * DOWN_BY} ", [(14, 17)], [(14, 10)]),
    "clear": (f" {3 * DOWN_BY} c {3 * DOWN_BY} ", [(14, 19)], [(14, 13)]),
    "undo": (f" {2 * DOWN_BY} {4 * DOWN_BY} {DOWN_BY} u", [(14, 15)], [(14, 20)]),
    "eraser": (f" {6 * RIGHT_BY} e {2 * LEFT_BY} ", [(14, 14)], [(20, 14)]),
}  # fmt: skip
"""What is typed or done with the mouse, where there is ink then, and where there is none."""


@pytest.mark.parametrize("name", DRAWN)
def test_mouse_and_keys_draw(sent: Sent, name: str) -> None:
    keys, ink, blank = DRAWN[name]
    board, done = sent(keys + ENTER)
    assert done
    assert min(ink_at(board, place) for place in ink) > 0.6
    assert max(ink_at(board, place) for place in blank) < 0.05


@pytest.mark.parametrize(("keys", "answer"), [("7", 7), ("70", 0), ("77", None), ("7\x7f", None)])
def test_a_digit_says_the_answer(sent: Sent, keys: str, answer: int | None) -> None:
    board, _ = sent(f" {keys}{ENTER}")
    assert board.answer == answer


@pytest.mark.parametrize("key", ["q", ESCAPE])
def test_leaving_with_a_drawing_that_is_not_done(sent: Sent, key: str) -> None:
    _, done = sent(" " + key)
    assert not done


def test_enter_does_nothing_as_long_as_nothing_is_drawn(sent: Sent) -> None:
    board, done = sent(f"{ENTER}{ENTER} {ENTER}")
    assert done
    assert not board.drawing.is_blank


def test_ctrl_c(sent: Sent) -> None:
    with pytest.raises(KeyboardInterrupt):
        sent(" " + CTRL_C)


def test_an_error_in_reading_ends_the_board_and_restores_the_terminal() -> None:
    def fail(picture: Picture) -> list[Reading]:
        raise FloatingPointError("no number")

    written = BytesIO()
    screen = TextIOWrapper(written, "utf-8")
    output = Vt100_Output(screen, lambda: Size(rows=40, columns=80), term="xterm")
    with create_pipe_input() as keyboard, create_app_session(input=keyboard, output=output):
        keyboard.send_text(" ")
        with pytest.raises(FloatingPointError):
            show(Board(fail), colours=True, light=False)
    for mode in ("1000", "1003", "1006", "1049"):
        on, off = (written.getvalue().rindex(f"\x1b[?{mode}{how}".encode()) for how in "hl")
        assert on < off


def test_the_prompt_gets_the_keys_that_come_after_and_not_the_mouse(
    sent: Sent, keyboard: PipeInput
) -> None:
    sent(f" {ENTER}{stroke(LAYOUT, [(4, 4), (9, 9)])}ls")
    assert [press.data for press in get_typeahead(keyboard)] == ["l", "s"]


# the command


@pytest.fixture
def ready(session: Session) -> Session:
    """A session with the network that is included in hand."""
    session.included = ROOT / "saves" / "included"
    do(session, "l ready")
    return session


@pytest.mark.parametrize("digit", DIGITS)
def test_clear_drawings_are_read(ready: Session, digit: int) -> None:
    ready.asker = Hand(digit, digit)
    (result,) = do(ready, "d")
    assert (result["guess"], result["answer"]) == (digit, digit)
    assert result["outputs"][digit] > 0.5
    ready.asker = Hand(digit)
    assert do(ready, "draw")[0]["answer"] is None


def test_a_committee_reads_drawings(ready: Session) -> None:
    ready.asker = Hand(7)
    assert do(ready, "vote ready ready; d")[1]["guess"] == 7


def test_a_network_for_smaller_pictures_sees_them_as_its_data_has_them(session: Session) -> None:
    large, small = session.data_sets.get("sample"), session.data_sets.get("sample11")
    rows = PIXELS[small.inputs]
    picture = large.picture_of(large.test, 3)[rows, rows]
    assert (picture == small.picture_of(small.test, 3)).all()
    session.asker = Hand(7)
    assert len(do(session, "n notebook; d")[1]["outputs"]) == 10


def test_a_network_with_raw_pixels_sees_bytes(ready: Session) -> None:
    ready.asker = Hand(1)
    (of_unit,) = do(ready, "d")
    assert ready.hand
    trainer = ready.hand.trainer
    for first in (trainer.network.parameters[0].value, *(trainer.averages or ())[:1]):
        first /= 255
    of_raw = do(ready, "set pixels raw; d")[1]
    assert of_raw["outputs"] == pytest.approx(of_unit["outputs"], abs=1e-5)


def test_a_network_out_of_numbers_says_so(ready: Session) -> None:
    assert ready.hand
    for parameter in ready.hand.network.parameters:
        parameter.value[...] = 1e30
    ready.hand.trainer.averages = None
    ready.asker = Hand(7)
    assert "outputs are not numbers" in refusal(ready, "d")


def test_a_board_that_is_left_says_so(ready: Session) -> None:
    ready.asker = Hand(7, done=False)
    assert do(ready, "d")[0]["guess"] is None


def test_who_cannot_draw_is_told(ready: Session) -> None:
    assert "img FILE" in refusal(ready, "d")
    assert "does not take pictures" in refusal(ready, "n truth; d")


def test_a_test_case_is_taken_to_the_board(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    boards: list[Board] = []
    monkeypatch.setattr(type(session.asker), "show", lambda self, board: not boards.append(board))
    do(session, "n 784-5-10; d 11; d")
    taken, blank = boards
    case = session.data().test.inputs[11].reshape(28, 28)
    assert (taken.drawing.picture()[::6, ::6] == case).all()
    assert taken.answer == session.data().test.targets[11].argmax()
    taken.press("u")
    assert taken.drawing.is_blank
    assert (blank.drawing.is_blank, blank.answer) == (True, None)
    assert "there is no case 1,000" in refusal(session, "d 1000")
    do(session, "data sample11; n 121-5-10")
    assert "28 x 28 pixels" in refusal(session, "d 3")

"""Saves that are valid and far from sound: what is loaded is used, and nothing but a line comes."""

import copy
import io
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from random import Random

import numpy as np
import pytest
from conftest import Tally
from document_helpers import holder_of, places
from registry_helpers import file_of
from session_helpers import do

from digitnet.registry.codec import Document, Fields, decode, encode, seal, unseal
from digitnet.repl.loop import do_line
from digitnet.repl.pictures import Screen
from digitnet.repl.session import Session
from digitnet.repl.terminal.output import ScreenOutput

MADE = (
    "n mini; set average 0.9; t 300; ch all",
    "n mini3; set optimizer adam; set schedule cosine 20e; t 300",
    "n truth; set dropout 0.5; set l2 0.1; set l1 0.1; set clip 1; t 50",
    "n 3-4:tanh-2 linear sigmoid squared; set max_norm 1; set optimizer schedule-free; t 50; min 2",
    "n mini; t 3; pas a; n mini; t 4; pas b; vote a b",
)
"""Sessions whose networks are saved and then changed: quick ones, for there are many."""
USED = (
    "i; set; c 1; c; ch 20; ch all; show; w; cm; wrong; plot; why 1; grad; set rate 0.1; t 2; "
    "step; min 2; i; export {0}/x.npz; import {0}/x.npz; l x; pas y; l y; t 3; vote x y; doctor"
)
"""What is done with each."""
NUMBERS = (0, 1, -1, 2, 5, 0.5, 1e-300, 1e30, 1e300, -1e300, 3.4e38, 2**31, 2**53, 2**62, 2**63 - 1)
TEXTS = (
    "",
    "x",
    "x" * 200,
    "all",
    "none",
    "cosine 20e",
    "cosine 1e9",
    "strong",
    "\u2028",
    "adam",
)
EXTREMES = (0.0, -0.0, 1e-45, 1e19, 1e30, -1e30, 3.4e38, -3.4e38)


def changed(document: Document, rng: Random) -> Document:
    """The document with one to three values changed for others of their kind."""
    document = copy.deepcopy(document)
    for _ in range(rng.choice((1, 1, 2, 3))):
        path, value = rng.choice([*places(document)])
        match value:
            case bool():
                value = not value
            case int() | float():
                value = rng.choice(NUMBERS)
            case str():
                value = rng.choice(TEXTS)
            case bytes() if value and len(value) % 4 == 0:
                numbers = np.frombuffer(value, "<f8" if len(value) % 8 == 0 else "<f4").copy()
                where = rng.choice((slice(None), slice(0, 1), slice(None, None, 2)))
                numbers[where] = rng.choice(EXTREMES)
                value = numbers.tobytes()
            case list():
                value = value * rng.choice((0, 2))
        holder_of(document, path)[path[-1]] = value
    return document


def complaints(session: Session, line: str) -> list[str]:
    out, err = io.StringIO(), io.StringIO()
    with (
        redirect_stdout(out),
        redirect_stderr(err),
        warnings.catch_warnings(record=True) as warned,
    ):
        warnings.simplefilter("always")
        done = do_line(line, session, ScreenOutput(Screen(width=80), Screen(stderr=True, width=80)))
    said = err.getvalue()
    wrong = [str(w.message) for w in warned]
    if "should not have happened" in said or done == bool(said) or said.count("\n") > 1:
        wrong.append(said or "nothing was said")
    wrong += [text for text in (out.getvalue() + said).split("\n") if not text.isprintable()]
    return [f"{line}: {text}" for text in wrong]


def saved(session: Session) -> list[Document]:
    made = []
    for line in MADE:
        do(session, f"{line}; pas x")
        made.append(decode(unseal(file_of(session.saves).read_bytes())))
    return made


def used(session: Session, made: list[Document], number: int, lines: list[str]) -> list[str] | None:
    """What is wrong where the changed save of that number is used; None where it is refused."""
    rng = Random(number)
    data = seal(encode(changed(rng.choice(made), rng) | {"name": "x"}))
    file_of(session.saves).write_bytes(data)
    session.hand = None
    wrong = complaints(session, "l x")
    if session.hand is None and not wrong:
        return None
    wrong += [text for line in lines for text in complaints(session, line)]
    if wrong:
        print(f"save {number}:", *wrong, sep="\n  ")
    return wrong


def test_what_is_valid_can_be_used(
    session: Session, share: Callable[[int, int], int], tally: Tally, tmp_path: Path
) -> None:
    made, lines, tried = saved(session), USED.format(tmp_path).split("; "), share(15, 2000)
    found = [used(session, made, number, lines) for number in range(tried)]
    assert len(found) - found.count(None) > tried / 5  # or nothing was tried
    tally("valid saves that are used", tried, sum(not wrong for wrong in found))


@pytest.mark.full
def test_without_a_check_what_is_shown_is_noticed(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = saved(session)
    monkeypatch.setattr(Fields, "text", lambda fields, name, choices=None: fields.take(name, str))
    monkeypatch.setattr(Fields, "word", lambda fields, name: fields.take(name, str))
    assert any(used(session, made, number, ["i"]) for number in range(300))

"""Questions to a person: what is taken for a yes, and what is asked about once more."""

import pytest

from digitnet.repl.terminal.person import Person


class Typed:
    """A reader of these answers."""

    colours = None

    def __init__(self, *answers: str) -> None:
        self.answers, self.asked = list(answers), []

    def answer(self, question: str) -> str:
        self.asked.append(question)
        return self.answers.pop(0)

    line = answer

    def leave(self) -> None:
        pass


@pytest.mark.parametrize(
    ("answers", "choices", "meant"),
    [
        (["y"], "y/N", "y"),
        (["YES"], "y/N", "y"),
        (["no"], "y/N", "n"),
        ([""], "y/N", ""),
        (["l frist", "y"], "y/N", "y"),
        (["yes please", "n"], "y/N", "n"),
        (["y; t 5", "y t"], "y/N", ""),
        (["s", "s"], "y/N", ""),
        (["s"], "y/N/s=save", "s"),
        (["save"], "y/N/s=save", "s"),
    ],
)
def test_only_an_answer_is_taken_for_one(answers: list[str], choices: str, meant: str) -> None:
    reader = Typed(*answers)
    assert Person(reader, False, bool).choose("Discard it?", choices) == meant
    assert reader.answers == []
    assert reader.asked[0] == f"Discard it? [{choices}] "
    assert all(again.startswith("Please answer y or n. Discard") for again in reader.asked[1:])


def test_a_long_question_breaks_between_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    reader = Typed("y")
    assert Person(reader, False, bool).confirm("Leave without saving 219 mini-batches of training?")
    assert reader.asked == ["Leave without saving 219\nmini-batches of training?\n[y/N] "]

"""`mine` keeps the digits that were drawn or read, with their right answers."""

from collections.abc import Callable
from typing import Annotated

from digitnet.digits.own import MINE, OwnCases
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError
from digitnet.repl.features.check import CasesShown
from digitnet.repl.pictures.tables import counted
from digitnet.repl.result import Said
from digitnet.repl.session import Session

MAX_SHOWN = 100
"""Maximum number of pictures of one `mine show`."""


@command(
    "mine",
    group="Digits",
    examples={
        "mine": "add the digit read last, as what it was said to be on the board",
        "mine show": "the pictures in mine, each with its number and its answer",
        "mine 1 12": "number 12 is a 1",
        "mine remove 12": "take number 12 out; without a number, the last one",
        "mine 31415": "add the five digits read last, each as what it is",
        "mine 7": "add it as a 7, or say that what was just added is a 7",
    },
)
def mine(
    session: Session,
    what: Annotated[str | None, kinds.DIGITS_OR_VERB] = None,
    number: Annotated[int | None, kinds.INDEX] = None,
) -> Said:
    """Add the digits that d or img read last to your own data set, with their right answers.

    Of several, one digit adds the last, and as many digits as were read add all of them.

    `data mine` chooses that data set: then t trains on it, and ch checks with the tenth of it that
    is kept for testing. It is kept with the saves. mine show shows what is in it, the
    last hundred or those from a number on; mine DIGIT N corrects the answer of one, mine remove
    takes one out. undo takes back the last of these changes, data delete mine deletes all.
    """
    if what == "show":
        return _shown(session, number)
    if what == "remove":
        return _removed(session, number)
    if what is not None and number is not None:
        if len(what) > 1:
            raise CommandError(f"one case is one digit, not {what}. Example: mine 1 {number}")
        return _answered(session, number, int(what))
    return _added(session, what)


def _changed(session: Session, change: Callable[[OwnCases], OwnCases]) -> OwnCases:
    """Changes `mine` on disk; returns its cases."""
    cases = session.data_sets.own.change(MINE, change)
    session.changed_data(MINE)
    return cases


def _added(session: Session, digits: str | None) -> Said:
    """Adds the last digit that was read, or all of them."""
    if session.last_pictures is None:
        raise CommandError("no digit was drawn yet: d draws one, img reads a picture of one")
    pictures, known = session.last_pictures
    if digits is None and known is None:
        raise CommandError("which digit is it? Example: mine 7")
    digits = digits or str(known)
    if len(digits) not in (1, len(pictures)):
        raise CommandError(
            f"what was read last has {counted(len(pictures), 'digit')}, not {len(digits)}; nothing "
            "was added. mine takes a digit for each, in their order, or one for the last"
        )

    def change(cases: OwnCases) -> OwnCases:
        for picture, digit in zip(pictures[-len(digits) :], digits, strict=True):
            cases = cases.with_case(picture, int(digit))
        return cases

    cases, last = _changed(session, change), int(digits[-1])
    total, of_it = len(cases), int((cases.answers == last).sum())
    if len(digits) > 1:
        return Said(
            f"Added {len(digits)} digits to mine: {counted(total, 'digit')} by now. data mine "
            "trains on them.",
            {"answers": [int(digit) for digit in digits], "total": total},
        )
    return Said(
        f"Added to mine as a {last}: {counted(total, 'digit')} by now, {of_it} of them a "
        f"{last}. data mine trains on them.",
        {"answer": last, "total": total, "of_it": of_it},
    )


def _answered(session: Session, number: int, answer: int) -> Said:
    """Corrects the answer of a case."""
    was: list[int] = []

    def change(cases: OwnCases) -> OwnCases:
        was.append(int(cases.answers[_checked(number, cases)]))
        return cases.answered(number, answer)

    total = len(_changed(session, change))
    return Said(
        f"Number {number} of mine is a {answer} now; it was a {was[0]}.",
        {"index": number, "answer": answer, "was": was[0], "total": total},
    )


def _removed(session: Session, number: int | None) -> Said:
    """Removes a case; the last one if `number` is None."""
    removed: list[int] = []

    def change(cases: OwnCases) -> OwnCases:
        index = _checked(len(cases) - 1 if number is None else number, cases)
        removed.extend((index, int(cases.answers[index])))
        return cases.without(index)

    total = len(_changed(session, change))
    index, answer = removed
    return Said(
        f"Removed number {index} from mine, a {answer}; undo brings it back. "
        f"{counted(total, 'digit')} left.",
        {"removed": index, "answer": answer, "total": total},
    )


def _shown(session: Session, first: int | None) -> CasesShown:
    """The cases from a number on, or the last ones."""
    cases = session.data_sets.own.read(MINE)
    first = _checked(max(0, len(cases) - MAX_SHOWN) if first is None else first, cases)
    rows = slice(first, first + MAX_SHOWN)
    answers = cases.answers[rows].tolist()
    sets = [("train", "validation", "test")[part] for part in cases.parts[rows]]
    pairs = enumerate(zip(answers, sets, strict=True), first)
    listed = [{"index": n, "answer": answer, "set": its_set} for n, (answer, its_set) in pairs]
    some = f"the {len(answers)} from number {first} on, of " if len(answers) < len(cases) else ""
    return CasesShown(
        f"mine: {some}{counted(len(cases), 'digit')}",
        {"total": len(cases), "cases": listed},
        list(cases.pictures[rows]),
        [f"{case['index']}: {case['answer']}" for case in listed],
    )


def _checked(number: int, cases: OwnCases) -> int:
    """The number of a case. Raises CommandError if there is no such case."""
    if not len(cases):
        raise CommandError("there are no digits in mine: d draws one, mine adds it")
    if number >= len(cases):
        raise CommandError(
            f"mine has no number {number:,}: it has 0 to {len(cases) - 1:,}. mine show shows them"
        )
    return number

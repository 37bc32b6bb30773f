"""`data` chooses, imports, downloads and deletes data sets; `mine` keeps one's own digits."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderResult
from rich.filesize import decimal
from rich.text import Text

from digitnet.digits.datasets import RELATIVES, SOURCES, DataSet, NotHere
from digitnet.digits.files import BadFile, ReadSoFar
from digitnet.digits.importing import import_from
from digitnet.digits.own import MINE, OwnCases
from digitnet.engine.arrays import Array
from digitnet.engine.report import Refused, Report
from digitnet.registry.files import RegistryError
from digitnet.registry.model import OWN_NAME
from digitnet.repl import kinds
from digitnet.repl.command import command, path_of
from digitnet.repl.errors import CommandError, nearest, printable, quoted
from digitnet.repl.features.check import MAX_SHOWN, cases_shown
from digitnet.repl.pictures import Drawn, View
from digitnet.repl.pictures.digit import bar
from digitnet.repl.pictures.tables import Rows, counted, with_article
from digitnet.repl.result import Note, Said
from digitnet.repl.session import Session

EXAMPLE = "data import photos scans"

MAX_REASONS = 3  # maximum number of files for which the reason is printed


def _facts(session: Session, data: DataSet) -> dict[str, Any]:
    return {
        "name": data.name,
        "train": len(data.train),
        "validation": len(data.validation),
        "test": len(data.test),
        "pixels": data.inputs,
        "outputs": data.outputs,
        "available": list(_available(session)[0]),
    }


def understood(notes: list[str]) -> str:
    return f"Understood: {printable('; '.join(notes), 600)}."


@dataclass(frozen=True)
class Progress(Drawn):
    """How much of a file or folder is read."""

    of: ReadSoFar

    def drawn(self, view: View) -> RenderResult:
        of = self.of
        shown = decimal if of.unit == "bytes" else f"{{:,}} {of.unit}".format
        progress = shown(of.done)
        if of.total:
            progress = f"[{bar(of.done / of.total, 20, blocks=view.blocks)}] {progress}"
            progress += f" of {shown(of.total)}"
        yield Text(f"{printable(of.name, 60)}  {progress}", no_wrap=True, overflow="crop")


def progress(session: Session) -> Report:
    """A report that shows how much is read."""

    def report(done: ReadSoFar | None) -> None:
        session.report(Note(Progress(done), lasting=False) if done else None)

    return report


@command("data", group="Digits")
def data(
    session: Session, name: kinds.DATA = "", own: kinds.OWN = "", path: kinds.PATH = ""
) -> Said:
    """List the data sets, or choose one; `data mnist` downloads MNIST if it is not here.

    data import NAME PATH makes a data set of your own from what other programs write: a folder with
    pictures in subfolders 0 to 9, IDX files, .npz and .npy files, or a table (.csv) with a column
    of answers. What the pixels mean (0 to 1, dark on light, ...) is recognised and told. Validation
    and test sets that the files name are kept; otherwise about a tenth of the cases is set aside
    for each, the same ones in every import. data delete NAME deletes a set, after asking.

    data: list the data sets
    data import photos scans: make the set photos from the pictures in scans/0 to scans/9
    data delete photos: delete it, after asking; undo brings it back
    data sample: use the sample
    data mnist: use all of MNIST; downloads it if it is not here
    """
    if name == "import":
        return _import(session, own, path)
    if name == "delete":
        return _delete(session, own)
    sources = session.data_sets.sources()
    if name and name not in sources:
        session.data_sets.own.version(name)  # raises RegistryError if sets cannot be read
        hint = nearest(name, sources) or f"There are: {', '.join(sources)}"
        raise CommandError(f"data: {quoted(name)} is not a data set. {hint}")
    if own:
        raise CommandError(f"data: unexpected {quoted(own)}. Example: data sample")
    if name == "mnist" and not _is_usable(session, name):
        _download(session)
    if not name and (now := session.data_sets.name) not in sources and OWN_NAME.fullmatch(now):
        session.data_sets.name = "sample"  # another terminal has deleted it
    chosen = session.data(name)
    if not name:
        return _listed(session, chosen)
    return Said(f"Now using {chosen}.{_use(session, chosen)}", _facts(session, chosen))


def _listed(session: Session, data: DataSet) -> Said:
    """The data set in use, and all there are."""
    available, missing = _available(session)
    lines = [*available.items(), *missing.items()]
    table = Rows(("data set", "what it is"), lines, prose=("what it is",))
    others = ", ".join(name for name in RELATIVES if name not in available)
    more = [f"Where their files are in --data DIR, also: {others}."] if others else []
    return Said(Group(f"In use: {data}.", table, *more), _facts(session, data))


def _use(session: Session, data: DataSet) -> str:
    """Makes a data set the current one; says so if the network in hand does not fit it."""
    session.choose(data)
    hand = session.hand
    if not hand or hand.network.fits(data.train):
        return ""
    return f" The network in hand ({hand.network.shape}) does not fit it."


def _import(session: Session, name: str, path: str) -> Said:
    if not name or not path:
        raise CommandError(f"data import needs a name and a path. Example: {EXAMPLE}")
    if name in {*SOURCES, *RELATIVES, MINE, "import", "delete"}:
        raise CommandError(f"{name} is taken: choose another name. Example: {EXAMPLE}")
    if not OWN_NAME.fullmatch(name):
        raise CommandError(
            f"{quoted(name)} cannot be the name of a data set: use up to 32 of a-z, 0-9, - and _, "
            f"a letter first. Example: {EXAMPLE}"
        )
    own = session.data_sets.own
    version = own.version(name)
    if version and not session.asker.confirm(f"There is a data set {name} already. Replace it?"):
        raise CommandError("nothing was imported")
    source, report = path_of(path, EXAMPLE), reading(session, path)
    cases, notes, left_out = import_from(source, report, mean_digits(session))
    session.changed(own.keep(name, cases, version))
    data = session.data(name)
    different = len({*cases.answers.tolist()})
    answers = f"{counted(different, 'different answer')} ({cases.answers.min()}"
    answers += f" to {cases.answers.max()})" if different > 1 else ")"
    done = f"Imported {name}: {counted(len(cases), 'case')}, {answers}. "
    done += f"In use: {data}.{_use(session, data)}"
    lines = [f"Left out: {printable(reason, 300)}" for reason in left_out[:MAX_REASONS]]
    if (more := len(left_out) - MAX_REASONS) > 0:
        lines.append(f"Left out: {more:,} more")
    shown = "\n".join([*lines, done, *[understood(notes)] * bool(notes)])
    return Said(shown, _facts(session, data) | {"understood": notes, "left_out": left_out})


def reading(session: Session, path: str) -> Report:
    """A report that shows how much of some files is read."""
    session.report(Note(f"Reading {printable(path)} ...", lasting=False))
    return progress(session)


def mean_digits(session: Session) -> Array | None:
    """The mean picture of each digit of the sample, (10, 28, 28); None if it is not here."""
    try:
        sample = session.data("sample").train
    except (BadFile, NotHere):
        return None
    totals = sample.targets.T @ sample.inputs
    means: Array = (totals / sample.targets.sum(axis=0)[:, None]).reshape(10, 28, 28)
    return means


def _delete(session: Session, name: str) -> Said:
    own = session.data_sets.own
    version = own.version(name)
    if version is None:
        hint = nearest(name, own.names()) or "data lists them"
        raise CommandError(f"there is no data set of your own called {quoted(name)}. {hint}")
    try:
        count = f" with {counted(len(own.read(name)), 'case')}"
    except BadFile:
        count = ""
    if not session.asker.confirm(f"Delete the data set {name}{count}?"):
        raise CommandError("nothing was deleted")
    session.changed(own.keep(name, OwnCases.none(), version))
    data = session.data()
    done = f"Deleted the data set {name}; undo brings it back. In use: {data}."
    return Said(done, _facts(session, data) | {"deleted": [name]})


def _available(session: Session) -> tuple[dict[str, str], dict[str, str]]:
    """Name → description of each data set here, and of those missing, but not of RELATIVES."""
    available, missing = dict[str, str](), dict[str, str]()
    for source in session.data_sets.sources().values():
        if source.is_here(session.data_sets.folders):
            available[source.name] = source.summary
        elif source.name not in RELATIVES:
            how = "not here: data mnist downloads it"
            if source.name == MINE:
                how = _why_none(session)
            missing[source.name] = f"{source.summary} ({how})"
    return available, missing


def _why_none(session: Session) -> str:
    """Why there is none of the user's own digits."""
    try:
        session.data_sets.own.read(MINE)
    except (RegistryError, BadFile) as error:
        return str(error)
    return "none yet"


def _is_usable(session: Session, name: str) -> bool:
    """Whether the data set need not be downloaded: it is readable, or damaged outside the cache."""
    try:
        session.data(name)
    except NotHere:
        return False
    except BadFile as error:
        in_cache = error.path is not None and error.path.parent == session.data_sets.download_to
        return not in_cache and SOURCES[name].is_here(session.data_sets.folders)
    return True


def _download(session: Session) -> None:
    from digitnet.digits.download import download_mnist

    try:
        download_mnist(session.data_sets.download_to, progress(session))
    except Refused as error:
        raise CommandError(
            f"MNIST could not be downloaded: {printable(str(error), 400)}. The data set sample "
            "is always here; --data DIR uses MNIST's files from a folder"
        ) from None


# one's own digits


@command("mine", group="Digits")
def mine(session: Session, what: kinds.DIGITS_OR_VERB = None, number: kinds.INDEX = None) -> Said:
    """Add the digits that d or img read last to your own data set, with their right answers.

    If several were read, one digit adds the last of them, and a digit for each adds them all.

    `data mine` chooses that data set: then t trains on it, and ch checks with the tenth of it that
    is kept for testing. It is kept with the saves. mine show shows what is in it, the
    last hundred or those from a number on; mine DIGIT N corrects the answer of one, mine remove
    takes one out. undo takes back the last of these changes, data delete mine deletes all.

    mine: add the digit read last, as what it was said to be on the board
    mine show: the pictures in mine, each with its number and its answer
    mine 1 12: number 12 is a 1
    mine remove 12: take number 12 out; without a number, the last one
    mine 31415: add the five digits read last, each as what it is
    mine 7: add it as a 7, or say that what was just added is a 7
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


def _changed(session: Session, change: Callable[[OwnCases], OwnCases]) -> tuple[OwnCases, OwnCases]:
    """Changes `mine` on disk; returns its cases before and after."""
    before, after, done = session.data_sets.own.change(MINE, change)
    session.changed(done)
    return before, after


def _added(session: Session, digits: str | None) -> Said:
    """Adds the last digit that was read, or all of them."""
    if session.last_pictures is None:
        raise CommandError("no digit was read: d draws one, img reads a picture of one")
    pictures, known = session.last_pictures
    if digits is None and known is None:
        raise CommandError("which digit is it? Example: mine 7")
    digits = digits or str(known)
    if len(digits) not in (1, len(pictures)):
        raise CommandError(
            f"what was read last has {counted(len(pictures), 'digit')}, not {len(digits)}; nothing "
            "was added. mine takes a digit for each, in their order, or one for the last"
        )
    chosen, answers = pictures[-len(digits) :], [int(digit) for digit in digits]
    before, cases = _changed(session, lambda cases: cases.with_cases(chosen, answers))
    total, was = len(cases), before.answers[-len(digits) :].tolist()
    is_new, last = total > len(before), answers[-1]
    if len(digits) > 1:
        done, more = f"Added {len(digits)} digits to mine", ""
        fields = {"answers": answers, "total": total}
        if not is_new:
            how = "already" if was == answers else f"now; they were {''.join(map(str, was))}"
            return Said(f"The digits just added are {digits} {how}.", fields | {"was": was})
    else:
        it, of_it = with_article(last), int((cases.answers == last).sum())
        which = f", the last of the {len(pictures)} digits read" * (len(pictures) > 1)
        done, more = f"Added to mine as {it}{which}", f", {of_it} of them {it}"
        fields = {"answer": last, "total": total, "of_it": of_it}
        if not is_new:
            how = "already" if was == answers else f"now; it was {with_article(was[0])}"
            return Said(f"The digit just added is {it} {how}.", fields | {"was": was[0]})
    text = f"{done}: {counted(total, 'digit')} by now{more}. data mine trains on them."
    return Said(text, fields)


def _answered(session: Session, number: int, answer: int) -> Said:
    before, after = _changed(session, lambda c: c.answered(_checked(number, c), answer))
    was = int(before.answers[number])
    return Said(
        f"Number {number} of mine is {with_article(answer)} now; it was {with_article(was)}.",
        {"index": number, "answer": answer, "was": was, "total": len(after)},
    )


def _removed(session: Session, number: int | None) -> Said:
    before, after = _changed(session, lambda cases: cases.without(_checked(number, cases)))
    index, total = _checked(number, before), len(after)
    answer = int(before.answers[index])
    in_use = "" if total else f" In use: {session.data_sets.name}."
    return Said(
        f"Removed number {index} from mine, {with_article(answer)}; undo brings it back. "
        f"{counted(total, 'digit')} left.{in_use}",
        {"removed": index, "answer": answer, "total": total},
    )


def _shown(session: Session, first: int | None) -> Said:
    cases = session.data_sets.own.read(MINE)
    first = _checked(max(0, len(cases) - MAX_SHOWN) if first is None else first, cases)
    rows, sets = range(first, min(first + MAX_SHOWN, len(cases))), ("train", "validation", "test")
    listed = [
        {"index": row, "answer": int(cases.answers[row]), "set": sets[cases.parts[row]]}
        for row in rows
    ]
    some = f"the {len(listed)} from number {first} on, of " if len(listed) < len(cases) else ""
    return cases_shown(
        f"mine: {some}{counted(len(cases), 'digit')}",
        cases.pictures[rows],
        [f"{case['index']}: {case['answer']}" for case in listed],
        {"total": len(cases), "cases": listed},
    )


def _checked(number: int | None, cases: OwnCases) -> int:
    """The number of a case; for None, that of the last. Raises CommandError if there is none."""
    if not len(cases):
        raise CommandError("there are no digits in mine: d draws one, mine adds it")
    number = len(cases) - 1 if number is None else number
    if number >= len(cases):
        raise CommandError(
            f"mine has no number {number:,}: it has 0 to {len(cases) - 1:,}. mine show shows them"
        )
    return number

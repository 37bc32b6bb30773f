"""`diff` shows the cases that only one of two networks misreads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from rich.console import RenderResult
from rich.text import Text

from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.features.check import Case, CheckResult, checked
from digitnet.repl.features.saves import loaded
from digitnet.repl.features.wrong import Misread, guess_all
from digitnet.repl.pictures import Drawn, View
from digitnet.repl.pictures.digit import bar, gallery, large_case, side_by_side
from digitnet.repl.pictures.tables import SEEN_IN_TRAINING, Rows, counted, percent
from digitnet.repl.session import Session

MAX_SHOWN = 500  # maximum number of cases shown of each network

BAR = 12


@dataclass(frozen=True)
class DiffResult(Drawn):
    """The cases that only one of two networks misreads, most confident first.

    correct: the number of cases that each reads correctly. both: the number that both misread.
    """

    set: str
    total: int
    names: Sequence[str]
    correct: Sequence[int]
    only: Sequence[Sequence[Misread]]
    both: int
    seen_in_training: bool

    def as_json(self) -> dict[str, Any]:
        networks = [
            {"name": name, "correct": correct, "alone_wrong": [case.as_json() for case in cases]}
            for name, correct, cases in zip(self.names, self.correct, self.only, strict=True)
        ]
        fields = {"set": self.set, "total": self.total, "both_wrong": self.both}
        return fields | {"seen_in_training": self.seen_in_training, "networks": networks}

    def drawn(self, view: View) -> RenderResult:
        for name, correct, cases in zip(self.names, self.correct, self.only, strict=True):
            accuracy = f"{percent(correct / self.total)} of the {self.set} set"
            alone = counted(len(cases), "case") if cases else "no case"
            yield Text.assemble((name, "bold"), f": {accuracy}, {alone} misread by it alone")
            if cases:
                yield gallery([case.framed(view) for case in cases[:MAX_SHOWN]], view)
            if len(cases) > MAX_SHOWN:
                yield f"and {len(cases) - MAX_SHOWN:,} more"
        yield f"{counted(self.both, 'case')} misread by both"
        if self.seen_in_training:
            yield SEEN_IN_TRAINING


@dataclass(frozen=True)
class OutputsResult(Drawn):
    """What two networks make of one case."""

    case: Case
    networks: dict[str, CheckResult]

    def as_json(self) -> dict[str, Any]:
        networks = [
            {"name": name, "guess": each.guess, "outputs": each.outputs}
            for name, each in self.networks.items()
        ]
        return self.case.as_json() | {"networks": networks}

    def drawn(self, view: View) -> RenderResult:
        yield str(self.case)
        outputs = zip(*(each.outputs for each in self.networks.values()), strict=True)
        lines = [
            (str(n), *(f"{bar(value, BAR, blocks=view.blocks)} {value:.3f}" for value in values))
            for n, values in enumerate(outputs)
        ]
        table, case = Rows(("", *self.networks), lines, key=("",)), self.case.inputs
        needed = (case.shape[1] if case.ndim == 2 else 0) + 3 + sum(table.widths) + 4
        yield side_by_side(large_case(case, view), table, view.width, needed)
        guesses = [f"{name} reads {each.guess}" for name, each in self.networks.items()]
        yield f"{', '.join(guesses)}; it is a {self.case.answer}"


@command(
    "diff",
    group="Asking",
    rank=7,
    examples={
        "diff first": "the network in hand against first",
        "diff first second 11": "what both make of test case 11",
        "diff first second": "the cases that only one of them misreads",
    },
    is_picture=True,
)
def diff(
    session: Session,
    first: Annotated[str, kinds.SAVE],
    second: Annotated[str, kinds.SAVE] = "",
    index: Annotated[int | None, kinds.INDEX] = None,
) -> DiffResult | OutputsResult:
    """Show the test cases that only one of two saved networks misreads.

    With one name, the network in hand is compared with it. With the number of a case, the outputs
    of both networks for that case.
    """
    models = [loaded(session, first), loaded(session, second) if second else session.network()]
    names = [model.title for model in models]
    if names[0] == names[1]:
        names[1] += " again" if second else " in hand"
    if index is not None:
        data = session.data_for(models[0])
        case = Case.of(session, data, index)
        results = [checked(model, session.data_for(model), case) for model in models]
        return OutputsResult(case, dict(zip(names, results, strict=True)))
    (data, a, seen), (_, b, also_seen) = (guess_all(session, model) for model in models)
    wrong = [guesses.answers != guesses.guesses for guesses in (a, b)]
    only = [
        Misread.of([i for i in g.wrong() if not other[i]], g, data, data.test)
        for g, other in ((a, wrong[1]), (b, wrong[0]))
    ]
    correct, both = [int((~each).sum()) for each in wrong], int((wrong[0] & wrong[1]).sum())
    total = len(data.test)
    return DiffResult(f"{data.name} test", total, names, correct, only, both, seen or also_seen)

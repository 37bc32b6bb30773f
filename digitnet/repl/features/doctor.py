"""`doctor` diagnoses the network in hand and suggests remedies."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import isfinite, sqrt
from typing import Any

import numpy as np
from rich.console import RenderResult
from rich.padding import Padding
from rich.text import Text

from digitnet.charts import Chart
from digitnet.digits.datasets import DataSet
from digitnet.engine.arrays import answers_of
from digitnet.engine.trainer import Measurement
from digitnet.insight.doctor import DATA, Finding, diagnose
from digitnet.insight.facts import Facts
from digitnet.recipes import DEFAULT, RECIPES, default_rate, line_for
from digitnet.repl import glossary, kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError
from digitnet.repl.pictures import Drawn, View
from digitnet.repl.pictures.curves import Curves
from digitnet.repl.pictures.digit import Framed, gallery, named, small_case
from digitnet.repl.pictures.tables import Rows, counted, percent
from digitnet.repl.result import Note
from digitnet.repl.session import Session

LOST = 2  # a loss of validation accuracy that is told, in its standard errors


@dataclass(frozen=True)
class DoctorResult(Drawn):
    """The findings, causes first. examined: what was examined, in words. number: of the finding
    that is told at length, from 1; 0 for none. past_best: that it was trained past its best, in
    words, or empty.
    """

    findings: Sequence[Finding]
    examined: str
    number: int = 0
    data: DataSet | None = None
    past_best: str = ""

    def as_json(self) -> dict[str, Any]:
        """For each finding its code, the evidence, a line to type, and what that reached.

        Of the one told at length, also what it means and what was tried.
        """
        chosen = [self.findings[self.number - 1]] if self.number else self.findings
        names = ("code", "evidence", "remedy", "reached", *("what", "why") * bool(self.number))
        told = [{name: getattr(finding, name) for name in names} for finding in chosen]
        if self.number:
            told[0]["tried"] = [
                {
                    "line": line,
                    "cost_before": r.before,
                    "cost_after": r.after,
                    "accuracy": r.accuracy,
                }
                for line, r in chosen[0].trials.items()
            ]
        return {"findings": told}

    def drawn(self, view: View) -> RenderResult:
        if self.number:
            yield from self._story(self.findings[self.number - 1], view)
            return
        if not self.findings:
            yield f"Nothing wrong was found. Looked at: {self.examined}."
            if self.past_best:
                yield self.past_best
            return
        for finding in self.findings:
            yield Text(finding.what, "magenta")
            text = Text(finding.evidence)
            if finding.remedy:
                text.append("\nTry: ").append(finding.remedy, "bold")
            if finding.reached:
                after, without = (f"{100 * accuracy:.0f} %" for accuracy in finding.reached)
                without = f", {without} after {finding.trials[''].batches} without it"
                if not isfinite(finding.trials[""].after):
                    without = "; without it the cost became infinite"
                batches = finding.trials[finding.remedy].batches
                tried = f"{after} right after {batches} mini-batches{without}"
                copy = "an untrained copy" if finding.remedy.startswith("n ") else "a copy"
                text.append(f"\nTried on {copy}: {tried}.")
            yield Padding(text, (0, 0, 0, 2), expand=False)
        yield Text("More on the first: doctor 1", "dim")

    def _story(self, finding: Finding, view: View) -> RenderResult:
        """What was seen, what it means, what was tried, a picture, and where to read on."""
        yield Text(finding.what, "magenta")
        yield Text(f"\nSeen: {finding.evidence}.\n")
        for paragraph in finding.why.split("\n\n"):
            yield Text(f"{' '.join(paragraph.split())}\n")
        if finding.trials:
            yield "The experiment: copies were trained for a short time."
            yield from self._experiment(finding, view)
        elif finding.group == DATA and self.data and self.data.picture:
            yield gallery(_alike(self.data, view), view)
        if finding.remedy:
            yield Text("\nTry: ").append(finding.remedy, "bold")
        words = glossary.in_text(f"{finding.what} {finding.evidence} {finding.why}")
        yield Text(f"Read on: {', '.join(f'? {word}' for word in words[:6])}", "dim")

    def _experiment(self, finding: Finding, view: View) -> RenderResult:
        """The cost of each copy at some mini-batches, and the curves of two of them."""
        at = [n for n in (1, 10, 30, 100, 300) if n < finding.trials[""].batches]
        rows, drawn = [], {}
        for line, r in finding.trials.items():
            name = line or "as it is"
            costs = [f"{r.costs[n - 1]:.3g}" if n <= len(r.costs) else "-" for n in at]
            rows.append((name, *costs, f"{r.after:.3g}", percent(r.accuracy)))
            if line in ("", finding.remedy):
                drawn[name] = [(n, cost) for n, cost in enumerate(r.costs, 1) if isfinite(cost)]
        yield Rows(("cost after", *(counted(n, "step") for n in at), "the end", "right"), rows)
        yield Curves([Chart("cost of each mini-batch", drawn)], live=True)


@command("doctor", group="Learning", rank=3)
def doctor(session: Session, number: kinds.FINDING = 0) -> DoctorResult:
    """Find out what keeps the network from learning, and what to try.

    Examines the data, the layers and the history, and trains copies for a short time; the network
    itself is not changed. Each finding comes with its evidence and a line to type, which was tried
    on a copy where that is possible. Of a committee, each member is examined.

    doctor: why does it not learn?
    doctor 1: the first finding at length: what was seen, tried, and what it means
    """
    model = session.network()
    data = session.data_for(model)
    trainer, network = model.trainer, model.network
    more_cases = "data mnist" if data.name == "sample" else ""
    facts = Facts(
        trainer,
        data.train,
        {"validation": data.validation, "test": data.test},
        partial(line_for, recipe=model.recipe),
        usual_rate=default_rate(model.recipe, trainer.settings.optimizer),
        usual_batch=RECIPES.get(model.recipe, RECIPES[DEFAULT]).settings.batch,
        more_cases="set cases all" if trainer.settings.cases else more_cases,
        are_pictures=data.picture is not None,
        named=partial(named, names=data.answers),
        report=lambda what: session.report(Note(f"looking at {what} ...", lasting=False)),
    )
    findings = diagnose(facts)
    if number > len(findings):
        there = counted(len(findings), "finding") if findings else "nothing wrong"
        raise CommandError(f"there is no finding {number}: doctor found {there}")
    examined = (
        f"{counted(len(data.train), 'training case')} and their answers, the signals and "
        f"gradients of {counted(len(network.layers), 'layer')}, the history, a few of them "
        "memorized, and a short training of a copy"
    )
    if network.is_committee:
        members = counted(len(network.members), "member")
        examined = f"the answers and layers of {members}, one by one"
    return DoctorResult(findings, examined, number, data, _past_best(trainer.history, data))


def _past_best(history: Sequence[Measurement], data: DataSet) -> str:
    """What is said if the validation accuracy was higher in the first half of the training.

    It is no finding: most healthy networks read a few cases less in the end, by chance.
    """
    if not (trained := [m for m in history if m.batches]):  # before that, it was right by chance
        return ""
    best, last = max(trained, key=lambda m: m.validation_accuracy), trained[-1]
    lost = best.validation_accuracy - last.validation_accuracy
    right = (best.validation_accuracy + last.validation_accuracy) / 2
    error = sqrt(right * (1 - right) / len(data.validation))
    if lost <= LOST * error or best.batches > last.batches / 2:
        return ""
    help_ = "dropout may (? dropout)" if data.picture is None else "augmented ones may (? augment)"
    return (
        f"But it is past its best: {percent(best.validation_accuracy)} of the validation cases "
        f"were right after {counted(best.batches, 'mini-batch')}, and "
        f"{percent(last.validation_accuracy)} after {last.batches:,}. Training longer does not "
        f"help; more cases or {help_}."
    )


def _alike(data: DataSet, view: View) -> list[Framed]:
    """The first case of each set with the same answer as the first training case."""
    answer = answers_of(data.train.targets[:1])[0]
    sets = {"training": data.train, "validation": data.validation, "test": data.test}
    return [
        (Text(f"{name}: {answer}"), small_case(data.picture_of(cases, index), view))
        for name, cases in sets.items()
        for index in np.flatnonzero(answers_of(cases.targets) == answer)[:1].tolist()
    ]

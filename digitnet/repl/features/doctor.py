"""`doctor` diagnoses the network in hand and suggests remedies."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.text import Text

from digitnet.engine.layers import ACTIVATIONS
from digitnet.engine.network import Network, usual_cost
from digitnet.engine.settings import Settings
from digitnet.engine.shapes import network_of, spelled_out
from digitnet.insight.doctor import Finding, diagnose
from digitnet.insight.facts import Facts, written
from digitnet.recipes import DEFAULT, RECIPES
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError
from digitnet.repl.pictures.tables import counted
from digitnet.repl.result import Note
from digitnet.repl.session import Session


@dataclass(frozen=True)
class DoctorResult:
    """The findings, causes first. examined: what was examined, in words."""

    findings: Sequence[Finding]
    examined: str

    def as_json(self) -> dict[str, Any]:
        """For each finding its code, the evidence, a line to type, and what that reached."""
        return {
            "findings": [
                {"code": f.code, "evidence": f.evidence, "remedy": f.remedy, "reached": f.reached}
                for f in self.findings
            ]
        }

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not self.findings:
            yield f"Nothing wrong was found. Looked at: {self.examined}."
        for finding in self.findings:
            yield Text(finding.what, "yellow")
            yield Padding(_details(finding), (0, 0, 0, 2), expand=False)


def _details(finding: Finding) -> Text:
    """The evidence, the line to type, and what it reached on a copy."""
    text = Text(finding.evidence)
    if finding.remedy:
        text.append("\nTry: ").append(finding.remedy, "bold")
    if finding.reached:
        after, without = (f"{100 * accuracy:.0f} %" for accuracy in finding.reached)
        text.append(
            f"\nTried on a copy: {after} right after {finding.batches} mini-batches, "
            f"{without} without it."
        )
    return text


@command("doctor", group="Learning", rank=3, examples={"doctor": "why does it not learn?"})
def doctor(session: Session) -> DoctorResult:
    """Find out what keeps the network from learning, and what to try.

    Examines the data, the layers and the history, and trains copies for a short time; the network
    itself is not changed. Each finding comes with its evidence and a line to type, which was tried
    on a copy where that is possible.
    """
    model = session.learner()
    data = session.data_for(model)
    more_cases = "data mnist" if data.name == "sample" else ""
    facts = Facts(
        model.trainer,
        data.train,
        {"validation": data.validation, "test": data.test},
        lambda network, settings: _anew(network, settings, model.recipe),
        more_cases="set cases all" if model.trainer.settings.cases else more_cases,
        report=lambda what: session.report(Note(f"looking at {what} ...", lasting=False)),
    )
    try:
        findings = diagnose(facts)
    except ValueError as error:  # the cases are not pictures
        raise CommandError(f"{error}. Example: set augment none") from None
    return DoctorResult(
        findings,
        f"{counted(len(data.train), 'training case')} and their answers, the signals and "
        f"gradients of {counted(len(model.network.layers), 'layer')}, the history, a batch of 16 "
        "learned by heart, and a short training of a copy",
    )


def _anew(network: Network, settings: Settings, recipe: str) -> str:
    """The line that makes a new network like this one, with these settings."""
    known = RECIPES.get(recipe)
    if known and known.shape == network.shape:
        line, base = f"n {recipe}", Settings(**known.settings)
    else:
        line, base = _from_shape(network), Settings(**RECIPES[DEFAULT].settings)
    changed = {k: v for k, v in asdict(settings).items() if v != asdict(base)[k]}
    return "; ".join([line, *(f"set {written({k: v})}" for k, v in changed.items())])


def _from_shape(network: Network) -> str:
    """`n SHAPE` with the activations and the cost, as far as they are not the defaults."""
    spelled, output = spelled_out(network), network.layers[-1].config()["activation"]
    shape, hidden, cost = spelled, "relu", network.cost_name
    for name in ACTIVATIONS:
        if name in spelled and name != "softmax":
            alike = network_of(network.shape, hidden=name, output=output, cost=cost)
            if spelled_out(alike) == spelled:
                shape, hidden = network.shape, name
                break
    fitting = usual_cost(output)
    words = [hidden, output, cost]
    defaults = ["relu", "softmax" if network.outputs > 1 else "sigmoid", fitting]
    while words and words[-1] == defaults[len(words) - 1]:
        words.pop()
    return " ".join(["n", shape, *words])

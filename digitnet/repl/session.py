"""The session: the network in hand, the data sets and the saves, without a terminal."""

import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import InitVar, dataclass, field, replace
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from digitnet import recipes
from digitnet.digits.datasets import GIVEN, MADE, RELATIVES, SOURCES, DataSet, NotHere, Source
from digitnet.digits.files import BadFile
from digitnet.digits.own import ABOUT_MINE, HOW_TO_ADD, MINE
from digitnet.digits.prepare import Picture
from digitnet.engine.network import CANNOT_TRAIN, Network
from digitnet.engine.report import Stopped, ignore
from digitnet.engine.settings import Settings
from digitnet.engine.trainer import Measurement, Snapshot
from digitnet.recipes import Recipe
from digitnet.registry.files import RegistryError
from digitnet.registry.model import Accuracy, Model
from digitnet.registry.own_sets import OwnData, Version
from digitnet.registry.recovery import Recovery
from digitnet.registry.saves import Change, Registry
from digitnet.registry.schema import clean_name, network_document
from digitnet.repl.errors import CommandError, quoted
from digitnet.repl.interrupts import Interrupts
from digitnet.repl.pictures.grid import Window
from digitnet.repl.pictures.tables import counted
from digitnet.repl.result import Note

MAX_SECONDS_TO_END = 2
"""Seconds that a command has to end after it was stopped; then it is interrupted at once."""


NOT_OWN = SOURCES.keys() | RELATIVES.keys()  # those that do not lie among the saves


class DataSets:
    """The data sets of a session: their folders, those that have been read, the current one.

    folders: searched in order. download_to: the folder for `data mnist`. own: that of the
    saves, where the user's own data sets are. name: of the current data set.
    """

    def __init__(self, folders: Sequence[Path], download_to: Path, own: Path) -> None:
        self.folders, self.download_to, self.own = list(folders), download_to, OwnData(own)
        self.name = "sample"
        self._read: dict[str, tuple[Version, DataSet]] = {}
        self._chosen: dict[tuple[int, int], str] = {}  # (inputs, outputs) → name

    def sources(self) -> dict[str, Source]:
        """Name → source of every known data set, including those not on this machine."""
        sources, names = SOURCES | RELATIVES, self.own.names()
        for name in (MINE, *names):
            about, read = ABOUT_MINE if name == MINE else "imported", partial(self._read_own, name)
            sources[name] = Source(name, about, 784, 10, read, exists=name in names)
        return sources

    def _read_own(self, name: str, folders: Sequence[Path]) -> DataSet:
        cases = self.own.read(name)
        if not len(cases):
            raise NotHere(name, HOW_TO_ADD)
        return cases.data_set(name)

    def get(self, name: str = "") -> DataSet:
        """The data set of this name, or the current one; read when first needed.

        Raises NotHere if it is not on this machine, BadFile if it cannot be used.
        """
        name = name or self.name
        version = None if name in NOT_OWN else self.own.version(name)
        if name not in self._read or self._read[name][0] != version:
            source = self.sources().get(name)
            if source is None:
                raise NotHere(name, f"data sample uses another, undo {name} restores a deleted one")
            self._read[name] = version, source.read(self.folders)
        return self._read[name][1]

    def choose(self, data: DataSet) -> None:
        """Makes a data set the current one, and the first choice for new networks that fit it."""
        self.name = self._chosen[data.inputs, data.outputs] = data.name

    def record(self, model: Model, name: str) -> None:
        """As `Model.record`, where something is new."""
        data, none, is_own = self.get(name), frozenset[bytes](), name not in NOT_OWN
        if is_own or name not in model.trained_on[-1:]:
            model.record(name, data.hashes["train"] if is_own else none, data.answers)

    def was_replaced(self, accuracy: Accuracy) -> bool:
        """Whether an accuracy was measured on other cases than its data set has now."""
        name, _, part = accuracy.on.partition(" ")
        if not accuracy.digest or name not in self.own.names():
            return False
        with suppress(BadFile, NotHere):
            measured_on = "test" if part == "test" else "validation"
            return self.get(name).digest_of(measured_on) != accuracy.digest
        return True

    def is_seen(self, data: DataSet, model: Model, part: str = "test") -> bool | None:
        """Whether a network was trained on some of the test cases, or of the `validation` cases;
        None if it is not known.
        """
        within = data.tests_are_in if part == "test" else data.validations_are_in
        if not within.isdisjoint(model.trained_on):
            return True
        others = [name for name in model.trained_on if not {name, data.name} <= NOT_OWN]
        seen = {self._are_in(name, data, part, model) for name in others}
        return True if True in seen else None if None in seen else False

    def _are_in(self, name: str, data: DataSet, part: str, model: Model) -> bool | None:
        """Whether some cases of a part are among those of this name that it was trained on."""
        made = {*MADE} - {*self.own.names()}  # whose files are here only if somebody made them
        if {name, data.name} <= NOT_OWN | made:
            return False
        own = frozenset[bytes]() if name in NOT_OWN | {GIVEN} else model.own_cases
        with suppress(BadFile, NotHere):
            hashes, trained_on = self.get(data.name).hashes, own or self.get(name).hashes["train"]
            if data.name in model.trained_on:  # its own parts may have a case in common
                trained_on = trained_on - hashes["train"]
            is_in = not trained_on.isdisjoint(hashes[part])
            if is_in or own or name in NOT_OWN:
                return is_in
        # nobody draws the cases of another data set, nor a case twice
        return False if name in made or (data.name == MINE and name != GIVEN) else None

    def lend(self, data: DataSet) -> None:
        self._read[data.name], self.name = (self.own.version(data.name), data), data.name

    def fitting(self, network: Network, first: str, second: str) -> str:
        """The name of a data set that is here and fits a network; empty for none.

        Tried in order: `first`, the one last chosen for such networks, `second`, any other.
        """
        sizes, sources = (network.inputs, network.outputs), self.sources()
        wanted = (first, self._chosen.get(sizes, ""), second, *sources)
        has = (name for name in wanted if name in sources and self._has(sources[name], sizes))
        return next(has, "")

    def _has(self, source: Source, sizes: tuple[int, int]) -> bool:
        """Whether a data set is here and has these numbers of inputs and outputs."""
        if source.name in NOT_OWN:
            return sizes == (source.inputs, source.outputs) and source.is_here(self.folders)
        with suppress(BadFile, NotHere):
            data = self.get(source.name)
            return sizes == (data.inputs, data.outputs)
        return False


class Asker(Protocol):
    """Asks the user questions."""

    def confirm(self, question: str) -> bool:
        """Whether the answer is yes."""

    def choose(self, question: str, choices: str) -> str:
        """Asks a question answered by a letter, one of `choices` such as `y/N/s=save`."""

    def ask(self, question: str) -> str:
        """Asks an open question; returns an empty string for no answer."""

    def show(self, window: Window) -> bool:
        """Shows a window until it is left, or Ctrl-C; returns whether there is a screen for it."""


class Coach(Protocol):
    """Follows what a person types: what it says after a command, `session.done`, or nothing."""

    def after(self, session: "Session") -> str: ...

    def may_discard(self, model: Model) -> bool:
        """Whether it is one of its own, not the person's, and need not be asked about."""
        return False


@dataclass(frozen=True)
class NonInteractive:
    """The asker of scripts and pipes: answers yes if `--yes` was given, and otherwise refuses."""

    yes: bool = False

    def confirm(self, question: str) -> bool:
        if not self.yes:
            raise CommandError(f"{question} There is no terminal to ask at; --yes answers yes")
        return True

    def choose(self, question: str, choices: str) -> str:
        return "y" * self.confirm(question)

    def ask(self, question: str) -> str:
        *_, last = question.splitlines()
        raise CommandError(f"{last} There is no terminal to ask at; give it in the command")

    def show(self, window: Window) -> bool:
        return False


def clean(name: str) -> str:
    """The name a person means. Raises CommandError where it cannot be one."""
    try:
        return clean_name(name)
    except ValueError as error:
        raise CommandError(f"{quoted(name)} cannot be a name: {error}") from None


CHANGES_ANSWERS = ("average", "pixels")
"""The settings that change what a trained network answers, and so its accuracy."""


@dataclass(frozen=True)
class Before:
    """A state of a network, and of its accuracy and data."""

    model: Model
    snapshot: Snapshot
    history: list[Measurement]
    settings: Settings
    known: dict[str, Any]

    @classmethod
    def of(cls, model: Model) -> "Before":
        trainer = model.trainer
        names = ("accuracy", "data", "trained_on", "own_cases", "words", "versions")
        known = {name: getattr(model, name) for name in names}
        return cls(model, trainer.snapshot(), list(trainer.history), trainer.settings, known)

    @property
    def batches(self) -> int:
        return self.snapshot.progress.batches

    def bring_back(self, session: "Session") -> None:
        """Restores this state; the present one becomes the last change, so undo can be undone.

        The settings and the choice of data are kept, as if they had been made in this state.
        """
        session.before = session.last_change = Before.of(self.model)
        trainer, settings = self.model.trainer, self.model.trainer.settings
        trainer.change(self.settings)
        trainer.restore(self.snapshot)
        trainer.history[:] = self.history
        vars(self.model).update(self.known | {"data": self.model.data})
        session.change(self.model, settings)
        session.look_at_save()


@contextmanager
def training(model: Model, data: DataSet, session: "Session") -> Iterator[None]:
    """Context manager for training a model on a data set, which can be undone however it ends.

    Updates `trained_on` and `data`. The history begins with the untrained network; as it has seen
    no cases, its validation cost stands for its training cost.
    """
    data.check("augment", model.trainer.settings.augment)
    before = Before.of(model)
    progress, history = model.trainer.progress, model.trainer.history
    if not progress.batches and not history:
        untrained = model.trainer.measure(data.validation)
        if isfinite(untrained.cost):
            history.append(Measurement(0, untrained.cost, untrained.cost, untrained.accuracy))
    if model.trained_on[-1:] != [data.name]:
        progress.next_epoch()
    model.data, model.accuracy = data.name, None
    session.data_sets.record(model, data.name)  # now, because an autosave may happen at any moment
    try:
        yield
    finally:
        if progress.batches == before.batches:  # as if nothing had been asked
            vars(model).update(before.known)
            model.trainer.restore(before.snapshot)
        else:
            session.before = session.last_change = before


SESSION_SETTINGS = {
    "seed": "the seed for weights and order of cases of new networks",
    "threads": "threads that share the work of training",
    "vi": "whether the prompt uses vi's keys",
    "epoch_lines": "whether t prints how many validation cases are right, after each epoch or, if "
    "these are short, some 50 mini-batches",
    "watch": "shown with the curves of t: misread (digits), weights, both or off",
    "theme": "colours for a dark or a light background; auto: as the terminal tells",
}
"""Settings of the session, with their meanings; training settings belong to the network."""


@dataclass
class Session:
    """The state of a session.

    data_folders, download_to: passed to the data sets. seed: of everything random; if None, each
    new network draws its own. included: the folder of the networks that come with digitnet.
    hand: the network in hand. saved: the mini-batches and settings in its save, if it has one.
    leaving: whether the user has asked to leave.
    show: shows what a long command has done. interrupts: what the signals have asked for.
    done: the last command; empty if it failed. to_file: whether its result is drawn in a file.
    coach: of a lesson or a patient. question: of the quiz. quiz_right, quiz_asked: its questions so
    far. vi, epoch_lines, watch, theme: see SESSION_SETTINGS. before: what `undo t` restores.
    last_change: what `undo` takes back: a training, or changes of the saves. undone: what `redo`
    makes again, while it is the last change. aliases: the user's own words → the commands they
    stand for. last_pictures: the digits that `d` or `img` read last, prepared like MNIST's, and
    their answer, if known.
    rng: chooses random cases to show.
    """

    saves: Path
    data_folders: InitVar[Sequence[Path]]
    download_to: InitVar[Path]
    seed: int | None = None
    interactive: bool = False
    asker: Asker = field(default_factory=NonInteractive)
    included: Path | None = None
    hand: Model | None = None
    saved: tuple[int, Settings] | None = None
    leaving: bool = False
    show: Callable[[Note], None] = ignore
    interrupts: Interrupts = field(default_factory=Interrupts)
    done: str = ""
    to_file: bool = False
    coach: "Coach | None" = None
    question: Any = None
    quiz_right: int = 0
    quiz_asked: int = 0
    vi: bool = False
    epoch_lines: bool = False
    watch: str = "off"
    theme: str = "auto"
    before: Before | None = None
    last_change: Before | tuple[Change, ...] | None = None
    undone: Before | tuple[Change, ...] | None = None
    aliases: dict[str, str] = field(default_factory=dict)
    last_pictures: tuple[list[Picture], int | None] | None = None
    data_sets: DataSets = field(init=False)
    unfinished: Recovery = field(init=False)
    rng: np.random.Generator = field(init=False)

    def __post_init__(self, data_folders: Sequence[Path], download_to: Path) -> None:
        self.data_sets = DataSets(data_folders, download_to, own=self.saves)
        self.unfinished = Recovery(self.saves)
        self.rng = np.random.default_rng(self.seed)

    @property
    def registry(self) -> Registry:
        return Registry(self.saves, self.included)

    def is_light(self) -> bool:
        """Whether colours are for a light background, which some terminals tell in COLORFGBG."""
        background = os.environ.get("COLORFGBG", "").rpartition(";")[2]
        return self.theme == "light" or (self.theme == "auto" and background in ("7", "15"))

    def reseed(self, seed: int) -> None:
        """Sets the seed of everything random from now on."""
        self.seed, self.rng = seed, np.random.default_rng(seed)

    def report(self, update: Note | None = None) -> None:
        """Shows what a long command has done; call it often, also with nothing to show.

        Raises Stopped after Ctrl-C.
        """
        self.unfinished.during_command(self.hand)
        if update is not None:
            self.show(update)
        if self.interrupts.asked:
            self.interrupts.patience = MAX_SECONDS_TO_END
            raise Stopped

    @property
    def is_over(self) -> bool:
        """Whether no more commands are to be run."""
        return self.leaving or bool(self.interrupts.ended_by)

    @property
    def unsaved(self) -> str:
        """What is unsaved of the network in hand, in words; empty if nothing is."""
        if batches := self.unsaved_batches:
            return f"{counted(batches, 'mini-batch')} of training"
        hand = self.hand
        if hand and not (self.saved or hand.versions or hand.network.is_committee):
            return "changed weights"  # one was turned by hand
        changed = hand and self.saved and hand.trainer.settings != self.saved[1]
        return "changed settings" if changed else ""

    @property
    def unsaved_batches(self) -> int:
        if self.hand is None:
            return 0
        return self.hand.trainer.progress.batches - (self.saved[0] if self.saved else 0)

    def network(self) -> Model:
        """The network in hand. Raises CommandError if there is none."""
        if self.hand is None:
            raise CommandError("no network in hand: n makes one, l loads one")
        return self.hand

    def learner(self) -> Model:
        """The network in hand, for training. Raises CommandError if there is none, or if it is a
        committee.
        """
        model = self.network()
        if model.network.is_committee:
            raise CommandError(CANNOT_TRAIN)
        return model

    def take(self, model: Model, *, is_saved: bool = True) -> None:
        """Makes a network the one in hand, and its data set or one that fits the current one.

        If none fits, the current data set stays, and commands that need data report it.
        """
        self.hand, self.saved = model, None
        if is_saved:
            self.mark_saved()
        now = self.data_sets.name
        self.data_sets.name = self.data_sets.fitting(model.network, model.data, now) or now

    @contextmanager
    def unless_it_fails(self) -> Iterator[None]:
        """If what is done meanwhile fails, the network in hand and the data set are as before."""
        before = self.hand, self.saved, self.data_sets.name
        try:
            yield
        except BaseException:
            self.hand, self.saved, self.data_sets.name = before
            raise

    def mark_saved(self) -> None:
        """Call this when the network in hand has been saved or loaded."""
        model = self.network()
        self.saved = (model.trainer.progress.batches, model.trainer.settings)
        model.versions += (replace(model.trainer.progress),)

    def look_at_save(self) -> None:
        """Call this after an undo: notes what of the network in hand is in its save by now."""
        model = self.network()
        if not model.name:
            if self.unsaved_batches < 0:
                self.saved = None
            return
        self.saved = None
        with suppress(RegistryError):
            there = self.registry.load(model.name)
            at = there.trainer.progress
            is_in = at in model.versions
            if at.batches == model.trainer.progress.batches:  # a weight may have been turned
                is_in = network_document(there.network) == network_document(model.network)
                model.versions = model.versions if is_in else ()
            if is_in:
                self.saved = (at.batches, there.trainer.settings)

    def discard(self, failure: str, why: str = "") -> None:
        """Call this before another network is taken in hand; asks if training is unsaved. why: what
        ends the question. Raises CommandError, which begins with `failure`, if the answer is no.
        """
        if self.hand is None or not self.unsaved:
            return
        if self.coach and self.coach.may_discard(self.hand) and not self.unfinished.is_adopted:
            return
        if self.interactive and not self.asker.confirm(f"Discard {self.unsaved}{why}?"):
            raise CommandError(f"{failure}; the network in hand is unchanged")
        if self.unfinished.is_adopted and not self.interactive:  # for the next session
            self.unfinished.release()

    def new_seed(self) -> int:
        return secrets.randbelow(2**31) if self.seed is None else self.seed

    def make(self, recipe: Recipe) -> Model:
        """Makes a network, with a data set that fits it; does not take it in hand.

        Raises CommandError if no data set fits, or the network cannot be built.
        """
        try:
            model = recipes.build(recipe, self.new_seed())
        except ValueError as error:
            raise CommandError(str(error)) from None
        network = model.network
        model.data = self.data_sets.fitting(network, self.data_sets.name, recipe.data)
        if not model.data:
            raise CommandError(
                f"no data set has {counted(network.inputs, 'number')} in and {network.outputs:,} "
                "out; digits need a shape like 784-100-10 or 28x28-16c5-p2-10"
            )
        return model

    def data(self, name: str = "") -> DataSet:
        """The data set of this name, or the current one; see `DataSets.get`."""
        return self.data_sets.get(name)

    def change(self, model: Model, settings: Settings) -> None:
        """Changes the settings of a network; an accuracy measured with other answers is dropped."""
        before, data = model.trainer.settings, self.data_if_here(model)
        model.trainer.change(settings, data.train if data else None)
        if any(getattr(settings, n) != getattr(before, n) for n in CHANGES_ANSWERS):
            model.accuracy = None

    def changed(self, *changes: Change) -> None:
        """Call this after changes of saves or own data sets, which `undo` takes back together."""
        if any(change.before is not change.after for change in changes):
            self.last_change = changes
        in_use = (True, self.data_sets.name)
        if any(change.after is None and change.entry.answers_to == in_use for change in changes):
            self.data_sets.name = "sample"
            with suppress(BadFile, NotHere):
                self.choose(self.data())

    def choose(self, data: DataSet) -> None:
        """Makes a data set the current one, also of the network in hand if it fits."""
        self.data_sets.choose(data)
        if self.hand and self.hand.network.fits(data.train):
            self.hand.data = data.name

    def accuracy_on(self, part: str, value: float, data: DataSet, model: Model) -> Accuracy:
        """An accuracy on the `test` or `validation` set, and whether its cases were trained on."""
        is_seen = self.data_sets.is_seen(data, model, part)
        digest = "" if data.name in NOT_OWN else data.digest_of(part)
        return Accuracy(value, f"{data.name} {part}", is_seen, digest)

    def data_for(self, model: Model) -> DataSet:
        """The current data set, with the network's `cases` and `pixels` settings applied.

        Raises CommandError if it does not fit the network.
        """
        data = self.data()
        if not model.network.fits(data.train):
            raise CommandError(
                f"the network ({model.network.shape}) does not fit the data set {data.name}, which "
                f"has {counted(data.inputs, 'number')} in and {data.outputs} out: data chooses "
                "another set, n makes a network that fits"
            )
        settings, words = model.trainer.settings, model.words
        seen = data.as_seen(settings.cases, settings.pixels, model.trainer.seed)
        if not words or words == data.answers:
            return seen
        pairs = zip(data.answers, words, strict=False)
        called = [now if now == was else f"{now} (trained as {was})" for now, was in pairs]
        return replace(seen, answers=(*called, *data.answers[len(words) :]))

    def data_if_here(self, model: Model) -> DataSet | None:
        """As `data_for`; None where there is none, which `t` tells."""
        try:
            return self.data_for(model)
        except (BadFile, CommandError, NotHere):
            return None

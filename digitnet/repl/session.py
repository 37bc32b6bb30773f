"""The session: the network in hand, the data, the saves. Plain data and no terminal."""

import secrets
from collections.abc import Sequence
from dataclasses import InitVar, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from digitnet.repl.errors import CommandError
from digitnet.repl.shelf import Shelf
from digitnet.repl.unfinished import Unfinished
from digitnet.repl.views.words import counted

if TYPE_CHECKING:  # numpy and all that needs it load when the first command needs them
    import numpy as np

    from digitnet.digits.datasets import DataSet
    from digitnet.digits.image import Picture
    from digitnet.engine.settings import Settings
    from digitnet.recipes import Recipe
    from digitnet.registry.model import Model
    from digitnet.registry.registry import Registry
    from digitnet.repl.before import Before
    from digitnet.repl.board import Board
    from digitnet.repl.tour import Tour


SESSION_SETTINGS = {
    "seed": "draws the weights and orders the cases of new networks",
    "threads": "threads that share the work of training",
    "vi": "whether the prompt takes vi's keys",
    "epoch_lines": "whether t says after each epoch how many validation cases are right",
    "watch": "shown with the curves of t: misread (digits), weights, both or off",
}
"""Settings of the session, with what they mean; those of training are the network's."""

WATCHED = {
    "off": "the curves alone",
    "misread": "validation cases that are misread",
    "weights": "the weights of the first layer",
    "both": "misread cases and weights",
}
"""What `t` can show with its curves."""


class Asker(Protocol):
    """Somebody who can be asked."""

    def confirm(self, question: str) -> bool:
        """The answer to a yes-or-no question."""

    def choose(self, question: str, choices: str) -> str:
        """The letter that answers a question, one of `choices` such as `y/N/s=save`."""

    def ask(self, question: str) -> str:
        """The answer to a question; empty for none."""

    def draw(self, board: "Board") -> bool:
        """Has them draw a digit; whether they did. Raises KeyboardInterrupt at Ctrl-C."""


NO_BOARD = (
    "drawing needs a terminal with a prompt, and neither --plain nor --json: "
    "img FILE reads a picture of a digit"
)


@dataclass(frozen=True)
class NobodyToAsk:
    """Answers for scripts and pipes: yes where that was said beforehand, else a clear refusal."""

    yes: bool = False

    def confirm(self, question: str) -> bool:
        """Yes with `--yes`; otherwise raises CommandError."""
        if not self.yes:
            raise CommandError(f"{question} Nobody is there to answer: --yes says yes beforehand")
        return True

    def choose(self, question: str, choices: str) -> str:
        """As `confirm`."""
        return "y" * self.confirm(question)

    def ask(self, question: str) -> str:
        """Always raises CommandError."""
        raise CommandError(f"{question} Nobody is there to answer: give it with the command")

    def draw(self, board: "Board") -> bool:
        """Always raises CommandError."""
        raise CommandError(NO_BOARD)


@dataclass
class Session:
    """What a person works with at the prompt.

    data_folders, download_to: of the shelf, which holds the data sets. seed: draws and orders
    everything, if given; otherwise each network draws a seed of its own. included: the folder of
    the networks that come with digitnet.
    renamed: the old and the new name of a save, if that renaming is what `undo` takes back.
    saved: of the network in hand, the mini-batches and settings that its save has, if it has one.
    working: a command is at work. interrupted: it has been asked to stop (Ctrl-C). ended_by: the
    number of the signal that ended the session, if one did. done: the command that was done last,
    empty where it could not be. tour: a newcomer's, if one is under way. vi: the prompt takes vi's
    keys. watch: what t shows with its curves. epoch_lines: training says how many cases are right
    after each epoch. before: what `undo t` goes back to. aliases: words of the user's own, each
    with the commands it stands for. last_picture: the digit that d or img read last, prepared as
    MNIST's are, and its answer where that was said.
    """

    saves: Path
    data_folders: InitVar[Sequence[Path]]
    download_to: InitVar[Path]
    seed: int | None = None
    interactive: bool = False
    asker: Asker = field(default_factory=NobodyToAsk)

    included: Path | None = None

    hand: "Model | None" = None
    renamed: tuple[str, str] | None = None
    saved: "tuple[int, Settings] | None" = None
    leaving: bool = False
    working: bool = False
    interrupted: bool = False
    ended_by: int = 0
    done: str = ""
    tour: "Tour | None" = None
    vi: bool = False
    epoch_lines: bool = False
    watch: str = "off"
    before: "Before | None" = None
    aliases: dict[str, str] = field(default_factory=dict)
    last_picture: "tuple[Picture, int | None] | None" = None
    shelf: Shelf = field(init=False)
    unfinished: "Unfinished" = field(init=False)
    _rng: "np.random.Generator | None" = None

    def __post_init__(self, data_folders: Sequence[Path], download_to: Path) -> None:
        """Nothing is unfinished yet."""
        self.shelf = Shelf(data_folders, download_to, own=self.saves / "digits")
        self.unfinished = Unfinished(self.saves)

    @property
    def registry(self) -> "Registry":
        """The saves."""
        from digitnet.registry.registry import Registry

        return Registry(self.saves, self.included)

    @property
    def rng(self) -> "np.random.Generator":
        """Chooses random cases to look at."""
        import numpy as np

        if self._rng is None:
            self._rng = np.random.default_rng(self.seed)
        return self._rng

    def reseed(self, seed: int) -> None:
        """Draws and orders everything anew from this seed."""
        self.seed, self._rng = seed, None

    def stop(self) -> bool:
        """Whether a long command should come to its end (Ctrl-C)."""
        return self.interrupted

    # the network in hand

    @property
    def unsaved(self) -> str:
        """What no save has of the network in hand, in words; empty for nothing."""
        if self.hand is None:
            return ""
        if self.unsaved_batches:
            return f"{counted(self.unsaved_batches, 'mini-batch')} of training"
        changed = self.saved is not None and self.hand.trainer.settings != self.saved[1]
        return "changed settings" if changed else ""

    @property
    def unsaved_batches(self) -> int:
        """Mini-batches of training that no save has."""
        if self.hand is None:
            return 0
        return self.hand.trainer.progress.batches - (self.saved[0] if self.saved else 0)

    def network(self) -> "Model":
        """The network in hand. Raises CommandError where there is none."""
        if self.hand is None:
            raise CommandError("no network in hand: n makes one, l loads one")
        return self.hand

    def learner(self) -> "Model":
        """The network in hand, to be trained. Raises CommandError for none, or a committee, or one
        whose file says that it was trained longer than anything can be.
        """
        named = self.network()
        if named.network.is_committee:
            raise CommandError("a committee does not learn: train its members, then vote again")
        if named.trainer.is_full:
            raise CommandError(
                "the network cannot be trained further: it counts more mini-batches, cases or "
                "seconds than can be counted on"
            )
        return named

    def take(self, named: "Model") -> None:
        """Takes a network in hand that is saved, or new."""
        self.hand = named
        self.mark_saved()

    def mark_saved(self) -> None:
        """To be called when the network in hand is as its save has it."""
        trainer = self.network().trainer
        self.saved = (trainer.progress.batches, trainer.settings)

    def mark_unsaved(self) -> None:
        """To be called when the save of the network in hand is gone, or another one now."""
        self.saved = None

    def may_let_go(self) -> bool:
        """Whether the network in hand may be put away: asks if its training is unsaved."""
        if not self.unsaved:
            return True
        if not self.interactive:
            self.unfinished.leave_what_was_recovered()
            return True
        return self.asker.confirm(f"Discard {self.unsaved}?")

    def fresh_seed(self) -> int:
        """The seed for a new network."""
        return secrets.randbelow(2**31) if self.seed is None else self.seed

    def new(self, recipe: "Recipe") -> "Model":
        """Makes a network and takes it in hand. Raises CommandError as `made` does."""
        named = self.made(recipe)
        self.begin(named)
        return named

    def begin(self, named: "Model") -> None:
        """Takes a network in hand that was made, with its data."""
        self.shelf.name = named.data
        self.take(named)

    def made(self, recipe: "Recipe") -> "Model":
        """A fresh network, with data that fits it; the network in hand stays in hand.

        Raises CommandError where no data set fits, or the network cannot be.
        """
        from digitnet import recipes

        try:
            named = recipes.build(recipe, self.fresh_seed())
        except ValueError as error:
            raise CommandError(str(error)) from None
        inputs, outputs = named.network.inputs, named.network.outputs
        data_name = self.shelf.fitting((self.shelf.name, recipe.data), inputs, outputs)
        if data_name is None:
            raise CommandError(
                f"no data set has {inputs:,} numbers in and {outputs:,} out; "
                "digits need a shape like 784-100-10 or 28x28-16c5-p2-10"
            )
        named.data = data_name
        return named

    # the data

    def data(self, name: str = "") -> "DataSet":
        """The data set of this name, or the one in use, as `Shelf.get` has it."""
        return self.shelf.get(name)

    def choose(self, data: "DataSet") -> None:
        """Uses this data set from now on, also with the network in hand, if it fits."""
        self.shelf.choose(data)
        if self.hand and self.hand.network.fits(data.train):
            self.hand.data = data.name

    def use_data_of(self, named: "Model") -> None:
        """Turns to the data the network works on; where that is not here, to data of the same size.

        Where nothing fits, the data in use stays, and commands that need it say so.
        """
        inputs, outputs = named.network.inputs, named.network.outputs
        fitting = self.shelf.fitting((named.data, self.shelf.name), inputs, outputs)
        self.shelf.name = fitting or self.shelf.name

    def data_for(self, named: "Model") -> "DataSet":
        """The data set in use, as the network's settings have it. It must suit the network."""
        data = self.data()
        if not named.network.fits(data.train):
            raise CommandError(
                f"the network ({named.network.shape}) does not fit the data set {data.name}, which "
                f"has {data.inputs} numbers in and {data.outputs} out: data chooses another"
            )
        settings = named.trainer.settings
        return data.as_seen(settings.cases, settings.pixels)

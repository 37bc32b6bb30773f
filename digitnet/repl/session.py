"""The session: the network in hand, the data, the saves. Plain data and no terminal."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from digitnet import recipes
from digitnet.repl.errors import CommandError

if TYPE_CHECKING:  # numpy and all that needs it load when the first command needs them
    import numpy as np

    from digitnet.digits.datasets import DataSet
    from digitnet.registry.document import NamedNetwork
    from digitnet.registry.registry import Registry


class Asker(Protocol):
    """Somebody who can be asked."""

    def confirm(self, question: str) -> bool:
        """The answer to a yes-or-no question."""

    def ask(self, question: str) -> str:
        """The answer to a question; empty for none."""


@dataclass(frozen=True)
class NobodyToAsk:
    """Answers for scripts and pipes: yes where that was said beforehand, else a clear refusal."""

    yes: bool = False

    def confirm(self, question: str) -> bool:
        """Yes with `--yes`; otherwise raises CommandError."""
        if not self.yes:
            raise CommandError(f"{question} Nobody is there to answer: --yes says yes beforehand")
        return True

    def ask(self, question: str) -> str:
        """Always raises CommandError."""
        raise CommandError(f"{question} Nobody is there to answer: give it with the command")


@dataclass
class Session:
    """What a person works with at the prompt.

    data_folders: where data sets are looked for, in order; download_to: where `data mnist` puts it.
    seed: draws and orders everything, if given; otherwise each network draws a seed of its own.
    """

    saves: Path
    data_folders: Sequence[Path]
    download_to: Path
    seed: int | None = None
    interactive: bool = False
    asker: Asker = field(default_factory=NobodyToAsk)

    hand: "NamedNetwork | None" = None
    saved_batches: int = 0
    data_name: str = "sample"
    leaving: bool = False
    interrupted: bool = False
    _loaded: "dict[str, DataSet]" = field(default_factory=dict)
    _rng: "np.random.Generator | None" = None

    @property
    def registry(self) -> "Registry":
        """The saves."""
        from digitnet.registry.registry import Registry

        return Registry(self.saves)

    @property
    def rng(self) -> "np.random.Generator":
        """Chooses random cases to look at."""
        import numpy as np

        if self._rng is None:
            self._rng = np.random.default_rng(self.seed)
        return self._rng

    def stop(self) -> bool:
        """Whether a long command should come to its end (Ctrl-C)."""
        return self.interrupted

    # the network in hand

    @property
    def unsaved(self) -> int:
        """Mini-batches of training that no save has."""
        return self.hand.trainer.progress.batches - self.saved_batches if self.hand else 0

    def network(self) -> "NamedNetwork":
        """The network in hand. Raises CommandError where there is none."""
        if self.hand is None:
            raise CommandError("no network in hand: n makes one, l loads one")
        return self.hand

    def take(self, named: "NamedNetwork") -> None:
        """Takes a network in hand, whose training so far is saved or nothing."""
        self.hand = named
        self.saved_batches = named.trainer.progress.batches

    def may_let_go(self) -> bool:
        """Whether the network in hand may be put away: asks if its training is unsaved."""
        if not self.unsaved or not self.interactive:
            return True
        name = f"{self.hand.name!r}" if self.hand and self.hand.name else "the network in hand"
        return self.asker.confirm(
            f"{self.unsaved:,} mini-batches of training of {name} are not saved. Go on without?"
        )

    def fresh_seed(self) -> int:
        """The seed for a new network."""
        return secrets.randbelow(2**31) if self.seed is None else self.seed

    def new(self, recipe: recipes.Recipe) -> "NamedNetwork":
        """Makes a network and takes it in hand, with data that fits it.

        Raises CommandError where no data set fits, or the network cannot be.
        """
        width = (recipe.sizes[0], recipe.sizes[-1])
        if not self._fits(self.data_name, width):
            from digitnet.digits.datasets import SOURCES

            fitting = [recipe.data, *SOURCES]
            fit = next((name for name in fitting if self._fits(name, width)), None)
            if fit is None:
                raise CommandError(
                    f"no data set has {width[0]} numbers in and {width[1]} out; "
                    "digits need a shape like 784-100-10"
                )
            self.data_name = fit
        try:
            named = recipes.build(recipe, self.fresh_seed())
        except ValueError as error:
            raise CommandError(str(error)) from None
        named.data = self.data_name
        self.take(named)
        return named

    def _fits(self, name: str, width: tuple[int, int]) -> bool:
        from digitnet.digits.datasets import SOURCES

        source = SOURCES.get(name)
        return source is not None and (source.inputs, source.outputs) == width

    # the data

    def data(self) -> "DataSet":
        """The data set in use, read when it is first needed.

        Raises CommandError where it is not on this machine, BadData where it cannot be used.
        """
        from digitnet.digits.datasets import SOURCES, NotHere

        if self.data_name not in self._loaded:
            try:
                self._loaded[self.data_name] = SOURCES[self.data_name].read(self.data_folders)
            except NotHere:
                raise CommandError(
                    f"the data set {self.data_name} is not here: data {self.data_name} fetches it, "
                    "--data DIR says where it is"
                ) from None
        return self._loaded[self.data_name]

    def use_data_of(self, named: "NamedNetwork") -> None:
        """Turns to the data the network works on; where that is not here, to data of the same size.

        Where nothing fits, the data in use stays, and commands that need it say so.
        """
        from digitnet.digits.datasets import SOURCES

        width = (named.network.inputs, named.network.outputs)
        for name in (named.data, self.data_name, *SOURCES):
            if self._fits(name, width) and SOURCES[name].is_here(self.data_folders):
                self.data_name = name
                return

    def data_for(self, named: "NamedNetwork") -> "DataSet":
        """The data set in use, which must suit the network."""
        data = self.data()
        if (data.inputs, data.outputs) != (named.network.inputs, named.network.outputs):
            raise CommandError(
                f"the network ({named.network.shape}) does not fit the data set {data.name}, which "
                f"has {data.inputs} numbers in and {data.outputs} out: data chooses another"
            )
        return data

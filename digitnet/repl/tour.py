"""A tour: what a newcomer types in the first two minutes, from nothing to a network that is kept.

The newcomer types at the prompt itself; after each line the tour looks at which command was done,
and says what comes next. Any other command may be tried on the way.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """Something to type, and why. command: the name of the command that does it.

    leaps: who does it before its turn needs the steps up to it no more.
    """

    says: str
    type: str
    leaps: bool = False

    @property
    def command(self) -> str:
        """The command that is to be done."""
        return self.type.split()[0]


ASK = "c 7"
"""Asked before and after the training, so that the difference is the training's."""

STEPS = (
    Step("These are digits that people wrote, 28 by 28 pixels each. Look at some.", "show"),
    Step(
        "A network turns the 784 pixels of a digit into ten outputs, one an answer. Make one.",
        "n",
    ),
    Step("It has learnt nothing yet, so its guesses are worth nothing. Ask it about a digit.", ASK),
    Step(
        "Training changes its weights, case by case, so that the cost of its mistakes falls. Train "
        "it on every training case three times, which is three epochs. Ctrl-C would stop it and "
        "keep what it has learnt.",
        "t 3e",
        leaps=True,
    ),
    Step("Ask it about the same digit again.", ASK),
    Step("How often is it right? Check it on a thousand digits that it has never seen.", "ch all"),
    Step("That is worth keeping. Save it under a name.", "pas first", leaps=True),
    Step("It is on the disk now, and l NAME loads it, today or next year. List your saves.", "ls"),
)

END = (
    "That was the tour. n relu makes a larger network, set shows what can be changed, data mnist "
    "gets all 70,000 digits, and ? t tells all about t. s leaves."
)


@dataclass
class Tour:
    """How far a newcomer has come."""

    step: int = 0

    def says(self) -> str:
        """What to do now."""
        if self.step == len(STEPS):
            return END
        step = STEPS[self.step]
        return f"{step.says}\n{self.reminder()}"

    def reminder(self) -> str:
        """The same in short."""
        return f"Tour, {self.step + 1} of {len(STEPS)}: type {STEPS[self.step].type}"

    def after(self, command: str) -> str:
        """What to say when `command` has been done, or when none could be (empty)."""
        for number, step in enumerate(STEPS[self.step :], self.step):
            if command == step.command and (number == self.step or step.leaps):
                self.step = number + 1
                return self.says()
        return f"{self.reminder()}  (tour off ends the tour)"

    @property
    def is_over(self) -> bool:
        """Whether the last step is done."""
        return self.step == len(STEPS)

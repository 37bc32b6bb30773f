"""The tour: guides a newcomer from nothing to a trained and saved network in two minutes.

The newcomer types at the prompt itself. After each command the tour prints the next step; commands
that are not part of it may be used in between.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """A step of the tour. text: the explanation. type: the line to type.

    skips_ahead: whether doing it early completes the steps before it too.
    """

    text: str
    type: str
    skips_ahead: bool = False

    @property
    def command(self) -> str:
        """The name of the command in the line."""
        return self.type.split()[0]


ASK = "c 7"
"""Typed before and after training, to show the difference."""

STEPS = (
    Step("The data are digits that people wrote, 28 by 28 pixels each. Look at some.", "show"),
    Step(
        "A network turns the 784 pixels of a digit into ten outputs, one for each answer. Make "
        "one.",
        "n",
    ),
    Step("It has learnt nothing yet, so its guesses are worth nothing. Ask it about a digit.", ASK),
    Step(
        "Training adjusts its weights, a few cases at a time, so that the cost of its mistakes "
        "falls. Train it on every training case three times, which is three epochs. Ctrl-C "
        "stops it and keeps what it has learnt.",
        "t 3e",
        skips_ahead=True,
    ),
    Step("Ask it about the same digit again.", ASK),
    Step("How often is it right? Check it on a thousand digits that it has never seen.", "ch all"),
    Step("That is worth keeping. Save it under a name.", "pas first", skips_ahead=True),
    Step("It is on the disk now, and l first loads it, today or next year. List your saves.", "ls"),
)

END = (
    "That was the tour. n relu makes a larger network, set shows what can be changed, data "
    "mnist gets all 70,000 digits, ? t explains t, and s leaves."
)


@dataclass
class Tour:
    """The state of a tour. step: the index of the current step."""

    step: int = 0

    def instruction(self) -> str:
        """The text of the current step, or of the end."""
        if self.step == len(STEPS):
            return END
        step = STEPS[self.step]
        return f"{step.text}\n{self.reminder()}"

    def reminder(self) -> str:
        """The current step in short."""
        return f"Tour, {self.step + 1} of {len(STEPS)}: type {STEPS[self.step].type}"

    def after(self, command: str) -> str:
        """What to print after a command, whose name is empty if it failed."""
        for number, step in enumerate(STEPS[self.step :], self.step):
            if command == step.command and (number == self.step or step.skips_ahead):
                self.step = number + 1
                return self.instruction()
        return f"{self.reminder()}  (tour off ends the tour)"

    @property
    def is_over(self) -> bool:
        """Whether all steps are done."""
        return self.step == len(STEPS)

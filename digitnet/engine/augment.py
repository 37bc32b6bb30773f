"""The amounts by which cases are deformed in training: a setting written as text."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Augment:
    """The maximum deformations; the actual amounts are drawn uniformly for each case.

    rotation: degrees, either way.
    zoom: relative change of size, independently in height and width.
    shear: horizontal displacement per pixel of height.
    shift: pixels, in each direction.
    elastic: root-mean-square elastic displacement, in pixels.
    smooth: standard deviation of the Gaussian that smooths the elastic field, in pixels. The
    default is that of Simard et al. (2003) for pictures of 28 by 28.
    """

    rotation: float = 0.0
    zoom: float = 0.0
    shear: float = 0.0
    shift: float = 0.0
    elastic: float = 0.0
    smooth: float = 4.0

    def __post_init__(self) -> None:
        """Raises ValueError, with the reason, for an amount out of range."""
        for f in fields(self):
            value, (least, most) = getattr(self, f.name), LIMITS[f.name]
            if not least <= value <= most:
                raise ValueError(f"has {f.name} from {least:g} to {most:g}, not {value:g}")

    def __str__(self) -> str:
        """The text that `parse` reads: a name, or `rotation=12,shift=2`."""
        for name, augment in NAMED.items():
            if augment == self:
                return name
        amounts = {f.name: getattr(self, f.name) for f in fields(self)}
        given = {name: amount for name, amount in amounts.items() if amount != DEFAULTS[name]}
        return ",".join(f"{name}={amount!r}".removesuffix(".0") for name, amount in given.items())

    @classmethod
    def parse(cls, text: str) -> "Augment":
        """Reads a name or `rotation=12,zoom=0.1`. Raises ValueError, with the reason."""
        if text in NAMED:
            return NAMED[text]
        amounts = {}
        for part in text.split(","):
            name, equals, value = part.partition("=")
            if name not in LIMITS or not equals or name in amounts:
                raise ValueError(
                    f"is {', '.join(NAMED)}, or amounts of {', '.join(LIMITS)}, as in "
                    "rotation=12,shift=2"
                )
            try:
                amounts[name] = float(value)
            except ValueError:
                raise ValueError(f"has a number for {name}, as in {name}=0.1") from None
        return cls(**amounts)


LIMITS = {
    "rotation": (0.0, 180.0),
    "zoom": (0.0, 0.9),
    "shear": (0.0, 2.0),
    "shift": (0.0, 20.0),
    "elastic": (0.0, 10.0),
    "smooth": (1.0, 20.0),
}
"""The range of each amount."""
DEFAULTS = {f.name: f.default for f in fields(Augment)}
NAMED = {
    "none": Augment(),
    "light": Augment(rotation=8, zoom=0.08, shift=1),
    "strong": Augment(rotation=12, zoom=0.12, shear=0.15, shift=2, elastic=1.2),
}
"""The named strengths."""

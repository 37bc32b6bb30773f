"""Random numbers without state: a pure function of a seed and a counter."""

import numpy as np
from numpy.typing import NDArray

from digitnet.engine.types import Array, Integers

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""The increment of SplitMix64: 2⁶⁴ divided by the golden ratio, rounded to an odd number."""


def uniform(seed: int, numbers: Integers, draws: int) -> Array:
    """Uniform random numbers between −1 and 1, float32, (numbers, draws): a row for each number.

    Each is a hash of the seed, the number and the column: SplitMix64 as a counter-based generator
    (Steele, Lea and Flood 2014, OOPSLA, doi 10.1145/2660193.2660195). They are multiples of 2⁻¹⁶
    with mean 0 and variance 1/3.
    """
    start = _mixed(np.array([seed % 2**64], np.uint64))
    base = _mixed(numbers.astype(np.uint64) + start)
    steps = np.arange(1, -(-draws // 4) + 1, dtype=np.uint64) * GOLDEN
    bits = _mixed(base[:, None] + steps)
    # 64 bits give four numbers, each the midpoint of one of 65,536 equal intervals
    result: Array = bits.view(np.uint16)[:, :draws].astype(np.float32)
    result -= np.float32(2**15 - 0.5)
    result *= np.float32(2**-15)
    return result


def _mixed(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The output function of SplitMix64; products are modulo 2⁶⁴."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))

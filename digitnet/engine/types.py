"""Type aliases of the engine's arrays."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.floating[Any]]
"""Real numbers, float32 or float64, C-contiguous; cases in rows."""

Integers: TypeAlias = NDArray[np.integer[Any]]
"""Whole numbers: answers, indices."""

Pixels: TypeAlias = NDArray[np.uint8] | Array
"""Inputs as a data set stores them: bytes for pictures, real numbers for tables."""

Shape: TypeAlias = tuple[int, ...]
"""The shape of one case: `(units,)`, or `(height, width, channels)` for pictures."""

"""The memory that a mini-batch takes, so that one that would take too much is refused."""

from math import prod

from digitnet.engine.network import Network

MAX_BYTES = 2 << 30
COPIES = 3
"""Times that what a layer makes of the cases is held, at most: its outputs, their error signal, and
what the derivative is computed in."""


def bytes_per_case(network: Network) -> int:
    """The approximate memory of a case in a forward and backward pass."""
    return COPIES * network.dtype.itemsize * sum(prod(layer.shape) for layer in network.layers)


def max_cases(network: Network) -> int:
    """The maximum number of cases in a forward and backward pass."""
    return max(1, MAX_BYTES // bytes_per_case(network))


def check_room(network: Network, cases: int) -> None:
    """Raises ValueError if a mini-batch of `cases` cases would take more than MAX_BYTES."""
    if cases > max_cases(network):
        need = cases * bytes_per_case(network) / (1 << 30)
        raise ValueError(
            f"a mini-batch of {cases:,} cases takes {need:,.1f} GiB with this network, more than "
            f"the {MAX_BYTES >> 30} GiB limit. Example: set batch "
            f"{min(max_cases(network), 100)}"
        )

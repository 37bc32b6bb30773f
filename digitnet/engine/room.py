"""Room: the memory that a mini-batch takes, so that none is begun that would take too much."""

from math import prod

from digitnet.engine.network import Network

MOST_BYTES = 2 << 30
COPIES = 3
"""Times that what a layer makes of the cases is held, at most: its outputs, their error signal, and
what the derivative is computed in."""


def bytes_per_case(network: Network) -> int:
    """What a case takes on its way through the layers and back, about."""
    return COPIES * network.dtype.itemsize * sum(prod(layer.shape) for layer in network.layers)


def most_cases(network: Network) -> int:
    """Cases that may be sent through the network and back at a time."""
    return max(1, MOST_BYTES // bytes_per_case(network))


def check_room(network: Network, cases: int) -> None:
    """Raises ValueError where a mini-batch of so many cases would take more than MOST_BYTES."""
    if cases > most_cases(network):
        need = cases * bytes_per_case(network) / (1 << 30)
        raise ValueError(
            f"a mini-batch of {cases:,} cases takes {need:,.1f} GiB with this network, more than "
            f"the {MOST_BYTES >> 30} GiB there are for it. Example: set batch "
            f"{min(most_cases(network), 100)}"
        )

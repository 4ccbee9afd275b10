"""rnnplay: a playground for recurrent networks in a terminal.

From Python: `RNN`, `LSTM` and `GRU` step by step, `Network` for whole sequences, `train` for a run, `trace` for
a run's activations. Each name is looked up when it is first used, so that importing the package loads nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnplay.client import train
    from rnnplay.engine import GRU, LSTM, RNN, Network
    from rnnplay.exchange.trace import trace

    __version__: str

__all__ = ["GRU", "LSTM", "RNN", "Network", "__version__", "trace", "train"]

_HOMES = {name: "rnnplay.engine" for name in ("RNN", "LSTM", "GRU", "Network")} | {
    "trace": "rnnplay.exchange.trace",
    "train": "rnnplay.client",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("rnnplay")
    if name not in _HOMES:
        raise AttributeError(f"module 'rnnplay' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)

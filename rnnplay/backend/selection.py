"""Selection of the backend that trains a run."""

from rnnplay.backend.base import Backend
from rnnplay.backend.devices import CPU
from rnnplay.backend.numpy_engine import NumpyEngine
from rnnplay.config import RunConfig
from rnnplay.engine import Architecture


def make_backend(config: RunConfig, architecture: Architecture) -> Backend:
    """The backend for the run's device. Raises UserError if the device cannot be had, TooLargeError without memory."""
    if config.device in (CPU, "auto"):
        return NumpyEngine(config, architecture)
    from rnnplay.backend.torch_engine import TorchEngine

    return TorchEngine(config, architecture)

"""A training step captured once as a CUDA graph and replayed: its kernels are launched by one call.

A graph reads and writes the addresses that it was captured with, so the inputs of each replay are copied to the
inputs of the capture.
"""

from collections.abc import Callable, Mapping
from typing import Any

Tensor = Any
Inputs = Mapping[str, Tensor]
Compute = Callable[[Inputs, Tensor], Tensor]
"""(inputs, rates) -> what the step reports, on the device."""


class CapturedStep:
    """A step for inputs of certain shapes. It must have run before on the same stream, so that all is allocated."""

    def __init__(self, torch: Any, compute: Compute, inputs: Inputs, rates: Tensor, stream: Any, pool: Any) -> None:
        """Raises RuntimeError if it cannot be captured."""
        self._inputs = {name: tensor.clone() for name, tensor in inputs.items()}
        self._rates = rates.clone()
        stream.synchronize()
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph, pool=pool, stream=stream):
            self._report = compute(self._inputs, self._rates)

    def __call__(self, inputs: Inputs, rates: Tensor) -> Tensor:
        """Replay it. What it reports is overwritten by the next replay."""
        for name, tensor in inputs.items():
            self._inputs[name].copy_(tensor, non_blocking=True)
        self._rates.copy_(rates, non_blocking=True)
        self._graph.replay()
        return self._report

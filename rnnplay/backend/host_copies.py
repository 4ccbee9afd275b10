"""Copies of a device's parameters for those who inspect, evaluate and sample on the CPU while the device trains on.

What they read is as of the last boundary between two calls of `start_steps`. Such a copy is made on the device, which
takes it microseconds; it comes to the CPU only when it is asked for, on a stream of its own, beside the training.
"""

from collections.abc import Sequence
from typing import Any

from rnnplay.engine import Network

Tensor = Any


class HostCopies:
    """NumPy networks with a device's parameters, and with their mean if there is one."""

    def __init__(self, torch: Any, stream: Any, first: Network, flats: Sequence[Tensor]) -> None:
        """first: a network with the parameters as they are. flats: the parameters, and their mean if there is one."""
        self._torch, self._stream, self._flats = torch, stream, list(flats)
        self._own_stream = None if stream is None else torch.cuda.Stream(stream.device)
        self._snapshots = [flat.detach().clone() for flat in flats]
        self._networks = [first, *(first.copy() for _ in flats[1:])]
        self._pinned = [torch.from_numpy(network.flat) for network in self._networks]
        if stream is not None:
            self._pinned = [tensor.clone().pin_memory() for tensor in self._pinned]
        self._is_current = False
        self._is_read = [False] * len(flats)
        self._event: Any = None

    def take(self) -> None:
        """Copy the parameters on the device, before steps are launched that change them."""
        if not self._is_current:
            for snapshot, flat in zip(self._snapshots, self._flats, strict=True):
                snapshot.copy_(flat.detach())
            if self._stream is not None:
                self._event = self._stream.record_event()
            self._is_current, self._is_read = True, [False] * len(self._flats)

    def release(self) -> None:
        """The parameters have changed, and no step is in flight: the next network has them as they are now."""
        self._is_current = False

    def network(self, averaged: bool = False) -> Network:
        """The network as of the last boundary: with the parameters, or with their mean."""
        which = 1 if averaged and len(self._networks) > 1 else 0
        if not self._is_current:
            if self._stream is None:
                self.take()
            else:
                with self._torch.cuda.stream(self._stream):
                    self.take()
        if not self._is_read[which]:
            self._copy(which)
            self._is_read[which] = True
        return self._networks[which]

    def _copy(self, which: int) -> None:
        pinned, snapshot = self._pinned[which], self._snapshots[which]
        if self._own_stream is None:
            pinned.copy_(snapshot)
            return
        with self._torch.cuda.stream(self._own_stream):
            self._own_stream.wait_event(self._event)
            pinned.copy_(snapshot, non_blocking=True)
        self._own_stream.synchronize()
        self._networks[which].flat[...] = pinned.numpy()

"""A training loop as one writes it in PyTorch, on any device: what the engine's steps on a GPU are compared with.

Ids stay on the device, the layers are torch.nn's, Adam is fused, the gradient's norm is clipped by one call for all
parameters, and nothing in the loop waits for the device.
"""

from typing import Any

from rnnplay.backend.devices import TorchDevice
from rnnplay.bench.child import batches
from rnnplay.bench.workloads import BATCH_COUNT, CLIP, LR, V, Workload


class PlainLoop:
    """Training steps of a workload."""

    def __init__(self, device: TorchDevice, workload: Workload) -> None:
        self._torch = torch = device.torch
        self._device = device
        torch.manual_seed(1)
        kinds = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
        self._layers = kinds[workload.cell](V, workload.hidden, workload.layers).to(device.device)
        self._readout = torch.nn.Linear(workload.hidden, V).to(device.device)
        self._parameters = [*self._layers.parameters(), *self._readout.parameters()]
        self._optimizer = torch.optim.Adam(self._parameters, lr=LR, fused=True)
        self._one_hot = torch.eye(V, device=device.device)
        self._inputs, self._targets = (
            torch.from_numpy(ids).long().to(device.device).view(BATCH_COUNT, workload.seq_len, -1)
            for ids in batches(workload)
        )
        self._uses_bfloat16 = device.compute_dtype is torch.bfloat16
        self._done = 0

    def run(self, steps: int) -> float:
        """Do so many steps, and wait for them. Returns the last one's loss."""
        torch, F = self._torch, self._torch.nn.functional
        loss: Any = None
        for _ in range(steps):
            k = self._done % BATCH_COUNT
            self._done += 1
            self._optimizer.zero_grad(set_to_none=True)
            with torch.autocast(self._device.device.type, torch.bfloat16, enabled=self._uses_bfloat16):
                h, _ = self._layers(F.embedding(self._inputs[k], self._one_hot))
                y = self._readout(h)
            loss = F.cross_entropy(y.float().view(-1, V), self._targets[k].view(-1))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self._parameters, CLIP, foreach=True)
            self._optimizer.step()
        return float(loss.item())


class LayerAlone:
    """One LSTM forward and backward in bfloat16: what NVIDIA publishes times of. inputs: (T, B, H)."""

    def __init__(self, device: TorchDevice, T: int, B: int, H: int) -> None:
        torch = device.torch
        kind = {"dtype": torch.bfloat16, "device": device.device}
        self._layer, self._x = torch.nn.LSTM(H, H, **kind), torch.randn(T, B, H, **kind).requires_grad_()
        self._upstream = torch.randn(T, B, H, **kind)

    def run(self, steps: int) -> float:
        """Do so many passes, and wait for them. Returns one number of the last."""
        h: Any = None
        for _ in range(steps):
            h, _ = self._layer(self._x)
            h.backward(self._upstream)
        return float(h[0, 0, 0].item())

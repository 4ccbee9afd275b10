"""A network on a PyTorch device: parameters in one flat tensor, the forward pass, and the loss.

Names, shapes and order of the parameters are the engine's, so flat arrays go from one to the other as they are. Layers
lie as in the engine's memory: time steps, sequences, units (T, B, H). `torch.lstm`, `torch.gru`, `torch.rnn_tanh` and
`torch.rnn_relu` compute all time steps of all layers in one call (cuDNN on a GPU); what they do not have, a plain loop
over time computes: an RNN's sigmoid and identity, padding, and input-rnn.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rnnplay.engine import Architecture
from rnnplay.engine.architecture import GATES
from rnnplay.engine.front import FILTERS, KERNEL, POOL
from rnnplay.engine.parameters import is_stored_transposed, parameter_count, parameter_shapes

Tensor = Any
LayerState = tuple[Tensor, ...]
"""The arrays of a layer's state, each (B, H), as in the engine's memory."""

_CUDNN_WITH_BFLOAT16 = 91_300  # the first cuDNN whose recurrent layers take bfloat16, as PyTorch numbers it


@dataclass(eq=False)
class DeviceBatch:
    """A batch on the device; None: it does not apply.

    inputs: ids (T, B) or values (T, B, D). targets: ids (T, B), or values (T, B, V). share (T, B): what each loss
    counts in the mean. padding (T, B, 1), source_padding (S, B, 1): True where the state stays. context: (B, F), or
    pictures (B, C, height, width). dropout: the masks, bool, in the order in which the layers take them.
    """

    inputs: Tensor
    targets: Tensor
    share: Tensor
    padding: Tensor | None = None
    source: Tensor | None = None
    source_padding: Tensor | None = None
    context: Tensor | None = None
    dropout: list[Tensor] = field(default_factory=list)


class TorchNetwork:
    """The network of an Architecture on a device; `flat` and `flat_gradient` are in the order of the engine's."""

    def __init__(self, torch: Any, a: Architecture, device: Any, compute_dtype: Any) -> None:
        """compute_dtype: of the layers' arithmetic; parameters, gradients and losses have the architecture's."""
        self.torch, self.architecture, self.device = torch, a, device
        self.dtype, self.compute_dtype = getattr(torch, a.dtype), compute_dtype
        self.flat = torch.zeros(parameter_count(a), dtype=self.dtype, device=device)
        self.flat_gradient = torch.zeros_like(self.flat)
        self._leaves: dict[str, Tensor] = {}
        self._is_transposed = {name: is_stored_transposed(a, name) for name in parameter_shapes(a)}
        start = 0
        for name, shape in parameter_shapes(a).items():
            stop = start + math.prod(shape)
            stored = shape[::-1] if self._is_transposed[name] else shape
            leaf = self.flat[start:stop].view(stored).detach().requires_grad_()
            leaf.grad = self.flat_gradient[start:stop].view(stored)  # backward adds to it in place
            self._leaves[name] = leaf
            start = stop
        one_call = a.cell in ("lstm", "gru") or (a.cell == "rnn" and a.activation in ("tanh", "relu"))
        if compute_dtype is torch.bfloat16 and device.type == "cuda":
            one_call = one_call and (torch.backends.cudnn.version() or 0) >= _CUDNN_WITH_BFLOAT16
        self.has_one_call = one_call

    def parameter(self, name: str) -> Tensor:
        """A parameter in its outward shape, of the layers' dtype; gradients flow to it."""
        leaf = self._leaves[name]
        return (leaf.t() if self._is_transposed[name] else leaf).to(self.compute_dtype)

    def zero_state(self, B: int) -> list[LayerState]:
        a = self.architecture
        sizes = [a.inputs if a.cell == "input-rnn" and layer == 0 else a.hidden for layer in range(a.layers)]
        parts = 2 if a.cell == "lstm" else 1
        return [
            tuple(self.torch.zeros(B, size, dtype=self.dtype, device=self.device) for _ in range(parts))
            for size in sizes
        ]

    def loss(self, batch: DeviceBatch, state: Sequence[LayerState] | None) -> tuple[Tensor, list[LayerState]]:
        """The sum of the losses times their shares, and the last state. state: None is the encoder's, or zero."""
        masks = list(batch.dropout)
        if state is None:
            state = self._initial_state(batch, masks)
        x = self._read(batch.inputs, self.architecture.inputs, self.architecture.inputs_are_ids)
        h, last = self._run_layers("", x, state, batch.padding, masks)
        y = (h @ self.parameter("W_hy").t()).to(self.dtype)
        if "b_y" in self._leaves:
            y = y + self._leaves["b_y"][:, 0]
        losses = self._losses(y, batch.targets)
        return (losses * batch.share).sum(), [tuple(part.to(self.dtype) for part in layer) for layer in last]

    def _losses(self, y: Tensor, targets: Tensor) -> Tensor:
        """The loss (T, B) of logits (T, B, V)."""
        F = self.torch.nn.functional
        match self.architecture.readout:
            case "softmax":
                nats = F.cross_entropy(y.flatten(0, 1), targets.flatten().long(), reduction="none")
                return nats.view(targets.shape)
            case "sigmoid":
                return F.binary_cross_entropy_with_logits(y, targets, reduction="none").mean(2)
            case "sigmoid-squared":
                return ((y.sigmoid() - targets) ** 2).mean(2)
            case _:
                return ((y - targets) ** 2).mean(2)

    def _read(self, inputs: Tensor, D: int, are_ids: bool) -> Tensor:
        """Return what the first layer reads (T, B, D): values, or one-hot columns."""
        if not are_ids:
            return inputs.to(self.compute_dtype)
        zeros = self.torch.zeros(*inputs.shape, D, dtype=self.compute_dtype, device=self.device)
        return zeros.scatter_(2, inputs.long().unsqueeze(2), 1.0)

    # ------------------------------------------------------------------------------------------------ first state

    def _initial_state(self, batch: DeviceBatch, masks: list[Tensor]) -> list[LayerState]:
        """The encoder's last state, what the context sets, or zero."""
        a, zero = self.architecture, self.zero_state(batch.inputs.shape[1])
        if batch.source is not None and a.source_vocabulary_size:
            x = self._read(batch.source, a.source_vocabulary_size, True)
            return self._run_layers("encoder.", x, zero, batch.source_padding, masks)[1]
        if batch.context is not None and a.context_size:
            f = batch.context.to(self.compute_dtype)
            if a.picture_shape is not None:
                f = self._convolve(f)
            h = self._dense(f, "W_fh", "b_fh").tanh().split(a.hidden, dim=1)
            return [(part, *layer[1:]) for part, layer in zip(h, zero, strict=True)]
        return zero

    def _dense(self, x: Tensor, W: str, b: str) -> Tensor:
        z = x @ self.parameter(W).t()
        return z + self.parameter(b)[:, 0] if b in self._leaves else z

    def _convolve(self, pictures: Tensor) -> Tensor:
        """Pictures (B, C, height, width) -> context (B, F)."""
        F = self.torch.nn.functional
        W = self.parameter("picture.W_conv").view(FILTERS, -1, KERNEL, KERNEL)
        b = self.parameter("picture.b_conv")[:, 0] if "picture.b_conv" in self._leaves else None
        pooled = F.max_pool2d(F.conv2d(pictures, W, b, padding=KERNEL // 2), POOL).relu()
        return self._dense(pooled.flatten(1), "picture.W_dense", "picture.b_dense").tanh()

    # ----------------------------------------------------------------------------------------------------- layers

    def _run_layers(
        self, prefix: str, x: Tensor, state: Sequence[LayerState], padding: Tensor | None, masks: list[Tensor]
    ) -> tuple[Tensor, list[LayerState]]:
        """x (T, B, D) -> the top layer's output after dropout (T, B, H), and each layer's last state.

        `masks` that these layers take are removed from its front.
        """
        a = self.architecture
        state = [tuple(part.to(self.compute_dtype) for part in layer) for layer in state]
        one_call = self.has_one_call and padding is None
        if one_call and not masks:
            names = [f"{prefix}l{n}." for n in range(a.layers)]
            return self._call(names, [self._weight_of(name, []) for name in names], x, state)
        last: list[LayerState] = []
        for n in range(a.layers):
            name = f"{prefix}l{n}."
            W_hh = None if a.cell == "input-rnn" else self._weight_of(name, masks)
            if one_call:
                x, (own,) = self._call([name], [W_hh], x, [state[n]])
            elif W_hh is None:
                x, own = self._input_rnn(name, x, state[n], padding)
            else:
                x, own = self._loop(name, W_hh, x, state[n], padding)
            last.append(own)
            if masks and a.dropout:
                x = x * self._scaled(masks.pop(0), a.dropout)
        return x, last

    def _weight_of(self, name: str, masks: list[Tensor]) -> Tensor:
        """W_hh of a layer, times its dropout mask if there is one."""
        W_hh = self.parameter(name + "W_hh")
        if masks and self.architecture.weight_dropout:
            W_hh = W_hh * self._scaled(masks.pop(0), self.architecture.weight_dropout)
        return W_hh

    def _scaled(self, mask: Tensor, fraction: float) -> Tensor:
        return mask.to(self.compute_dtype) * (1.0 / (1.0 - fraction))

    def _call(
        self, names: Sequence[str], W_hh: Sequence[Tensor], x: Tensor, state: Sequence[LayerState]
    ) -> tuple[Tensor, list[LayerState]]:
        """Compute all time steps of these layers in one call of PyTorch's."""
        a, torch = self.architecture, self.torch
        weights = [w for name, W in zip(names, W_hh, strict=True) for w in self._weights_for_call(name, W)]
        options = (weights, a.bias, len(names), 0.0, True, False, False)
        h0 = torch.stack([layer[0] for layer in state])
        if a.cell == "lstm":
            c0 = torch.stack([layer[1] for layer in state])
            h, h_last, c_last = torch.lstm(x, (h0, c0), *options)
            return h, list(zip(h_last.unbind(), c_last.unbind(), strict=True))
        function = {"gru": torch.gru}.get(a.cell) or getattr(torch, f"rnn_{a.activation}")
        h, h_last = function(x, h0, *options)
        return h, [(part,) for part in h_last.unbind()]

    def _weights_for_call(self, name: str, W_hh: Tensor) -> list[Tensor]:
        """W_ih, W_hh and two biases with the rows of an LSTM in PyTorch's order: i, f, g, o."""
        a, H, torch = self.architecture, self.architecture.hidden, self.torch
        W_xh = self.parameter(name + "W_xh")

        def ordered(W: Tensor) -> Tensor:
            return torch.cat((W[H:], W[:H])) if a.cell == "lstm" else W.contiguous()

        weights = [ordered(W_xh), ordered(W_hh)]
        if a.bias:
            b = ordered(self.parameter(name + "b_h"))[:, 0].contiguous()
            second = torch.zeros_like(b)  # one bias is enough, but for the GRU's n
            if a.cell == "gru":
                second = torch.cat((second[: 2 * H], self.parameter(name + "b_hn")[:, 0]))
            weights += [b, second]
        return weights

    def _loop(
        self, name: str, W_hh: Tensor, x: Tensor, state: LayerState, padding: Tensor | None
    ) -> tuple[Tensor, LayerState]:
        """One layer by the equations of engine/cells.py, a time step after the other; state holds over padding."""
        a, torch = self.architecture, self.torch
        projected = x @ self.parameter(name + "W_xh").t()
        if a.bias:
            projected = projected + self.parameter(name + "b_h")[:, 0]
        b_hn = self.parameter(name + "b_hn")[:, 0] if a.cell == "gru" and a.bias else 0.0
        G, W, outputs = len(GATES[a.cell]), W_hh.t(), []
        for t, z in enumerate(projected.unbind()):
            h_prev = state[0]
            recurrent = h_prev @ W
            if a.cell == "lstm":
                o, i, f, g = (z + recurrent).chunk(G, 1)
                c = f.sigmoid() * state[1] + i.sigmoid() * g.tanh()
                following: LayerState = (o.sigmoid() * c.tanh(), c)
            elif a.cell == "gru":
                (x_r, x_z, x_n), (h_r, h_z, h_n) = z.chunk(G, 1), recurrent.chunk(G, 1)
                n = (x_n + (x_r + h_r).sigmoid() * (h_n + b_hn)).tanh()
                following = (n + (x_z + h_z).sigmoid() * (h_prev - n),)
            else:
                following = (self._activate(z + recurrent),)
            if padding is not None:
                following = tuple(torch.where(padding[t], b, a) for a, b in zip(following, state, strict=True))
            state = following
            outputs.append(state[0])
        return torch.stack(outputs), state

    def _input_rnn(self, name: str, x: Tensor, state: LayerState, padding: Tensor | None) -> tuple[Tensor, LayerState]:
        """h = f(W_xh x + W_ph p + b_h), where p is the input of the time step before."""
        torch, p = self.torch, [state[0]]
        for t, x_t in enumerate(x.unbind()):
            p.append(x_t if padding is None else torch.where(padding[t], p[-1], x_t))
        z = x @ self.parameter(name + "W_xh").t() + torch.stack(p[:-1]) @ self.parameter(name + "W_ph").t()
        if self.architecture.bias:
            z = z + self.parameter(name + "b_h")[:, 0]
        return self._activate(z), (p[-1],)

    def _activate(self, z: Tensor) -> Tensor:
        name = self.architecture.activation
        return z if name == "identity" else getattr(self.torch, name)(z)

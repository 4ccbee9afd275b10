"""Layers on top of each other, for T time steps of B sequences: a network's body, or its encoder."""

from collections.abc import Mapping, Sequence

from rnnplay.engine.architecture import STATES, Architecture, State
from rnnplay.engine.arrays import Array, swap_last_axes, xp
from rnnplay.engine.gru import GRULayer
from rnnplay.engine.input_rnn import InputRNNLayer
from rnnplay.engine.layer import IdBatch, Layer, LayerInput, PaddingMask, StateRows
from rnnplay.engine.lstm import LSTMLayer
from rnnplay.engine.parameters import layer_parameters
from rnnplay.engine.rnn import RNNLayer

LAYER_TYPES: dict[str, type[Layer]] = {
    "rnn": RNNLayer,
    "lstm": LSTMLayer,
    "gru": GRULayer,
    "input-rnn": InputRNNLayer,
}


class LayerStack:
    """All layers of a body (prefix "") or an encoder (prefix "encoder.").

    After `forward`, outputs[l] (T, B, H) is what layer l hands on, after dropout.
    """

    def __init__(
        self,
        a: Architecture,
        values: Mapping[str, Array],
        gradients: Mapping[str, Array],
        prefix: str,
        T: int,
        B: int,
        train: bool,
    ) -> None:
        self.architecture, self.T = a, T
        self.is_ids = a.inputs_are_ids or bool(prefix)
        self.D = a.source_vocabulary_size if prefix else a.inputs
        self.layers: list[Layer] = []
        for n in range(a.layers):
            w, dw = layer_parameters(values, f"{prefix}l{n}."), layer_parameters(gradients, f"{prefix}l{n}.")
            self.layers.append(LAYER_TYPES[a.cell](w, dw, self.is_ids and n == 0, a.activation, T, B, train))
        self.outputs: list[Array] = []
        self.dropout_masks: list[Array | None] = []
        self.dx_buffers = [xp.zeros((T, B, a.hidden), a.dtype) for _ in range(a.layers - 1 if train else 0)]

    def _read(self, inputs: Array) -> LayerInput:
        """ids (T, B), or values (T, D, B) turned to lie as (T, B, D)."""
        if self.is_ids:
            return IdBatch(inputs, self.D, self.architecture.dtype)
        if inputs.ndim != 3 or inputs.shape[1] != self.D:
            raise ValueError(f"inputs: {inputs.shape} does not fit. Give values (T, {self.D}, B).")
        return xp.ascontiguousarray(swap_last_axes(inputs), self.architecture.dtype)

    def forward(
        self,
        inputs: Array,
        state: Sequence[StateRows] | None,
        mask: Array | None,
        rng: "xp.random.Generator | None",
    ) -> Array:
        """inputs as in a batch, mask (T, B) -> the top layer's h (T, B, H). Without rng nothing is dropped."""
        a = self.architecture
        x = self._read(inputs)
        padding = None if mask is None or bool(mask.all()) else PaddingMask(mask, a.dtype)
        self.outputs, self.dropout_masks = [], []
        for n, layer in enumerate(self.layers):
            W_hh = layer.parameters.get("W_hh")
            layer.pack_weights(None if W_hh is None else self._dropout_mask(W_hh.shape, a.weight_dropout, rng))
            layer.set_initial_state(None if state is None else state[n])
            layer.forward(x, padding)
            h = layer.h[1:]
            kept = self._dropout_mask(h.shape, a.dropout, rng)
            if kept is not None:
                h = h * kept
            self.dropout_masks.append(kept)
            self.outputs.append(h)
            x = h
        return self.outputs[-1]

    def _dropout_mask(self, shape: tuple[int, ...], fraction: float, rng: "xp.random.Generator | None") -> Array | None:
        """0 for the `fraction` that is dropped, 1/(1 - fraction) for the rest; None: nothing is dropped."""
        if rng is None or fraction == 0.0:
            return None
        mask: Array = (rng.random(shape, xp.float32) >= fraction).astype(self.architecture.dtype)
        mask *= 1.0 / (1.0 - fraction)
        return mask

    def backward(self, dy: Array | None, dlast: Sequence[StateRows] | None) -> list[StateRows]:
        """dL/d(top h) (T, B, H) and dL/d(last states) -> the gradients, and dL/d(first states)."""
        dfirst: list[StateRows] = []
        for n in reversed(range(len(self.layers))):
            kept = self.dropout_masks[n]
            if dy is not None and kept is not None:
                xp.multiply(dy, kept, dy)
            dx = self.dx_buffers[n - 1] if n else None
            dfirst.append(self.layers[n].backward(dy, None if dlast is None else dlast[n], dx))
            dy = dx
        return dfirst[::-1]

    def last_state(self) -> list[StateRows]:
        """The last state of every layer: views into the buffers."""
        return [layer.state_at(self.T) for layer in self.layers]


def state_from_rows(cell: str, rows: Sequence[StateRows]) -> State:
    """Arrays (B, H) as they lie in memory -> states of columns (H, B), copied."""
    return [STATES[cell](*(swap_last_axes(array.copy()) for array in layer)) for layer in rows]


def state_to_rows(state: State) -> list[StateRows]:
    """States of columns (H, B) -> arrays (B, H), views."""
    return [tuple(swap_last_axes(array) for array in layer) for layer in state]

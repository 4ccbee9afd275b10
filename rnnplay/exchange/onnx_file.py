"""One time step of a network as an ONNX graph, in the basic operators that every runtime has.

Inputs: `id` (B) of the symbols read, or `x` (B, D); the state `h` (L, B, H), and `c` of an LSTM, at first zero.
Outputs: `probabilities` (B, V) of the next symbol (`values` of a linear readout), `h_next`, `c_next`.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from rnnplay.config import UserError
from rnnplay.engine import GATES, Architecture
from rnnplay.exchange.tensor_file import Array, Arrays
from rnnplay.runs.directory import write_atomically

_OPSET, _IR_VERSION = 17, 8  # of 2022, so that older runtimes read it
_MAX_BYTES = 2**31 - 1  # of a file that is read as one message
_RNN_ACTIVATIONS = {"tanh": "Tanh", "relu": "Relu"}


def write(path: Path, a: Architecture, parameters: Arrays, metadata: dict[str, str]) -> None:
    """Write the network's time step. Raises OSError; UserError if the package onnx is missing, or for its size."""
    onnx = _onnx()
    if 4 * sum(array.size for array in parameters.values()) > _MAX_BYTES // 2:
        raise UserError("The network is too large for one ONNX file.", "Export it as safetensors.")
    graph = _Graph(onnx)
    model = onnx.helper.make_model(
        graph.step(a, parameters),
        producer_name="rnnplay",
        opset_imports=[onnx.helper.make_opsetid("", _OPSET)],
    )
    model.ir_version = _IR_VERSION
    onnx.helper.set_model_props(model, metadata)
    onnx.checker.check_model(model)
    write_atomically(path, model.SerializeToString())


def _onnx() -> Any:
    try:
        return import_module("onnx")
    except ImportError:
        raise UserError(
            "The package onnx is not installed.", "Install it: pip install onnx, or rnnplay with its extra onnx."
        ) from None


class _Graph:
    """The operators of a time step, added one by one; each method returns the name of its result."""

    def __init__(self, onnx: Any) -> None:
        self._onnx = onnx
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def step(self, a: Architecture, parameters: Arrays) -> Any:
        """The graph of one time step of the network."""
        helper, kind = self._onnx.helper, self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(a.dtype))
        integers = self._onnx.TensorProto.INT64
        state = ("h", "c") if a.cell == "lstm" else ("h",)
        read = (
            helper.make_tensor_value_info("id", integers, ["B"])
            if a.inputs_are_ids
            else helper.make_tensor_value_info("x", kind, ["B", a.inputs])
        )
        states = [helper.make_tensor_value_info(name, kind, [a.layers, "B", a.hidden]) for name in state]
        below = "id" if a.inputs_are_ids else "x"
        following: dict[str, list[str]] = {name: [] for name in state}
        for layer in range(a.layers):
            index = self.constant(f"layer_{layer}", np.array(layer))
            before = [self.add("Gather", name, index, axis=0) for name in state]
            weights = {
                name.partition(".")[2]: array for name, array in parameters.items() if name.startswith(f"l{layer}.")
            }
            reads_ids = layer == 0 and a.inputs_are_ids
            after = self._layer(a, weights, f"l{layer}.", below, before, reads_ids)
            for name, value in zip(state, after, strict=True):
                following[name].append(self.add("Unsqueeze", value, self._axis()))
            below = after[0]
        y = self.add("MatMul", below, self.constant("W_hy", parameters["W_hy"].T))
        if "b_y" in parameters:
            y = self.add("Add", y, self.constant("b_y", parameters["b_y"][:, 0]))
        output = "values" if a.readout == "linear" else "probabilities"
        if a.readout == "softmax":
            self.add("Softmax", y, axis=1, result=output)
        else:
            self.add("Identity" if a.readout == "linear" else "Sigmoid", y, result=output)
        for name, layers in following.items():
            self.add("Concat", *layers, axis=0, result=f"{name}_next")
        results = [helper.make_tensor_value_info(output, kind, ["B", a.outputs])]
        results += [helper.make_tensor_value_info(f"{name}_next", kind, [a.layers, "B", a.hidden]) for name in state]
        return helper.make_graph(self._nodes, "time_step", [read, *states], results, self._constants)

    def _layer(
        self, a: Architecture, w: Arrays, prefix: str, below: str, before: list[str], reads_ids: bool
    ) -> list[str]:
        """h (B, H) of a layer, and c of an LSTM, by the equations of engine/cells.py."""
        G, gates = len(GATES[a.cell]), GATES[a.cell]
        columns = self.constant(f"{prefix}W_xh", w["W_xh"].T)
        x = self.add("Gather", columns, below, axis=0) if reads_ids else self.add("MatMul", below, columns)
        if "b_h" in w:
            x = self.add("Add", x, self.constant(f"{prefix}b_h", w["b_h"][:, 0]))
        h = self.add("MatMul", before[0], self.constant(f"{prefix}W_hh", w["W_hh"].T))
        if a.cell == "gru":
            x_r, x_z, x_n = self._split(x, G, a.hidden)
            h_r, h_z, h_n = self._split(h, G, a.hidden)
            r = self.add("Sigmoid", self.add("Add", x_r, h_r))
            z = self.add("Sigmoid", self.add("Add", x_z, h_z))
            if "b_hn" in w:
                h_n = self.add("Add", h_n, self.constant(f"{prefix}b_hn", w["b_hn"][:, 0]))
            n = self.add("Tanh", self.add("Add", x_n, self.add("Mul", r, h_n)))
            # (1 - z) n + z h = n + z (h - n)
            return [self.add("Add", n, self.add("Mul", z, self.add("Sub", before[0], n)))]
        pre = self.add("Add", x, h)
        if a.cell == "rnn":
            return [self.add(_RNN_ACTIVATIONS[a.activation], pre)]
        parts = dict(zip(gates, self._split(pre, G, a.hidden), strict=True))
        i, f, o = (self.add("Sigmoid", parts[gate]) for gate in "ifo")
        g = self.add("Tanh", parts["g"])
        c = self.add("Add", self.add("Mul", f, before[1]), self.add("Mul", i, g))
        return [self.add("Mul", o, self.add("Tanh", c)), c]

    def _split(self, value: str, parts: int, size: int) -> list[str]:
        sizes = self.constant("sizes", np.full(parts, size))
        names = [f"{value}_{n}" for n in range(parts)]
        self._nodes.append(self._onnx.helper.make_node("Split", [value, sizes], names, axis=1))
        return names

    def _axis(self) -> str:
        return self.constant("axis", np.array([0]))

    def constant(self, name: str, value: Array) -> str:
        """A constant of the graph, once for each name."""
        if all(tensor.name != name for tensor in self._constants):
            array = np.ascontiguousarray(value if value.dtype.kind == "f" else value.astype(np.int64))
            self._constants.append(self._onnx.numpy_helper.from_array(array.reshape(value.shape), name))
        return name

    def add(self, operator: str, *inputs: str, result: str | None = None, **attributes: int) -> str:
        """An operator on named values."""
        name = result or f"v{len(self._nodes)}"
        self._nodes.append(self._onnx.helper.make_node(operator, list(inputs), [name], **attributes))
        return name

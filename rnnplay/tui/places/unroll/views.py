"""Data that Unroll shows, made from the trainer's answer: float64, T time steps first, U units shown."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from rnnplay import protocol
from rnnplay.tui.widgets.views import RunView

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, eq=False)
class SummandView:
    name: str
    value: Array  # (T, U)
    parameter: str = ""
    rows: tuple[int, ...] = ()
    step_norm: Array | None = None  # (T, U)
    largest_entry: Array | None = None  # (T, U)
    column: Array | None = None  # (T, U)


@dataclass(frozen=True, eq=False)
class GateView:
    name: str
    function: str
    summands: tuple[SummandView, ...]
    value: Array  # (T, U)
    gradient: Array  # (T, U)


@dataclass(frozen=True, eq=False)
class LayerView:
    index: int
    cell: str
    units: tuple[int, ...]
    total: int
    gates: tuple[GateView, ...]
    h: Array  # (T + 1, U)
    c: Array | None
    dh_above: Array  # (T, U)
    dh_future: Array  # (T, U)
    h_before_poke: Array  # (T, U): h before it was set by hand
    dc_future: Array | None = None
    dc: Array | None = None

    def states(self) -> tuple[str, ...]:
        """Return what a row of cells can show of a unit: h, c, and each gate."""
        return ("h", *(("c",) if self.c is not None else ()), *(gate.name for gate in self.gates if gate.name != "h"))

    def state(self, name: str) -> Array:
        """The values of `name` after each time step, (T, U); h where this layer has no such thing."""
        if name == "c" and self.c is not None:
            return self.c[1:]
        return next((gate.value for gate in self.gates if gate.name == name and name != "h"), self.h[1:])


@dataclass(frozen=True, eq=False)
class OutputsView:
    ids: tuple[int, ...]
    names: tuple[str, ...]
    total: int
    product: Array  # (T, K)
    bias: Array  # (K,)
    values: Array  # (T, K)
    gradient: Array  # (T, K)
    function: str
    other_name: str = ""  # the other class of a single yes or no
    other: Array | None = None  # (T,)


@dataclass(frozen=True, eq=False)
class PartView:
    name: str
    first: int
    total: int
    inputs: tuple[str | None, ...]
    symbols: tuple[str, ...]
    targets: tuple[str | None, ...]
    layers: tuple[LayerView, ...]
    outputs: OutputsView | None
    losses: tuple[float | None, ...]
    target_probabilities: tuple[float | None, ...]
    previous_probabilities: tuple[float | None, ...]
    truths: tuple[tuple[str, tuple[float, ...]], ...] = ()


@dataclass(frozen=True, eq=False)
class ParameterView:
    name: str
    shape: tuple[int, int]
    norm: float
    step_norms: Array  # (T,)


@dataclass(frozen=True, eq=False)
class UnrollView(RunView):
    """An unrolled example and where one stands in it: column `time` over all parts, row `unit` of layer `layer`."""

    title: str = ""
    parts: tuple[PartView, ...] = ()
    parameters: tuple[ParameterView, ...] = ()
    loss: float | None = None
    unit_of_loss: str = "nats"
    changed: tuple[str, ...] = ()
    note: str = ""
    words: str = ""
    step: int = 0  # after which the network stood so
    time: int = 0  # column, counted over all parts
    row: int = 0  # 0: the input; then each unit shown of each layer
    state: str = "h"  # h, c or a gate's letter
    opened: bool = False
    rolled: bool = False
    playing: bool = False  # columns after `time` are not computed yet
    empty: str = ""

    def place(self) -> tuple[int, int]:
        """(part, time step within the columns of that part) of the cursor."""
        left = self.time
        for n, part in enumerate(self.parts):
            if left < len(part.inputs):
                return n, left
            left -= len(part.inputs)
        return len(self.parts) - 1, max(0, len(self.parts[-1].inputs) - 1)

    def cell(self) -> tuple[int, int] | None:
        """(layer, unit's place among those shown) of the cursor's row; None: it stands on the input."""
        left = self.row - 1
        if left < 0 or not self.parts:
            return None
        for n, layer in enumerate(self.parts[0].layers):
            if left < len(layer.units):
                return n, left
            left -= len(layer.units)
        return None

    @property
    def columns(self) -> int:
        return sum(len(part.inputs) for part in self.parts)

    @property
    def rows(self) -> int:
        return 1 + sum(len(layer.units) for layer in self.parts[0].layers) if self.parts else 1


_VIEWS: dict[str, type[Any]] = {
    "summands": SummandView,
    "gates": GateView,
    "layers": LayerView,
    "outputs": OutputsView,
    "parts": PartView,
    "parameters": ParameterView,
}


def open_arrays(name: str, value: Any) -> Any:
    """Return what the trainer sent in the field `name` as the views have it, with its arrays opened."""
    if isinstance(value, protocol.PackedArray):
        return value.array()
    if isinstance(value, tuple) and name in _VIEWS:
        return tuple(open_arrays(name, one) for one in value)
    if name == "truths":
        return tuple((truth.name, truth.values) for truth in value)
    if value is not None and name in _VIEWS:
        return _VIEWS[name](**{f.name: open_arrays(f.name, getattr(value, f.name)) for f in fields(_VIEWS[name])})
    return value


def unroll_view(event: protocol.Unrolled, before: UnrollView, title: str, generation: int) -> UnrollView:
    """Return `event` as it is shown, with the cursor where it was in `before` as far as that exists."""
    view = replace(
        before,
        title=event.title if event.title.split(" ")[0] == title else f"{title} · {event.title}",
        step=event.step,
        parts=open_arrays("parts", event.parts),
        parameters=open_arrays("parameters", event.parameters),
        loss=event.loss,
        unit_of_loss=event.unit_of_loss,
        changed=event.changed,
        note=event.note,
        words=event.summary,
        empty="",
        generation=generation,
    )
    return replace(view, time=min(view.time, max(0, view.columns - 1)), row=min(view.row, view.rows - 1))

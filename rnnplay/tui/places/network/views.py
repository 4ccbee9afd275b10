"""Data that Network shows, and the functions that make it from the trainer's answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnplay import protocol
from rnnplay.tui.widgets.views import RunView

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class MatrixRow:
    """A parameter in the list."""

    title: str
    shape: tuple[int, int]
    norm: float | None

    @property
    def count(self) -> int:
        return self.shape[0] * self.shape[1]


@dataclass(frozen=True)
class GateRow:
    """The fractions of a layer's units whose gate is mostly open and mostly shut, and what that means."""

    name: str  # with the layer's number where there are several
    mostly_open: float
    mostly_shut: float
    meaning: str


@dataclass(frozen=True, eq=False)
class ListView(RunView):
    """All parameters, and the gates below them."""

    rows: tuple[MatrixRow, ...] = ()
    cursor: int = 0
    parameters: int = 0
    gates: tuple[GateRow, ...] = ()
    characters: int = 0
    empty: str = ""


@dataclass(frozen=True, eq=False)
class MatrixView(RunView):
    """The weights around the cursor, now and as they were at an earlier checkpoint."""

    title: str = ""
    step: int = 0
    values: Array | None = None  # (rows, columns)
    earlier: Array | None = None
    earlier_step: int | None = None
    row: int = 0
    column: int = 0
    row_name: str = ""
    column_name: str = ""
    empty: str = ""


@dataclass(frozen=True, eq=False)
class SpectrumView(RunView):
    """Singular values (descending) and eigenvalues (2, H), real and imaginary parts."""

    norm: float | None = None
    earlier_norm: float | None = None
    singular_values: tuple[float, ...] = ()
    eigenvalues: Array | None = None
    gate: str = ""
    note: str = ""


def list_view(event: protocol.NetworkDescribed, cursor: int, generation: int) -> ListView:
    """Return the list of parameters with its cursor, and the gates."""
    several = len({gate.layer for gate in event.gates}) > 1
    return ListView(
        rows=tuple(MatrixRow(m.title, m.shape, m.norm) for m in event.matrices),
        cursor=cursor,
        parameters=event.parameters,
        gates=tuple(
            GateRow(f"{g.layer + 1}.{g.gate}" if several else g.gate, g.mostly_open, g.mostly_shut, g.meaning)
            for g in event.gates
        ),
        characters=event.characters,
        generation=generation,
    )


def matrix_view(event: protocol.MatrixShown, place: tuple[int, int], generation: int) -> MatrixView:
    """Return the matrix with the cursor at `place`, (row, column) from 0."""
    row, column = place
    earlier = event.earlier
    return MatrixView(
        title=event.title,
        step=event.now.step,
        values=event.now.values.array(),
        earlier=None if earlier is None else earlier.values.array(),
        earlier_step=None if earlier is None else earlier.step,
        row=row,
        column=column,
        row_name=event.rows[row] if row < len(event.rows) else f"row {row + 1}",
        column_name=event.columns[column] if column < len(event.columns) else f"column {column + 1}",
        generation=generation,
    )


def spectrum_view(event: protocol.MatrixShown, generation: int) -> SpectrumView:
    """Return norm, singular values and eigenvalues of the matrix."""
    packed = event.now.eigenvalues
    eigenvalues = None if packed is None else packed.array()
    return SpectrumView(
        norm=event.now.norm,
        earlier_norm=None if event.earlier is None else event.earlier.norm,
        singular_values=event.now.singular_values,
        eigenvalues=None if eigenvalues is None or not eigenvalues.size else eigenvalues,
        gate=event.gate if len(event.gates) > 1 else "",
        note=event.note,
        generation=generation,
    )

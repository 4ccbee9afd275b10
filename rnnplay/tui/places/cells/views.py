"""What the screens Cells and Sample show, as plain data: U units, N characters of the text shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rnnplay.tui.widgets.views import UnitRow

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class FindingView:
    """What the finder said. `cursor` is the place of the unit that is shown, None where it is not among those found."""

    pattern: str = ""
    measure: str = "AUC"
    units: tuple[UnitRow, ...] = ()
    cursor: int | None = None
    rolled: float = 0.0
    untrained: float = 0.0
    convincing: bool = True
    sentence: str = ""
    pair: str = ""  # two units that tell more together, in words
    step: int = 0
    waiting: bool = False
    empty: str = ""


@dataclass(frozen=True)
class ProofView:
    """What ablating a unit costs, in nats a character; `others` are the changes for other units of the layer."""

    unit: str = ""  # as a person names it: layer 1 unit 37
    pattern: str = ""
    to: str = ""
    inside: float = 0.0
    outside: float = 0.0
    others: tuple[float, ...] = ()
    sentence: str = ""
    waiting: bool = False
    done: float = 0.0


@dataclass(frozen=True, eq=False)
class GatePoints:
    """One gate of one layer: for each unit the share of time steps at which the gate is shut, and is open."""

    layer: int
    gate: str
    left: Array  # (H,)
    right: Array  # (H,)


@dataclass(frozen=True, eq=False)
class GatesView:
    gates: tuple[GatePoints, ...] = ()
    unit: tuple[int, int] | None = None  # the unit that is shown: (layer, unit)
    step: int = 0
    empty: str = ""


@dataclass(frozen=True)
class HistoryView:
    """One unit through the checkpoints of its run; `at` is the place of the one that is shown, None: the present."""

    unit: str = ""
    pattern: str = ""
    measure: str = "AUC"
    steps: tuple[int, ...] = ()
    values: tuple[float, ...] = ()
    at: int | None = None
    waiting: bool = False
    done: float = 0.0
    empty: str = ""


@dataclass(frozen=True, eq=False)
class StripView:
    """Many units below a line of text: rows are (layer, unit)."""

    symbols: tuple[str, ...] = ()  # N
    values: Array | None = None  # uint8 (L, H, N): 0 is -scale, 127 zero, 254 +scale
    rows: tuple[tuple[int, int], ...] = ()
    notes: tuple[str, ...] = ()  # what stands after each name: its AUC
    chosen: int = 0  # row
    cursor: int = 0  # character
    state: str = "h"  # h, c or a gate


@dataclass(frozen=True)
class CursorView:
    """The character that is pointed at: its unit's value, its surprise, and what the network expects after it."""

    symbol: str = ""
    value: float | None = None
    surprise: float | None = None  # bits
    candidates: tuple[tuple[str, float], ...] = ()
    place: str = ""

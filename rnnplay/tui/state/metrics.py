"""The metrics of a run as growing arrays: what the curves are drawn from."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from rnnplay.protocol import Row

_COLUMNS = ("step", "loss", "loss_min", "loss_max", "grad_norm", "clipped", "lr", "seconds")


class MetricsTable:
    """Columns by name, each (N,) float64 without a copy; what was not finite is NaN."""

    def __init__(self) -> None:
        self.count = 0
        self._table: np.ndarray[Any, Any] | None = None

    def add(self, rows: Iterable[Row]) -> None:
        import numpy as np

        new = [[_number(getattr(row, name)) for name in _COLUMNS] for row in rows]
        if not new:
            return
        if self._table is None:
            self._table = np.empty((len(_COLUMNS), 4_096))
        while self.count + len(new) > self._table.shape[1]:
            self._table = np.concatenate((self._table, np.empty_like(self._table)), axis=1)
        self._table[:, self.count : self.count + len(new)] = np.array(new).T
        self.count += len(new)

    def __getitem__(self, name: str) -> np.ndarray[Any, Any]:
        import numpy as np

        if self._table is None:
            return np.empty(0)
        return self._table[_COLUMNS.index(name), : self.count]


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)

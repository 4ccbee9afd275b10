"""Selection of a person: a unit, a character of the text, a checkpoint. Play, Cells and Sample share it."""

from __future__ import annotations

from collections.abc import Sequence


class Selection:
    """Layers and units count from 0; `cursor` is a character of the whole text, None where none is pointed at.

    `is_chosen`: a person chose the unit, so that it stays. `checkpoint` is the training step whose weights are shown,
    None for the network as it is.
    """

    def __init__(self) -> None:
        self.layer = self.unit = 0
        self.reset()

    def reset(self) -> None:
        """Point at nothing; layer and unit stay."""
        self.cursor: int | None = None
        self.by_surprise = self.is_chosen = False
        self.direction: str | None = None  # of this feature: all units of a layer together are shown, not one
        self.checkpoint: int | None = None

    def select(self, layer: int, unit: int, by_person: bool = True) -> None:
        """Show this unit."""
        self.layer, self.unit, self.by_surprise, self.direction = layer, unit, False, None
        self.is_chosen = self.is_chosen or by_person

    def step(self, by: int, order: Sequence[tuple[int, int]]) -> None:
        """Move by so many places in `order`, all units as (layer, unit), round and round."""
        if order:
            selected = (self.layer, self.unit)
            self.select(*(order[(order.index(selected) + by) % len(order)] if selected in order else order[0]))

    def fit(self, layers: int, units: int) -> None:
        """Stay within a network of `layers` x `units`."""
        self.layer, self.unit = min(self.layer, layers - 1), min(self.unit, units - 1)

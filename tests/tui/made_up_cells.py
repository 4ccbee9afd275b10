"""Made-up answers about cells: the units that follow a feature; and the way to Cells."""

from __future__ import annotations

from typing import Any

from person import Person

from rnnplay import protocol as say
from rnnplay.tui.places.cells.screen import CellsPlace

FEATURES = ("inside quotes", "inside parentheses", "column")


def unit(layer: int, number: int, strength: float, sign: int = 1, state: str = "h") -> say.ScoredUnit:
    value = strength if sign > 0 else 1 - strength
    return say.ScoredUnit(layer=layer, unit=number, state=state, value=value, strength=strength, sign=sign)


def found(**changes: Any) -> say.UnitsFound:
    fields: dict[str, Any] = {
        "pattern": "inside quotes",
        "step": 120,
        "measure": "AUC",
        "units": (unit(1, 4, 0.97), unit(0, 2, 0.81, -1), unit(1, 0, 0.77)),
        "rolled_control": 0.56,
        "untrained": 0.66,
        "convincing": True,
        "fraction": 0.4,
        "characters": 10_000,
        "sentence": "Unit 5 of layer 2 is high inside quotes: AUC 0.97 (rolled 0.56, untrained 0.66).",
    }
    return say.UnitsFound(**(fields | changes))


async def in_cells(person: Person, *events: say.AnyEvent) -> CellsPlace:
    await person.press("3", "f")
    await person.tell(*events)
    assert isinstance(person.screen, CellsPlace)
    return person.screen

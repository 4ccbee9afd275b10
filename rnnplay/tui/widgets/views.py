"""Plain data that a panel shows: frozen, made in one place of what the trainer told, painted without asking further."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class HeaderView:
    """The first line: what is being learned by what, and how it stands. Parts are dropped from the end when short."""

    left: tuple[str, ...] = ()
    state: str = ""
    mood: str = ""  # good | bad | "": how the state is coloured
    right: tuple[str, ...] = ()


@dataclass(frozen=True)
class StatusView:
    """The line above the keys: one sentence on how things stand, one on what to do."""

    text: str = ""
    remedy: str = ""
    mood: str = ""  # good | bad | ""


@dataclass(frozen=True)
class KeyHint:
    key: str  # as it is shown
    label: str
    action: str  # as Textual names it


@dataclass(frozen=True)
class KeysView:
    """The last line: the keys of the moment, the most needed first."""

    keys: tuple[KeyHint, ...] = ()
    always: int = 2  # so many at the end are never left out


@dataclass(frozen=True)
class TabsView:
    """The panels' names where only one fits at a time."""

    names: tuple[str, ...] = ()
    active: int = 0


@dataclass(frozen=True, eq=False)
class CellsView:
    """A text on the colour of one unit's activation."""

    symbols: tuple[str, ...] = ()  # N
    values: Array | None = None  # uint8 (L, H, N): 0 is -scale, 127 zero, 254 +scale
    scale: float = 1.0
    surprise: Array | None = None  # uint8 (N,): tenths of a bit
    layer: int = 0
    unit: int = 0
    top: int = 0  # first row of the text that is shown
    cursor: int | None = None  # the character that is pointed at
    by_surprise: bool = False
    step: int = 0
    start: int = 0
    total: int = 0
    state: str = "h"
    cell: str = ""
    follows: str = ""  # what this unit was found to follow
    best: tuple[UnitRow, ...] | None = None  # the units that follow what was looked for; None: nothing was
    empty: str = ""


@dataclass(frozen=True)
class AdviceView:
    name: str
    cause: str
    remedy: str


@dataclass(frozen=True)
class HealthView:
    advice: tuple[AdviceView, ...] = ()


@dataclass(frozen=True)
class UnitRow:
    """A unit that was found. Layers and units count from 0; `sign` 1: high where the feature is true."""

    layer: int
    unit: int
    state: str
    value: float
    strength: float
    sign: int


@dataclass(frozen=True)
class WrittenView:
    """A sampled text. Where it is stopped, `choices` may come next and `chosen` is the one under the cursor."""

    text: tuple[str, ...] = ()
    probabilities: tuple[float | None, ...] = ()  # of each of `text`; None: given by hand
    prompt: int = 0  # symbols at the start that were given
    cursor: int | None = None  # where one stands: from there on it was taken back; None: it is being written
    choices: tuple[tuple[str, float], ...] = ()
    chosen: int = 0
    copied: tuple[int, int] | None = None  # (start, length) in `text`
    back: int = 0  # rows scrolled back from the end
    running: bool = False
    title: str = ""
    foot: str = ""
    empty: str = ""

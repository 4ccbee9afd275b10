"""Data that panels of several places show: frozen, made from the session, painted without asking further."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, eq=False, kw_only=True)
class RunView:
    """Base of a run's views: the generation of that run, 0 where there is none."""

    generation: int = 0


@dataclass(frozen=True, eq=False)
class HeaderView(RunView):
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
    more: str = ""  # what is said too where all of it fits into one row


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


@dataclass(frozen=True)
class ExplainedRow:
    """A feature and the unit that follows it best. Layers and units count from 0."""

    layer: int
    unit: int
    state: str
    feature: str
    score: float  # AUC, mirrored where it is below 0.5, or rank correlation
    is_auc: bool
    convincing: bool  # whether the unit stands clear of the controls
    growth: tuple[float, ...] = ()  # the score's magnitude, census after census
    sentence: str = ""


@dataclass(frozen=True)
class Direction:
    """All units of a layer together, as a weighted sum that follows a feature."""

    feature: str
    layer: int
    together: str  # how well, in words: AUC 0.99
    carriers: tuple[int, ...]  # the units that carry most of it


@dataclass(frozen=True, eq=False)
class CellsView(RunView):
    """A text on the colour of one unit's activation, or of a layer's `direction`: then `values` has this one row."""

    symbols: tuple[str, ...] = ()  # N
    values: Array | None = None  # uint8 (L, H, N): 0 is -scale, 127 zero, 254 +scale
    scale: float = 1.0
    surprise: Array | None = None  # uint8 (N,): tenths of a bit
    layer: int = 0
    unit: int = 0
    first_row: int = 0  # of the text that is shown: the panel's own
    cursor: int | None = None  # the character of `symbols` that is pointed at
    by_surprise: bool = False
    step: int = 0
    start: int = 0
    total: int = 0
    symbol_name: str = "characters"  # what a time step reads, in the plural
    state: str = "h"
    follows: str = ""  # what this unit was found to follow
    explained: tuple[ExplainedRow, ...] = ()  # listed beside the text, the most surprising first
    explained_step: int | None = None  # after which that was measured
    direction: Direction | None = None
    best: tuple[UnitRow, ...] | None = None  # the units that follow what was looked for; None: nothing was
    empty: str = ""


@dataclass(frozen=True)
class AdviceView:
    name: str
    cause: str
    remedy: str


@dataclass(frozen=True, eq=False)
class HealthView(RunView):
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


@dataclass(frozen=True, eq=False)
class SampledTextView(RunView):
    """A sampled text. If it is stopped, `choices` may come next and `chosen` is the one that `enter` writes."""

    text: tuple[str, ...] = ()
    probabilities: tuple[float | None, ...] = ()  # of each of `text`; None: it was not drawn
    prompt: int = 0  # symbols at the start that were given
    coloured: bool = True  # by probability
    cursor: int | None = None  # from this symbol on it was taken back; None: it is being written
    choices: tuple[tuple[str, float], ...] = ()
    chosen: int = 0
    candidates: tuple[tuple[str, float], ...] = ()  # for the next symbol, in rows below the text
    drawn: tuple[float, ...] = ()  # of each choice or candidate the probability as drawn; empty: not known
    drawable: int = 0  # symbols that can be drawn, the likeliest ones
    cut: str = ""  # what leaves out the others: "top-k 3"; empty: nothing
    copied: tuple[int, int] | None = None  # (start, length) in `text`
    rows_from_end: int = 0  # scrolled back
    running: bool = False
    done: bool = False  # it has reached its length
    number: str = ""  # of its panel
    title_parts: tuple[str, ...] = ()
    key_figures: tuple[tuple[str, str], ...] = ()  # (label, value)
    foot: str = ""
    empty: str = ""

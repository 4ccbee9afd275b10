"""Plain data that a panel shows: frozen, made in one place of what the trainer told, painted without asking further."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rnnplay.tui.cells_views import FindingView
from rnnplay.tui.example_views import ExampleView

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


@dataclass(frozen=True)
class TaskItem:
    name: str
    group: str
    title: str
    line: str
    teaches: str
    shape: str


@dataclass(frozen=True)
class TasksView:
    """The tasks in their groups, the one under the cursor, and the one that runs."""

    items: tuple[TaskItem, ...] = ()
    cursor: int = 0
    running: str | None = None


@dataclass(frozen=True)
class FormRow:
    label: str
    value: str
    changed: bool = False  # differs from the run that is shown
    live: bool = False  # changes while it runs
    told: str = ""  # what it is, in a line


@dataclass(frozen=True)
class FormView:
    """Fields to edit in place. `cursor` is the chosen row, -1 where none is; `typed` what is being typed into it."""

    title: str = ""
    rows: tuple[FormRow, ...] = ()
    cursor: int = -1
    typed: str | None = None
    note: str = ""


@dataclass(frozen=True)
class Level:
    """A horizontal line with a name: a baseline, the clipping threshold."""

    label: str
    value: float


@dataclass(frozen=True, eq=False)
class CurveView:
    """One quantity over training steps. Arrays have one element for each row of metrics (N); NaN where not finite."""

    title: str
    ink: str  # loss | gradient
    steps: Array  # (N,) the last step of each block
    mean: Array  # (N,)
    low: Array  # (N,)
    high: Array  # (N,)
    marks: tuple[tuple[int, float], ...] = ()  # (step, value): validation
    levels: tuple[Level, ...] = ()
    log: bool = False
    limit: int | None = None  # the step at which the run ends
    figure: tuple[tuple[str, str], ...] = ()  # (label, value): the line to remember
    more: tuple[tuple[str, str], ...] = ()  # what the full screen shows beside it
    empty: str = ""  # what to say where there is nothing yet


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
    found: FindingView | None = None  # the units that follow what was looked for
    empty: str = ""


@dataclass(frozen=True, eq=False)
class SampleView:
    """A text that the network writes, and what it may write next."""

    text: tuple[str, ...] = ()
    probabilities: tuple[float, ...] = ()  # of the last characters of `text`; the prompt has none
    prompt_length: int = 0  # characters at the start of `text` that were given
    candidates: tuple[tuple[str, float], ...] = ()
    coloured: bool = False
    back: int = 0  # rows scrolled back from the end
    done: bool = False
    settings: tuple[str, ...] = ()  # as the title lists them
    facts: tuple[tuple[str, str], ...] = ()
    form: FormView | None = None
    example: ExampleView | None = None  # instead of a text
    empty: str = ""

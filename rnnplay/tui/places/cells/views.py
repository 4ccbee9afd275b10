"""Data that Cells shows, and the functions that make it from the session: U units, N characters of the text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rnnplay import protocol
from rnnplay.tui.paint.numbers import score
from rnnplay.tui.places.views import cursor_in_trace, explained_rows, has_surprise, loss_unit, unit_rows
from rnnplay.tui.session import RunSession
from rnnplay.tui.state.cells import SUGGESTED_PATTERN, unit_name
from rnnplay.tui.widgets.views import CellsView, ExplainedRow, RunView, UnitRow

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, eq=False)
class FindingView(RunView):
    """Units that were found. `cursor` is the place of the unit that is shown, None if it is not among them."""

    pattern: str = ""
    measure: str = "AUC"
    units: tuple[UnitRow, ...] = ()
    cursor: int | None = None
    rolled: float | None = 0.0  # None: that control says nothing about the feature
    untrained: float = 0.0
    convincing: bool = True
    sentence: str = ""
    pair: str = ""  # two units that tell more together, in words
    group: str = ""  # the units over which the feature is spread, in words
    explained: tuple[ExplainedRow, ...] = ()  # what units follow, until something is looked for
    shown: tuple[int, int] | str = (0, 0)  # the unit that is shown, or the feature whose direction is
    step: int = 0
    waiting: bool = False
    empty: str = ""


@dataclass(frozen=True, eq=False)
class ProofView(RunView):
    """Cost of ablating a unit, in `loss_unit`; `others` are the changes for other units of the layer."""

    unit: str = ""  # as a person names it: layer 1 unit 37
    pattern: str = ""
    to: str = ""
    inside: float = 0.0
    outside: float = 0.0
    others: tuple[float, ...] = ()
    sentence: str = ""
    loss_unit: str = "nats a character"
    step: int = 0
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
class GatesView(RunView):
    gates: tuple[GatePoints, ...] = ()
    unit: tuple[int, int] | None = None  # the unit that is shown: (layer, unit)
    step: int = 0
    empty: str = ""


@dataclass(frozen=True, eq=False)
class HistoryView(RunView):
    """One unit through the checkpoints of its run; `at` is the place of the one that is shown, None: the present."""

    unit: str = ""
    pattern: str = ""
    measure: str = "AUC"
    steps: tuple[int, ...] = ()
    values: tuple[float, ...] = ()
    at: int | None = None
    best: int | None = None  # place of the checkpoint of the best evaluation
    waiting: bool = False
    done: float = 0.0
    empty: str = ""


@dataclass(frozen=True, eq=False)
class StripView(RunView):
    """Many units below a line of text: rows are (layer, unit)."""

    symbols: tuple[str, ...] = ()  # N
    values: Array | None = None  # uint8 (L, H, N): 0 is -scale, 127 zero, 254 +scale
    rows: tuple[tuple[int, int], ...] = ()
    notes: tuple[str, ...] = ()  # what stands after each name: its AUC
    chosen: int = 0  # row
    cursor: int = 0  # character
    state: str = "h"  # h, c or a gate


@dataclass(frozen=True, eq=False)
class CursorView(RunView):
    """The character that is pointed at: its unit's value, its surprise, and what the network expects after it."""

    symbol: str = ""
    value: float | None = None
    surprise: float | None = None  # bits
    candidates: tuple[tuple[str, float], ...] = ()
    scale: float = 1.0  # beyond which values are cut off where it is above 1


FIND_EMPTY = (
    "/ looks for a feature: a name that the task knows, or a regular expression such as {pattern}. "
    "It ranks all units by how well they follow it."
)
_MAX_ROWS = 200  # units below a line of text


def find_view(session: RunSession) -> FindingView:
    """Return the units that follow what was looked for, or what to do to look for something."""
    cells, selection = session.cells, session.selection
    finding = cells.finding
    if finding is None or cells.is_waiting(protocol.UnitsFound):
        question = cells.waiting.get(protocol.UnitsFound)
        feature = cells.feature_explained(selection.direction) or cells.explained_by(selection.layer, selection.unit)
        suggested = ", ".join(cells.features[:3]) if cells.features else SUGGESTED_PATTERN
        return FindingView(
            pattern=question.about if question is not None else "",
            waiting=question is not None,
            explained=explained_rows(cells),
            shown=selection.direction or (selection.layer, selection.unit),
            sentence=feature.sentence if feature is not None else "",
            step=cells.census.step if cells.census is not None else 0,
            empty=FIND_EMPTY.format(pattern=suggested),
            generation=session.generation,
        )
    return FindingView(
        pattern=finding.pattern,
        measure=finding.measure,
        units=unit_rows(cells),
        cursor=cells.index_of(selection.layer, selection.unit),
        rolled=finding.rolled_control if not finding.rolled_says_nothing else None,
        untrained=finding.untrained,
        convincing=finding.convincing,
        sentence=finding.sentence,
        pair=_pair_words(finding),
        group=_group_words(finding),
        step=finding.step,
        generation=session.generation,
    )


def _pair_words(finding: protocol.UnitsFound) -> str:
    """Return two units in words, if they follow the feature clearly better than the best one."""
    pair = finding.pair
    if pair is None or not finding.units or pair.strength < finding.units[0].strength + 0.005:
        return ""
    one, two = pair.units
    sign = "plus" if pair.weights[0] * pair.weights[1] > 0 else "minus"
    return (
        f"{one.layer + 1}.{one.unit + 1} {one.state} {sign} {abs(pair.weights[1] / pair.weights[0]):.2g} times "
        f"{two.layer + 1}.{two.unit + 1} {two.state}: {pair.strength:.3f}."
    )


def _group_words(finding: protocol.UnitsFound) -> str:
    """Return the units over which a feature is spread, and how to ablate them; empty if one unit follows it."""
    group = finding.group
    if group is None:
        return ""
    return f"Together: {' '.join(f'{group.layer + 1}.{unit + 1}' for unit in group.units)}. A holds all of them."


def ablation_view(session: RunSession) -> ProofView:
    """Return what ablating a unit costs, or how far that has come."""
    cells = session.cells
    if (question := cells.waiting.get(protocol.UnitAblated)) is not None:
        return ProofView(unit=question.about, waiting=True, done=cells.progress, generation=session.generation)
    answer = cells.ablated
    if answer is None:
        return ProofView(generation=session.generation)
    return ProofView(
        unit=unit_name(answer.layer, answer.unit, len(answer.more_units)),
        pattern=answer.pattern,
        to=answer.clamp_to,
        inside=answer.inside,
        outside=answer.outside,
        others=answer.others_inside,
        sentence=answer.sentence,
        step=answer.step,
        loss_unit=loss_unit(session.facts),
        generation=session.generation,
    )


def gates_view(session: RunSession) -> GatesView:
    """Return how saturated the gates are."""
    gates, selection = session.cells.gates, session.selection
    if gates is None:
        return GatesView(empty="…", generation=session.generation)
    if not gates.gates:
        empty = "This cell has no gates: LSTM and GRU have."
        return GatesView(empty=empty, step=gates.step, generation=session.generation)
    points = tuple(
        GatePoints(g.layer, g.gate, g.left_saturated.array(), g.right_saturated.array()) for g in gates.gates
    )
    unit = (selection.layer, selection.unit)
    return GatesView(gates=points, unit=unit, step=gates.step, generation=session.generation)


def history_view(session: RunSession) -> HistoryView:
    """Return how a unit came to follow the feature, or how far reading the checkpoints has come."""
    cells = session.cells
    if (question := cells.waiting.get(protocol.HistoryComputed)) is not None:
        return HistoryView(unit=question.about, waiting=True, done=cells.progress, generation=session.generation)
    answer = cells.history
    if answer is None:
        empty = "[ follows the unit through the run's checkpoints."
        empty = empty if cells.finding else f"Look for a feature first (/). Then {empty}"
        return HistoryView(empty=empty, generation=session.generation)
    step = session.selection.checkpoint
    return HistoryView(
        unit=unit_name(answer.layer, answer.unit),
        pattern=answer.pattern,
        measure=cells.finding.measure if cells.finding is not None else "AUC",
        steps=answer.steps,
        values=answer.values,
        at=answer.steps.index(step) if step in answer.steps else None,
        best=answer.steps.index(answer.best_step) if answer.best_step in answer.steps else None,
        empty="The run has one checkpoint so far.",
        generation=session.generation,
    )


def unit_rows_view(session: RunSession, text: CellsView) -> StripView:
    """Return many units below a line of text, best first once something was found."""
    if text.values is None or text.direction is not None:  # a direction's values are no unit's
        return StripView(generation=session.generation)
    rows = session.cells.order()[:_MAX_ROWS]
    finding = session.cells.finding
    notes: list[str] = []
    if finding is not None:
        best = {(u.layer, u.unit): u.strength for u in reversed(finding.units)}
        notes = [score(best[row]) if row in best else "" for row in rows]
    selected = (text.layer, text.unit)
    return StripView(
        symbols=text.symbols,
        values=text.values,
        rows=tuple(rows),
        notes=tuple(notes),
        chosen=rows.index(selected) if selected in rows else 0,
        cursor=text.cursor or 0,
        state=text.state,
        generation=session.generation,
    )


def cursor_view(session: RunSession, text: CellsView) -> CursorView:
    """Return the character that is pointed at: its value in `text`, surprise, and what the network expects after it."""
    trace, at = session.cells.trace, cursor_in_trace(session)
    if trace is None or at is None or text.values is None:
        return CursorView(generation=session.generation)
    value = (int(text.values[text.layer, text.unit, at]) - 127) / 127 * text.scale
    candidates: list[tuple[str, float]] = []
    if trace.candidates is not None and trace.probabilities is not None and session.facts is not None:
        names = session.facts.vocabulary
        chances = trace.probabilities.array()[:, at].tolist()
        candidates = [(names[i], p) for i, p in zip(trace.candidates.array()[:, at].tolist(), chances, strict=True)]
    return CursorView(
        trace.symbols[at],
        value,
        int(trace.surprise.array()[at]) / 10 if has_surprise(session) else None,
        tuple(candidates),
        text.scale,
        generation=session.generation,
    )

"""Data that several places show, made from the session: header, status, health, heatmap."""

from __future__ import annotations

from dataclasses import replace

from rnnplay import protocol
from rnnplay.config import RunConfig, UserError
from rnnplay.formatting import reading_words, short
from rnnplay.tui.forms.fields import NAMES
from rnnplay.tui.paint.numbers import count, duration, figure, percent, rate
from rnnplay.tui.session import RunSession
from rnnplay.tui.state.cells import CellsState
from rnnplay.tui.state.census import best_units
from rnnplay.tui.state.loss_course import HeldOutCourse, held_out_course
from rnnplay.tui.widgets.views import (
    AdviceView,
    CellsView,
    Direction,
    ExplainedRow,
    HeaderView,
    HealthView,
    StatusView,
    UnitRow,
)
from rnnplay.verdicts import HeldOut, least_convincing

_NEAR = 0.1  # share of the shown step by which a measurement may be older and need not say so
_DIRECTION_SCALE = 2.5  # spreads of a weighted sum that are full colour
SEVERITY = {"training": "good", "finished": "good", "diverged": "bad", "dead": "bad", "failed": "bad"}
HELD_OUT_WORDS = {HeldOut.OVERFITS: "it overfits", HeldOut.WORSE: "it got worse"}
NO_GATES = ("This cell has no gates: its hidden state h is all that it has.", "LSTM and GRU have gates.")
STATES = {"idle": "ready", "dead": "ended", "failed": "not started"}


def network_name(config: RunConfig) -> str:
    """Return cell and size: LSTM 1x128; LSTM 1xH where the text's length decides."""
    return f"{NAMES.get(config.cell, config.cell)} {config.layers}x{config.hidden or 'H'}"


def header_view(session: RunSession, draft: RunConfig) -> HeaderView:
    """Return task, network and state of the run, or of the one that would be started."""
    config = session.config or draft
    optimizer = f"{NAMES.get(config.optimizer, config.optimizer)} {rate(config.lr)}"
    left = (config.task, network_name(config), optimizer, f"{config.seq_len}x{config.batch}")
    status = session.status
    right = []
    if status is not None:
        right.append(f"step {count(status.step)}")
        if status.epoch is not None:
            right.append(f"epoch {status.epoch:.1f}")
        if status.steps_per_second and session.state == "training":
            right.append(speed_name(status.steps_per_second))
        elif status.chars_per_s and session.state == "training":
            called = symbols_name(session.facts)
            right.append(f"{short(status.chars_per_s)} {'char' if called == 'characters' else called}/s")
        right += device_parts(config, status.device)
    return HeaderView(
        left,
        STATES.get(session.state, session.state),
        SEVERITY.get(session.state, ""),
        tuple(right),
        generation=session.generation,
    )


def device_parts(config: RunConfig, use: protocol.DeviceUse | None) -> list[str]:
    """Return the device that trains with its precision and load, and its memory; nothing for the CPU."""
    if use is None:
        return []
    if use.memory_used is None or use.memory_free is None:
        return [config.device]
    load = "" if use.load is None else f" {percent(use.load)}"
    memory = f"{short(use.memory_used)}B used, {short(use.memory_free)}B free"
    return [f"{config.device} {config.precision}{load}", memory]


def speed_name(steps_per_second: float) -> str:
    """Return the speed that a run is slowed to: 100 steps/s."""
    return f"{steps_per_second:g} step{'s' * (steps_per_second != 1)}/s"


def symbols_name(facts: protocol.Facts | None) -> str:
    """Return what a time step reads, in the plural."""
    return facts.step_unit if facts is not None else "characters"


def loss_unit(facts: protocol.Facts | None) -> str:
    """Return what the loss of one time step is measured in: nats a character, squared error a time step."""
    quantity = facts.unit_of_loss if facts is not None else "nats"
    return f"{quantity} a {symbols_name(facts).removesuffix('s')}"


def status_view(session: RunSession) -> StatusView:
    """Return how the run stands, whether its best is long past, and what to do."""
    stands = _state_view(session)
    if session.problem is not None or session.gallery is not None:
        return stands
    sentence = held_out_sentence(held_out_course_of(session))
    return replace(stands, text=f"{stands.text} {sentence[0].upper()}{sentence[1:]}.") if sentence else stands


def _state_view(session: RunSession) -> StatusView:
    """Return how the run stands and what to do."""
    if session.problem is not None:
        problem, remedy = session.problem
        if session.state == "dead" and session.run is not None and session.facts is not None:  # it had begun
            remedy = "r goes on from its last checkpoint, n starts a new run."
        return StatusView(problem, remedy, "bad")
    now = session.status
    step = count(session.step)
    since = f"{session.since_left[0].upper()}{session.since_left[1:]}." if session.since_left else ""
    match session.state:
        case "idle":
            return StatusView("Choose a task.", "Up and down move, enter starts it, e changes its network first.")
        case "starting":
            if (reading := session.reading) is not None:
                return StatusView(f"Starting: {reading_words(reading.bytes_read, reading.progress)}.")
            return StatusView("Starting: reading what is to be learned, and building the network.")
        case "training":
            return StatusView(_progress(session), since or session.note)
        case "pausing":
            return StatusView("Pausing after this step.")
        case "paused":
            return StatusView(f"Paused at step {step}.", "Space goes on, a full stop does one step.")
        case "finished":
            after = f" in {duration(now.seconds)}" if now is not None and now.seconds else ""
            if now is not None and now.ended_by == "patience" and session.config is not None:
                return StatusView(_out_of_patience(session), "r trains on, n starts a new run.", "good")
            finished = f"Finished after {step} steps{after}. {since}".strip()
            return StatusView(finished, "r trains on, n starts a new run.", "good")
        case "inspecting" if session.gallery is not None:
            return StatusView(session.gallery.summary, "n trains your own.")
        case "inspecting" if session.facts is not None and session.facts.text_unavailable:
            return StatusView(f"The run at step {step}, without its training text.", session.facts.text_unavailable)
        case "inspecting":
            sentence = f"Looking at the run as it was at step {step}. {since}".strip()
            return StatusView(sentence, "r trains on, n starts a new run.")
        case "stopped":
            return StatusView(f"Stopped and saved at step {step}.", "r goes on, n starts a new run.")
        case _:
            return StatusView(session.state)


def run_title(session: RunSession, separator: str) -> str:
    """Return what the terminal's title says of the run: its task, its state and its step."""
    state = STATES.get(session.state, session.state)
    step = [f"step {count(session.step)}"] if session.status is not None else []
    task = session.config.task if session.config is not None else "rnnplay"
    return separator.join((task, state, *step))


def end_sentence(session: RunSession) -> str:
    """Return how the run ended, for a person who looks elsewhere."""
    task = session.config.task if session.config is not None else "rnnplay"
    if session.state != "finished":
        return f"{task}: {session.problem[0] if session.problem is not None else 'The run has ended.'}"
    validation = f", validation {figure(session.evaluations[-1][1])}" if session.evaluations else ""
    return f"{task}: finished after {count(session.step)} steps{validation}."


def _out_of_patience(session: RunSession) -> str:
    patience = session.config.patience if session.config is not None else 0
    course = held_out_course_of(session)
    best = f" Its best is {figure(course.best, 3)} of step {count(course.best_step)}." if course is not None else ""
    return f"Ended at step {count(session.step)}: no better evaluation in {patience}.{best}"


def _progress(session: RunSession) -> str:
    now = session.status
    if now is None:
        return "Training."
    if now.progress is not None:
        left = f", {duration(now.seconds_left)} left" if now.seconds_left is not None else ""
        return f"Training: {percent(now.progress)} done{left}.{_slowed(now)}"
    saved = f", saved at step {count(session.saved_step)}" if session.saved_step else ""
    return f"Training for {duration(now.seconds)}{saved}.{_slowed(now)}"


def _slowed(now: protocol.Status) -> str:
    """Return what the status says of a run that waits between its steps."""
    if not now.steps_per_second:
        return ""
    return f" Slowed to {speed_name(now.steps_per_second)}, to be watched: the keys , and ; change it."


def held_out_course_of(session: RunSession) -> HeldOutCourse | None:
    """Return how the run's loss on held-out data went; None: it was not measured."""
    baselines = session.facts.baselines if session.facts is not None else ()
    return held_out_course(
        session.comparable_evaluations, session.metrics, max((loss for _, loss in baselines), default=None)
    )


def held_out_sentence(course: HeldOutCourse | None) -> str:
    """Return "best 1.801 at step 100, now 3.775: it overfits"; empty if the last evaluation is about as good."""
    if course is None or course.verdict not in HELD_OUT_WORDS:
        return ""
    best, last = figure(course.best, 3), figure(course.last, 3)
    return f"best {best} at step {count(course.best_step)}, now {last}: {HELD_OUT_WORDS[course.verdict]}"


def health_view(session: RunSession) -> HealthView:
    """Return what is wrong with the run, the worst first; empty where nothing is."""
    advice = session.health.advice if session.health is not None else ()
    return HealthView(tuple(AdviceView(a.name, a.cause, a.remedy) for a in advice), generation=session.generation)


def unit_rows(cells: CellsState) -> tuple[UnitRow, ...]:
    """Return the units that were found, best first."""
    units = cells.finding.units if cells.finding is not None else ()
    return tuple(
        UnitRow(layer=u.layer, unit=u.unit, state=u.state, value=u.value, strength=u.strength, sign=u.sign)
        for u in units
    )


def explained_rows(cells: CellsState) -> tuple[ExplainedRow, ...]:
    """Return what the census found: features with the units that follow them best, the most surprising first."""
    return tuple(
        ExplainedRow(
            layer=f.unit.layer,
            unit=f.unit.unit,
            state=f.unit.state,
            feature=f.feature,
            score=f.unit.strength if f.measure == "AUC" else f.unit.value,
            is_auc=f.measure == "AUC",
            convincing=f.convincing,
            growth=tuple(strength for _, strength in f.growth),
            sentence=f.sentence,
        )
        for f in cells.explained_features
    )


def has_surprise(session: RunSession) -> bool:
    """Return whether symbols are predicted: numbers, and outputs of yes or no, have no surprise in bits."""
    return session.facts is None or session.facts.chance_loss is not None


def check_surprise(session: RunSession) -> None:
    """Raise UserError if no symbols are predicted, whose surprise could be shown."""
    if not has_surprise(session):
        raise UserError("This network predicts no symbols, so none can surprise it.", "Look at its units.")


def heatmap_view(session: RunSession, empty: str, lists_features: bool = False) -> CellsView:
    """Return the text on the colour of the selected unit; `empty`: what to say until there is a trace.

    `lists_features`: what units follow, beside the text.
    """
    cells, selection, trace = session.cells, session.selection, session.cells.trace
    if trace is None:
        return CellsView(empty=cells.unavailable or empty, generation=session.generation)
    view = CellsView(
        symbols=trace.symbols,
        values=trace.values.array(),
        scale=trace.scale,
        surprise=trace.surprise.array() if has_surprise(session) or selection.by_surprise else None,
        layer=selection.layer,
        unit=selection.unit,
        cursor=cursor_in_trace(session),
        by_surprise=selection.by_surprise,
        step=trace.step,
        start=trace.start,
        total=trace.total,
        symbol_name=symbols_name(session.facts),
        state=trace.state,
        follows=_what_it_follows(session),
        explained=explained_rows(cells) if lists_features else (),
        explained_step=cells.census.step if cells.census is not None else None,
        best=unit_rows(cells) if cells.finding is not None else None,
        generation=session.generation,
    )
    feature = cells.feature_explained(selection.direction)
    if feature is None or feature.weights is None or trace.state != feature.layer_state:
        return view
    return _along_direction(view, feature)


def _along_direction(view: CellsView, feature: protocol.FeatureExplained) -> CellsView:
    """Return `view` with the weighted sum of all units of the feature's layer in the place of a unit."""
    import numpy as np

    assert view.values is not None and feature.weights is not None and feature.together is not None
    activations = (view.values[feature.layer].astype(np.float32) - 127) * (view.scale / 127)  # (H, N)
    sums = feature.weights.array() @ activations + feature.offset
    row = np.rint(127 + 127 * sums / _DIRECTION_SCALE).clip(0, 254).astype(np.uint8)
    together = f"{feature.measure} {feature.together:.2f}"
    return replace(
        view,
        values=row[None, None],
        scale=_DIRECTION_SCALE,
        layer=0,
        unit=0,
        state="h",
        direction=Direction(feature.feature, feature.layer, together, feature.carriers),
    )


def cursor_in_trace(session: RunSession) -> int | None:
    """Return the place of the selected character in the trace; None: it is not there."""
    trace, cursor = session.cells.trace, session.selection.cursor
    if trace is None or cursor is None or not trace.start <= cursor < trace.start + len(trace.symbols):
        return None
    return cursor - trace.start


def _what_it_follows(session: RunSession) -> str:
    """Return what the selected unit follows, if it does so clearly better than the controls: for a title."""
    cells, selection = session.cells, session.selection
    number = cells.index_of(selection.layer, selection.unit)
    if cells.finding is None and (explained := cells.explained_by(selection.layer, selection.unit)) is not None:
        value = explained.unit.strength if explained.measure == "AUC" else explained.unit.value
        best = next(iter(best_units(cells.explained_features)), None)
        is_best = best is not None and (best.layer, best.unit) == (selection.layer, selection.unit)
        shown_first = is_best and not selection.is_chosen and cells.telling == (selection.layer, selection.unit)
        verb = "tells most:" if shown_first else "follows"
        is_past = selection.checkpoint is not None
        measured = f" at step {count(cells.census.step)}" if is_past and cells.census is not None else ""
        return f'{verb} "{explained.feature}" · {explained.measure} {value:.2f}{measured}'
    if cells.finding is None or number is None:
        return ""
    finding, strength = cells.finding, cells.finding.units[number].strength
    rolled = None if finding.rolled_says_nothing else finding.rolled_control
    if strength < least_convincing(rolled, finding.untrained, finding.measure == "AUC"):
        return ""
    return f'follows "{finding.pattern}" · {finding.measure} {strength:.2f}{_as_of(finding.step, session)}'


def _as_of(step: int, session: RunSession) -> str:
    """Return the step at which something was measured, if the network that is shown is far from it; else nothing."""
    trace = session.cells.trace
    is_near = trace is None or abs(trace.step - step) <= _NEAR * trace.step
    return "" if is_near else f" at step {count(step)}"

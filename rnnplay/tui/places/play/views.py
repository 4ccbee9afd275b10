"""Data that Play shows, and the functions that make it from the session: the tasks and the two curves."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rnnplay.catalogue import TaskInfo
from rnnplay.tui.forms.fields import Field
from rnnplay.tui.paint.numbers import count, duration, figure, rate
from rnnplay.tui.places.play.loss_words import baselines_passed, loss_sentences, unsureness
from rnnplay.tui.places.views import HELD_OUT_WORDS, held_out_course_of, network_name, status_view
from rnnplay.tui.session import RunSession
from rnnplay.tui.state.drafts import LivingRun, RunDrafts
from rnnplay.tui.widgets.views import RunView, StatusView

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

LOSS_EMPTY = "The loss of each training step appears here, over the baseline of a simple predictor."
GRADIENT_EMPTY = "The length of the gradient, before it is clipped."

_DETAIL_WIDTH = 22  # of a name beside its number on the full screen
_RECENT = 16  # rows that a present value is the mean of


def _recent(values: np.ndarray[Any, Any], steps: np.ndarray[Any, Any]) -> float | None:
    """The mean of the last rows, by the length of their blocks."""
    import numpy as np

    if not len(values):
        return None
    weights = np.diff(steps, prepend=0)[-_RECENT:]
    last = values[-_RECENT:]
    good = np.isfinite(last)
    return float(np.average(last[good], weights=weights[good])) if good.any() else None


def loss_view(session: RunSession, log: bool, full: bool = False) -> CurveView:
    """The loss with the validation's marks over the baseline."""
    if not session.metrics.count:
        return CurveView("Loss", "loss", empty=LOSS_EMPTY, number="2", generation=session.generation)
    rows, facts = session.metrics, session.facts
    train = _recent(rows["loss"], rows["step"])
    nats = facts is None or facts.unit_of_loss == "nats"
    course = held_out_course_of(session)
    if course is not None and course.verdict in HELD_OUT_WORDS:
        figures = [
            ("best", f"{figure(course.best)} at {count(course.best_step)}"),
            ("now", f"{figure(course.last)}: {HELD_OUT_WORDS[course.verdict]}"),
            ("train", figure(train)),
        ]
    else:
        held_out = session.evaluations[-1][1] if session.evaluations else None
        figures = [("train", figure(train)), *([("validation", figure(held_out))] if held_out is not None else [])]
        loss = held_out if held_out is not None else train
        if nats and loss is not None and math.isfinite(loss):
            figures.append(("", f"{figure(loss / math.log(2))} bits"))
    passages = baselines_passed(session)
    levels = tuple(_baseline_level(name, value) for name, value in (facts.baselines[:1] if facts else ()))
    return CurveView(
        title=f"Loss · {'nats' if nats else facts.unit_of_loss}{', log scale' if log else ''}",  # type: ignore[union-attr]
        ink="loss",
        steps=rows["step"],
        mean=rows["loss"],
        low=rows["loss_min"],
        high=rows["loss_max"],
        marks=tuple(session.evaluations),
        best_mark=course.best_step if course is not None else None,
        crossings=tuple((passage.step, loss) for _, loss, passage in passages if passage is not None),
        sentences=loss_sentences(session) if full else (),
        levels=levels,
        log=log,
        limit=session.config.steps if session.config else None,
        figure=tuple(figures),
        more=_loss_facts(session) if full else (),
        number="2",
        generation=session.generation,
    )


def _baseline_level(name: str, value: float) -> Level:
    """Return the line of a baseline, without what stands in parentheses in its name."""
    label = f"{name.partition(' (')[0]} {figure(value)}"
    return Level(label, value, label.removeprefix("from the "))


def _loss_facts(session: RunSession) -> tuple[tuple[str, str], ...]:
    facts, config, now = session.facts, session.config, session.status
    more: list[tuple[str, str]] = []
    if (course := held_out_course_of(session)) is not None:
        more += [("best", f"{figure(course.best, 3)} at {count(course.best_step)}"), ("", "")]
    if facts is not None:
        for name, value in facts.baselines:
            *lines, last = textwrap.wrap(name, _DETAIL_WIDTH)
            more += [*((line, "") for line in lines), (last, figure(value, 3))]
        more += [("", ""), ("parameters", count(facts.parameters))]
        if facts.characters:
            more += [(facts.step_unit, count(facts.characters)), ("held out", count(facts.held_out))]
            more += [("", facts.held_out_part)] if facts.held_out_part else []
        if facts.epoch_steps:
            more.append(("epoch", f"{count(facts.epoch_steps)} steps"))
        more.append(("vocabulary" if len(facts.vocabulary) > 1 else "outputs", count(facts.outputs)))
    if config is not None and now is not None:
        more += [("", ""), ("learning rate", rate(now.lr if now.lr is not None else config.lr))]
        more.append(("time", duration(now.seconds)))
    if session.evaluations:
        more += [("", ""), ("step", "validation")]
        losses = [figure(value, 3) for _, value in session.evaluations]
        for n in range(session.other_text_evaluations):
            losses[n] += " other text"
        steps = [count(step) for step, _ in session.evaluations]
        more += list(zip(steps, losses, strict=True))[-12:]
    return tuple(more)


def gradient_view(session: RunSession, full: bool = False) -> CurveView:
    """The gradient's global norm before clipping, on a log axis, with the threshold."""
    if not session.metrics.count:
        return CurveView("Gradient norm", "gradient", empty=GRADIENT_EMPTY, generation=session.generation)
    import numpy as np

    rows, config = session.metrics, session.config
    norm = rows["grad_norm"]
    finite = norm[np.isfinite(norm)]
    now = float(finite[-1]) if finite.size else None
    clip = config.clip if config else 0.0
    figures = [("now", figure(now))]
    status = session.status
    clipped = f"{status.clipped} of the last {status.recent_steps}" if status is not None else ""
    if clip and status is not None and status.recent_steps:
        figures.append(("clipped", f"{clipped} steps"))
    figures.append(("median", figure(float(np.median(finite[-512:])) if finite.size else None)))
    more: list[tuple[str, str]] = []
    if full and finite.size:
        more = [
            ("least", figure(float(finite.min()), 3)),
            ("greatest", figure(float(finite.max()), 3)),
            ("", ""),
            ("clip", figure(clip) if clip else "off"),
            ("clipped", clipped if clip and status is not None and status.recent_steps else figure(None)),
            ("", ""),
            ("learning rate", rate(float(rows["lr"][-1]))),
        ]
    return CurveView(
        title="Gradient norm · log scale",
        ink="gradient",
        steps=rows["step"],
        mean=norm,
        low=norm,
        high=norm,
        levels=(Level(f"clip {clip:g}", clip),) if clip else (),
        log=True,
        limit=config.steps if config else None,
        figure=tuple(figures),
        more=tuple(more),
        generation=session.generation,
    )


def tasks_view(session: RunSession, drafts: RunDrafts) -> TasksView:
    """Return the runs that are alive, then the tasks; the one of the run is marked unless it never started."""
    running = session.config.task if session.config is not None and session.state != "failed" else None
    return TasksView((*map(_living_row, drafts.living), *drafts.items), drafts.cursor, running)


def _living_row(run: LivingRun) -> TaskInfo:
    """Return a run that is alive as a row above the tasks."""
    return TaskInfo(
        name=f"{run.config.task} · step {count(run.step)}",
        group="ALIVE",
        summary=run.since_left or f"{_going_on(run).capitalize()}.",
        description=f"{network_name(run.config)}. Enter attaches to it.",
        io_pattern="",
    )


def _going_on(run: LivingRun) -> str:
    """Return how a run that is alive stands, in words."""
    return {"finished": "it has finished", "diverged": "it has diverged"}.get(run.state, "it goes on by itself")


def living_status_view(run: LivingRun) -> StatusView:
    """Return what has happened to a run that is alive since it was left, and whether it is over."""
    happened = run.since_left or f"{_going_on(run)}, at step {count(run.step)}"
    if run.since_left and run.state in ("finished", "diverged"):
        happened += f"; {_going_on(run)}"
    return StatusView(f"{run.config.task}: {happened}.", "Enter attaches, q leaves it as it is.")


def play_status_view(session: RunSession, fields: tuple[Field, ...], pending: dict[str, Any]) -> StatusView:
    """Return how the run stands, what of the draft needs a new network (`pending`), and the worst advice."""
    if pending and session.config is not None:
        changes = [
            f"{field.label} {field.show(getattr(session.config, field.name))} → {field.show(pending[field.name])}"
            for field in fields
            if field.name in pending and not (field.live and session.has_trainer)  # another screen's change
        ]
        if changes:
            many = ", ".join(changes)
            return StatusView(
                f"{many}: needs a new network.",
                "n starts a run with it, e esc undoes it.",
            )
    stands = status_view(session)
    if session.state == "inspecting" and session.gallery is not None:
        stands = StatusView(stands.text, "enter trains your own, f shows more of it, G the next one.")
    if session.state == "finished":
        stands = StatusView(stands.text, f"r trains on, n starts a new run, {_what_s_does(session)}.", "good")
    if session.health is None or not session.health.advice:
        return replace(stands, more=unsureness(session)) if session.state in ("training", "paused") else stands
    worst, *others = session.health.advice
    also = f" Also: {', '.join(other.name for other in others)}." if others else ""
    return StatusView(f"{worst.name.capitalize()}: {worst.cause}{also}", f"{worst.remedy} {stands.text}", "bad")


def _what_s_does(session: RunSession) -> str:
    example = session.example
    if not example.is_shown or (example.can_sample and not example.question):
        return "s draws a sample"
    return "s asks it something" if example.question else "s shows another item"


@dataclass(frozen=True)
class TasksView:
    """The runs that are alive and the tasks in their groups, the one under the cursor, and the one that runs."""

    items: tuple[TaskInfo, ...] = ()
    cursor: int = 0
    running: str | None = None


@dataclass(frozen=True)
class Level:
    """A horizontal line with a name: a baseline, the clipping threshold."""

    label: str
    value: float
    short_label: str = ""  # where there is no room for the label


@dataclass(frozen=True, eq=False)
class CurveView(RunView):
    """One quantity over training steps. Arrays have one element for each row of metrics (N); NaN where not finite."""

    title: str
    ink: str  # loss | gradient
    steps: Array = ()  # type: ignore[assignment]  # (N,) the last step of each block
    mean: Array = ()  # type: ignore[assignment]  # (N,)
    low: Array = ()  # type: ignore[assignment]  # (N,)
    high: Array = ()  # type: ignore[assignment]  # (N,)
    marks: tuple[tuple[int, float], ...] = ()  # (step, value): validation
    best_mark: int | None = None  # step of the best of them
    crossings: tuple[tuple[int, float], ...] = ()  # (step, value): where a baseline was passed
    sentences: tuple[str, ...] = ()  # below the figures
    levels: tuple[Level, ...] = ()
    log: bool = False
    limit: int | None = None  # the step at which the run ends
    figure: tuple[tuple[str, str], ...] = ()  # (label, value): the line to remember
    more: tuple[tuple[str, str], ...] = ()  # what the full screen shows beside it
    empty: str = ""  # what to say where there is nothing yet
    number: str = ""  # of its panel

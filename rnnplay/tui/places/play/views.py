"""From the run's accumulated data to views: every sentence and figure that stands on the Play screen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rnnplay import protocol as say
from rnnplay.tui.forms.editor import FormView
from rnnplay.tui.paint.numbers import count, duration, figure, percent, rate
from rnnplay.tui.paint.text import spaced
from rnnplay.tui.places.play.example.views import ExampleView
from rnnplay.tui.session import RunSession

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

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


def loss_view(session: RunSession, log: bool, full: bool = False) -> CurveView | None:
    """The loss with the validation's marks over the baseline."""
    if not session.metrics.count:
        return None
    rows, facts = session.metrics, session.facts
    train = _recent(rows["loss"], rows["step"])
    held_out = session.evaluations[-1][1] if session.evaluations else None
    nats = facts is None or facts.unit_of_loss == "nats"
    figures = [("train", figure(train))]
    if held_out is not None:
        figures.append(("validation", figure(held_out)))
    best = held_out if held_out is not None else train
    if nats and best is not None and math.isfinite(best):
        figures.append(("", f"{figure(best / math.log(2))} {_bits(facts)}"))
    levels = tuple(Level(f"{name} {figure(value)}", value) for name, value in (facts.baselines[:1] if facts else ()))
    return CurveView(
        title=f"Loss · {'nats' if nats else facts.unit_of_loss}{', log scale' if log else ''}",  # type: ignore[union-attr]
        ink="loss",
        steps=rows["step"],
        mean=rows["loss"],
        low=rows["loss_min"],
        high=rows["loss_max"],
        marks=tuple(session.evaluations),
        levels=levels,
        log=log,
        limit=session.config.steps if session.config else None,
        figure=tuple(figures),
        more=_loss_facts(session) if full else (),
    )


def _bits(facts: say.Facts | None) -> str:
    """Bits of a character have a name of their own."""
    return "bpc" if facts is not None and facts.characters and facts.step_unit == "characters" else "bits"


def _loss_facts(session: RunSession) -> tuple[tuple[str, str], ...]:
    facts, config, now = session.facts, session.config, session.status
    more: list[tuple[str, str]] = []
    if comparable := session.evaluations[session.other_text_evaluations :]:
        step, best = min(comparable, key=lambda pair: pair[1])
        more += [("best", f"{figure(best, 3)} at {count(step)}"), ("", "")]
    if facts is not None:
        more += [(name, figure(value, 3)) for name, value in facts.baselines]
        more += [("", ""), ("parameters", count(facts.parameters))]
        if facts.characters:
            more += [(facts.step_unit, count(facts.characters)), ("held out", count(facts.held_out))]
        if facts.epoch_steps:
            more.append(("epoch", f"{count(facts.epoch_steps)} steps"))
        more.append(("symbols", count(facts.outputs)))
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


def gradient_view(session: RunSession, full: bool = False) -> CurveView | None:
    """The gradient's global norm before clipping, on a log axis, with the threshold."""
    if not session.metrics.count:
        return None
    import numpy as np

    rows, config = session.metrics, session.config
    norm = rows["grad_norm"]
    finite = norm[np.isfinite(norm)]
    now = float(finite[-1]) if finite.size else None
    clip = config.clip if config else 0.0
    weights = np.diff(rows["step"], prepend=0)
    clipped = float(np.average(rows["clipped"], weights=weights)) if clip and weights.sum() else 0.0
    figures = [("now", figure(now)), ("median", figure(float(np.median(finite[-512:])) if finite.size else None))]
    if clip:
        figures.append(("clipped", percent(clipped)))
    more: list[tuple[str, str]] = []
    if full and finite.size:
        more = [
            ("least", figure(float(finite.min()), 3)),
            ("greatest", figure(float(finite.max()), 3)),
            ("", ""),
            ("clip", figure(clip) if clip else "off"),
            ("clipped now", percent(float(rows["clipped"][-_RECENT:].mean()))),
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
    )


def sample_view(session: RunSession, coloured: bool, back: int) -> SampleView:
    """The text so far and what may come next."""
    how = session.sampling
    settings = [f"temperature {how.temperature:g}", f"seed {how.seed}"]
    if how.prompt:
        settings.insert(1, f"prompt “{how.prompt}”")
    facts: tuple[tuple[str, str], ...] = ()
    if session.probabilities:
        bits = [-math.log2(max(p, 1e-12)) for p in session.probabilities[-1_000:]]
        facts = (
            ("written", f"{count(len(session.text))} characters"),
            ("surprise", f"{sum(bits) / len(bits):.2f} bits a character"),
        )
    first = _beginning(session.text, 10_000 if back else 1_500)
    vocabulary = session.facts.vocabulary if session.facts else ()
    return SampleView(
        text=tuple(spaced(session.text[first:], vocabulary)),
        probabilities=tuple(session.probabilities[first - len(session.text) :] if first else session.probabilities),
        prompt_length=max(0, session.prompt_length - first),
        candidates=tuple((c.symbol, c.probability) for c in session.candidates),
        coloured=coloured,
        back=back,
        done=session.sample_done,
        settings=tuple(settings),
        facts=facts,
    )


def _beginning(text: list[str], kept: int) -> int:
    """Where to begin so that at least `kept` characters are left: at a line, and seldom anew: nothing reflows."""
    first = max(0, (len(text) - kept) // 1_000 * 1_000)
    if not first:
        return 0
    return next((n + 1 for n in range(first, min(len(text), first + 500)) if text[n] == "\n"), first)


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

"""From the run's accumulated data to views: every sentence and figure that stands on the Play screen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rnnplay import protocol as say
from rnnplay.config import RunConfig
from rnnplay.tui.paint.numbers import count, duration, figure, percent, rate, short
from rnnplay.tui.paint.wrap import spaced
from rnnplay.tui.session import Session
from rnnplay.tui.settings import NAMES, Field
from rnnplay.tui.views import CurveView, HeaderView, Level, SampleView, StatusView

if TYPE_CHECKING:
    import numpy as np

_RECENT = 16  # rows that a present value is the mean of


def network(config: RunConfig) -> str:
    """LSTM 1x128."""
    return f"{NAMES.get(config.cell, config.cell)} {config.layers}x{config.hidden}"


def optimizer(config: RunConfig) -> str:
    """Adam 2e-3."""
    return f"{NAMES.get(config.optimizer, config.optimizer)} {rate(config.lr)}"


def header(session: Session, draft: RunConfig, title: str) -> HeaderView:
    """Of the run, or of the one that would be started."""
    config = session.config or draft
    left = (title, network(config), optimizer(config), f"{config.seq_len}x{config.batch}")
    moods = {"training": "good", "finished": "good", "diverged": "bad", "dead": "bad", "failed": "bad"}
    mood = moods.get(session.state, "")
    names = {"idle": "ready", "dead": "ended", "failed": "not started"}
    status = session.status
    right = []
    if status is not None:
        right.append(f"step {count(status.step)}")
        if status.epoch is not None:
            right.append(f"epoch {status.epoch:.1f}")
        if status.chars_per_s and session.state == "training":
            right.append(f"{short(status.chars_per_s)} {_pace(session)}")
    return HeaderView(left, names.get(session.state, session.state), mood, tuple(right))


def _pace(session: Session) -> str:
    """What its speed is counted in."""
    called = session.facts.called if session.facts is not None else "characters"
    return "char/s" if called == "characters" else f"{called}/s"


def status(session: Session, fields: tuple[Field, ...], pending: dict[str, Any]) -> StatusView:
    """One sentence on how things stand, one on what to do."""
    if session.problem is not None:
        wrong, remedy = session.problem
        if session.state == "dead" and session.run is not None:
            remedy = "r goes on from its last checkpoint, n starts a new run."
        return StatusView(wrong, remedy, "bad")
    if pending and session.config is not None:
        changes = [
            f"{field.label} {field.show(getattr(session.config, field.name))} → {field.show(pending[field.name])}"
            for field in fields
            if field.name in pending
        ]
        if changes:
            many = ", ".join(changes)
            return StatusView(f"{many}: needs a new network.", "Enter starts a new run, escape keeps the old values.")
    return _ailing(session, _state(session))


def _ailing(session: Session, stands: StatusView) -> StatusView:
    """How things stand, and the worst of what ails the run; the rest of it by name."""
    if session.health is None or not session.health.advice:
        return stands
    worst, *others = session.health.advice
    also = f" Also: {', '.join(other.name for other in others)}." if others else ""
    return StatusView(f"{worst.name.capitalize()}: {worst.cause}{also}", f"{worst.remedy} {stands.text}", "bad")


def _state(session: Session) -> StatusView:
    now = session.status
    step = count(session.step)
    match session.state:
        case "idle":
            return StatusView("Choose a task.", "Up and down move, enter starts it, e changes its network first.")
        case "starting":
            return StatusView("Starting: reading what is to be learned, and building the network.")
        case "training":
            return StatusView(_progress(session), session.note)
        case "pausing":
            return StatusView("Pausing after this step.")
        case "paused":
            return StatusView(f"Paused at step {step}.", "Space goes on, a full stop does one step.")
        case "finished":
            after = f" in {duration(now.seconds)}" if now is not None and now.seconds else ""
            return StatusView(
                f"Finished after {step} steps{after}.",
                f"r trains on, n starts a new run, {_sampling(session)}.",
                "good",
            )
        case "inspecting" if session.gallery is not None:
            return StatusView(session.gallery.line, "enter trains your own, f shows more of it, G the next one.")
        case "inspecting":
            return StatusView(f"Looking at the run as it was at step {step}.", "r trains on, n starts a new run.")
        case "stopped":
            return StatusView(f"Stopped and saved at step {step}.", "r goes on, n starts a new run.")
        case _:
            return StatusView(session.state)


def _sampling(session: Session) -> str:
    """What `s` does."""
    showing = session.showing
    if not showing.here or (showing.samples and not showing.question):
        return "s draws a sample"
    return "s asks it something" if showing.question else "s shows another item"


def _progress(session: Session) -> str:
    now = session.status
    if now is None:
        return "Training."
    if now.progress is not None:
        left = f", {duration(now.seconds_left)} left" if now.seconds_left is not None else ""
        return f"Training: {percent(now.progress)} done{left}."
    saved = f", saved at step {count(session.saved_step)}" if session.saved_step else ""
    return f"Training for {duration(now.seconds)}{saved}."


def _recent(values: np.ndarray[Any, Any], steps: np.ndarray[Any, Any]) -> float | None:
    """The mean of the last rows, by the length of their blocks."""
    import numpy as np

    if not len(values):
        return None
    weights = np.diff(steps, prepend=0)[-_RECENT:]
    last = values[-_RECENT:]
    good = np.isfinite(last)
    return float(np.average(last[good], weights=weights[good])) if good.any() else None


def loss(session: Session, log: bool, full: bool = False) -> CurveView | None:
    """The loss with the validation's marks over the baseline."""
    if not session.rows.count:
        return None
    rows, facts = session.rows, session.facts
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
    return "bpc" if facts is not None and facts.characters and facts.called == "characters" else "bits"


def _loss_facts(session: Session) -> tuple[tuple[str, str], ...]:
    facts, config, now = session.facts, session.config, session.status
    more: list[tuple[str, str]] = []
    if session.evaluations:
        step, best = min(session.evaluations, key=lambda pair: pair[1])
        more += [("best", f"{figure(best, 3)} at {count(step)}"), ("", "")]
    if facts is not None:
        more += [(name, figure(value, 3)) for name, value in facts.baselines]
        more += [("", ""), ("parameters", count(facts.parameters))]
        if facts.characters:
            more += [(facts.called, count(facts.characters)), ("held out", count(facts.held_out))]
        if facts.epoch_steps:
            more.append(("epoch", f"{count(facts.epoch_steps)} steps"))
        more.append(("symbols", count(facts.outputs)))
    if config is not None and now is not None:
        more += [("", ""), ("learning rate", rate(now.lr if now.lr is not None else config.lr))]
        more.append(("time", duration(now.seconds)))
    if session.evaluations:
        more += [("", ""), ("step", "validation")]
        more += [(count(step), figure(value, 3)) for step, value in session.evaluations[-12:]]
    return tuple(more)


def gradient(session: Session, full: bool = False) -> CurveView | None:
    """The gradient's global norm before clipping, on a log axis, with the threshold."""
    if not session.rows.count:
        return None
    import numpy as np

    rows, config = session.rows, session.config
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


def sample(session: Session, coloured: bool, back: int) -> SampleView:
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

"""Data that several places show, made from the session: header, status, health."""

from __future__ import annotations

from typing import Any

from rnnplay import protocol as say
from rnnplay.config import RunConfig
from rnnplay.formatting import short, speed_unit
from rnnplay.tui.forms.fields import NAMES, Field
from rnnplay.tui.paint.numbers import count, duration, percent, rate
from rnnplay.tui.session import RunSession
from rnnplay.tui.widgets.views import AdviceView, HeaderView, HealthView, StatusView


def network(config: RunConfig) -> str:
    """LSTM 1x128."""
    return f"{NAMES.get(config.cell, config.cell)} {config.layers}x{config.hidden}"


def optimizer(config: RunConfig) -> str:
    """Adam 2e-3."""
    return f"{NAMES.get(config.optimizer, config.optimizer)} {rate(config.lr)}"


def header_view(session: RunSession, draft: RunConfig, title: str) -> HeaderView:
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
            step_unit = "characters" if session.facts is None else session.facts.step_unit
            right.append(f"{short(status.chars_per_s)} {speed_unit(step_unit)}")
    return HeaderView(left, names.get(session.state, session.state), mood, tuple(right))


def status_view(session: RunSession, fields: tuple[Field, ...], pending: dict[str, Any]) -> StatusView:
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


def _ailing(session: RunSession, stands: StatusView) -> StatusView:
    """How things stand, and the worst of what ails the run; the rest of it by name."""
    if session.health is None or not session.health.advice:
        return stands
    worst, *others = session.health.advice
    also = f" Also: {', '.join(other.name for other in others)}." if others else ""
    return StatusView(f"{worst.name.capitalize()}: {worst.cause}{also}", f"{worst.remedy} {stands.text}", "bad")


def _state(session: RunSession) -> StatusView:
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


def _sampling(session: RunSession) -> str:
    """What `s` does."""
    showing = session.example
    if not showing.here or (showing.samples and not showing.question):
        return "s draws a sample"
    return "s asks it something" if showing.question else "s shows another item"


def _progress(session: RunSession) -> str:
    now = session.status
    if now is None:
        return "Training."
    if now.progress is not None:
        left = f", {duration(now.seconds_left)} left" if now.seconds_left is not None else ""
        return f"Training: {percent(now.progress)} done{left}."
    saved = f", saved at step {count(session.saved_step)}" if session.saved_step else ""
    return f"Training for {duration(now.seconds)}{saved}."


def health_view(event: say.Health) -> HealthView:
    return HealthView(tuple(AdviceView(a.name, a.cause, a.remedy) for a in event.advice))

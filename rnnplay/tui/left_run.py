"""A run as a person left it: where on the screen, how it was sampled, and what has happened since."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from rnnplay import runs
from rnnplay.config import RunConfig, UserError
from rnnplay.formatting import loss_text
from rnnplay.runs import RunInfo, ScreenState, trainers
from rnnplay.tui.places.base import Place
from rnnplay.tui.session import RunSession
from rnnplay.tui.state.drafts import LivingRun
from rnnplay.tui.state.sample import SampleSettings
from rnnplay.tui.widgets.base import Panel

SAMPLING = ("temperature", "top_k", "top_p", "seed", "prompt")


@dataclass(frozen=True)
class LeftRun:
    """A run to be opened again. `screen` is None where it is not known how it was left."""

    path: Path
    config: RunConfig
    screen: ScreenState | None
    since_left: str  # in words; empty: nothing has happened, or nobody has seen the run before
    is_alive: bool = False  # a process of this machine trains it


def load_left_run(path: Path) -> LeftRun:
    """Read a run's settings, how it was left, and whether it is trained now.

    Raises UserError if its settings cannot be read, and OSError if it is deleted meanwhile.
    """
    config, screen = runs.load_record(path).config, runs.load_screen_state(path)
    info = runs.run_info(path)
    if not (info.alive or info.host):  # of a trainer that was killed the steps after its checkpoint are lost
        info = msgspec.structs.replace(info, step=min(info.step, runs.saved_step(path)))
    parts = (since_left(info, screen), f"trained on {info.host}" if info.host else "")
    return LeftRun(path, config, screen, ", ".join(part for part in parts if part), info.alive)


def last_run(root: Path) -> Path | None:
    """Return the run that was worked on last; None if there is none."""
    try:
        return runs.resolve("last", root)
    except UserError:
        return None


def living_runs(root: Path) -> tuple[LivingRun, ...]:
    """Return the runs that are trained, or finished and still shown, on this machine; the newest first."""
    living = []
    for path, trainer in trainers.living_runs(root):
        with suppress(UserError, OSError):
            if not trainer.is_elsewhere:
                info = runs.run_info(path)
                since = since_left(info, runs.load_screen_state(path))
                living.append(LivingRun(path, runs.load_record(path).config, info.step, since, info.state))
    return tuple(living)


def since_left(run: RunInfo, screen: ScreenState | None) -> str:
    """Return what has happened to a run since it was left: "+3,200 steps since you left, validation 1.47 → 1.31".

    It is empty if nothing has, or if nobody has left the run before.
    """
    if screen is None or run.step <= screen.step:
        return ""
    words = f"+{run.step - screen.step:,} steps since you left"
    if run.validation is None:
        return words
    now = loss_text(run.validation)
    before = now if screen.validation is None else loss_text(screen.validation)
    return f"{words}, validation {now}" if before == now else f"{words}, validation {before} → {now}"


def screen_state(session: RunSession, name: str, place: Place) -> ScreenState:
    """Return how the run is shown now; `name` is that of `place`, which is in front."""
    cells, selection = session.cells, session.selection
    return ScreenState(
        place=name,
        panel=place.focused.id or "" if isinstance(place.focused, Panel) else "",
        full_screen=place.full is not None,
        layer=selection.layer,
        unit=selection.unit,
        unit_is_chosen=selection.is_chosen,
        feature=cells.finding.pattern if cells.finding is not None else "",
        step=session.step,
        validation=session.evaluations[-1][1] if session.evaluations else None,
        **{field: getattr(session.sample.settings, field) for field in SAMPLING},
    )


def sample_settings(screen: ScreenState) -> SampleSettings:
    """Return how the run was sampled; a value that makes no sense is left out."""
    settings = SampleSettings()
    for field in SAMPLING:
        with suppress(UserError):
            settings = settings.change(field, getattr(screen, field))
    return settings

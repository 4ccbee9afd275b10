"""The keys that mean the same in every place: train and pause, one step, a new run, stop, go on."""

from __future__ import annotations

import math

from rnnplay import protocol
from rnnplay.config import UserError
from rnnplay.tui.session import RunSession
from rnnplay.tui.state.drafts import RunDrafts

SPEEDS = (1.0, 10.0, 100.0, math.inf)  # steps a second


class RunActions:
    """Actions of a person on the run, from any place."""

    session: RunSession
    drafts: RunDrafts

    def action_toggle_training(self) -> None:
        """Pause, or train on; a run that has ended goes on. Raises UserError if there is none."""
        match self.session.state:
            case "training":
                self.session.pause()
            case "paused" | "diverged":
                self.session.go()
            case "idle" | "failed":
                raise UserError("Nothing is being trained.", "Enter on a task starts it.")
            case "stopped" | "dead" | "inspecting":
                self.action_resume()
            case _:
                pass

    def action_one_step(self) -> None:
        """Do one training step, then pause."""
        if self.session.state in ("training", "paused"):
            self.session.send(protocol.DoOneStep())

    def action_speed(self, by: int) -> None:
        """Train slower (-1) or faster (1). Raises UserError if nothing is trained."""
        status = self.session.status
        if status is None or self.session.state not in ("training", "pausing", "paused"):
            raise UserError("Nothing is being trained.", "Enter on a task starts it.")
        now = SPEEDS.index(status.steps_per_second or math.inf)
        chosen = SPEEDS[max(0, min(now + by, len(SPEEDS) - 1))]
        self.session.set_speed(chosen if math.isfinite(chosen) else None)

    def action_new(self) -> None:
        """Start a new run of the chosen task; the present one is saved. Raises UserError if its text is not chosen."""
        config = self.drafts.draft
        if config.task == "text" and not config.text:
            raise UserError("Which text?", "Type its path in the field “file” of Play, then press enter.")
        self.session.train(config)

    def action_stop(self) -> None:
        """Stop the run and save it."""
        if self.session.has_trainer:
            self.session.send(protocol.Stop())

    def action_resume(self) -> None:
        """Go on with a run that stopped, finished or broke off. Raises UserError for a network of the gallery."""
        if self.session.gallery is not None:
            raise UserError("A network of the gallery is not trained on.", "Enter on its task, or n, trains your own.")
        if self.session.state in ("stopped", "dead", "finished", "inspecting"):
            self.session.resume(self.session.step if self.session.at_limit else None)

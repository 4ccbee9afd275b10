"""The keys that mean the same in every place: train and pause, one step, a new run, stop, go on."""

from __future__ import annotations

from rnnplay import protocol
from rnnplay.config import UserError
from rnnplay.tui.session import RunSession
from rnnplay.tui.state.drafts import RunDrafts


class RunActions:
    """What a person does to the run, from any place."""

    session: RunSession
    drafts: RunDrafts

    def action_toggle_training(self) -> None:
        """Pause, or train on; a run that has ended goes on, and if there is none the chosen task is started."""
        match self.session.state:
            case "training":
                self.session.pause()
            case "paused" | "diverged":
                self.session.go()
            case "idle" | "failed":
                self.action_new()
            case "stopped" | "dead" | "inspecting":
                self.action_resume()
            case _:
                pass

    def action_one_step(self) -> None:
        """Do one training step, then pause."""
        if self.session.state in ("training", "paused"):
            self.session.send(protocol.DoOneStep())

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
        """Go on with a run that stopped, finished or broke off; from the gallery, train one's own."""
        if self.session.gallery is not None:
            self.action_new()
        elif self.session.state in ("stopped", "dead", "finished", "inspecting"):
            self.session.resume(self.session.step if self.session.at_limit else None)

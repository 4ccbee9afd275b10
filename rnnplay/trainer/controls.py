"""The commands that steer a run in training: pause, go on, one step, save, change settings. Any screen gives them."""

import msgspec

from rnnplay.config import UserError, validate
from rnnplay.protocol import ChangeSettings, Continue, DoOneStep, Pause, Save, SetSpeed, SettingsChanged
from rnnplay.runs import run_id
from rnnplay.trainer.connection import Connection
from rnnplay.trainer.training import Training

Control = Pause | Continue | DoOneStep | Save | ChangeSettings | SetSpeed


class Controls:
    """Does what only a run in training can do."""

    def __init__(self, training: Training) -> None:
        self._training = training
        self._changed = False  # lr or clip was changed since the run went back to a checkpoint

    def handle(self, command: Control, connection: Connection) -> None:
        """Do what a connection commands. Raises UserError if the run is only inspected or finished, and WriteError."""
        training = self._training
        if training.session.metrics is None:
            name = run_id(training.session.run)
            if training.state == "finished":
                raise UserError("The run has reached its limit.", f"Give it more: rnnplay resume {name} --steps 1000.")
            raise UserError("This run is only being looked at.", f"Train it on: rnnplay resume {name}.")
        training.settle()
        match command:
            case Pause() if training.state == "training":
                training.pause()
            case Continue() | DoOneStep():
                self._go_on()
                training.state = "training"
                if isinstance(command, DoOneStep):
                    self._one_step()
            case Save():
                training.save((connection, command))
            case ChangeSettings():
                self._change(command)
            case SetSpeed():
                training.pacer.set_speed(command.steps_per_second)
                training.wait = 0.0
                training.send_status()
            case _:
                pass

    def _go_on(self) -> None:
        """Go back from a divergence: what came after the checkpoint is forgotten, here and on the screen."""
        training = self._training
        training.problem = training.remedy = ""
        training.pacer.skip_wait()
        if training.state == "diverged":
            training.session.truncate_metrics()
            training.health.reset()
            if self._changed:
                self._note_change()
            training.begin()

    def _one_step(self) -> None:
        training = self._training
        step = training.learner.step
        while training.state == "training" and training.learner.step == step and not training.interrupted():
            training.train(1)
        while training.state == "training" and not training.interrupted() and training.run_due_work():
            pass
        if training.state == "training":
            training.pause()
        training.send_status()

    def _change(self, command: ChangeSettings) -> None:
        learner = self._training.learner
        given = {name: value for name in ("lr", "clip") if (value := getattr(command, name)) is not None}
        learner.config = validate(msgspec.structs.replace(learner.config, **given))
        if self._training.state == "diverged":
            self._changed = True  # the metrics still hold what came after the checkpoint: noted when that is cut
        else:
            self._note_change()
        config, step = learner.config, learner.step
        self._training.clients.broadcast(SettingsChanged(step=step, lr=config.lr, clip=config.clip))
        self._training.send_status()

    def _note_change(self) -> None:
        """Add a row to the metrics that says what lr and clip are from this step on."""
        session, config = self._training.session, self._training.learner.config
        self._changed = False
        session.change_count += 1
        line = {"kind": "changed", "step": self._training.learner.step, "lr": config.lr, "clip": config.clip}
        self._training.buffer.add_line(line)

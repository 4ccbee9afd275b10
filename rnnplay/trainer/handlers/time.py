"""Reach of the network's learning into the past, and which past moved a prediction. Training waits for an answer."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from rnnplay import protocol, runs
from rnnplay.config import UserError
from rnnplay.engine import Network
from rnnplay.engine.architecture import Architecture
from rnnplay.lab import time as lab
from rnnplay.lab.cell_step import Array
from rnnplay.lab.example import class_names
from rnnplay.lab.reference_network import ReferenceNetwork
from rnnplay.runs import checkpoint
from rnnplay.runs.best import text_marks
from rnnplay.tasks.base import Batch
from rnnplay.tasks.series import Series
from rnnplay.trainer.connection import Connection
from rnnplay.trainer.handlers.base import Handler, TimeShares
from rnnplay.trainer.handlers.example import Interrupted
from rnnplay.trainer.handlers.prediction import Prediction, prediction_of
from rnnplay.trainer.learner import architecture
from rnnplay.trainer.metrics import finite
from rnnplay.trainer.session import TrainingSession
from rnnplay.verdicts import dependency_verdict

MOST_LAGS = 1_000
SEQUENCES = 4  # that the gradient by lag is a mean over
DEMONSTRATED = tuple(round(0.1 * n, 1) for n in range(31))  # weights of the one unit


class TimeHandler(Handler):
    """Answers at once, on copies of the network. What depends on the task alone is computed once."""

    commands = (protocol.ComputeGradientByLag, protocol.ComputeOneUnit, protocol.ComputeInfluence)

    def __init__(self, session: TrainingSession, connection: Connection, shares: TimeShares) -> None:
        self._session, self._learner, self._connection = session, session.learner, connection
        self._budget = shares.measure
        self._measured_step = -1
        self._batch: tuple[int, Batch] | None = None
        self._untrained: tuple[int, list[protocol.GradientByLag]] | None = None

    def handle_command(self, command: protocol.TimeCommand, interrupted: Callable[[], bool]) -> bool:
        """Raises UserError if the question makes no sense for this task or network."""
        self._connection.send(self.answer(command, interrupted), command)
        return True

    def answer(self, command: protocol.TimeCommand, interrupted: Callable[[], bool]) -> protocol.TimeEvent:
        match command:
            case protocol.ComputeGradientByLag():
                return self.gradients(command, interrupted)
            case protocol.ComputeOneUnit():
                _lags(command.lags)
                norms = lab.one_unit(command.lags, DEMONSTRATED)
                return protocol.OneUnitComputed(weights=DEMONSTRATED, norms=protocol.PackedArray.from_array(norms))
            case protocol.ComputeInfluence():
                return self.influence(command)

    def sequences(self, lags: int) -> Batch:
        """Held-out sequences for a gradient over `lags` time steps."""
        if self._batch is None or self._batch[0] != lags:
            try:
                result = lab.sequences(self._learner.task, lags, SEQUENCES)
            except StopIteration:
                raise UserError("No data are held out to look at.", "Give --validation a share above 0.") from None
            self._batch = lags, result
        return self._batch[1]

    def reference(self) -> ReferenceNetwork:
        network = self._learner.eval_network()
        return ReferenceNetwork(network.architecture, network.parameters)

    def is_solved(self, interrupted: Callable[[], bool]) -> bool | None:
        """Return whether the task's own measure says that it is solved; None: it has none, or no dependency.

        It is taken again once the network has learned on, within a share of the time.
        """
        task, network, now = self._learner.task, self._learner.eval_network(), time.perf_counter()
        if not task.longest_lag or self._measured_step == self._learner.step or not self._budget.has_time(now):
            return self._session.solved

        def answer(batch: Batch) -> Array:
            if interrupted():
                raise Interrupted
            return np.asarray(network.forward(batch).outputs)

        with contextlib.suppress(Interrupted):
            score = task.score(answer)
            self._session.solved = None if score is None else bool(score.solved)
            self._measured_step = self._learner.step
        self._budget.spend(time.perf_counter() - now)
        return self._session.solved

    def gradients(
        self, command: protocol.ComputeGradientByLag, interrupted: Callable[[], bool]
    ) -> protocol.GradientByLagComputed:
        _lags(command.lags)
        task, network = self._learner.task, self._learner.eval_network()
        batch = self.sequences(command.lags)
        name = lab.kind_of(network.architecture)
        gradient = lab.gradient_by_lag(self.reference(), batch, command.lags, task.longest_lag)
        solved = self.is_solved(interrupted)
        learned = dependency_verdict(gradient.verdict, gradient.dependency, solved)
        others = list(self._untrained_networks(command.lags, batch, network.architecture)) if command.untrained else []
        notes = []
        for run in command.runs:
            try:
                others.append(self._trained(Path(run), batch, command.lags))
            except UserError as error:
                notes.append(f"{error.problem} {error.remedy}")
        if len(gradient.norms) <= command.lags:
            notes.append(f"The sequences of this task have {batch.inputs.shape[0]} time steps.")
        return protocol.GradientByLagComputed(
            step=self._learner.step,
            networks=(_packed(name, True, gradient), *others),
            longest_lag=gradient.dependency,
            length=gradient.length,
            solved=solved,
            learned=learned,
            sentence=lab.sentence(name, gradient, learned),
            note=" ".join(notes),
        )

    def _untrained_networks(self, lags: int, batch: Batch, own: Architecture) -> list[protocol.GradientByLag]:
        """Untrained networks of the same size, computed once."""
        if self._untrained is None or self._untrained[0] != lags:
            seed = self._learner.config.seed
            longest_lag = self._learner.task.longest_lag
            result = lab.untrained_networks(
                own, batch, lags, lambda other: Network(other, seed).parameters, longest_lag
            )
            self._untrained = lags, [_packed(name, False, gradient) for name, gradient in result]
        return self._untrained[1]

    def _trained(self, run: Path, batch: Batch, lags: int) -> protocol.GradientByLag:
        """Another run's network on the same sequences. Raises UserError where it is of another task, or damaged."""
        record, own = runs.load_record(run), self._learner.config
        same_settings = all(
            getattr(record.config, name) == getattr(own, name) for name in ("task", "read_as_bytes", "column")
        )
        if not same_settings or text_marks(record) != (self._session.first_text, self._session.text):
            raise UserError(f"The run {run.name} is of the task {record.config.task}.", f"Choose one of {own.task}.")
        other = Network(architecture(record.config, self._learner.task), record.config.seed)
        if steps := checkpoint.checkpoint_steps(run):
            self._learner.load_weights_into(other, checkpoint.load_at(run, steps[-1]))
        reference = ReferenceNetwork(other.architecture, other.parameters)
        result = lab.gradient_by_lag(reference, batch, lags, self._learner.task.longest_lag)
        return _packed(lab.kind_of(other.architecture), True, result)

    def influence(self, command: protocol.ComputeInfluence) -> protocol.InfluenceComputed:
        if command.past < 1:
            raise UserError("Nothing would be shown.", "Look back at least one time step.")
        asked = prediction_of(self._session, command)
        return self._influence(lab.influence(self.reference(), asked.batch, asked.place), asked)

    def _influence(self, result: lab.Influence, asked: Prediction) -> protocol.InfluenceComputed:
        symbols = asked.symbols
        (predicted, probability), *others = self._classes(result)
        largest = float(result.norms.max()) if len(result.norms) else 0.0
        norms = result.norms / largest if np.isfinite(largest) and largest > 0 else np.zeros(len(result.norms))
        place = int(norms.argmax())
        back = len(symbols) - 1 - place
        words = repr(predicted) if probability is not None else f"The number {predicted}"
        where = "the present one" if back == 0 else "the one before" if back == 1 else f"{back} time steps before"
        sentence = f"{words} was moved most by the input {symbols[place]!r}, {where}."
        return protocol.InfluenceComputed(
            step=self._learner.step,
            first=asked.first,
            position=asked.position,
            total=asked.total,
            symbols=tuple(symbols),
            norms=tuple(norms.tolist()),
            largest=finite(largest) or 0.0,
            predicted=predicted,
            probability=None if probability is None else finite(probability) or 0.0,
            other=others[0][0] if others else "",
            other_probability=(finite(others[0][1] or 0.0) or 0.0) if others else 0.0,
            sentence=sentence,
        )

    def _classes(self, result: lab.Influence) -> list[tuple[str, float | None]]:
        """Return the predicted class and, of two, the other one, each with its probability; a number with None."""
        task, p = self._learner.task, result.value
        names = class_names(task)
        if task.readout == "linear":
            value = float(task.unscaled(np.array(p))) if isinstance(task, Series) else p
            return [(f"{value:.3g}", None)]
        if task.outputs > 2:
            return [(names[result.output] if result.output < len(names) else str(result.output + 1), p)]
        place = result.output if task.outputs == 2 else 1
        classes: list[tuple[str, float | None]] = [(names[place], p), (names[1 - place], 1 - p)]
        return classes if p >= 0.5 else classes[::-1]


def _packed(name: str, trained: bool, result: lab.GradientByLag) -> protocol.GradientByLag:
    return protocol.GradientByLag(
        name=name,
        trained=trained,
        norms=tuple(finite(norm) for norm in result.norms.tolist()),
        radius=result.radius,
        matrix=lab.radius_matrix(result.architecture.cell),
        horizon=result.horizon,
        verdict=result.verdict,
        lag=result.lag,
        left=finite(result.left),
        factor=result.factor,
        reason=result.reason,
    )


def _lags(lags: int) -> None:
    if not 1 <= lags <= MOST_LAGS:
        raise UserError(f"{lags} lags cannot be shown.", f"Give a number from 1 to {MOST_LAGS}.")

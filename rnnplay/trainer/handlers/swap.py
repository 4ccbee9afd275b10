"""ComputeSwaps: what became of a prediction if an earlier symbol had been another one, worked out in slices."""

import time
from collections.abc import Callable, Iterator

import numpy as np

from rnnplay.config import UserError
from rnnplay.engine import Network
from rnnplay.lab.example import class_names, source_names
from rnnplay.lab.swap import Replacement, Swaps, commonest, compute_swaps, swaps_sentence
from rnnplay.protocol import Command, ComputeSwaps, Swap, SwapsComputed
from rnnplay.tasks.base import Array
from rnnplay.trainer.connection import Connection
from rnnplay.trainer.handlers.base import Handler, TimeShares
from rnnplay.trainer.handlers.prediction import Prediction, prediction_of
from rnnplay.trainer.session import TrainingSession

SHOWN = 5  # places, the strongest
_JOB_SHARE = 0.5  # of the time beside training that a question may take, as of those about cells
_SLICE_SECONDS = 0.02


class SwapHandler(Handler):
    """Answers the last ComputeSwaps, as time allows."""

    commands = (ComputeSwaps,)
    current: ComputeSwaps | None = None

    def __init__(self, session: TrainingSession, connection: Connection, shares: TimeShares) -> None:
        self._session, self._learner, self._connection, self._shares = session, session.learner, connection, shares
        self._job: Iterator[float | None] | None = None
        self._counts: tuple[Array, Array] | None = None

    def handle_command(self, command: ComputeSwaps, interrupted: Callable[[], bool]) -> bool:
        """Raises UserError if there is no such prediction."""
        task = self._learner.task
        if not task.inputs_are_ids or task.readout != "softmax":
            words = "The inputs of this task are numbers: none is likelier than another. v shows the gradient's map."
            self._connection.send(SwapsComputed(step=self._learner.step, unavailable=words), command)
            return True
        self.current, self._job = command, self._work(command, self._learner.eval_network().copy())
        return True

    def run_pending(self, training: bool) -> None:
        """Go on with the question, while it trains for as long as the last training step took."""
        job = self._job
        if job is None:
            return
        begun = time.perf_counter()
        allowed = (begun - self._shares.jobs_rested) * _JOB_SHARE / (1 - _JOB_SHARE) if training else _SLICE_SECONDS
        end = begun + min(_SLICE_SECONDS, allowed)
        for _ in job:
            if time.perf_counter() >= end:
                break
        else:
            self._job = self.current = None
        self._shares.jobs_rested = time.perf_counter()

    def seconds_until_due(self) -> float:
        return float("inf") if self._job is None else 0.0

    def cancel(self, command: Command) -> None:
        if command is self.current:
            self.current = self._job = None

    def _work(self, command: ComputeSwaps, network: Network) -> Iterator[float | None]:
        """Yield the fraction that is done, and send the answer at the end."""
        step = self._learner.step
        if command.past < 1:
            raise UserError("Nothing would be swapped.", "Look back at least one time step.")
        asked = prediction_of(self._session, command)
        self._counts = self._counts or commonest(self._learner.task)
        outputs = lambda batch: np.asarray(network.forward(batch).outputs)  # noqa: E731
        for result in compute_swaps(outputs, asked.batch, asked.place, self._counts):
            if isinstance(result, Swaps):
                self._connection.send(self._event(step, result, asked), command)
            else:
                yield result

    def _event(self, step: int, result: Swaps, asked: Prediction) -> SwapsComputed:
        symbols = asked.symbols
        names = class_names(self._learner.task)
        predicted = names[result.output]
        strongest = [self._swap(r, result) for r in result.ranked(SHOWN) if len(r.others)]
        present = result.replacements[-1]
        return SwapsComputed(
            step=step,
            first=asked.first,
            position=asked.position,
            total=asked.total,
            symbols=tuple(symbols),
            effects=tuple(r.effect for r in result.replacements),
            strongest=tuple(strongest),
            present=self._swap(present, result) if len(present.others) else None,
            predicted=predicted,
            probability=result.probability,
            sentence=swaps_sentence(result, symbols, predicted),
        )

    def _swap(self, replacement: Replacement, result: Swaps) -> Swap:
        task, n = self._learner.task, replacement.strongest
        names = source_names(task) if replacement.place < result.sources else task.vocabulary
        outputs = class_names(task)
        return Swap(
            place=replacement.place,
            effect=replacement.effect,
            others=len(replacement.others),
            other=names[int(replacement.others[n])],
            probability=float(result.probability * np.exp(-replacement.falls[n])),
            predicted=outputs[int(replacement.outputs[n])],
            predicted_probability=float(replacement.probabilities[n]),
        )

"""Held-out items as the network answers them, questions put to it, and its measure: ShowExample, AskTask, MeasureTask.

Everything is read from the network that is shown, on states of its own; training only waits.
"""

import contextlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from rnnplay.config import UserError
from rnnplay.engine import Network
from rnnplay.engine.activations import ForwardResult
from rnnplay.engine.readout import softmax
from rnnplay.lab.example import class_names, held_out_example
from rnnplay.protocol import (
    AskTask,
    Candidate,
    Command,
    ExampleShown,
    Measured,
    MeasureTask,
    PackedArray,
    ShowExample,
    TaskAnswered,
)
from rnnplay.tasks.base import Array, Batch, Example, Task, TaskScore
from rnnplay.tasks.generated import END, START
from rnnplay.tasks.series import Series
from rnnplay.tasks.text import TextTask
from rnnplay.trainer.connection import Connection
from rnnplay.trainer.handlers.base import MAX_BACKLOG, Handler, TimeShares
from rnnplay.trainer.metrics import finite
from rnnplay.trainer.session import TrainingSession

FEW = 8  # so few outputs that the probabilities of all are sent
LIKELY = 0.1  # from here on an output is likely, where several are right
LONGEST = 60  # symbols that a network may write
KNOWN = 2 / 3  # of a series' values stand before the forecast
LEARNED = 0.05  # nats: below that a task without a measure of its own counts as learned by heart
ORDER = 3  # of the n-gram that a network must beat on a text


class Interrupted(Exception):
    """The trainer is to end before the answer is complete."""


class ExampleHandler(Handler):
    """Answers ShowExample, again every `every` seconds while the network learns; AskTask and MeasureTask at once."""

    commands = (ShowExample, AskTask, MeasureTask)
    current: ShowExample | None = None  # to be answered again

    def __init__(self, session: TrainingSession, connection: Connection, shares: TimeShares) -> None:
        self._session, self._learner, self._connection = session, session.learner, connection
        self._budget = shares.example
        self._sent, self._sent_step = 0.0, -1

    def handle_command(self, command: ShowExample | AskTask | MeasureTask, interrupted: Callable[[], bool]) -> bool:
        """Raises UserError if there is no such example, or a question makes no sense."""
        match command:
            case ShowExample():
                self.current = None
                self._show(command)
                self.current = command if command.every > 0 else None
            case AskTask():
                self._connection.send(self.ask(command.prompt), command)
            case MeasureTask():
                with contextlib.suppress(Interrupted):
                    self._connection.send(self.measure(interrupted), command)
        return True

    def run_pending(self, training: bool) -> None:
        """Show the example again if the network has learned since."""
        command, now = self.current, time.perf_counter()
        if command is None or now - self._sent < command.every or self._sent_step == self._learner.step:
            return
        if self._connection.backlog < MAX_BACKLOG and (self._budget.has_time(now) or not training):
            self._show(command)

    def cancel(self, command: Command) -> None:
        """Send no example again before the network has learned on."""
        self._sent, self._sent_step = time.perf_counter(), self._learner.step

    def _show(self, command: ShowExample) -> None:
        begun = time.perf_counter()
        event = example_shown(self._learner.eval_network(), self._learner.task, self._learner.step, command.index)
        self._connection.send(event, command)
        self._sent, self._sent_step = time.perf_counter(), self._learner.step
        self._budget.spend(self._sent - begun)

    def ask(self, prompt: str) -> TaskAnswered:
        task, network = self._learner.task, self._learner.eval_network()
        if not task.question_help:
            raise UserError(f"{task.name} takes no question.", "Look at its examples.")
        decoded = task.answer_question(prompt, lambda batch: network.forward(batch).outputs)
        numbers = before = None
        if isinstance(task, Series):
            numbers, before = np.array([float(symbol) for symbol, _ in decoded]), task.unscaled(task.latest())
        return TaskAnswered(
            step=self._learner.step,
            prompt=prompt,
            answer=tuple(Candidate(symbol, probability) for symbol, probability in decoded),
            series=None if numbers is None else PackedArray.from_array(numbers),
            before=None if before is None else PackedArray.from_array(before),
        )

    def measure(self, interrupted: Callable[[], bool]) -> Measured:
        """Send the score. Raises Interrupted, and UserError if the task has no way to tell."""
        task, network = self._learner.task, self._learner.eval_network()

        def answer(batch: Batch) -> Array:
            if interrupted():
                raise Interrupted
            return np.asarray(network.forward(batch).outputs)

        result = task.score(answer) or self._score_by_loss(interrupted)
        self._session.solved = bool(result.solved)
        return Measured(
            step=self._learner.step,
            name=result.name,
            value=finite(result.value),
            criterion=result.criterion,
            solved=bool(result.solved),
        )

    def _score_by_loss(self, interrupted: Callable[[], bool]) -> TaskScore:
        """The held-out loss: of a text against an n-gram model, else against almost nothing."""
        task = self._learner.task
        result = self._learner.evaluate(task.evaluation(), interrupted)
        if result is None:
            raise Interrupted
        if not result[1]:
            raise UserError("No data are held out to measure on.", "Give --validation a share above 0.")
        loss = float("nan") if result[0] is None else result[0]
        if isinstance(task, TextTask):
            name, criterion = f"nats a symbol, {ORDER}-gram {{:.3f}}", task.ngram(ORDER)
            return TaskScore(name.format(criterion), loss, criterion, loss < criterion)
        return TaskScore("held-out loss", loss, LEARNED, loss < LEARNED)


def example_shown(network: Network, task: Task, step: int, index: int) -> ExampleShown:
    """Return item `index` as the network answers it. Raises UserError where there is none."""
    example = held_out_example(task, index)
    batch = example.batch
    result = network.forward(batch)
    y = np.asarray(result.outputs[:, :, 0], np.float64)  # (T, V)
    fields = {"targets": tuple(example.targets)} | _rows(task, example, y)
    if task.inputs_are_ids and (possible := task.allowed_outputs(batch.inputs[:, 0])) is not None:
        fields |= _allowed_rows(task, possible, y)
    if task.frame_shape is not None or example.picture is not None:
        fields |= _pictures(task, example, y)
    if isinstance(task, Series) and example.series is not None:
        fields |= _series(network, task, example, y)
    if task.inputs_are_ids and START in task.vocabulary and END in task.output_vocabulary:
        fields |= _decoded(network, task, example)
    return ExampleShown(
        step=step,
        index=index,
        title=example.title,
        source=tuple(reversed(example.source or [])),
        inputs=tuple(example.inputs),
        **fields,
    )


def _rows(task: Task, example: Example, y: Array) -> dict[str, Any]:
    """Predictions beside targets, where a time step has one."""
    T, V = y.shape
    names = task.output_vocabulary or task.vocabulary
    asked = [target is not None for target in example.targets]
    predictions: list[str | None] = [None] * T
    chances: list[float | None] = [None] * T
    right: list[float | None] = [None] * T
    for t in np.flatnonzero(asked):
        if task.readout == "softmax":
            best, target = int(y[t].argmax()), int(example.batch.targets[t, 0])
            predictions[t], chances[t], right[t] = names[best], float(y[t, best]), float(y[t, target])
        elif V == 1 and task.readout == "linear":
            value = float(task.unscaled(y[t, 0])) if isinstance(task, Series) else float(y[t, 0])
            predictions[t] = f"{value:.3g}" if isinstance(task, Series) else f"{value:.2f}"
        elif V == 1:
            one = float(y[t, 0])
            predictions[t], chances[t] = str(int(one > 0.5)), max(one, 1 - one)
            right[t] = one if example.batch.targets[t, 0, 0] > 0.5 else 1 - one
    fields: dict[str, Any] = {
        "predictions": tuple(predictions),
        "prediction_probabilities": tuple(chances),
        "target_probabilities": tuple(right),
    }
    if task.readout == "softmax" and (V <= FEW or T == 1):
        fields |= {"outputs": tuple(names), "probabilities": PackedArray.from_array(y.astype(np.float32))}
    elif V == 1 and task.readout.startswith("sigmoid"):
        both = np.concatenate([1 - y, y], axis=1)
        fields |= {"outputs": class_names(task), "probabilities": PackedArray.from_array(both.astype(np.float32))}
    return fields


def _allowed_rows(task: Task, possible: Array, y: Array) -> dict[str, Any]:
    """Return what may follow each time step, what the network holds likely, and how much it gives to the former."""

    def named(chosen: Array) -> tuple[str, ...]:
        return tuple("".join(task.output_vocabulary[i] for i in np.flatnonzero(row)) for row in chosen)

    likely = y > LIKELY
    return {
        "row_labels": ("may follow", "likely", "p(allowed)"),
        "targets": named(possible),
        "predictions": named(likely),
        "prediction_probabilities": tuple((y * likely).sum(axis=1).tolist()),
        "target_probabilities": tuple((y * possible).sum(axis=1).tolist()),
    }


def _pictures(task: Task, example: Example, y: Array) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if example.picture is not None:
        frames = example.picture if example.picture.ndim == 3 else example.picture[None]
        fields["frames"] = _bytes(frames)
    if task.frame_shape is not None and y.shape[1] == task.frame_shape[0] * task.frame_shape[1]:
        fields["predicted_frames"] = _bytes(y.reshape(-1, *task.frame_shape))
    return fields


def _bytes(pictures: Array) -> PackedArray:
    return PackedArray.from_array(np.rint(np.clip(pictures, 0, 1) * 255).astype(np.uint8))


def _series(network: Network, task: Series, example: Example, y: Array) -> dict[str, Any]:
    """The series, each next value from those before it, and a forecast of its last third."""
    assert example.series is not None
    values = example.batch.inputs[:, 0, 0]  # (T,), scaled
    T = len(values)
    given = max(1, min(T, round(T * KNOWN)))
    state = network.zero_state(1)
    logits = np.zeros((1, 1))
    for value in values[:given]:
        logits, state = network.step(np.array([[value]], values.dtype), state)
    forecast = [float(logits[0, 0])]
    while len(forecast) < T + 1 - given:
        logits, state = network.step(np.array([[forecast[-1]]], values.dtype), state)
        forecast.append(float(logits[0, 0]))
    return {
        "series": PackedArray.from_array(np.asarray(example.series, np.float64)),
        "predicted": PackedArray.from_array(np.asarray(task.unscaled(y[:, 0]), np.float64)),
        "forecast": PackedArray.from_array(np.asarray(task.unscaled(np.array(forecast)), np.float64)),
    }


def _decoded(network: Network, task: Task, example: Example) -> dict[str, Any]:
    """Return what the network writes by itself, its likeliest symbol fed back until <END>."""
    batch = example.batch
    names, end = task.output_vocabulary, task.output_vocabulary.index(END)
    reads = {symbol: i for i, symbol in enumerate(task.vocabulary)}
    first = batch.slice_time(0, 1)
    if int(batch.inputs[0, 0]) != reads[START]:
        return {}
    result: ForwardResult = network.forward(first)
    p, state = result.outputs[0, :, 0], result.state
    decoded: list[Candidate] = []
    while len(decoded) < LONGEST:
        best = int(p.argmax())
        if best == end or names[best] not in reads:
            break
        decoded.append(Candidate(names[best], float(p[best])))
        y, state = network.step(np.array([reads[names[best]]], np.int32), state)
        p = softmax(y[:, 0])
    expected = [target for target in example.targets if target is not None and target != END]
    return {"decoded": tuple(decoded), "expected": tuple(expected)}

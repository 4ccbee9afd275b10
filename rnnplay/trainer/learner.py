"""Learner: a task, a network, an optimizer and the random states between them; all that a checkpoint holds.

Everything here depends on the configuration and the number of steps alone, never on the clock, so that a run that was
stopped and resumed goes on bit for bit.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import msgspec
import numpy as np

from rnnplay.backend.base import DeviceUse, Rates
from rnnplay.backend.checkpoint_arrays import under
from rnnplay.backend.selection import make_backend
from rnnplay.catalogue.texts import with_length
from rnnplay.config import RunConfig, Schedule, UserError
from rnnplay.engine import Architecture, Network, TooLargeError
from rnnplay.engine.memory_limits import check_batch
from rnnplay.engine.schedules import learning_rate
from rnnplay.runs import checkpoint
from rnnplay.runs.checkpoint import Array, Checkpoint
from rnnplay.tasks.base import Batch, Task
from rnnplay.trainer.metrics import StepResult, finite, last_step


def architecture(config: RunConfig, task: Task) -> Architecture:
    """The network that `config` asks for, for `task`. Raises UserError where it cannot be built."""
    assert config.hidden is not None, "chosen by the length of the text"
    try:
        return Architecture(
            cell=config.cell,
            inputs=task.inputs,
            hidden=config.hidden,
            outputs=task.outputs,
            layers=config.layers,
            inputs_are_ids=task.inputs_are_ids,
            activation=config.activation,
            readout=task.readout,
            bias=config.bias,
            init=config.init,
            init_scale=config.init_scale,
            forget_bias=config.forget_bias,
            chrono=config.chrono_max_lag,
            max_time_constant=config.max_time_constant or 0,
            dropout=config.dropout or 0.0,
            weight_dropout=config.weight_dropout or 0.0,
            source_vocabulary_size=task.source_vocabulary_size,
            context_size=task.context_size,
            picture_shape=task.picture_shape,
            dtype=config.dtype,
        )
    except ValueError as error:
        raise as_user_error(error) from None


def as_user_error(error: ValueError) -> UserError:
    """Return what the engine says of something that cannot be built: its last sentence is what to do."""
    wrong, _, remedy = str(error).rpartition(". ")
    return UserError(f"This network cannot be built: {wrong}.", remedy)


class _StartedStep(NamedTuple):
    """Facts of a step before its row."""

    lr: float
    characters: int
    remark: str | None


def _joined(problem: str | None, remark: str | None, number: int) -> str | None:
    """The remark on step `number` of those that ended together: the first has the backend's problem too."""
    return " ".join(filter(None, [problem if number == 0 else None, remark])) or None


class Learner:
    """One network in training."""

    def __init__(self, config: RunConfig, task: Task, trains: bool = True) -> None:
        """trains: on the run's device; else on the CPU. Raises UserError where the network cannot be built."""
        config, _ = with_length(config, task.training_size, task.training_items)
        self.config, self.task, self.step = config, task, 0
        self.schedule_start = 0  # the step at which the learning rate's schedule began
        shape = architecture(config, task)
        try:
            if task.training_size:  # before anything large is made
                check_batch(shape, config.seq_len, config.batch, 0, True)
            self._backend = make_backend(config if trains else msgspec.structs.replace(config, device="cpu"), shape)
        except TooLargeError as error:
            raise as_user_error(error) from None
        if initial := task.initial_parameters():
            self._backend.load_parameters({**self._backend.parameters(), **initial})
        self._untrained: Network | None = None
        self._started: list[_StartedStep] = []  # steps in flight, or half of one that failed

    @property
    def lr(self) -> float:
        """The learning rate of the next step."""
        return self._lr_at(self.step)

    def _lr_at(self, step: int) -> float:
        config, start = self.config, self.schedule_start
        total = (last_step(config, self.task.epoch_steps) or start) - start
        return learning_rate(config.schedule, config.lr, step - start, total, config.warmup)

    @property
    def network(self) -> Network:
        """The network in training."""
        return self._backend.network

    @property
    def finite(self) -> bool:
        """Return whether every parameter is a finite number."""
        return bool(np.isfinite(self.network.flat).all())

    @property
    def epoch(self) -> float | None:
        return self.step / self.task.epoch_steps if self.task.epoch_steps else None

    @property
    def overlaps(self) -> bool:
        """Return whether steps go on beside the caller between `start_steps` and `finish_steps`."""
        return self._backend.overlaps

    @property
    def in_flight(self) -> bool:
        """Return whether steps are started and not finished; the networks are as before them, and so is `step`."""
        return bool(self._started)

    @property
    def device_name(self) -> str:
        """The device that trains, for people; empty: the CPU."""
        use = self.use()
        return "" if use is None else use.name

    def use(self) -> DeviceUse | None:
        """The device that trains; None: the CPU."""
        return self._backend.use()

    def train_step(self) -> StepResult:
        """One training step. Where its loss or gradient is not finite the parameters are worth nothing any more."""
        self.start_steps(1)
        (result,) = self.finish_steps()
        return result

    def start_steps(self, count: int) -> None:
        """Begin `count` training steps."""
        config, steps = self.config, range(self.step, self.step + count)
        rates = [Rates(self._lr_at(step), config.clip, config.clip_value) for step in steps]
        try:
            self._backend.start_steps(self._batches(steps, rates), rates)
        except BaseException:
            self._started = []
            raise

    def _batches(self, steps: Iterable[int], rates: Iterable[Rates]) -> Iterator[Batch]:
        for step, rate in zip(steps, rates, strict=True):
            batch = self.task.batch(step)
            remark = self.task.log_line(step, batch, partial(self._backend.outputs_before, batch))
            self._started.append(_StartedStep(rate.lr, batch.token_count, remark))
            yield batch

    def finish_steps(self) -> list[StepResult]:
        """Wait for the steps that were started. Raises DeviceMemoryError, after which a checkpoint is to be loaded."""
        started, self._started = self._started, []
        rows = self._backend.finish_steps()
        problem, self._backend.problem = self._backend.problem, None
        if problem is not None:
            print(f"step {self.step}: {problem}", file=sys.stderr)  # the run's log
        self.step += len(rows)
        return [
            StepResult(
                row.loss, row.grad_norm, row.clipped, step.lr, step.characters, _joined(problem, step.remark, number)
            )
            for number, (row, step) in enumerate(zip(rows, started, strict=True))
        ]

    def eval_network(self) -> Network:
        """The network that is evaluated, looked at and sampled from: the averaged one where there is one."""
        return self._backend.shown_network(self.step)

    def untrained_network(self) -> Network:
        """The network before its first step, made when it is first asked for."""
        if self._untrained is None:
            self._untrained = Network(self.network.architecture, self.config.seed)
            self._untrained.load_parameters({**self._untrained.parameters, **(self.task.initial_parameters() or {})})
        return self._untrained

    def evaluate(self, batches: Iterable[Batch], interrupted: Callable[[], bool]) -> tuple[float | None, int] | None:
        """(loss, characters) over `batches`, the first from a zero state; None: it was interrupted."""
        network, state = self.eval_network(), None
        total = weight = 0.0
        characters = 0
        for batch in batches:
            if interrupted():
                return None
            loss, weights, state = network.evaluate(batch, None if batch.resets_state else state)
            total, weight, characters = total + loss, weight + weights, characters + batch.token_count
        return finite(total / weight) if weight else None, characters

    # -------------------------------------------------------------------------------------------------- checkpoints

    def load_parameters(self, parameters: Mapping[str, Array]) -> None:
        """Replace the parameters. Raises ValueError, and changes nothing, if a name, shape or number is wrong."""
        self._backend.load_parameters(parameters)

    def weights(self) -> dict[str, Array]:
        """The parameters by name, averaged where they are shown so."""
        return dict(self.eval_network().parameters)

    def snapshot(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """Arrays and JSON values that hold everything `restore` needs."""
        config = self.config
        state = {
            "rng": self._backend.random_state(),
            "task": self.task.state(),
            "changed": {"lr": config.lr, "clip": config.clip, "schedule": config.schedule},
            "schedule_start": self.schedule_start,
            "carried": self._backend.carries_state,
        }
        return self._backend.arrays(), state

    def restore(self, source: Checkpoint) -> None:
        """Be as at the step of `source`. Raises UserError, and changes nothing, where it does not fit."""
        try:
            state = source.state["learner"]
            changed: dict[str, Any] = {name: float(state["changed"][name]) for name in ("lr", "clip")}
            changed["schedule"] = msgspec.convert(state["changed"].get("schedule", self.config.schedule), Schedule)
            schedule_start = int(state.get("schedule_start", 0))  # an earlier version has it in config.json alone
            np.random.default_rng().bit_generator.state = state["rng"]  # refuses what is none
            carries_state = bool(state["carried"])
            checkpoint.check_matches(source, self._backend.expected_arrays(source.arrays, carries_state))
            if source.arrays["optimizer/steps"].tolist() != [source.step]:
                raise ValueError("the optimizer has done another number of steps")
            self.task.restore(state["task"])
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            if isinstance(error, UserError):
                raise
            raise UserError(f'"{source.path}" is not a whole checkpoint ({error!r}).', "Use another one.") from None
        self._started = []
        self._backend.load(source.arrays, carries_state, state["rng"])
        self.step = source.step
        self.config = msgspec.structs.replace(self.config, **changed)
        self.schedule_start = max(self.schedule_start, schedule_start)

    def load_weights_into(self, network: Network, source: Checkpoint) -> None:
        """Load the weights that are evaluated into `network`: of a full checkpoint, or of one of weights alone.

        As in `shown`, these are the averaged ones once a step was averaged. Raises UserError if they do not fit.
        """
        parameters = under(source.arrays, "parameters/") or source.arrays
        if all(array.dtype == np.float16 for array in parameters.values()):  # of the gallery
            parameters = {name: array.astype(network.flat.dtype) for name, array in parameters.items()}
        given, expected = dict(parameters), dict(network.parameters)
        averaged = bool(source.arrays.get("averaging/steps", np.zeros(1))[0])
        if averaged:
            given["averaging/mean"], expected["averaging/mean"] = source.arrays["averaging/mean"], network.flat
        checkpoint.check_matches(Checkpoint(source.path, source.step, given, source.state), expected)
        network.load_parameters(parameters)
        if averaged:
            network.flat[...] = source.arrays["averaging/mean"]

    def network_of(self, source: Checkpoint) -> Network:
        """Return a new network with the weights evaluated at `source`. Raises UserError if they do not fit."""
        network = Network(self.network.architecture, None)
        self.load_weights_into(network, source)
        return network

    def show_checkpoint(self, source: Checkpoint) -> None:
        """Show the network as it was at `source`, never to be trained on from there."""
        self.load_weights_into(self._backend.shown_network(source.step), source)
        self.step = source.step

"""What learns: a task, a network, an optimizer and the random states between them; all that a checkpoint holds.

Everything here depends on the configuration and the number of steps alone, never on the clock, so that a run that was
stopped and resumed goes on bit for bit.
"""

import json
import sys
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import numpy as np

from rnnplay.config import RunConfig, UserError
from rnnplay.engine import Architecture, Network, State, TooLargeError
from rnnplay.engine.memory_limits import check_batch
from rnnplay.engine.optimizers import Optimizer
from rnnplay.engine.readout import outputs_of
from rnnplay.engine.schedules import Averaging, learning_rate
from rnnplay.machine import available_cores
from rnnplay.parallel import DataParallel
from rnnplay.runs import checkpoint
from rnnplay.runs.checkpoint import Array, Checkpoint
from rnnplay.tasks.base import Batch, Task
from rnnplay.trainer.metrics import Step, finite, last_step

_DROPOUT = 1  # which stream of the seed the dropout masks come from


def architecture(config: RunConfig, task: Task) -> Architecture:
    """The network that `config` asks for, for `task`. Raises UserError where it cannot be built."""
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
            dropout=config.dropout,
            weight_dropout=config.weight_dropout,
            source_vocabulary_size=task.source_vocabulary_size,
            context_size=task.context_size,
            picture_shape=task.picture_shape,
            dtype=config.dtype,
        )
    except ValueError as error:
        raise refused(error) from None


def refused(error: ValueError) -> UserError:
    """What the engine says of something that cannot be built: its last sentence is what to do."""
    wrong, _, remedy = str(error).rpartition(". ")
    return UserError(f"This network cannot be built: {wrong}.", remedy)


class Learner:
    """One network in training."""

    def __init__(self, config: RunConfig, task: Task) -> None:
        """Raises UserError where the network cannot be built."""
        self.config, self.task, self.step = config, task, 0
        self.schedule_start = 0  # the step at which the learning rate's schedule began
        shape = architecture(config, task)
        try:
            if task.training_size:  # before anything large is made
                check_batch(shape, config.seq_len, config.batch, 0, True)
            parallel = DataParallel(shape, config.seed, available_cores() < 2) if config.cores > 1 else None
            self.network = Network(shape, config.seed) if parallel is None else parallel.network
        except TooLargeError as error:
            raise refused(error) from None
        self._parallel = parallel
        self._learn = self.network.forward_backward if parallel is None else parallel.forward_backward
        for name, value in (task.initial_parameters() or {}).items():
            self.network.parameters[name][...] = value
        self._optimizer = Optimizer(
            self.network, config.optimizer, config.lr, momentum=config.momentum, decay=config.weight_decay
        )
        self._averaging = Averaging(self.network, config.ema_decay) if config.ema_decay else None
        self._shown = self.network.copy() if self._averaging else self.network
        self._shown_step = 0
        self._state: State | None = None  # carried from one batch to the next
        self._rng = np.random.default_rng([config.seed, _DROPOUT])
        self.remark: str | None = None  # what the task has to say about the last step

    @property
    def lr(self) -> float:
        """The learning rate of the next step."""
        config, start = self.config, self.schedule_start
        total = (last_step(config, self.task.epoch_steps) or start) - start
        return learning_rate(config.schedule, config.lr, self.step - start, total, config.warmup)

    @property
    def finite(self) -> bool:
        """Whether every parameter is a finite number."""
        return bool(np.isfinite(self.network.flat).all())

    @property
    def epoch(self) -> float | None:
        return self.step / self.task.epoch_steps if self.task.epoch_steps else None

    def train(self) -> Step:
        """One training step. Where its loss or gradient is not finite the parameters are worth nothing any more."""
        batch = self.task.batch(self.step)
        lr = self.lr
        state = None if batch.resets_state else self._state
        self.remark = self.task.log_line(self.step, batch, lambda: self._outputs(batch, state))
        if 0 < self.config.tbptt_steps < batch.inputs.shape[0]:
            loss, self._state = self._learn_in_pieces(batch, state)
        else:
            loss, self._state = self._learn(batch, state, self._rng)
        if self._parallel is not None and self._parallel.problem is not None:
            self.remark = " ".join(filter(None, [self._parallel.problem, self.remark]))
            print(f"step {self.step}: {self._parallel.problem}", file=sys.stderr)  # the run's log
            self._parallel.problem = None
        report = self._optimizer.step(lr, self.config.clip, self.config.clip_value)
        if self._averaging is not None:
            self._averaging.update()
        self.step += 1
        return Step(loss, report.grad_norm, report.clipped, lr, batch.token_count)

    def _learn_in_pieces(self, batch: Batch, state: State | None) -> tuple[float, State | None]:
        """Loss and gradient of `batch`: the state goes on, the gradient flows back within `truncate` time steps."""
        network, T, size = self.network, batch.inputs.shape[0], self.config.tbptt_steps
        weights = np.ones(batch.inputs.shape[:1]) if batch.weights is None else batch.weights.sum(axis=1)
        gradient, loss = np.zeros_like(network.flat_gradient), 0.0
        for begin in range(0, T, size):
            here = slice(begin, begin + size)
            share = float(weights[here].sum() / max(weights.sum(), 1e-30))
            chunk = batch.slice_time(begin, begin + size)
            part, state = self._learn(chunk, state, self._rng)
            loss += share * part
            gradient += network.flat_gradient * network.flat_gradient.dtype.type(share)
        network.flat_gradient[...] = gradient
        return loss, state

    def _outputs(self, batch: Batch, state: State | None) -> Array:
        """What the network says at each time step (T, V, B), before it learns from `batch`."""
        state = self.network.zero_state(batch.inputs.shape[-1]) if state is None else state
        logits = []
        for x in batch.inputs:
            y, state = self.network.step(x, state)
            logits.append(y)
        return outputs_of(np.stack(logits), self.task.readout)

    def shown(self) -> Network:
        """The network that is evaluated, looked at and sampled from: the averaged one where there is one."""
        if self._averaging is not None and self._shown_step != self.step:
            self._shown.flat[...] = self._averaging.mean if self._averaging.steps else self.network.flat
            self._shown_step = self.step
        return self._shown

    def evaluate(self, batches: Iterable[Batch], interrupted: Callable[[], bool]) -> tuple[float | None, int] | None:
        """(loss, characters) over `batches`, the first from a zero state; None: it was interrupted."""
        network, state = self.shown(), None
        total = weight = 0.0
        characters = 0
        for batch in batches:
            if interrupted():
                return None
            loss, weights, state = network.evaluate(batch, None if batch.resets_state else state)
            total, weight, characters = total + loss, weight + weights, characters + batch.token_count
        return finite(total / weight) if weight else None, characters

    # -------------------------------------------------------------------------------------------------- checkpoints

    def weights(self) -> dict[str, Array]:
        """The parameters by name, averaged where they are shown so."""
        return dict(self.shown().parameters)

    def snapshot(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """Arrays and JSON values that hold everything `restore` needs."""
        state = {
            "rng": _rng_state(self._rng),
            "task": self.task.state(),
            "changed": {"lr": self.config.lr, "clip": self.config.clip},
            "carried": self._state is not None,
        }
        return self._arrays(self._state), state

    def _arrays(self, carried: State | None) -> dict[str, Array]:
        named = {f"parameters/{name}": value for name, value in self.network.parameters.items()}
        named |= {f"optimizer/{name}": value for name, value in self._optimizer.state().items()}
        if self._averaging is not None:
            named |= {f"averaging/{name}": value for name, value in self._averaging.state().items()}
        for layer, parts in enumerate(carried or ()):
            named |= {f"state/l{layer}.{part}": value for part, value in parts._asdict().items()}
        return named

    def restore(self, found: Checkpoint) -> None:
        """Be as at the step of `found`. Raises UserError, and changes nothing, where it does not fit."""
        try:
            state = found.state["learner"]
            changed = {name: float(state["changed"][name]) for name in ("lr", "clip")}
            rng = np.random.default_rng()
            rng.bit_generator.state = state["rng"]
            carried = self._carried(found) if state["carried"] else None
            checkpoint.check_matches(found, self._arrays(carried))
            if found.arrays["optimizer/steps"].tolist() != [found.step]:
                raise ValueError("the optimizer has done another number of steps")
            self.task.restore(state["task"])
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            if isinstance(error, UserError):
                raise
            raise UserError(f'"{found.path}" is not a whole checkpoint ({error!r}).', "Use another one.") from None
        self.network.load_parameters(_under(found.arrays, "parameters/"))
        self._optimizer.load(_under(found.arrays, "optimizer/"))
        if self._averaging is not None:
            self._averaging.load(_under(found.arrays, "averaging/"))
        self._state, self._rng, self.step, self._shown_step = carried, rng, found.step, -1
        self.config = msgspec.structs.replace(self.config, **changed)

    def _carried(self, found: Checkpoint) -> State:
        """The carried state that `found` holds; how many sequences it is of is known from itself alone."""
        B = found.arrays[f"state/l0.{self.network.zero_state(1)[0]._fields[0]}"].shape[-1]
        state = self.network.zero_state(B)
        for layer, parts in enumerate(state):
            for name, zero in parts._asdict().items():
                value = found.arrays[f"state/l{layer}.{name}"]
                if value.shape != zero.shape or value.dtype != zero.dtype:
                    raise ValueError("the carried state is of another network")
                zero[...] = value
        return state

    def fill(self, network: Network, found: Checkpoint) -> None:
        """Put the parameters that are shown into `network`, from a whole checkpoint or one of weights. UserError."""
        arrays = found.arrays
        if _under(arrays, "parameters/"):
            arrays = _under(arrays, "parameters/")
            if "averaging/mean" in found.arrays:
                mean = found.arrays["averaging/mean"]
                if mean.shape != network.flat.shape or mean.dtype != network.flat.dtype:
                    raise UserError(f'"{found.path}" is of another network.', "Use another checkpoint.")
        if all(array.dtype == np.float16 for array in arrays.values()):  # of the gallery
            arrays = {name: array.astype(network.flat.dtype) for name, array in arrays.items()}
        checkpoint.check_matches(Checkpoint(found.path, found.step, arrays, found.state), network.parameters)
        network.load_parameters(arrays)
        if "averaging/mean" in found.arrays:
            network.flat[...] = found.arrays["averaging/mean"]

    def look_at(self, found: Checkpoint) -> None:
        """Show the network as it was at `found`, never to be trained on from there."""
        self.fill(self._shown, found)
        self.step = self._shown_step = found.step


def _under(arrays: dict[str, Array], prefix: str) -> dict[str, Array]:
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}


def _rng_state(rng: np.random.Generator) -> dict[str, Any]:
    """The generator's state as JSON values."""
    state: dict[str, Any] = json.loads(json.dumps(rng.bit_generator.state))
    return state

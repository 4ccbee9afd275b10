"""The NumPy engine as a backend: on one core, or on two."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from rnnplay.backend.base import Array, Backend, Rates, StepRow, TrainingBatch
from rnnplay.backend.checkpoint_arrays import json_state, state_arrays, state_in, under
from rnnplay.config import RunConfig
from rnnplay.engine import Architecture, Averaging, Network, Optimizer, State
from rnnplay.engine.readout import outputs_of
from rnnplay.machine import available_cores
from rnnplay.parallel import DataParallel

_DROPOUT = 1  # which stream of the seed the dropout masks come from


class NumpyEngine(Backend):
    """One network in training. Its numbers depend on the configuration and the batches alone."""

    def __init__(self, config: RunConfig, architecture: Architecture) -> None:
        """Raises TooLargeError if it does not fit into memory."""
        self._config = config
        self._parallel = None
        if config.cores > 1:
            self._parallel = DataParallel(architecture, config.seed, available_cores() < 2)
        self._network = Network(architecture, config.seed) if self._parallel is None else self._parallel.network
        self._optimizer = Optimizer(
            self._network, config.optimizer, config.lr, momentum=config.momentum, decay=config.weight_decay or 0.0
        )
        self._averaging = Averaging(self._network, config.ema_decay) if config.ema_decay else None
        self._eval_copy = self._network.copy() if self._averaging else self._network
        self._shown_step = -1
        self._state: State | None = None  # carried from one batch to the next
        self._rng = np.random.default_rng([config.seed, _DROPOUT])
        self._rows: list[StepRow] = []

    def start_steps(self, batches: Iterable[TrainingBatch], rates: Sequence[Rates]) -> None:
        self._rows = [self._train_step(batch, rate) for batch, rate in zip(batches, rates, strict=True)]

    def finish_steps(self) -> list[StepRow]:
        rows, self._rows = self._rows, []
        return rows

    def _train_step(self, batch: TrainingBatch, rates: Rates) -> StepRow:
        state = None if batch.resets_state else self._state
        if 0 < self._config.tbptt_steps < batch.inputs.shape[0]:
            loss, self._state = self._truncated(batch, state)
        else:
            loss, self._state = self._forward_backward(batch, state)
        report = self._optimizer.step(rates.lr, rates.clip_norm, rates.clip_value)
        if self._averaging is not None:
            self._averaging.update()
        return StepRow(loss, report.grad_norm, report.clipped)

    def _forward_backward(self, batch: TrainingBatch, state: State | None) -> tuple[float, State]:
        if self._parallel is None:
            return self._network.forward_backward(batch, state, self._rng)
        result = self._parallel.forward_backward(batch, state, self._rng)
        self.problem, self._parallel.problem = self._parallel.problem or self.problem, None
        return result

    def _truncated(self, batch: TrainingBatch, state: State | None) -> tuple[float, State | None]:
        """Truncated backpropagation: the state goes on, the gradient flows back within `tbptt_steps` time steps."""
        network, T, size = self._network, batch.inputs.shape[0], self._config.tbptt_steps
        weights = np.ones(batch.inputs.shape[:1]) if batch.weights is None else batch.weights.sum(axis=1)
        gradient, loss = np.zeros_like(network.flat_gradient), 0.0
        for begin in range(0, T, size):
            fraction = float(weights[begin : begin + size].sum() / max(weights.sum(), 1e-30))
            part, state = self._forward_backward(batch.slice_time(begin, begin + size), state)
            loss += fraction * part
            gradient += network.flat_gradient * network.flat_gradient.dtype.type(fraction)
        network.flat_gradient[...] = gradient
        return loss, state

    @property
    def network(self) -> Network:
        return self._network

    def parameters(self) -> Mapping[str, Array]:
        return self._network.parameters

    def load_parameters(self, arrays: Mapping[str, Array]) -> None:
        self._network.load_parameters(arrays)

    def shown_network(self, step: int) -> Network:
        if self._averaging is not None and self._shown_step != step:
            self._eval_copy.flat[...] = self._averaging.mean if self._averaging.steps else self._network.flat
            self._shown_step = step
        return self._eval_copy

    def outputs_before(self, batch: TrainingBatch) -> Array:
        state = None if batch.resets_state else self._state
        state = self._network.zero_state(batch.inputs.shape[-1]) if state is None else state
        logits = []
        for x in batch.inputs:
            y, state = self._network.step(x, state)
            logits.append(y)
        return outputs_of(np.stack(logits), self._network.architecture.readout)

    def arrays(self) -> dict[str, Array]:
        return self._named(self._state)

    def _named(self, state: State | None) -> dict[str, Array]:
        named = {f"parameters/{name}": value for name, value in self._network.parameters.items()}
        named |= {f"optimizer/{name}": value for name, value in self._optimizer.state().items()}
        if self._averaging is not None:
            named |= {f"averaging/{name}": value for name, value in self._averaging.state().items()}
        return named | state_arrays(state)

    def random_state(self) -> dict[str, Any]:
        return json_state(self._rng)

    @property
    def carries_state(self) -> bool:
        return self._state is not None

    def expected_arrays(self, saved: Mapping[str, Array], carries_state: bool) -> dict[str, Array]:
        return self._named(state_in(saved, self._network) if carries_state else None)

    def load(self, saved: Mapping[str, Array], carries_state: bool, random_state: Mapping[str, Any]) -> None:
        rng = np.random.default_rng()
        rng.bit_generator.state = random_state
        state = state_in(saved, self._network) if carries_state else None
        self._network.load_parameters(under(saved, "parameters/"))
        self._optimizer.load(under(saved, "optimizer/"))
        if self._averaging is not None:
            self._averaging.load(under(saved, "averaging/"))
        self._state, self._rng, self._shown_step = state, rng, -1

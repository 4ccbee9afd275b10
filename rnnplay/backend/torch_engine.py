"""PyTorch as a backend: on a GPU, or on its CPU device for tests.

Steps are launched one after the other and their reports stay on the device until `finish_steps`, so that a GPU never
waits. A step whose shapes have come before is captured as a CUDA graph and replayed.
"""

import contextlib
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from rnnplay.backend.base import Array, Backend, DeviceMemoryError, DeviceUse, Rates, StepRow, TrainingBatch
from rnnplay.backend.checkpoint_arrays import json_state, state_arrays, state_in, under
from rnnplay.backend.cuda_graph import CapturedStep
from rnnplay.backend.devices import open_torch
from rnnplay.backend.host_copies import HostCopies
from rnnplay.backend.torch_batch import StepLayout, draw_masks, host_arrays, part_of, spans_of
from rnnplay.backend.torch_network import LayerState, TorchNetwork
from rnnplay.backend.torch_optimizer import TorchOptimizer
from rnnplay.config import RunConfig
from rnnplay.engine import Architecture, Network, State, TooLargeError
from rnnplay.engine.architecture import STATES
from rnnplay.engine.optimizers import UpdateRule
from rnnplay.engine.readout import outputs_of

Tensor = Any
_DROPOUT = 1  # which stream of the seed the dropout masks come from, as in the NumPy engine
_STEPS_BEFORE_CAPTURE = 2  # of the same shapes: they warm up what a capture may not do
_MAX_GRAPHS = 8
_Key = tuple[StepLayout, tuple[tuple[str, tuple[int, ...]], ...]]


class TorchEngine(Backend):
    """One network in training on a device of PyTorch's. Its numbers depend on configuration, batches and device."""

    overlaps = True

    def __init__(self, config: RunConfig, architecture: Architecture) -> None:
        """Raises UserError if the device cannot be had, TooLargeError if the network does not fit into memory."""
        self._config, self._device = config, open_torch(config.device, config.precision, config.dtype)
        self._torch = torch = self._device.torch
        self.description = self._device.describe(config.precision)
        self._stream = torch.cuda.Stream(self._device.device) if self._device.is_gpu else None
        first = Network(architecture, config.seed)
        try:
            with self._on_stream():
                self._allocate(first)
        except torch.OutOfMemoryError:
            raise TooLargeError(
                f"{first.parameter_count:,} parameters and what is kept of each do not fit into the memory of "
                f"{self.description}. Choose fewer hidden units."
            ) from None
        self._states: dict[int, list[LayerState]] = {}  # by the number of sequences: a graph reads fixed addresses
        self._carried: int | None = None  # sequences of the state that the next batch may go on from
        self._rng = np.random.default_rng([config.seed, _DROPOUT])
        self._seen: dict[_Key, int] = {}
        self._graphs: dict[_Key, CapturedStep] = {}
        self._pool: Any = None
        self._may_capture = self._device.is_gpu
        self._reports: list[Tensor] = []
        self._failure: DeviceMemoryError | None = None
        self._busy_seconds, self._busy_since = 0.0, time.perf_counter()
        self._timers: Any = None

    def _allocate(self, first: Network) -> None:
        """The parameters of `first`, their moments and mean, and copies of them, on the device."""
        torch, config = self._torch, self._config
        self._network = TorchNetwork(torch, first.architecture, self._device.device, self._device.compute_dtype)
        flat, gradient = self._network.flat, self._network.flat_gradient
        flat.copy_(torch.from_numpy(first.flat))
        rule = UpdateRule(config.optimizer, momentum=config.momentum, decay=config.weight_decay or 0.0)
        self._optimizer = TorchOptimizer(torch, flat, gradient, rule, config.ema_decay)
        mean = self._optimizer.mean
        self._copies = HostCopies(torch, self._stream, first, [flat] if mean is None else [flat, mean])

    def _on_stream(self) -> contextlib.AbstractContextManager[object]:
        """Return the context of work on the device: a graph is captured on the stream of the step before it."""
        if self._stream is None:
            return contextlib.nullcontext()
        context: contextlib.AbstractContextManager[object] = self._torch.cuda.stream(self._stream)
        return context

    def _to_device(self, array: Array) -> Tensor:
        """The array on the device, without waiting for it to arrive."""
        tensor = self._torch.from_numpy(array if array.flags.writeable else array.copy())
        return tensor.pin_memory().to(self._device.device, non_blocking=True) if self._device.is_gpu else tensor

    # -------------------------------------------------------------------------------------------------------- training

    def start_steps(self, batches: Iterable[TrainingBatch], rates: Sequence[Rates]) -> None:
        assert not self._reports
        with self._on_stream():
            self._copies.take()
            begin = self._event()
            try:
                for batch, rate in zip(batches, rates, strict=True):
                    self._reports.append(self._launch(batch, rate))
            except self._torch.OutOfMemoryError:
                self._failure = self._out_of_memory()
            except BaseException:
                self._reports = []
                raise
            self._timers = begin, self._event()

    def finish_steps(self) -> list[StepRow]:
        self._copies.release()
        if self._failure is not None:
            failure, self._failure, self._reports = self._failure, None, []
            raise failure
        with self._on_stream():
            reports = self._torch.stack(self._reports).double().cpu().numpy() if self._reports else []
        self._reports = []
        begin, end = self._timers
        if begin is not None:
            self._busy_seconds += begin.elapsed_time(end) / 1e3
        return [StepRow(float(loss), float(norm), bool(clipped)) for loss, norm, clipped in reports]

    def _event(self) -> Any:
        if self._stream is None:
            return None
        event = self._torch.cuda.Event(enable_timing=True)
        event.record(self._stream)
        return event

    def _launch(self, batch: TrainingBatch, rates: Rates) -> Tensor:
        """Queue one step. Returns its report on the device: loss, norm before clipping, whether it was clipped."""
        a = self._network.architecture
        is_fresh = batch.resets_state or self._carried is None
        spans = spans_of(batch.inputs.shape[0], self._config.tbptt_steps)
        arrays = host_arrays(a, batch, spans)
        if not is_fresh:
            for name in ("source", "source_padding", "context"):
                arrays.pop(name, None)
        masks = dict(draw_masks(a, arrays, spans, self._rng))
        in_encoder = sum(name.startswith("encoder") for name in masks)
        layout = StepLayout(
            spans, in_encoder, len(masks) - in_encoder, is_fresh, rates.clip_value > 0.0, rates.clip_norm > 0.0
        )
        tensors = {name: self._to_device(array) for name, array in {**arrays, **masks}.items()}
        numbers = self._optimizer.next_rates(rates.lr, rates.clip_norm, rates.clip_value)
        on_device = self._to_device(np.array(numbers, a.dtype))
        self._carried = B = arrays["inputs"].shape[1]
        if B not in self._states:
            self._states[B] = self._network.zero_state(B)
        state = self._states[B]
        return self._run(layout, tensors, on_device, state)

    def _run(self, layout: StepLayout, tensors: dict[str, Tensor], rates: Tensor, state: list[LayerState]) -> Tensor:
        """Replay the step's graph; without one compute it, and capture it for the next time."""
        key = (layout, tuple(sorted((name, tuple(tensor.shape)) for name, tensor in tensors.items())))
        if (graph := self._graphs.get(key)) is not None:
            return graph(tensors, rates).clone()
        seen = self._seen[key] = self._seen.get(key, 0) + 1
        if self._may_capture and seen > _STEPS_BEFORE_CAPTURE and len(self._graphs) >= _MAX_GRAPHS:
            self._may_capture = False
            self.problem = (
                f"Steps of more than {_MAX_GRAPHS} sizes come again and again: "
                f"the first {_MAX_GRAPHS} are captured, the kernels of the others are launched one by one."
            )
        if self._may_capture and seen > _STEPS_BEFORE_CAPTURE:
            if self._pool is None:
                self._pool = self._torch.cuda.graph_pool_handle()

            def compute(inputs: Mapping[str, Tensor], given: Tensor) -> Tensor:
                return self._compute(layout, inputs, given, state)

            try:
                graph = CapturedStep(self._torch, compute, tensors, rates, self._stream, self._pool)
            except RuntimeError as error:
                self._may_capture = False
                reason = str(error).strip().splitlines()[0].rstrip(".")
                self.problem = f"The training step cannot be captured ({reason}): its kernels are launched one by one."
            else:
                self._graphs[key] = graph
                return graph(tensors, rates).clone()
        return self._compute(layout, tensors, rates, state)

    def _compute(
        self, layout: StepLayout, tensors: Mapping[str, Tensor], rates: Tensor, state: list[LayerState]
    ) -> Tensor:
        """Forward, backward, clipping, update, averaging; `state` is read unless fresh, and overwritten."""
        torch, network = self._torch, self._network
        network.flat_gradient.zero_()
        total = torch.zeros((), dtype=network.dtype, device=network.device)
        now: list[LayerState] | None = None if layout.is_fresh else state
        for number in range(len(layout.spans)):
            loss, last = network.loss(part_of(tensors, layout, number), now)
            loss.backward()
            total = total + loss.detach()
            now = [tuple(part.detach() for part in layer) for layer in last]
        with torch.no_grad():
            norm, clipped = self._optimizer.step(rates, layout.clips_value, layout.clips_norm)
            for own, layer in zip(state, now or (), strict=True):
                for part, value in zip(own, layer, strict=True):
                    part.copy_(value)
            report: Tensor = torch.stack((total, norm, clipped))
        return report

    def _out_of_memory(self) -> DeviceMemoryError:
        """Give up what is in flight: the steps of this call may be half done."""
        self._graphs.clear()
        self._torch.cuda.empty_cache()
        config, use = self._config, self.use()
        free = "" if use.memory_free is None else f" ({use.memory_free / 1e9:.2g} GB are free)"
        smaller = (
            f"--batch {config.batch // 2}" if config.batch > 1 else f"--hidden {max(1, (config.hidden or 1) // 2)}"
        )
        return DeviceMemoryError(
            f"The memory of {self.description} is too small for this run{free}.",
            f"Begin a new run with {smaller}, or go on with this one on the CPU: rnnplay resume RUN --device cpu.",
        )

    def use(self) -> DeviceUse:
        now = time.perf_counter()
        load = min(1.0, self._busy_seconds / max(now - self._busy_since, 1e-9))
        self._busy_seconds, self._busy_since = 0.0, now
        if self._stream is None:
            return DeviceUse(self.description, None, None, None)
        free, total = self._torch.cuda.mem_get_info(self._device.device)
        return DeviceUse(self.description, total - free, free, load)

    # ------------------------------------------------------------------------------------------- parameters and state

    @property
    def network(self) -> Network:
        return self._copies.network()

    def parameters(self) -> Mapping[str, Array]:
        return self.network.parameters

    def load_parameters(self, arrays: Mapping[str, Array]) -> None:
        network = self.network
        network.load_parameters(arrays)
        self._fill(self._network.flat, network.flat)
        if self._optimizer.mean is not None and not self._optimizer.averaged_steps:
            self._fill(self._optimizer.mean, network.flat)

    def shown_network(self, step: int) -> Network:
        return self._copies.network(averaged=self._optimizer.averaged_steps > 0)

    def outputs_before(self, batch: TrainingBatch) -> Array:
        network = self.network.copy()
        network.flat[...] = self._read(self._network.flat)
        if batch.resets_state or self._carried is None:
            state = network.zero_state(batch.inputs.shape[-1])
        else:
            state = self._host_state()
        logits = []
        for x in batch.inputs:
            y, state = network.step(x, state)
            logits.append(y)
        return outputs_of(np.stack(logits), network.architecture.readout)

    def _read(self, tensor: Tensor) -> Array:
        """A tensor's numbers, once all that was launched is done."""
        with self._on_stream():
            array: Array = tensor.cpu().numpy()
        return array

    def _fill(self, tensor: Tensor, array: Array) -> None:
        with self._on_stream(), self._torch.no_grad():
            tensor.copy_(self._torch.from_numpy(np.ascontiguousarray(array)))
        self._copies.release()

    def _host_state(self) -> State:
        """The carried state as columns."""
        assert self._carried is not None
        kind = STATES[self._network.architecture.cell]
        return [kind(*(self._read(part).T.copy() for part in layer)) for layer in self._states[self._carried]]

    def arrays(self) -> dict[str, Array]:
        return self._named(self._host_state() if self._carried is not None else None)

    def _named(self, state: State | None) -> dict[str, Array]:
        optimizer = self._optimizer
        named = {f"parameters/{name}": value for name, value in self.network.parameters.items()}
        named |= {f"optimizer/moment{k}": self._read(moment) for k, moment in enumerate(optimizer.moments)}
        named["optimizer/steps"] = np.array([optimizer.steps], np.int64)
        if optimizer.mean is not None:
            named["averaging/mean"] = self._read(optimizer.mean)
            named["averaging/steps"] = np.array([optimizer.averaged_steps], np.int64)
        return named | state_arrays(state)

    def random_state(self) -> dict[str, Any]:
        return json_state(self._rng)

    @property
    def carries_state(self) -> bool:
        return self._carried is not None

    def expected_arrays(self, saved: Mapping[str, Array], carries_state: bool) -> dict[str, Array]:
        return self._named(state_in(saved, self.network) if carries_state else None)

    def load(self, saved: Mapping[str, Array], carries_state: bool, random_state: Mapping[str, Any]) -> None:
        rng = np.random.default_rng()
        rng.bit_generator.state = random_state
        state = state_in(saved, self.network) if carries_state else None
        self.load_parameters(under(saved, "parameters/"))
        optimizer = self._optimizer
        for k, moment in enumerate(optimizer.moments):
            self._fill(moment, saved[f"optimizer/moment{k}"])
        optimizer.steps = int(saved["optimizer/steps"][0])
        if optimizer.mean is not None:
            self._fill(optimizer.mean, saved["averaging/mean"])
            optimizer.averaged_steps = int(saved["averaging/steps"][0])
        self._carried = None if state is None else state[0][0].shape[1]
        if state is not None and self._carried is not None:
            if self._carried not in self._states:
                with self._on_stream():
                    self._states[self._carried] = self._network.zero_state(self._carried)
            own = self._states[self._carried]
            for layer, arrays in zip(own, state, strict=True):
                for part, value in zip(layer, arrays, strict=True):
                    self._fill(part, value.T)
        self._rng, self._reports, self._failure = rng, [], None

"""One example time step by time step: the numbers of the unrolled network, forward and backward.

The lab computes them; here its arrays are cut to the time steps, units and outputs that are sent, and named.
"""

from collections.abc import Callable, Sequence

import numpy as np

from rnnplay.config import UserError
from rnnplay.engine.architecture import GATES as BLOCKS
from rnnplay.engine.architecture import Architecture
from rnnplay.lab import unroll as lab
from rnnplay.lab.cell_step import DISPLAYED_GATES, Array, CellStep, summands
from rnnplay.lab.example import class_names, example_or_text, source_names
from rnnplay.lab.reference_network import LayerChain, State, StepGradients
from rnnplay.lab.unroll import UnrolledExample, most_active, target_probability
from rnnplay.protocol import unroll as protocol
from rnnplay.protocol.base import PackedArray
from rnnplay.tasks.base import Example, Task
from rnnplay.trainer.connection import Connection
from rnnplay.trainer.handlers.base import Handler, TimeShares
from rnnplay.trainer.metrics import finite
from rnnplay.trainer.session import TrainingSession

OUTPUTS = 64  # the most outputs to send
TRUTHS = 2  # the most features
SIGNS = {"sigmoid": "σ", "tanh": "tanh", "relu": "relu", "identity": ""}


class UnrollHandler(Handler):
    """Answers Unroll at once, on a copy of the network. Training waits for the answer."""

    commands = (protocol.Unroll,)

    def __init__(self, session: TrainingSession, connection: Connection, shares: TimeShares) -> None:
        self._session, self._learner, self._connection = session, session.learner, connection

    def handle_command(self, command: protocol.Unroll, interrupted: Callable[[], bool]) -> bool:
        """Raises UserError if an example, a unit, a symbol or a weight is not there."""
        learner, network = self._learner, self._learner.eval_network()
        parameters, ids = dict(network.parameters), self._session.inspected_ids
        event = unrolled(command, network.architecture, parameters, learner.task, learner.step, ids)
        self._connection.send(event, command)
        return True


def unrolled(
    command: protocol.Unroll,
    architecture: Architecture,
    parameters: dict[str, Array],
    task: Task,
    step: int,
    ids: Array | None = None,
    state: State | None = None,
) -> protocol.Unrolled:
    """The answer to Unroll. Raises UserError where an example, a unit, a symbol or a weight is not there."""
    if command.length < 1 or command.units < 1:
        raise UserError("Nothing would be shown.", "Ask for at least one time step and one unit.")
    example, note = example_or_text(task, command.example, command.length, ids)
    parts = ("encoder", "decoder") if architecture.source_vocabulary_size else ("",)
    symbols: dict[str, Sequence[str]] = {part: task.vocabulary if task.inputs_are_ids else () for part in parts}
    if architecture.source_vocabulary_size:
        symbols["encoder"] = source_names(task)
    passes = lab.unroll(architecture, parameters, example.batch, command.edits, state, symbols)
    view = _UnrolledPacker(command, passes, example, symbols)
    made = tuple(view.part(n, chain, task) for n, chain in enumerate(passes.reference.chains))
    notes = [note, *view.notes]
    return protocol.Unrolled(
        step=step,
        example=command.example,
        title=example.title,
        parts=made,
        loss=finite(passes.forward_pass.loss),
        unit_of_loss="squared error" if architecture.readout in ("linear", "sigmoid-squared") else "nats",
        parameters=tuple(view.parameter(name) for name in parameters if name in passes.reference.parameters),
        changed=passes.changed,
        note=" ".join(text for text in notes if text),
        summary=passes.words,
    )


class _UnrolledPacker:
    """Part of a walk that is shown: `windows` are the time steps of each part, `units` those of each layer."""

    def __init__(
        self,
        command: protocol.Unroll,
        passes: UnrolledExample,
        example: Example,
        symbols: dict[str, Sequence[str]],
    ) -> None:
        self.passes, self.example, self.symbols = passes, example, symbols
        self.notes: list[str] = []
        fwd, reference = passes.forward_pass, passes.reference
        lengths = [len(moments) for moments in fwd.moments]
        counted = np.flatnonzero(fwd.loss_weights[:, 0] > 0)
        self.windows: list[range] = []
        for n, T in enumerate(lengths):
            first = command.first
            if first is None:
                at_end = n < len(lengths) - 1 or (counted.size > 0 and counted[0] >= command.length)
                first = T - command.length if at_end else 0
            first = max(0, min(first, T - command.length))
            self.windows.append(range(first, min(T, first + command.length)))
            if len(self.windows[-1]) < T:
                name = reference.chains[n].name or "example"
                self.notes.append(
                    f"Time steps {first + 1} to {self.windows[-1][-1] + 1} of the {name}'s {T} are shown."
                )
        H = reference.architecture.hidden
        self.units = [most_active(reference, fwd, n, command.units) for n in range(reference.architecture.layers)]
        if command.units < H:
            self.notes.append(f"The {command.units} most active of {H} units are shown.")
        weights = fwd.loss_weights[:, 0]  # their sum is 1
        unknown = [w for w, target in zip(weights.tolist(), example.targets, strict=False) if target is None and w]
        if unknown:
            weight = max(unknown) / float(weights.max())
            self.notes.append(f"A time step whose target nobody can know weighs {weight:.2g} in the loss.")
        self.gradients = reference.gradients(fwd, passes.backs, passes.dy)

    def part(self, n: int, chain: LayerChain, task: Task) -> protocol.Part:
        window, fwd = self.windows[n], self.passes.forward_pass
        last = n == len(self.windows) - 1
        example = self.example
        inputs: Sequence[str | None] = example.inputs if last else (example.source or [])
        names = self.symbols[chain.name]
        fed, original = fwd.batch.inputs, example.batch.inputs
        if not last:
            assert fwd.batch.source is not None and example.batch.source is not None
            fed, original = fwd.batch.source, example.batch.source
        inputs_shown = [self._input(t, inputs, fed, original, names) for t in window]
        weights = fwd.loss_weights[:, 0]
        counts = [bool(last and weights[t] > 0) for t in window]
        chance = target_probability(fwd, self.passes.reference.architecture.readout)[:, 0]
        before = self.passes.before

        def each(values: Array) -> tuple[float | None, ...]:
            return tuple(
                finite(values[t]) if counted_step else None for t, counted_step in zip(window, counts, strict=True)
            )

        return protocol.Part(
            name=chain.name,
            first=window[0] if len(window) else 0,
            total=len(fwd.moments[n]),
            inputs=tuple(inputs_shown),
            symbols=tuple(names),
            targets=tuple(example.targets[t] for t in window) if last else (None,) * len(window),
            layers=tuple(self._layer(n, chain, layer) for layer in range(len(chain.layers))),
            truths=self._truths(window, task) if last else (),
            outputs=self._outputs(window, task) if last else None,
            losses=each(fwd.losses[:, 0]) if last else (None,) * len(window),
            target_probabilities=tuple(
                p if example.targets[t] is not None else None for t, p in zip(window, each(chance), strict=True)
            )
            if last
            else (None,) * len(window),
            previous_probabilities=each(before[:, 0]) if last and before is not None else (),
        )

    def _input(
        self, t: int, written: Sequence[str | None], fed: Array, original: Array, names: Sequence[str]
    ) -> str | None:
        """The input at time step `t` as the task writes it; what was set by hand as it is."""
        if np.array_equal(fed[t], original[t]):
            return written[t] if t < len(written) else None
        if fed.dtype.kind in "iu":
            return names[int(fed[t, 0])]
        return " ".join(f"{value:.3g}" for value in fed[t, :4, 0])

    def _layer(self, n: int, chain: LayerChain, layer: int) -> protocol.Layer:
        window, units = self.windows[n], self.units[layer]
        moments = [self.passes.forward_pass.moments[n][t][layer] for t in window]
        slopes = [self.passes.backs[n].slopes[t][layer] for t in window]

        def stack(values: Sequence[Array]) -> PackedArray:
            return PackedArray.from_array(np.ascontiguousarray(np.stack([value[units, 0] for value in values])))

        W = chain.layers[layer]
        remembers = W.cell != "input-rnn"
        h = [moments[0].h_prev if remembers else np.zeros_like(moments[0].h), *(m.h for m in moments)]
        lstm = W.cell == "lstm"
        c = [m for m in (moments[0].c_prev, *(m.c for m in moments)) if m is not None]
        return protocol.Layer(
            index=layer,
            cell=W.cell,
            units=tuple(units),
            total=W.hidden,
            gates=self._gates(chain, layer, moments, slopes),
            h=stack(h),
            c=stack(c) if lstm else None,
            dh_above=stack([s.above for s in slopes]),
            dh_future=stack([s.future for s in slopes]),
            h_before_poke=stack([np.asarray(m.computed.h) for m in moments]),
            dc_future=stack([s.dc_future for s in slopes if s.dc_future is not None]) if lstm else None,
            dc=stack([s.cell.dc for s in slopes if s.cell.dc is not None]) if lstm else None,
        )

    def _gates(
        self, chain: LayerChain, layer: int, moments: Sequence[CellStep], slopes: Sequence[StepGradients]
    ) -> tuple[protocol.Gate, ...]:
        W = chain.layers[layer]
        terms = [summands(W, m) for m in moments]
        dz = [W.by_gate(s.cell.dz) for s in slopes]
        dz_recurrent = [W.by_gate(s.cell.dz_recurrent) for s in slopes]
        return tuple(
            self._gate(
                chain,
                layer,
                gate,
                moments,
                [step[gate] for step in terms],
                [step[gate] for step in dz],
                [step[gate] for step in dz_recurrent],
            )
            for gate in DISPLAYED_GATES[W.cell]
        )

    def _gate(
        self,
        chain: LayerChain,
        layer: int,
        gate: str,
        moments: Sequence[CellStep],
        terms: Sequence[Sequence[Array]],
        dz: Sequence[Array],
        dz_recurrent: Sequence[Array],
    ) -> protocol.Gate:
        W, units = chain.layers[layer], self.units[layer]
        gate_name = gate if W.cell in ("lstm", "gru") else "h"
        names = [f"W_x{gate_name} x", f"W_h{gate_name} h", f"b_{gate_name}"]
        if gate == "n":
            names[1] = f"r·(W_hn h{' + b_hn' if 'b_hn' in W.w else ''})"
        if W.cell == "input-rnn":
            names[1] = "W_ph p"
        keys = ["W_xh", "W_ph" if W.cell == "input-rnn" else "W_hh", "b_h"]
        rows = tuple(BLOCKS[W.cell].index(gate) * W.hidden + u for u in units)
        shown = []
        for k in range(len(terms[0])):
            sources = [(m.x, m.h_prev, np.ones((1, 1)))[k] for m in moments]
            sizes, entries, columns = zip(*(_largest(x) for x in sources), strict=True)
            grown = np.stack([d[units, 0] for d in (dz_recurrent if k == 1 else dz)])
            shown.append(
                protocol.Summand(
                    name=names[k],
                    value=PackedArray.from_array(np.stack([step[k][units, 0] for step in terms])),
                    parameter=f"{chain.prefix}l{layer}.{keys[k]}",
                    rows=rows,
                    step_norm=PackedArray.from_array(np.abs(grown) * np.array(sizes)[:, None]),
                    largest_entry=PackedArray.from_array(grown * np.array(entries)[:, None]),
                    column=PackedArray.from_array(np.repeat(np.array(columns, np.int32)[:, None], len(units), axis=1)),
                )
            )
        return protocol.Gate(
            name=gate,
            function=SIGNS[W.activation_of(gate)],
            summands=tuple(shown),
            value=PackedArray.from_array(np.stack([m.gate(gate)[units, 0] for m in moments])),
            gradient=PackedArray.from_array(np.stack([d[units, 0] for d in dz])),
        )

    def _truths(self, window: range, task: Task) -> tuple[protocol.Truth, ...]:
        """The task's first features over the example as it now is."""
        batch = self.passes.forward_pass.batch
        result = []
        for name in task.feature_names()[:TRUTHS]:
            values = np.asarray(task.batch_feature(name, batch), np.float64)[:, 0]
            result.append(protocol.Truth(name=name, values=tuple(float(values[t]) for t in window)))
        return tuple(result)

    def _outputs(self, window: range, task: Task) -> protocol.Outputs:
        reference, fwd = self.passes.reference, self.passes.forward_pass
        V = reference.architecture.outputs
        times = list(window)
        best = np.nan_to_num(fwd.values[times, :, 0]).max(axis=0)
        if reference.architecture.readout == "softmax":
            best[np.unique(fwd.batch.targets[times, 0].astype(np.intp))] += 1
        ids = sorted(np.argsort(-best, kind="stable")[:OUTPUTS].tolist())
        names = task.output_vocabulary or task.vocabulary
        bias = reference.parameters.get("b_y", np.zeros((V, 1)))

        def cut(values: Array) -> PackedArray:
            return PackedArray.from_array(np.ascontiguousarray(values[times][:, ids, 0]))

        function = {"softmax": "softmax", "linear": ""}.get(reference.architecture.readout, "σ")
        single = V == 1 and function == "σ"
        return protocol.Outputs(
            ids=tuple(ids),
            names=tuple(names[i] if i < len(names) else str(i + 1) for i in ids),
            total=V,
            product=cut(fwd.product),
            bias=PackedArray.from_array(np.ascontiguousarray(bias[ids, 0])),
            values=cut(fwd.values),
            gradient=cut(self.passes.dy),
            function=function,
            other_name=class_names(task)[0] if single else "",
            other=PackedArray.from_array(1 - fwd.values[times, 0, 0]) if single else None,
        )

    def parameter(self, name: str) -> protocol.Parameter:
        """The norm of a parameter's gradient and of what each time step shown adds to it."""
        passes = self.passes
        added: list[float] = []
        for n, (chain, window) in enumerate(zip(passes.reference.chains, self.windows, strict=True)):
            for t in window:
                if name in ("W_hy", "b_y"):
                    top = passes.forward_pass.moments[n][t][-1].h if name == "W_hy" else np.ones((1, 1))
                    counted_step = n == len(self.windows) - 1
                    added.append(float(np.linalg.norm(passes.dy[t]) * np.linalg.norm(top)) if counted_step else 0.0)
                elif name.startswith(f"{chain.prefix}l"):
                    layer, key = name.removeprefix(chain.prefix)[1:].split(".")
                    added.append(_size(passes, n, t, int(layer), key))
                else:
                    added.append(0.0)
        whole = self.gradients[name]
        return protocol.Parameter(
            name=name,
            shape=(whole.shape[0], whole.shape[1]),
            norm=float(np.linalg.norm(whole)),
            step_norms=PackedArray.from_array(np.array(added)),
        )


def _largest(x: Array) -> tuple[float, float, int]:
    """The norm of one column, its largest entry and where it is; of an id's one-hot column 1, 1 and the id."""
    if x.dtype.kind in "iu":
        return 1.0, 1.0, int(x[0])
    place = int(np.abs(x[:, 0]).argmax())
    return float(np.linalg.norm(x[:, 0])), float(x[place, 0]), place


def _size(passes: UnrolledExample, n: int, t: int, layer: int, key: str) -> float:
    """The norm of what a time step adds to one parameter of a layer: an outer product."""
    m, d = passes.forward_pass.moments[n][t][layer], passes.backs[n].slopes[t][layer].cell
    if key == "b_hn":
        return float(np.linalg.norm(d.dz_recurrent[-len(m.h) :]))
    size = float(np.linalg.norm(d.dz_recurrent if key in ("W_hh", "W_ph") else d.dz))
    factor = {"W_xh": m.x, "W_hh": m.h_prev, "W_ph": m.h_prev}.get(key)
    return size if factor is None else size * _largest(factor)[0]

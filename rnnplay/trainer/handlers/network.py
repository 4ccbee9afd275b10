"""Shows the network itself: its parameters as they are between two steps, spectra, gates. Training waits for it."""

from collections.abc import Callable

import numpy as np

from rnnplay import protocol
from rnnplay.config import UserError
from rnnplay.formatting import parameter_title
from rnnplay.lab import network as lab
from rnnplay.lab.cells.labelled_batch import label_held_out
from rnnplay.lab.example import source_names
from rnnplay.runs import checkpoint
from rnnplay.tasks.base import Array
from rnnplay.trainer.connection import Connection
from rnnplay.trainer.handlers.base import Handler, TimeShares
from rnnplay.trainer.metrics import finite
from rnnplay.trainer.session import TrainingSession

MAX_VALUES = 8 * 2**20  # of a matrix that is sent


class NetworkHandler(Handler):
    """Answers at once, about the network that is shown: with averaged parameters if there are."""

    commands = (protocol.DescribeNetwork, protocol.ShowMatrix)

    def __init__(self, session: TrainingSession, connection: Connection, shares: TimeShares) -> None:
        self._session, self._learner, self._connection = session, session.learner, connection

    def handle_command(self, command: protocol.NetworkCommand, interrupted: Callable[[], bool]) -> bool:
        """Raises UserError if there is no such parameter, gate or checkpoint."""
        if isinstance(command, protocol.DescribeNetwork):
            self._connection.send(self.describe(command), command)
        else:
            self._connection.send(self.show(command), command)
        return True

    def describe(self, command: protocol.DescribeNetwork) -> protocol.NetworkDescribed:
        network, run = self._learner.eval_network(), self._session.run
        openness: list[lab.GateOpenness] = []
        characters = 0
        if len(lab.gates_of(network.architecture, "l0.W_hh")) > 1:
            try:
                labelled = label_held_out(self._learner.task, None, command.characters, self._session.inspected_ids)
                openness, characters = lab.gate_openness(network, labelled), labelled.size
            except UserError:
                pass  # nothing is held out: the matrices are shown without
        best = self._session.best.evaluation
        steps = {step for kind in checkpoint.KINDS for step in checkpoint.checkpoint_steps(run, kind)}
        return protocol.NetworkDescribed(
            step=self._learner.step,
            parameters=int(network.flat.size),
            matrices=tuple(
                protocol.MatrixInfo(
                    name=name,
                    title=parameter_title(name),
                    shape=(value.shape[0], value.shape[1]),
                    norm=finite(lab.norm(value)),
                )
                for name, value in network.parameters.items()
            ),
            gates=tuple(
                protocol.GateOpenness(
                    layer=g.layer,
                    gate=g.gate,
                    mostly_open=g.mostly_open,
                    mostly_shut=g.mostly_shut,
                    meaning=g.meaning,
                )
                for g in openness
            ),
            characters=characters,
            earlier=tuple(sorted(step for step in steps if step < self._learner.step)),
            best_step=None if best is None else best.step,
        )

    def show(self, command: protocol.ShowMatrix) -> protocol.MatrixShown:
        network, task = self._learner.eval_network(), self._learner.task
        a, name = network.architecture, command.name
        if name not in network.parameters:
            raise UserError(f"There is no parameter {name!r}.", f"Choose one of: {', '.join(network.parameters)}.")
        value = network.parameters[name]
        if value.size > MAX_VALUES:
            raise UserError(
                f"{parameter_title(name)} has {value.size:,} numbers.", f"At most {MAX_VALUES:,} are shown."
            )
        gates = lab.gates_of(a, name) if name.endswith("W_hh") else ()
        gate = command.gate or (gates[0] if gates else "")
        if gate and gate not in gates:
            raise UserError(
                f"{parameter_title(name)} has no gate {gate!r}.", f"Choose one of: {', '.join(gates) or 'none'}."
            )
        block = gates.index(gate) if gates else None
        inputs = source_names(task) if name.startswith("encoder.") else task.vocabulary
        rows, columns = lab.axis_names(a, name, inputs, task.output_vocabulary)
        earlier = None
        if command.step is not None:
            other = self._learner.network_of(checkpoint.load_at(self._session.run, command.step))
            earlier = matrix_values(command.step, other.parameters[name], block)
        now = matrix_values(self._learner.step, value, block)
        too_large = value.shape[1] > lab.MAX_SPECTRUM and not now.singular_values
        return protocol.MatrixShown(
            name=name,
            title=parameter_title(name),
            now=now,
            earlier=earlier,
            rows=tuple(rows),
            columns=tuple(columns),
            gate=gate,
            gates=gates,
            note=f"Spectra are computed up to {lab.MAX_SPECTRUM:,} units." if too_large else "",
        )


def matrix_values(step: int, value: Array, block: int | None) -> protocol.MatrixValues:
    """Return a parameter as it goes to the screen; block: the gate (0..) whose eigenvalues are wanted, None: none's."""
    packed = None
    if block is not None:
        roots = lab.eigenvalues(value, block)
        packed = protocol.PackedArray.from_array(np.stack([roots.real, roots.imag]).astype(np.float32))
    return protocol.MatrixValues(
        step=step,
        values=protocol.PackedArray.from_array(np.ascontiguousarray(value, np.float32)),
        norm=finite(lab.norm(value)),
        singular_values=tuple(lab.singular_values(value).tolist()),
        eigenvalues=packed,
    )

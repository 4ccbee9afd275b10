"""What a trainer sends and a screen shows of the lab's numbers: each in the field, and under the label, of its own."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from driving import small, write_text

from rnnplay import protocol
from rnnplay.engine import GATES
from rnnplay.lab import time as lab
from rnnplay.lab.cells.census import ExplainedFeature
from rnnplay.lab.cells.probe import Probe
from rnnplay.lab.cells.unit_states import Unit
from rnnplay.lab.reference_network import ReferenceNetwork
from rnnplay.runs import checkpoint
from rnnplay.tasks.base import Batch
from rnnplay.trainer.handlers.base import Handler, TimeShares
from rnnplay.trainer.handlers.cells import CellsHandler
from rnnplay.trainer.handlers.census import _event_part
from rnnplay.trainer.handlers.network import NetworkHandler
from rnnplay.trainer.handlers.swap import SwapHandler
from rnnplay.trainer.handlers.time import TimeHandler
from rnnplay.trainer.opening import open_session
from rnnplay.trainer.session import TrainingSession
from rnnplay.tui.paint.palette import palettes
from rnnplay.tui.places.network.views import list_view
from rnnplay.tui.places.time import paint_gradient, paint_influence
from rnnplay.tui.places.time.views import gradient_view, swaps_view
from rnnplay.verdicts import Dependency, GradientVerdict
from tests.trainer.serving import serve

PALETTE = palettes({"TERM": "xterm-256color"}, "utf-8")[0]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrainingSession]:
    """Two small layers after 30 steps, whose f is always open in the second layer and always shut in the first."""
    folder = tmp_path_factory.mktemp("answers")
    config = small(write_text(folder / "text.txt", 2_500), layers=2, validation=0.5, ema_decay=0.0)
    session = open_session(protocol.Train(config=config, root=str(folder)))
    for step in range(30):
        if step == 8:
            session.save_weights()
        session.learner.train_step()
    parameters = session.learner.network.parameters
    for name in ("l0.W_xh", "l0.W_hh", "l1.W_xh", "W_hy"):
        parameters[name] *= 3.0  # so that each symbol matters
    for layer, gate, bias in ((1, "f", 30.0), (0, "f", -30.0)):
        place = GATES["lstm"].index(gate)
        parameters[f"l{layer}.b_h"][place * 11 : (place + 1) * 11] = bias
    yield session
    session.close()


def answer(kind: type[Handler], session: TrainingSession, command: protocol.Command) -> Any:
    """The last event that a handler sends in answer to `command`."""
    sent: list[Any] = []
    connection: Any = SimpleNamespace(send=lambda event, answers=None: sent.append(event), backlog=0)
    handler = kind(session, connection, TimeShares())  # type: ignore[call-arg]
    handler.handle_command(command, lambda: False)
    while handler.seconds_until_due() == 0:
        handler.run_pending(training=False)
    return sent[-1]


def test_the_list_of_parameters_and_gates_is_the_network_s_own(session: TrainingSession) -> None:
    network = session.learner.network
    event = answer(NetworkHandler, session, protocol.DescribeNetwork())
    assert event.step == 30 and event.parameters == sum(value.size for value in network.parameters.values())
    for matrix, (name, value) in zip(event.matrices, network.parameters.items(), strict=True):
        assert (matrix.name, matrix.shape) == (name, value.shape)
        assert matrix.norm == pytest.approx(float(np.sqrt((value.astype(float) ** 2).sum())))
    openness = {(g.layer, g.gate): (g.mostly_open, g.mostly_shut) for g in event.gates}
    assert openness[1, "f"] == (1.0, 0.0) and openness[0, "f"] == (0.0, 1.0)
    rows = {row.name: (row.mostly_open, row.mostly_shut) for row in list_view(event, 0, 1).gates}
    assert rows["2.f"] == (1.0, 0.0) and rows["1.f"] == (0.0, 1.0)
    # Cells counts the same gates over the same time steps.
    for gate in answer(CellsHandler, session, protocol.ComputeGates()).gates:
        is_open, is_shut = gate.right_saturated.array() > 0.5, gate.left_saturated.array() > 0.5
        assert openness[gate.layer, gate.gate] == (is_open.mean(), is_shut.mean())


def test_a_matrix_stands_beside_the_one_of_the_checkpoint_asked_for(session: TrainingSession) -> None:
    W = session.learner.network.parameters["l1.W_hh"]
    event = answer(NetworkHandler, session, protocol.ShowMatrix(name="l1.W_hh", gate="f", step=8))
    np.testing.assert_array_equal(event.now.values.array(), W)
    block = GATES["lstm"].index("f")
    roots = np.linalg.eigvals(W[11 * block : 11 * (block + 1)].astype(float))
    real, imaginary = event.now.eigenvalues.array()
    np.testing.assert_allclose(np.sort_complex(real + 1j * imaginary), np.sort_complex(roots), atol=1e-5)
    assert (event.earlier.step, event.now.step) == (8, 30)
    other = session.learner.network_of(checkpoint.load_at(session.run, 8)).parameters["l1.W_hh"]
    np.testing.assert_array_equal(event.earlier.values.array(), other)
    assert event.earlier.norm == pytest.approx(float(np.linalg.norm(other))) != event.now.norm


def test_a_swap_leads_to_what_the_network_says_with_it(session: TrainingSession) -> None:
    task, network = session.learner.task, session.learner.network
    event = answer(SwapHandler, session, protocol.ComputeSwaps(position=40, past=9))
    ids = np.asarray(task.held_out_ids[32:41], np.int32)[:, None]
    before = np.asarray(network.forward(Batch(ids, ids)).outputs)[-1, :, 0]
    assert event.predicted == task.vocabulary[before.argmax()]
    assert event.probability == pytest.approx(before.max(), rel=1e-5)
    rows = (*swaps_view(event, 1).swaps, swaps_view(event, 1).present)
    for swap, shown in zip((*event.strongest, event.present), rows, strict=True):
        changed = ids.copy()
        changed[swap.place] = task.vocabulary.index(swap.other)
        after = np.asarray(network.forward(Batch(changed, changed)).outputs)[-1, :, 0]
        assert swap.probability == pytest.approx(after[before.argmax()], rel=1e-3)
        assert (swap.predicted, swap.predicted_probability) == (
            task.vocabulary[after.argmax()], pytest.approx(after.max(), rel=1e-3),
        )  # fmt: skip
        assert shown is not None and (shown.symbol, shown.back) == (task.vocabulary[ids[swap.place, 0]], 8 - swap.place)
        assert (shown.other, shown.probability, shown.effect) == (swap.other, swap.probability, swap.effect)
    assert event.present.place == 8
    falls = [np.log(event.probability / swap.probability) for swap in event.strongest]
    assert max(map(abs, falls)) > 0.03  # or the numbers could not be told apart


def test_an_exchanged_symbol_is_shown_with_both_probabilities() -> None:
    swap = protocol.Swap(
        place=1, effect=1.25, others=8, other="x", probability=0.12, predicted="z", predicted_probability=0.47
    )
    event = protocol.SwapsComputed(
        step=1, symbols=("a", "b", "c"), effects=(0.0, 1.25, 0.1), strongest=(swap,), predicted="y", probability=0.81
    )
    view = replace(swaps_view(event, 1), is_swapped=True)
    words = " ".join(" ".join(row.text for row in paint_influence.past(view, 70, 12, PALETTE)).split())
    assert "b 1 back 1.25 nats" in words
    assert "Next 'y' 81 %. 'b' swapped for 'x': 'y' 12 %, now next 'z' 47 %." in words


def test_counts_with_a_unit_held_stand_in_their_own_fields(session: TrainingSession) -> None:
    question = protocol.CountClamped(layer=0, unit=2, level=0.9, pattern="start of word", symbols=160)
    event = answer(CellsHandler, session, question)
    shares = re.search(r"(\d+) % of characters free, (\d+) % held high, (\d+) % held low", event.sentence)
    assert shares is not None
    assert [round(100 * share) for share in (event.free, event.high, event.low)] == [int(n) for n in shares.groups()]
    assert (event.layer, event.unit, event.level, event.pattern) == (0, 2, 0.9, "start of word")
    assert f"of {event.symbols:,} " in event.sentence
    assert f"{event.sign * 0.9:+g} and {-event.sign * 0.9:+g}" in event.sentence


def test_what_a_census_found_stands_in_its_own_fields() -> None:
    probe = Probe(np.array([0.5, -2.0, 1.0]), 0.75, 0.97, (1, 2, 0))
    found = ExplainedFeature(
        "vowel", True, Unit(1, 2, "c"), 0.12, 0.61, 0.58, 0, "h", probe, 0.83, np.zeros((2, 2, 3), np.float32)
    )
    event = _event_part(found, {8: 0.7, 2: 0.6, 30: 0.88})
    assert (event.feature, event.measure, event.unit) == (
        "vowel", "AUC",
        protocol.ScoredUnit(layer=1, unit=2, state="c", value=0.12, strength=0.88, sign=-1),
    )  # fmt: skip
    assert (event.rolled_control, event.untrained, event.together_untrained) == (0.61, 0.58, 0.83)
    assert event.surprise == pytest.approx(0.88 - 0.61)
    assert (event.layer, event.layer_state, event.together) == (0, "h", 0.97)
    assert (event.carriers, event.offset) == ((1, 2, 0), 0.75)
    assert event.weights is not None and event.weights.array().tolist() == [0.5, -2.0, 1.0]
    assert event.growth == ((2, 0.6), (8, 0.7), (30, 0.88))


def test_the_gradient_s_table_says_what_was_measured(session: TrainingSession) -> None:
    network = session.learner.network
    handler = TimeHandler(session, SimpleNamespace(send=lambda *_: None), TimeShares())  # type: ignore[arg-type]
    event = handler.gradients(protocol.ComputeGradientByLag(lags=12, untrained=False), lambda: False)
    batch = lab.sequences(session.learner.task, 12, 4)
    own = lab.gradient_by_lag(ReferenceNetwork(network.architecture, network.parameters), batch, 12)
    (shown,) = event.networks
    assert own.radius is not None and own.factor is not None
    assert (shown.radius, shown.factor, shown.horizon, shown.lag) == (own.radius, own.factor, own.horizon, 12)
    assert (shown.matrix, shown.verdict) == ("the state's Jacobian", own.verdict)
    assert shown.norms == tuple(own.norms.tolist())
    # Numbers that cannot be taken for one another, under their headings.
    told = msgspec.structs.replace(shown, horizon=7, radius=1.25, factor=0.5, lag=12)
    rows = [
        row.text
        for row in paint_gradient.table(gradient_view(msgspec.structs.replace(event, networks=(told,)), 1), 70, PALETTE)
    ]
    assert rows[0].split() == ["horizon", "ρ", "a", "step"]
    assert rows[1].split() == ["1", "LSTM,", "this", "7", "1.25", "J", "0.50", shown.verdict.value]
    assert "up to lag 12" in rows[2] and "J: the state's Jacobian" in " ".join(rows[2:])


def test_the_clipped_of_the_last_64_steps_are_counted(tmp_path: Path) -> None:
    config = small(write_text(tmp_path / "text.txt"), steps=90, clip=0.3)

    def react(event: protocol.AnyEvent) -> Iterator[protocol.Command]:
        if isinstance(event, protocol.Status) and event.state == "finished":
            yield protocol.Stop()

    events = serve(protocol.Train(config=config, root=str(tmp_path / "runs")), react)
    rows = [row for event in events if isinstance(event, protocol.RowsCompleted) for row in event.rows]
    beyond = [row.grad_norm is not None and row.grad_norm > 0.3 for row in rows]
    assert len(rows) == 90 and 0 < sum(beyond[-64:]) < 64
    for status in (event for event in events if isinstance(event, protocol.Status)):
        last = beyond[max(0, status.step - 64) : status.step]
        assert (status.clipped, status.recent_steps) == (sum(last), len(last))


def test_what_the_gradient_means_for_a_task_stands_in_its_sentence(
    session: TrainingSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = session.learner.network
    place = GATES["lstm"].index("f")
    kept = network.parameters["l1.b_h"].copy()
    network.parameters["l1.b_h"][place * 11 : (place + 1) * 11] = -30.0  # both layers forget at once
    monkeypatch.setattr(session.learner.task, "longest_lag", 5_000)
    handler = TimeHandler(session, SimpleNamespace(send=lambda *_: None), TimeShares())  # type: ignore[arg-type]
    batch = lab.sequences(session.learner.task, 60, 4)
    own = lab.gradient_by_lag(ReferenceNetwork(network.architecture, network.parameters), batch, 60, 5_000)
    for solved, learned in ((True, Dependency.SOLVED), (False, Dependency.HARDLY_LEARNED)):
        monkeypatch.setattr(handler, "is_solved", lambda interrupted, solved=solved: solved)
        event = handler.gradients(protocol.ComputeGradientByLag(lags=60, untrained=False), lambda: False)
        assert event.networks[0].verdict == GradientVerdict.VANISHES
        assert (event.longest_lag, event.length) == (len(batch.inputs) - 1, len(batch.inputs))
        assert (event.solved, event.learned) == (solved, learned)
        assert event.sentence == lab.sentence("LSTM", own, learned)
        assert ("the task is solved all the same" in event.sentence) == solved
    network.parameters["l1.b_h"][...] = kept

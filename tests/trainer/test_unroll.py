"""Every number that Unroll shows, against the equations evaluated once more and against finite differences."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnnplay import tasks
from rnnplay.catalogue import make_config, task_info
from rnnplay.config import UserError
from rnnplay.engine import Network
from rnnplay.lab.example import trim_to_common_end
from rnnplay.protocol import GradientStep, SetHidden, SetInput, Unroll, Unrolled
from rnnplay.tasks.base import Task
from rnnplay.trainer.handlers.unroll import unrolled
from rnnplay.trainer.learner import architecture
from tests.lab.plain_network import BLOCKS, Plain

CASES = [
    ("hello", "rnn", "tanh", 1), ("hello", "rnn", "relu", 2), ("hello", "lstm", "tanh", 2), ("hello", "gru", "tanh", 2),
    ("hello", "input-rnn", "tanh", 2), ("addition", "gru", "tanh", 1), ("addition-original", "rnn", "sigmoid", 1),
    ("adding", "lstm", "tanh", 1),
]  # fmt: skip


def made(task: str, cell: str, activation: str, layers: int, **more: Any) -> tuple[Task, Network]:
    settings: dict[str, Any] = {
        "hidden": 3,
        "dtype": "float64",
        "seq_len": 4,
        "length_warmup_steps": 0,
        "bias": True,
        "chrono_max_lag": 0,
    }
    config = make_config(task, cell=cell, activation=activation, layers=layers, **(settings | more))
    found = tasks.make(config)
    network = Network(architecture(config, found), 3)
    rng = np.random.default_rng(5)
    for value in network.parameters.values():
        value[...] = rng.normal(size=value.shape) * 0.7
    return found, network


def ask(task: Task, network: Network, **question: Any) -> Unrolled:
    return unrolled(Unroll(**question), network.architecture, dict(network.parameters), task, 7)


class Reference:
    """The plain network on the task's first example."""

    def __init__(self, task: Task, network: Network, poked: dict[Any, float] | None = None) -> None:
        a = network.architecture
        example = task.example(0)
        assert example is not None
        batch = example.batch
        self.columns = [np.eye(a.inputs)[x[0]].tolist() if a.inputs_are_ids else x[:, 0].tolist() for x in batch.inputs]
        self.targets = [y[0] if a.readout == "softmax" else y[:, 0].tolist() for y in batch.targets]
        weights = np.ones(len(self.columns)) if batch.weights is None else batch.weights[:, 0].astype(float)
        self.weights = weights.tolist()
        self.make: Callable[..., Plain] = lambda lean: Plain(
            a.cell, a.activation, a.layers, a.hidden, a.readout,
            {name: value.tolist() for name, value in network.parameters.items()}, lean, poked or {},
        )  # fmt: skip

    def loss(self, *keys: Any, by: float = 0.0) -> float:
        return self.make(dict.fromkeys(keys, by)).loss(self.columns, self.targets, self.weights)

    def seen(self) -> dict[tuple[Any, ...], float]:
        plain = self.make({})
        plain.loss(self.columns, self.targets, self.weights)
        return plain.seen

    def slope(self, *keys: Any, h: float = 2e-3) -> float:
        """d(loss)/d(these numbers together): a central difference of sixth order."""
        pairs = [self.loss(*keys, by=k * h) - self.loss(*keys, by=-k * h) for k in (1, 2, 3)]
        return (45 * pairs[0] - 9 * pairs[1] + pairs[2]) / (60 * h)


@pytest.mark.parametrize(("name", "cell", "activation", "layers"), CASES)
def test_every_number_forward_is_what_the_equations_give(name: str, cell: str, activation: str, layers: int) -> None:
    task, network = made(name, cell, activation, layers)
    shown, seen = ask(task, network), Reference(task, network).seen()
    part = shown.parts[0]
    checked = 0

    def same(value: float, key: tuple[Any, ...]) -> None:
        nonlocal checked
        checked += 1
        assert value == pytest.approx(seen[key], rel=1e-11, abs=1e-14), key

    for t in range(len(part.inputs)):
        for layer in part.layers:
            for place, u in enumerate(layer.units):
                same(layer.h.array()[t + 1, place], ("h", t, layer.index, u))
                same(layer.h_before_poke.array()[t, place], ("h", t, layer.index, u))
                if layer.c is not None:
                    same(layer.c.array()[t + 1, place], ("c", t, layer.index, u))
                for gate in layer.gates:
                    same(gate.value.array()[t, place], ("gate", t, layer.index, gate.name, u))
                    terms = [summand.value.array()[t, place] for summand in gate.summands]
                    same(terms[0], ("from x", t, layer.index, gate.name, u))
                    same(terms[1], ("from h", t, layer.index, gate.name, u))
                    same(sum(terms), ("sum", t, layer.index, gate.name, u))
        outputs = part.outputs
        assert outputs is not None
        for place, k in enumerate(outputs.ids):
            same(outputs.product.array()[t, place] + outputs.bias.array()[place], ("y", t, k))
            same(outputs.values.array()[t, place], ("value", t, k))
        if part.losses[t] is not None:
            same(part.losses[t] or 0.0, ("loss", t))
    assert shown.loss == pytest.approx(Reference(task, network).loss(), rel=1e-12)
    assert checked >= 80


@pytest.mark.parametrize(("name", "cell", "activation", "layers"), CASES)
def test_every_number_backward_is_what_a_finite_difference_gives(
    name: str, cell: str, activation: str, layers: int
) -> None:
    task, network = made(name, cell, activation, layers)
    shown, reference = ask(task, network), Reference(task, network)
    part = shown.parts[0]
    rng = np.random.default_rng(11)

    def same(value: float, *keys: tuple[Any, ...]) -> None:
        expected = reference.slope(*keys)
        assert value == pytest.approx(expected, rel=1e-6, abs=1e-11), keys

    T = len(part.inputs)
    for t in sorted(rng.permutation(T)[:4].tolist()):
        for layer in part.layers:
            n = layer.index
            for place, u in enumerate(layer.units):
                same(layer.dh_above.array()[t, place], ("h up", t, n, u))
                same(layer.dh_future.array()[t, place], ("h on", t, n, u))
                if layer.dc is not None and layer.dc_future is not None:
                    same(layer.dc.array()[t, place], ("c", t, n, u))
                    same(layer.dc_future.array()[t, place], ("c on", t, n, u))
                for gate in layer.gates:
                    same(gate.gradient.array()[t, place], ("sum", t, n, gate.name, u))
                    for summand in gate.summands:
                        row = summand.rows[place]
                        assert row == BLOCKS[cell].index(gate.name) * layer.total + u
                        assert (
                            summand.largest_entry is not None
                            and summand.column is not None
                            and summand.step_norm is not None
                        )
                        column = int(summand.column.array()[t, place])
                        same(summand.largest_entry.array()[t, place], ("W", summand.parameter, row, column, t))
                        width = np.shape(network.parameters[summand.parameter])[1]
                        whole = [reference.slope(("W", summand.parameter, row, j, t)) for j in range(width)]
                        assert summand.step_norm.array()[t, place] == pytest.approx(
                            np.linalg.norm(whole), rel=1e-6, abs=1e-11
                        )
        assert part.outputs is not None
        for place, k in enumerate(part.outputs.ids):
            same(part.outputs.gradient.array()[t, place], ("y", t, k))
    parameters = {p.name: p for p in shown.parameters}
    assert set(parameters) == set(network.parameters)
    recurrent = "W_ph" if cell == "input-rnn" else "W_hh"
    for key in ("W_hy", "l0.W_xh", f"l{layers - 1}.{recurrent}"):
        rows, columns = network.parameters[key].shape
        every = [[("W", key, i, j, t) for t in range(T)] for i in range(rows) for j in range(columns)]
        norm = np.linalg.norm([reference.slope(*keys) for keys in every])
        assert parameters[key].norm == pytest.approx(norm, rel=1e-6)
        t = int(rng.integers(T))
        step = np.linalg.norm([reference.slope(keys[t]) for keys in every])
        assert parameters[key].step_norms.array()[t] == pytest.approx(step, rel=1e-6, abs=1e-11)


def test_the_numbers_stay_right_after_a_hidden_value_was_set_by_hand() -> None:
    task, network = made("hello", "lstm", "tanh", 2)
    shown = ask(task, network, edits=(SetHidden(layer=0, time=1, unit=2, value=0.8),))
    reference = Reference(task, network, {(1, 0, 2): 0.8})
    seen, part = reference.seen(), shown.parts[0]
    for t in range(4):
        for layer in part.layers:
            for place, u in enumerate(layer.units):
                assert layer.h.array()[t + 1, place] == pytest.approx(seen["h", t, layer.index, u], rel=1e-11)
                for gate in layer.gates:
                    key = ("sum", t, layer.index, gate.name, u)
                    slope = reference.slope(key)
                    assert gate.gradient.array()[t, place] == pytest.approx(slope, rel=1e-6, abs=1e-11), key
    assert part.layers[0].h_before_poke.array()[1, 2] != part.layers[0].h.array()[2, 2] == 0.8


def test_one_update_on_hello_raises_the_mean_probability_of_the_right_letters() -> None:
    for seed in range(5):
        config = make_config("hello", seed=seed)
        task = tasks.make(config)
        network = Network(architecture(config, task), seed)
        shown = ask(task, network, edits=(GradientStep(rate=0.1),)).parts[0]
        before, after = [p or 0.0 for p in shown.previous_probabilities], [p or 0.0 for p in shown.target_probabilities]
        assert len(before) == len(after) == 4
        assert sum(after) > sum(before)


def test_an_encoder_and_a_decoder_stand_side_by_side() -> None:
    task, network = made("translate", "gru", "tanh", 1)
    example = task.example(3)
    assert example is not None
    shown = ask(task, network, example=3)
    encoder, decoder = shown.parts
    assert (encoder.name, decoder.name) == ("encoder", "decoder")
    assert encoder.outputs is None and set(encoder.targets) == {None} and set(encoder.losses) == {None}
    assert encoder.inputs == tuple(example.source or ())
    np.testing.assert_array_equal(encoder.layers[0].h.array()[-1], decoder.layers[0].h.array()[0])
    assert encoder.layers[0].units == decoder.layers[0].units
    columns = len(encoder.inputs) + len(decoder.inputs)
    assert all(p.step_norms.array().shape == (columns,) for p in shown.parameters)
    poked = ask(task, network, example=3, edits=(SetHidden(layer=0, time=0, unit=1, value=0.9, part="encoder"),))
    assert poked.loss != shown.loss


def test_a_network_too_large_shows_its_most_active_units_and_says_so() -> None:
    task, network = made("hello", "lstm", "tanh", 1, hidden=512)
    shown = ask(task, network)
    layer = shown.parts[0].layers[0]
    assert len(layer.units) == 64 and layer.total == 512
    assert "The 64 most active of 512 units are shown." in shown.note
    everything = ask(task, network, units=512).parts[0].layers[0].h.array()[1:]
    activity = np.abs(everything).mean(axis=0)
    assert activity[list(layer.units)].min() >= np.sort(activity)[-64]


def test_a_text_without_a_short_example_is_cut_and_says_so() -> None:
    task, network = made("prose", "rnn", "tanh", 1)
    shown = ask(task, network, length=10, example=2)
    assert "A text has no short example: 10 characters" in shown.note
    assert len(shown.parts[0].inputs) == 10
    ids = task.held_out_ids[20:31]
    assert shown.parts[0].inputs == tuple(task.vocabulary[i] for i in ids[:-1])
    assert shown.parts[0].targets == tuple(task.vocabulary[i] for i in ids[1:])


def test_a_long_example_shows_a_window_of_its_time_steps_and_says_so() -> None:
    task, network = made("adding", "rnn", "tanh", 1, seq_len=50)
    whole, shown = ask(task, network, length=60), ask(task, network, length=12)
    part = shown.parts[0]
    assert "Time steps 39 to 50 of the example's 50 are shown." in shown.note
    assert (part.first, part.total, len(part.inputs)) == (38, 50, 12)
    np.testing.assert_array_equal(part.layers[0].h.array(), whole.parts[0].layers[0].h.array()[38:])
    first = ask(task, network, length=12, first=5).parts[0]
    np.testing.assert_array_equal(first.layers[0].h.array(), whole.parts[0].layers[0].h.array()[5:18])


def test_an_input_set_by_hand_is_what_is_shown() -> None:
    task, network = made("hello", "rnn", "tanh", 1)
    assert ask(task, network, edits=(SetInput(time=1, symbol="o"),)).parts[0].inputs == ("h", "o", "l", "l")
    numbers, other = made("addition", "rnn", "tanh", 1)
    shown = ask(numbers, other, edits=(SetInput(time=1, row=0, value=0.5),))
    assert "0.5" in (shown.parts[0].inputs[1] or "")


@pytest.mark.parametrize("part", ["encoder", "decoder", "nonsense"])
def test_a_part_that_the_network_does_not_have_is_refused_in_words(part: str) -> None:
    task, network = made("hello", "rnn", "tanh", 1)
    for edit in (SetInput(time=1, symbol="o", part=part), SetHidden(layer=0, time=1, unit=0, value=0.5, part=part)):
        with pytest.raises(UserError, match=f"no {part}") as caught:
            ask(task, network, edits=(edit,))
        assert caught.value.remedy == "Leave the part out."


def test_an_example_that_is_not_there_is_refused_in_words() -> None:
    task, network = made("hello", "rnn", "tanh", 1)
    with pytest.raises(UserError, match="no example -1"):
        ask(task, network, example=-1)
    prose, other = made("prose", "rnn", "tanh", 1)
    with pytest.raises(UserError, match="Give a number from 0 to"):
        ask(prose, other, example=10**7)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("plain", "one to one"),
        ("caption", "one to many"),
        ("sentiment", "many to one"),
        ("video", "many to many"),
        ("translate", "encoder-decoder"),
    ],
)
def test_every_shape_unrolls_with_the_engines_loss_and_empty_cells_where_nothing_is_told(name: str, shape: str) -> None:
    config = make_config(name, hidden=12, dtype="float64")
    task = tasks.make(config)
    network = Network(architecture(config, task), 2)
    shown = ask(task, network, length=48)
    example = task.example(0)
    assert example is not None
    loss, weight, _ = network.evaluate(trim_to_common_end(example.batch, 1))
    assert task_info(name).io_pattern == shape
    assert shown.loss == pytest.approx(loss / weight, rel=1e-10)
    last = shown.parts[-1]
    told = [value is not None for value in last.losses]
    assert any(told) and [value is not None for value in last.target_probabilities] == told
    if shape == "many to one":
        assert sum(told) < len(told)
    if shape == "one to one":
        assert len(told) == 1
    updated = ask(task, network, length=48, edits=(GradientStep(rate=0.01),))
    assert updated.loss is not None and shown.loss is not None and updated.loss < shown.loss


def test_where_nobody_can_know_the_target_its_probability_is_not_counted_and_its_weight_is_said() -> None:
    task, network = made("counting", "lstm", "tanh", 1)
    result = ask(task, network, example=0)
    part = result.parts[-1]
    assert [p is None for p in part.target_probabilities] == [target is None for target in part.targets]
    assert None in part.targets and "A time step whose target nobody can know weighs 0.01 in the loss." in result.note
    assert "weighs" not in ask(*made("hello", "rnn", "tanh", 1)).note

"""Units that were planted are found, and a network without one is told from its controls by nobody."""

from dataclasses import replace

import numpy as np
import pytest
from given_text import text_task
from quote_cell import LETTERS, PLANTED, random_network, with_a_quote_cell
from slices import run_slices

from rnnplay.catalogue import make_config
from rnnplay.config import RunConfig, UserError
from rnnplay.corpora import EncodedText
from rnnplay.engine import GATES
from rnnplay.engine.readout import loss_per_step
from rnnplay.lab.cells.ablate import Ablation, ablate
from rnnplay.lab.cells.feature_truth import describe_feature
from rnnplay.lab.cells.find import find, unit_score
from rnnplay.lab.cells.gates import gate_saturation
from rnnplay.lab.cells.labelled_batch import LabelledBatch, label_held_out
from rnnplay.lab.cells.probe import Group
from rnnplay.lab.cells.trace import likeliest_next
from rnnplay.lab.cells.unit_scores import auc, ranks
from rnnplay.lab.cells.unit_states import Unit
from rnnplay.lab.clamp import clamp_network
from rnnplay.tasks import make
from rnnplay.tasks.text import TextTask


def written(length: int = 9_000) -> str:
    """Lines of made-up words, a third of them said aloud, in quotes that always close."""
    rng = np.random.default_rng(4)
    lines = []
    while sum(map(len, lines)) < length:
        words = " ".join("".join(rng.choice(list("abcde"), rng.integers(1, 6))) for _ in range(rng.integers(3, 12)))
        lines.append(f'"{words}."\n\n' if rng.random() < 0.4 else f"{words}.\n\n")
    return "".join(lines)


@pytest.fixture(scope="module")
def task() -> TextTask:
    text = written()
    ids = np.array([LETTERS.index(symbol) for symbol in text], np.uint8)
    config = RunConfig(task="prose", batch=3, seq_len=7, validation=0.5)
    return text_task(config, EncodedText("written", ids, tuple(LETTERS), ""))


@pytest.fixture(scope="module")
def reading(task: TextTask) -> LabelledBatch:
    return label_held_out(task, "inside quotes", 4_000)


def test_a_planted_quote_cell_is_found_first(reading: LabelledBatch) -> None:
    found = run_slices(find(with_a_quote_cell(), random_network(), reading, "inside quotes"))
    unit, score = found.best
    assert (unit.layer, unit.unit) == (0, PLANTED)
    assert score.sign == 1
    assert score.strength > 0.99
    assert found.ranking.rolled < 0.75
    assert found.untrained < 0.8
    assert found.convincing
    assert "Unit 6 of layer 1" in found.sentence()
    assert "is high inside quotes: AUC" in found.sentence()


def test_a_network_without_one_does_not_stand_out_and_the_finder_says_so(reading: LabelledBatch) -> None:
    found = run_slices(find(random_network(seed=8), random_network(seed=9), reading, "inside quotes"))
    assert not found.convincing
    assert found.sentence().startswith("No unit stands out inside quotes")


def test_a_regular_expression_finds_the_same_cell(task: TextTask) -> None:
    labelled = label_held_out(task, '"[^"]*"', 4_000)
    found = run_slices(find(with_a_quote_cell(layers=1), random_network(layers=1), labelled, '"[^"]*"'))
    assert (found.best[0].layer, found.best[0].unit) == (0, PLANTED)
    assert 'inside matches of "[^"]*"' in found.sentence()


def test_every_unit_of_every_layer_and_state_is_ranked(reading: LabelledBatch) -> None:
    found = run_slices(find(with_a_quote_cell(), random_network(), reading, "inside quotes"))
    units = [unit for unit, _ in found.ranking.units]
    assert len(units) == len(set(units)) == 2 * 11 * 2
    strengths = [score.strength for _, score in found.ranking.units]
    assert strengths == sorted(strengths, reverse=True)


def test_the_score_is_that_of_a_network_that_reads_symbol_by_symbol(task: TextTask) -> None:
    """Warmed streams stand for one long reading: a latch forgets what it began with at the first quote."""
    network, labelled = with_a_quote_cell(), label_held_out(task, "inside quotes", 1_500)
    inputs = labelled.select(labelled.batch.inputs)
    state, values = network.zero_state(1), []
    for i in inputs:
        _, state = network.step(np.array([i]), state)
        values.append(state[0].c[PLANTED, 0])
    alone = auc(ranks(np.array([values])), labelled.feature)[0]
    assert run_slices(unit_score(network, labelled, Unit(0, PLANTED, "c"))) == pytest.approx(alone, abs=0.005)


def test_the_text_read_is_the_held_out_one_in_order(task: TextTask) -> None:
    labelled = label_held_out(task, "inside quotes", 700)
    assert labelled.size == 700
    text = task.decode(labelled.select(labelled.batch.inputs))
    assert text in task.decode(task.held_out_ids)
    assert (labelled.feature == task.feature("inside quotes", labelled.select(labelled.batch.inputs))).all()
    follows = task.decode(labelled.select(labelled.batch.targets))
    assert text[1:] == follows[:-1]


def test_half_of_the_columns_is_the_beginning_of_the_text(task: TextTask) -> None:
    labelled = label_held_out(task, "inside quotes", 2_000)
    half = labelled.first_half()
    assert 900 <= half.size <= 1_000
    assert (half.select(half.batch.inputs) == labelled.select(labelled.batch.inputs)[: half.size]).all()
    assert (half.feature == labelled.feature[: half.size]).all()


def test_another_text_is_read_where_one_is_given(task: TextTask) -> None:
    other, _ = task.encode('ab "cd" e ' * 40)
    labelled = label_held_out(task, '"[^"]*"', 300, other)
    assert task.decode(labelled.select(labelled.batch.inputs)).startswith('ab "cd"')


def test_ablating_the_cell_that_is_heard_costs_most_inside(reading: LabelledBatch) -> None:
    network = with_a_quote_cell(layers=1)
    p = network.parameters
    p["W_hy"][...] *= 0.1
    p["W_hy"][LETTERS.index('"'), PLANTED] = 1.5  # a quote may follow only inside
    p["b_y"][LETTERS.index('"')] = -2.5
    *shares_done, told = ablate(network, reading, 0, (PLANTED,), "inside quotes", "zero", other_units=10)
    assert isinstance(told, Ablation)
    assert shares_done == sorted(shares_done)
    assert len(told.other_units) == 10
    assert told.fraction_beaten >= 0.9  # unit 0, without which the cell sees no quotes, is missed too
    assert told.inside > 0.01
    assert f"{told.fraction_beaten * 10:.0f} of 10 other units cost less inside quotes" in told.sentence()


def test_held_at_its_mean_a_unit_that_never_moves_costs_nothing(reading: LabelledBatch) -> None:
    network = random_network(layers=1)
    gates, H = list(GATES["lstm"]), 11
    for gate, bias in (("i", 9), ("f", -9), ("o", 9), ("g", 0.5)):
        network.parameters["l0.W_xh"][gates.index(gate) * H + 2] = 0
        network.parameters["l0.W_hh"][gates.index(gate) * H + 2] = 0
        network.parameters["l0.b_h"][gates.index(gate) * H + 2] = bias
    *_, told = ablate(network, reading, 0, (2,), "inside quotes", "mean", other_units=0)
    assert isinstance(told, Ablation)
    assert abs(told.inside) < 1e-3
    assert abs(told.outside) < 1e-3


@pytest.mark.parametrize(
    ("layer", "unit", "pattern", "clamp_to", "wrong"),
    [
        (2, 0, "inside quotes", "zero", "no unit 1 of layer 3"),
        (0, 11, "inside quotes", "zero", "no unit 12 of layer 1"),
        (0, 0, "inside quotes", "one", "held at 'one'"),
        (0, 0, "column", "zero", "has degrees"),
    ],
)
def test_what_cannot_be_ablated_is_said(
    task: TextTask, layer: int, unit: int, pattern: str, clamp_to: str, wrong: str
) -> None:
    with pytest.raises(UserError, match=wrong):
        list(ablate(random_network(), label_held_out(task, pattern, 500), layer, (unit,), pattern, clamp_to))


@pytest.mark.parametrize("limit", [0, -3])
def test_nothing_is_not_read(task: TextTask, limit: int) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        label_held_out(task, "inside quotes", limit)


@pytest.mark.parametrize(("cell", "gates"), [("lstm", "ifo"), ("gru", "rz"), ("rnn", "")])
def test_saturated_shares_are_those_counted_step_by_step(task: TextTask, cell: str, gates: str) -> None:
    network = random_network(cell)
    network.flat *= 6
    labelled = label_held_out(task, None, 600)
    found = gate_saturation(network, labelled)
    assert [(s.layer, s.gate) for s in found] == [(layer, gate) for layer in range(2) for gate in gates]
    if not gates:
        return
    inside = network.forward(labelled.batch, gates=True)
    assert inside.gates is not None
    for share in found:
        first = GATES[cell].index(share.gate) * 11
        values = inside.gates[share.layer][:, first : first + 11].transpose(1, 0, 2)  # (H, T, B)
        counted = labelled.select(values)
        np.testing.assert_allclose(share.left_saturated, (counted < 0.1).mean(axis=1), atol=1e-9)
        np.testing.assert_allclose(share.right_saturated, (counted > 0.9).mean(axis=1), atol=1e-9)
    assert 0 < found[0].left_saturated.mean() < 1


def test_the_candidates_are_the_readouts_own(task: TextTask) -> None:
    network = random_network()
    labelled = label_held_out(task, None, 200)
    inside = network.forward(labelled.batch)
    top = labelled.select(inside.h[-1, 1:].transpose(1, 0, 2))  # (H, N)
    ids, chances = likeliest_next(network, top, 5)
    p = labelled.select(inside.outputs.transpose(1, 0, 2)).T  # (N, V)
    best = np.sort(p, axis=1)[:, ::-1][:, :5]
    np.testing.assert_allclose(chances.T, best, atol=2e-3)
    np.testing.assert_allclose(np.take_along_axis(p, ids.T.astype(int), axis=1), best, atol=1e-6)


def test_numbers_are_looked_at_item_by_item() -> None:
    addition = make(make_config("addition"))
    labelled = label_held_out(addition, "carry", 64)
    T = labelled.batch.inputs.shape[0]
    assert labelled.size == 64
    bits = labelled.batch.inputs[:, :, 0]
    assert (labelled.feature[:T] == addition.feature("carry", bits)).all()


def test_where_rolling_gives_the_feature_back_ablation_and_the_untrained_network_judge() -> None:
    ids = np.array([LETTERS.index(symbol) for symbol in "abcd" * 900], np.uint8)
    config = RunConfig(task="prose", batch=3, seq_len=7, validation=0.5)
    periodic = text_task(config, EncodedText("written", ids, tuple(LETTERS), ""))
    network = random_network()
    found = run_slices(find(network, random_network(seed=9), label_held_out(periodic, "a", 1_200), "a"))
    assert found.ranking.rolled > 0.99  # another phase of the text is followed as well
    said = found.sentence()
    assert "rolling says nothing, for the feature comes back every 4 time steps" in said
    assert "rolled 1.00" not in said
    assert f"untrained {found.untrained:.2f}" in said
    assert found.ablation is not None
    assert found.ablation.sentence() in said
    *_, alone = ablate(network, label_held_out(periodic, "a", 1_200), found.best[0].layer, (found.best[0].unit,), "a")
    assert isinstance(alone, Ablation)
    assert found.ablation.inside == pytest.approx(alone.inside)


def test_a_feature_that_several_units_share_is_told_by_the_group(reading: LabelledBatch) -> None:
    found = run_slices(find(random_network(seed=8), random_network(seed=9), reading, "inside quotes"))
    group = Group(0, (3, 1, 7, 9, 4), 0.999, 0.93)
    spread = replace(found, group=group, group_untrained=0.8)
    assert "It is spread over 5 units of layer 1: together 0.999, best alone 0.93." in spread.sentence()
    assert not replace(spread, group_untrained=0.998).is_spread  # an untrained layer knows as much
    assert not replace(spread, group=replace(group, best_alone=0.99)).is_spread
    assert "spread over" not in replace(spread, group=None).sentence()


def test_a_group_is_held_together_beside_groups_of_as_many(reading: LabelledBatch) -> None:
    network = with_a_quote_cell()
    *_, told = ablate(network, reading, 0, (PLANTED, 0), "inside quotes", "zero", other_units=3)
    assert isinstance(told, Ablation)
    assert told.sentence().startswith("With units 6, 1 of layer 1 held at zero".replace(", 1", " and 1"))
    assert "3 other groups of 2 units cost less" in told.sentence() or "of 3 other groups of 2 units" in told.sentence()
    held = clamp_network(network, [(0, PLANTED, 0.0), (0, 0, 0.0)])
    loss = {}
    for name, net in (("free", network), ("held", held)):
        result = net.forward(reading.batch)
        steps = loss_per_step(result.logits, reading.batch.targets, "softmax")
        loss[name] = reading.select(steps)[reading.feature].mean()
    assert told.inside == pytest.approx(loss["held"] - loss["free"], abs=1e-5)


def test_a_place_is_said_as_a_person_would() -> None:
    assert describe_feature("inside quotes") == "inside quotes"
    assert describe_feature("start of word") == "at start of word"
    assert describe_feature("[A-Z]+") == "inside matches of [A-Z]+"


def test_where_a_half_holds_few_of_a_feature_its_control_reads_the_whole(task: TextTask) -> None:
    text = "abc de. " * 120 + '"abc de. ' * 3 + '"abc de." ' * 120
    ids, _ = task.encode(text)
    labelled = label_held_out(task, "inside quotes", 2_000, ids)
    assert labelled.first_half() is labelled

"""A census gives what looking for one feature after the other gives, and says where a feature is known."""

from dataclasses import replace

import numpy as np
import pytest
from given_text import text_task
from quote_cell import LETTERS, PLANTED, random_network, with_a_quote_cell
from slices import run_slices

from rnnplay.catalogue import make_config
from rnnplay.config import RunConfig
from rnnplay.corpora import EncodedText
from rnnplay.engine import Architecture, Network
from rnnplay.lab.cells.census import (
    CensusReading,
    ExplainedFeature,
    Knowledge,
    measure_untrained,
    read_census,
    take_census,
)
from rnnplay.lab.cells.find import find
from rnnplay.lab.cells.labelled_batch import LabelledBatch
from rnnplay.lab.cells.probe import Probe, probe_layer, smallest_group
from rnnplay.lab.cells.unit_scores import auc, convincing, ranks
from rnnplay.lab.cells.unit_states import Unit, read_states
from rnnplay.tasks import make
from rnnplay.tasks.base import Array
from rnnplay.tasks.text import TextTask


@pytest.fixture(scope="module")
def task() -> TextTask:
    rng = np.random.default_rng(4)
    lines = []
    for _ in range(400):
        words = " ".join("".join(rng.choice(list("abcde"), rng.integers(1, 6))) for _ in range(rng.integers(3, 12)))
        lines.append(f'"{words}."\n\n' if rng.random() < 0.4 else f"{words}.\n\n")
    ids = np.array([LETTERS.index(symbol) for symbol in "".join(lines)], np.uint8)
    config = RunConfig(task="prose", batch=3, seq_len=7, validation=0.5)
    return text_task(config, EncodedText("written", ids, tuple(LETTERS), ""))


@pytest.fixture(scope="module")
def reading(task: TextTask) -> CensusReading:
    return read_census(task, 2_000)


@pytest.fixture(scope="module")
def census(reading: CensusReading) -> list[ExplainedFeature]:
    control = run_slices(measure_untrained(random_network(), reading))
    return run_slices(take_census(with_a_quote_cell(), reading, control))


def activations(network: Network, labelled: LabelledBatch) -> dict[Unit, Array]:
    rows = run_slices(read_states(network, labelled))
    return {Unit(layer, n, state): values[:, n] for (layer, state), values in rows.items() for n in range(11)}


def by_definition(unit: Array, feature: Array) -> float:
    """The AUC by counting pairs, or Spearman's correlation from ranks that were counted."""
    if feature.dtype == np.bool_:
        high, low = unit[feature], unit[~feature]
        return float((high[:, None] > low).mean() + (high[:, None] == low).mean() / 2)
    counted = [(x[:, None] > x).sum(axis=1) + (x[:, None] == x).sum(axis=1) / 2 for x in (unit, feature)]
    return float(np.corrcoef(counted)[0, 1])


def test_every_number_is_what_its_definition_gives(reading: CensusReading, census: list[ExplainedFeature]) -> None:
    units = activations(with_a_quote_cell(), reading.labelled)
    assert {f.name for f in census} >= {"inside quotes", "start of word", "column", "space next", "vowel"}
    for explained in census:
        feature = reading.features[reading.names.index(explained.name)]
        assert explained.value == pytest.approx(by_definition(units[explained.unit], feature), abs=2e-3)
        if explained.boolean:
            best = max(abs(auc(ranks(values[None]), feature)[0] - 0.5) for values in units.values()) + 0.5
            assert explained.strength == pytest.approx(best, abs=1e-4)


def test_every_unit_that_stands_clear_of_the_controls_has_its_own_value(
    reading: CensusReading, census: list[ExplainedFeature]
) -> None:
    units = activations(with_a_quote_cell(), reading.labelled)
    clear = 0
    for explained in census:
        feature = reading.features[reading.names.index(explained.name)]
        assert explained.followers is not None and explained.followers.shape == (2, 2, 11)
        for unit, values in units.items():
            value = explained.followers["hc".index(unit.state), unit.layer, unit.unit]
            expected = by_definition(values, feature)
            strength = max(expected, 1 - expected) if explained.boolean else abs(expected)
            assert np.isnan(value) or value == pytest.approx(expected, abs=2e-3)
            margin = 0.01 if convincing(strength, explained.rolled, explained.untrained, explained.boolean) else -0.01
            if convincing(strength - margin, explained.rolled, explained.untrained, explained.boolean) == (margin > 0):
                assert np.isnan(value) == (margin < 0)
            clear += not np.isnan(value)
    assert clear > 2


def test_the_most_surprising_is_first_and_it_is_the_planted_cell(census: list[ExplainedFeature]) -> None:
    surprises = [feature.surprise for feature in census]
    assert surprises == sorted(surprises, reverse=True)
    first = census[0]
    assert (first.name, first.unit.layer, first.unit.unit) == ("inside quotes", 0, PLANTED)
    assert first.knowledge is Knowledge.ONE_UNIT
    assert first.sentence().startswith("inside quotes: all units together ")
    assert f"best unit 1.{PLANTED + 1}" in first.sentence()
    assert f"{first.strength:.2f}: one unit knows it." in first.sentence()


def test_the_controls_are_those_of_find(task: TextTask, census: list[ExplainedFeature]) -> None:
    reading = read_census(task, 2_000)
    column = reading.labelled
    quotes = replace(column, feature=reading.features[reading.names.index("inside quotes")])
    found = run_slices(find(with_a_quote_cell(), random_network(), quotes, "inside quotes"))
    explained = next(feature for feature in census if feature.name == "inside quotes")
    assert explained.strength == pytest.approx(found.best[1].strength, abs=1e-4)
    assert explained.rolled == pytest.approx(found.ranking.rolled, abs=0.05)  # of fewer rolls
    assert explained.untrained == pytest.approx(found.untrained, abs=0.05)  # of half of the text
    rows = run_slices(read_states(random_network(), column))
    probes = [run_slices(probe_layer(values, [quotes.feature]))[0] for values in rows.values()]
    assert explained.layer_untrained == pytest.approx(max(p.strength for p in probes if p is not None))
    assert explained.layer_untrained != pytest.approx(explained.untrained, abs=1e-3)


def explained(
    strength: float, together: float, untrained: float = 0.6, layer_untrained: float = 0.7
) -> ExplainedFeature:
    probe = Probe(np.ones(3), 0.0, together, (0, 1, 2))
    return ExplainedFeature(
        "quotes", True, Unit(0, 33, "h"), 1 - strength, 0.55, untrained, 0, "h", probe, layer_untrained
    )


def test_what_a_layer_knows_beside_its_best_unit_is_said() -> None:
    assert (
        explained(0.76, 0.99).sentence() == "quotes: all units together 0.99, best unit 1.34 0.76: known, but spread."
    )
    assert explained(0.98, 0.99).knowledge is Knowledge.ONE_UNIT
    assert explained(0.62, 0.72).knowledge is Knowledge.UNKNOWN
    news = explained(0.97, 0.99, untrained=0.96, layer_untrained=0.97)
    assert news.knowledge is Knowledge.UNTRAINED
    assert "no news, the untrained network has 0.97" in news.sentence()
    # One unit does not know what all know much better together, as they did untrained.
    vowel = explained(0.89, 0.99, untrained=0.73, layer_untrained=0.98)
    assert vowel.convincing and vowel.sentence().endswith("0.89: no news, the untrained network has 0.98.")
    assert explained(0.76, 0.86, layer_untrained=0.84).sentence().endswith("0.76: one unit follows it in part.")


def test_a_probe_finds_a_sum_that_no_unit_shows_and_is_not_fooled_by_chance() -> None:
    rng = np.random.default_rng(3)
    base = rng.standard_normal((4_000, 30))
    feature = base[:, [4, 9, 17, 21]] @ np.array([1.0, -1.2, 0.8, 1.1]) + 0.1 * rng.standard_normal(4_000) > 0
    # Units differ in mean and spread: what carries a sum is not what has a large weight in it.
    rows = (base * np.geomspace(0.02, 3, 30)[::-1] + rng.normal(size=30)).astype(np.float32)
    chance = rng.standard_normal(4_000) > 0
    known, unknown = run_slices(probe_layer(rows, [feature, chance]))
    assert known is not None and unknown is not None
    assert known.strength > 0.98
    assert set(known.carriers[:4]) == {4, 9, 17, 21}
    assert unknown.strength < 0.56
    sums = rows @ known.weights + known.offset
    assert sums.std() == pytest.approx(1, abs=0.1)
    assert abs(sums.mean()) < 0.1
    assert abs(auc(ranks(sums[None]), feature)[0] - known.strength) < 0.01
    group = run_slices(smallest_group(rows, feature, 1))
    assert group is not None
    assert set(group.units) == {4, 9, 17, 21}
    alone = max(abs(by_definition(rows[:, u], feature) - 0.5) for u in group.units) + 0.5
    assert group.best_alone == pytest.approx(alone, abs=0.03)


def test_a_task_of_items_has_a_census_too() -> None:
    addition = make(make_config("addition"))
    reading = read_census(addition, 600)
    a = Architecture(
        cell="gru", inputs=addition.inputs, outputs=addition.outputs, hidden=7, inputs_are_ids=False, readout="sigmoid"
    )
    networks = Network(a, 1), Network(a, 2)
    control = run_slices(measure_untrained(networks[1], reading))
    features = run_slices(take_census(networks[0], reading, control))
    assert "carry" in {feature.name for feature in features}

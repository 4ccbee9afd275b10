"""What a feature does in written texts is counted as a person would count it, whatever the unit's sign."""

from dataclasses import replace

import numpy as np
import pytest
from given_text import text_task
from quote_cell import LETTERS, PLANTED, with_a_quote_cell
from slices import run_slices

from rnnplay.config import RunConfig
from rnnplay.corpora import EncodedText
from rnnplay.engine import Network
from rnnplay.lab.cells.labelled_batch import label_held_out
from rnnplay.lab.cells.unit_states import read_states
from rnnplay.lab.clamp import clamp_network
from rnnplay.lab.clamp_count import ClampCount, _leads, count_clamped, write_texts
from rnnplay.lab.sample import SamplingOptions
from rnnplay.tasks.text import TextTask

OPTIONS = SamplingOptions(0.9, 3)


@pytest.fixture(scope="module")
def task() -> TextTask:
    rng = np.random.default_rng(4)
    lines = "".join('"' * (n % 2) + "".join(rng.choice(list("abcde "), 30)) + '"' * (n % 2) + "\n" for n in range(300))
    ids = np.array([LETTERS.index(symbol) for symbol in lines], np.uint8)
    config = RunConfig(task="prose", batch=3, seq_len=7, validation=0.5)
    return text_task(config, EncodedText("written", ids, tuple(LETTERS), ""))


def writer(sign: int) -> Network:
    """A network that writes a after +1 in the planted unit, b after -1; the unit is high in quotes, or low."""
    network = with_a_quote_cell(layers=1)
    p = network.parameters
    p["W_hy"][...] = 0
    p["b_y"][...] = -9
    p["W_hy"][LETTERS.index("a"), PLANTED], p["W_hy"][LETTERS.index("b"), PLANTED] = 4 * sign, -4 * sign
    p["b_y"][[LETTERS.index("a"), LETTERS.index("b")]] = 0
    if sign < 0:  # the unit's h changes its sign: g does
        rows = slice(PLANTED + 3 * 11, PLANTED + 3 * 11 + 1)
        for name in ("l0.W_xh", "l0.W_hh", "l0.b_h"):
            p[name][rows] *= -1
    return network


@pytest.mark.parametrize("sign", [1, -1])
def test_held_high_is_high_in_the_feature_whatever_the_sign_of_the_unit(task: TextTask, sign: int) -> None:
    network, labelled = writer(sign), label_held_out(task, "inside quotes", 2_000)
    count = run_slices(count_clamped(network, task, labelled, 0, PLANTED, 0.9, "a", OPTIONS, 800))
    assert count.sign == sign
    for held, share in ((0.9, count.high), (-0.9, count.low)):
        clamped, lead = clamp_network(network, [(0, PLANTED, sign * held)]), _leads(labelled)
        texts = run_slices(write_texts(clamped, task, lead, 100, OPTIONS))
        text = "".join(LETTERS[i] for i in texts[len(lead) :].T.reshape(-1))
        assert share == pytest.approx(text.count("a") / len(text), abs=1e-9)
    assert count.high > 0.9
    assert count.low < 0.1
    assert count.symbols == 800


def test_a_network_held_inside_quotes_closes_them_again_and_again_and_all_of_that_lies_inside(task: TextTask) -> None:
    """Held high it writes a"a"aa": by the mark read last nearly all would lie outside."""
    network, labelled = writer(1), label_held_out(task, "inside quotes", 2_000)
    p = network.parameters
    p["W_hy"][LETTERS.index("b"), PLANTED], p["b_y"][LETTERS.index("b")] = 0, -9
    p["W_hy"][LETTERS.index(" "), PLANTED], p["b_y"][LETTERS.index(" ")] = -4, 0
    p["b_y"][LETTERS.index('"')] = 1.5
    count = run_slices(count_clamped(network, task, labelled, 0, PLANTED, 0.9, "inside quotes", OPTIONS, 800))
    for held, share, marks in ((0.9, count.high, count.marks[1]), (-0.9, count.low, count.marks[2])):
        clamped, lead = clamp_network(network, [(0, PLANTED, held)]), _leads(labelled)
        texts = run_slices(write_texts(clamped, task, lead, 150, OPTIONS))
        inside, opened, closed = [], 0, 0
        for column in texts.T:
            text = "".join(LETTERS[i] for i in column)
            for at in range(len(lead), len(lead) + 100):
                opened += text[at] == '"' and text[at - 1] in " \n"
                closed += text[at] == '"' and text[at - 1] not in " \n"
                if (mark := text.find('"', at + 1)) >= 0:
                    inside.append(text[mark - 1] not in " \n")
        assert share == pytest.approx(np.mean(inside), abs=1e-9)
        assert marks == (opened, closed)
    assert count.high > 0.9 and count.low < 0.2
    assert count.marks[1][1] > 20 > count.marks[1][0] and count.marks[2][0] > 20
    h = run_slices(read_states(network, labelled, (0,), ("h",), slice(PLANTED, PLANTED + 1)))[0, "h"]
    assert count.unheld == pytest.approx(np.percentile(h, (5, 95)))


def test_texts_are_drawn_from_the_networks_own_probabilities(task: TextTask) -> None:
    network = with_a_quote_cell(layers=1)
    lead = np.array([[4, 5], [0, 2], [2, 3]])
    texts = run_slices(write_texts(network, task, lead, 60, SamplingOptions(0.0, 1)))
    assert (texts[:3] == lead).all()
    state = network.zero_state(1)
    for step, symbol in enumerate(texts[:-1, 1]):
        y, state = network.step(np.array([symbol]), state)
        assert step < 2 or y[:, 0].argmax() == texts[step + 1, 1]


def test_the_sentence_has_every_count_and_names_the_state_that_is_held() -> None:
    count = ClampCount(0, 39, "inside quotes", True, 0.9, -1, 0.44, 0.912, 0.049, 4_000)
    shares = "inside quotes: 44 % of characters free, 91 % held high, 5 % held low, of 4,000"
    assert count.sentence() == f"{shares} (h of unit 1.40 at -0.9 and +0.9)"


def test_it_says_how_marks_were_counted_what_the_unit_does_by_itself_and_that_held_high_has_less() -> None:
    count = ClampCount(
        0, 39, "inside quotes", True, 0.9, -1, 0.48, 0.96, 0.03, 3_766, (-0.36, 0.45), ((15, 13), (42, 190), (20, 1))
    )
    assert "of 3,766 (h of unit 1.40 at -0.9 and +0.9; by itself -0.36 to +0.45). " in count.sentence()
    marks = "Judged by the next mark; opened/closed: 15/13 free, 42/190 high, 20/1 low"
    assert count.sentence().endswith(marks)
    assert len(count.sentence()) <= 3 * 76  # three rows of a small screen
    few = replace(count, marks=((4, 1), (5, 2), (1, 2)))
    assert few.sentence().endswith("4/1 free, 5/2 high, 1/2 low: too few to tell")
    assert len(few.sentence()) <= 3 * 76
    depth = ClampCount(0, 2, "brace depth", False, 0.9, 1, 1.4, 0.6, 2.1, 4_000)
    assert depth.sentence().endswith("Held high has less of it: what the unit makes the network write ends the feature")

"""A number belongs to its label: what is painted beside a label is compared with a value computed apart."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from made_up_play import TEXT, facts, palette_of, plain, sampled, started, trace
from rich.style import Style
from test_looking_paint import layer, part, view
from test_session import answer
from textual.strip import Strip

from rnnplay import protocol
from rnnplay.lab.cells.ablate import Ablation
from rnnplay.tui.forms.fields import fields_for
from rnnplay.tui.paint.numbers import percent
from rnnplay.tui.places.cells.paint_find import finding, proof
from rnnplay.tui.places.cells.paint_history import history_title
from rnnplay.tui.places.cells.paint_units import strip
from rnnplay.tui.places.cells.panels import cursor_row
from rnnplay.tui.places.cells.views import (
    CursorView,
    FindingView,
    ProofView,
    StripView,
    ablation_view,
    cursor_view,
    history_view,
)
from rnnplay.tui.places.sampled_text import sampled_text_view
from rnnplay.tui.places.time.paint_gradient import lags
from rnnplay.tui.places.time.paint_influence import past
from rnnplay.tui.places.time.views import LagsView, PastView, ReachView
from rnnplay.tui.places.unroll.paint_time_step import MINUS, forward
from rnnplay.tui.places.unroll.views import GateView, LayerView, UnrollView
from rnnplay.tui.places.views import heatmap_view
from rnnplay.tui.session import RunSession
from rnnplay.tui.state.cells import unit_name
from rnnplay.tui.state.sample import PLAY
from rnnplay.tui.widgets.paint_heatmap import heatmap
from rnnplay.tui.widgets.views import CellsView, UnitRow

PALETTE = palette_of("truecolor")


@pytest.fixture
async def session() -> RunSession:
    session = RunSession(lambda kind, **fields: None)
    session.handle_event(started())
    return session


def style_at(row: Strip, column: int) -> Style:
    """The style of the cell `column` of a painted row."""
    for segment in row:
        if column < segment.cell_length:
            assert segment.style is not None
            return segment.style
        column -= segment.cell_length
    raise AssertionError("the row ends before that column")


# --------------------------------------------------------------------------------------------------------------- cells


def test_a_unit_is_named_by_numbers_from_one() -> None:
    assert unit_name(0, 36) == "layer 1 unit 37"
    assert unit_name(2, 0) == "layer 3 unit 1"


@pytest.mark.parametrize(("value", "dominant"), [(1.0, "blue"), (-1.0, "red"), (0.5, "blue"), (-0.5, "red")])
def test_many_units_are_blue_where_they_are_positive_and_red_where_negative(value: float, dominant: str) -> None:
    byte = np.full((1, 1, 8), round(127 + 127 * value), np.uint8)
    painted = strip(StripView(tuple("abcdefgh"), byte, ((0, 0),)), 40, 2, PALETTE)
    background = style_at(painted[1], 15).bgcolor
    assert background is not None
    assert background.triplet is not None
    red, _, blue = background.triplet
    assert (blue > red) == (dominant == "blue")


def test_prove_writes_what_it_costs_inside_beside_inside_and_outside_beside_outside() -> None:
    costs = ProofView(unit="layer 1 unit 2", to="zero", inside=0.1234, outside=-0.0567, others=(0.01, 0.02, 0.03))
    rows = plain(proof(costs, 60, 8, PALETTE))
    figures = {row.split()[0]: float(row.split()[1]) for row in rows if row.startswith(("inside", "outside"))}
    assert figures == {"inside": 0.1234, "outside": -0.0567}
    others = next(row for row in rows if row.startswith("3 others"))
    assert float(others.split()[2]) == 0.02  # their median


async def test_prove_shows_the_answer_that_came(session: RunSession) -> None:
    other = tuple(float(x) for x in np.linspace(-0.01, 0.02, 7))
    found = Ablation(0, (3,), "inside quotes", "zero", 0.05, 0.004, tuple((x, 0.0) for x in other), 900)
    session.cells.ablated = protocol.UnitAblated(
        step=9,
        layer=found.layer, unit=found.units[0], pattern=found.pattern, clamp_to="zero", inside=found.inside,
        outside=found.outside, others_inside=other, fraction_beaten=1.0, characters=900, sentence=found.sentence(),
    )  # fmt: skip
    shown = ablation_view(session)
    assert (shown.inside, shown.outside, shown.unit) == (0.05, 0.004, "layer 1 unit 4")
    assert "+0.0500 inside quotes" in shown.sentence
    assert "+0.0040 elsewhere" in shown.sentence


def found_units(measure: str) -> protocol.UnitsFound:
    unit = protocol.ScoredUnit(layer=0, unit=2, state="h", value=-0.8, strength=0.8, sign=-1)
    return protocol.UnitsFound(
        pattern="column", step=9, measure=measure, units=(unit,), rolled_control=0.2, untrained=0.3, convincing=True,
        fraction=0.4, characters=100, sentence="It falls.",
    )  # fmt: skip


@pytest.mark.parametrize("measure", ["AUC", "rank correlation"])
async def test_the_history_is_called_by_the_measure_that_the_finder_used(session: RunSession, measure: str) -> None:
    session.cells.finding = found_units(measure)
    session.cells.history = protocol.HistoryComputed(
        layer=0, unit=2, state="h", pattern="column", steps=(0, 8, 64), values=(0.5, 0.6, 0.8)
    )
    shown = history_view(session)
    assert "".join(text for text, _ in history_title(shown, PALETTE)).endswith(f"{measure} by step")
    assert (shown.unit, shown.values) == ("layer 1 unit 3", (0.5, 0.6, 0.8))


def test_find_writes_each_strength_and_each_control_beside_its_own_name() -> None:
    units = (
        UnitRow(layer=0, unit=36, state="c", value=0.973, strength=0.973, sign=1),
        UnitRow(layer=1, unit=11, state="h", value=0.188, strength=0.812, sign=-1),
    )
    rows = plain(finding(FindingView("inside quotes", "AUC", units, 0, 0.561, 0.664, sentence="s"), 60, 10, PALETTE))
    text = "\n".join(rows)
    assert re.search(r"1\.37.*0?\.97", text)
    assert re.search(r"2\.12.*0?\.81", text)
    assert re.search(r"rolled\D*0?\.56", text)
    assert re.search(r"untrained\D*0?\.66", text)


async def test_the_value_beside_the_cursor_is_that_character_s_and_that_unit_s(session: RunSession) -> None:
    rng = np.random.default_rng(3)
    values = rng.integers(0, 255, (2, 6, len(TEXT))).astype(np.uint8)
    surprise = rng.integers(0, 80, len(TEXT)).astype(np.uint8)
    event = msgspec.structs.replace(
        trace(),
        start=100,
        values=protocol.PackedArray.from_array(values),
        surprise=protocol.PackedArray.from_array(surprise),
        scale=0.9,
    )
    session.cells.trace = event
    session.selection.layer, session.selection.unit, session.selection.cursor = 1, 4, 100 + 37
    shown = cursor_view(session, heatmap_view(session, ""))
    assert shown.symbol == TEXT[37]
    assert shown.value == pytest.approx((float(values[1, 4, 37]) - 127) / 127 * 0.9)
    assert shown.surprise == pytest.approx(surprise[37] / 10)
    assert shown.scale == 0.9
    session.handle_event(msgspec.structs.replace(started(), facts=facts(chance_loss=None)))  # it predicts numbers
    session.cells.trace, session.selection.cursor = event, 100 + 37
    assert (
        cursor_view(session, heatmap_view(session, "")).surprise is None and heatmap_view(session, "").surprise is None
    )


@pytest.mark.parametrize("width", range(30, 90, 7))
def test_what_is_expected_next_is_shown_in_whole_words_or_not_at_all(width: int) -> None:
    candidates = (("love", 0.9), ("sea", 0.04), ("carrots", 0.03), ("morning", 0.02), ("evening", 0.001))
    view = CursorView(symbol="i", value=-0.4, surprise=0.1, candidates=candidates)
    (text,) = plain([cursor_row(view, width, PALETTE)])
    words = [f"{symbol} {percent(p)}" for symbol, p in candidates]
    shown = text.partition("  next ")[2].strip()
    for word in words:
        shown = shown.replace(word, "", 1)
    assert not any(letter.isalnum() for letter in shown)
    assert "…" not in text and ("love" in text) == (width > 45)


# -------------------------------------------------------------------------------------------------------------- sample


@pytest.mark.parametrize(("step_unit", "named"), [("characters", "bits a character"), ("words", "bits a word")])
async def test_a_sample_s_surprise_is_in_bits_of_what_a_time_step_reads(
    session: RunSession, step_unit: str, named: str
) -> None:
    session.handle_event(msgspec.structs.replace(started(), facts=facts(step_unit=step_unit)))
    answer(session, sampled("abcd", is_first=True, probabilities=(0.5, 0.25, 0.125, 0.125)))
    figures = dict(sampled_text_view(session, PLAY).key_figures)
    bits = (1 + 2 + 3 + 3) / 4
    assert figures["surprise"] == f"{bits:.2f} {named}"
    assert figures["written"] == f"4 {step_unit}"


# ---------------------------------------------------------------------------------------------------------------- time


def test_the_ticks_of_the_gradient_stand_where_their_values_are() -> None:
    norms = 0.5 ** np.arange(21.0)  # 1 at lag 0, 1 % between lags 6 and 7
    height = 24
    rows = plain(lags(LagsView((ReachView("LSTM", True, norms, 0.5, 6, "vanishes"),)), 116, height, PALETTE))
    axis = {row[:6].strip(): y for y, row in enumerate(rows) if row[:6].strip()}
    decades = {label: float(label) for label in axis if re.fullmatch(r"1e-\d+|0\.\d+|1", label)}
    assert axis["1"] < axis["1 %"]
    assert len(decades) > 1
    # The rows of a log axis lie on a line through the decades: 1 % is two decades below 1.
    (low, low_row), (high, high_row) = min((v, axis[k]) for k, v in decades.items()), (1.0, axis["1"])
    a_decade = (low_row - high_row) / (math.log10(high) - math.log10(low))
    assert axis["1 %"] == pytest.approx(axis["1"] + 2 * a_decade, abs=1)


def test_a_click_on_a_symbol_of_the_past_asks_about_that_symbol() -> None:
    symbols = tuple("hello world")
    shown = PastView(symbols, tuple(np.linspace(0, 1, 11)), first=40, position=50, total=60, predicted="x")
    actions = [
        (segment.text, segment.style.meta["@click"])
        for row in past(shown, 30, 6, PALETTE)
        for segment in row
        if segment.style is not None and "@click" in segment.style.meta
    ]
    assert "".join(text for text, _ in actions) == "hello world"
    assert [action for _, action in actions] == [f"screen.past_at({40 + n})" for n in range(11)]


# -------------------------------------------------------------------------------------------------------------- unroll


def opened_cell(cell: str, seed: int = 5) -> UnrollView:
    """One unit of an LSTM or a GRU over three time steps, computed here as the literature prints it."""
    rng = np.random.default_rng(seed)
    T, U = 3, 1
    sigmoid = {name: rng.uniform(0.1, 0.9, (T, U)) for name in "oifrz"}
    made = {name: rng.uniform(-0.9, 0.9, (T, U)) for name in "gn"}
    h, c = rng.uniform(-0.5, 0.5, (T + 1, U)), rng.uniform(-1.5, 1.5, (T + 1, U))
    for t in range(T):
        if cell == "lstm":
            c[t + 1] = sigmoid["f"][t] * c[t] + sigmoid["i"][t] * made["g"][t]
            h[t + 1] = sigmoid["o"][t] * np.tanh(c[t + 1])
        else:
            h[t + 1] = (1 - sigmoid["z"][t]) * made["n"][t] + sigmoid["z"][t] * h[t]
    base = layer(T, U)
    gates = tuple(
        GateView(name, "", base.gates[0].summands, (sigmoid | made)[name], base.gates[0].gradient)
        for name in ("oifg" if cell == "lstm" else "rzn")
    )
    one: LayerView = replace(base, cell=cell, gates=gates, h=h, c=c if cell == "lstm" else None, h_before_poke=h[1:])
    return view(replace(part(T, U), layers=(one,)), time=1, row=1)


def evaluated(line: str) -> tuple[float, float]:
    """The sum that an equation writes out in numbers, and the result behind its last equals sign."""
    *_, numbers, result = line.split(" = ")
    plain_sum = re.sub(r"tanh\(([^()]*)\)", lambda m: str(math.tanh(float(m[1].replace(MINUS, "-")))), numbers)
    plain_sum = plain_sum.replace("·", "*").replace(MINUS, "-")
    assert re.fullmatch(r"[-+*/() .\de]+", plain_sum)
    return float(eval(plain_sum)), float(result.replace(MINUS, "-"))


@pytest.mark.parametrize(
    ("cell", "begins"),
    [("lstm", "c = f·c' + i·g = "), ("lstm", "h = o·tanh(c) = "), ("gru", f"h = (1 {MINUS} z)·n + z·h' = ")],
)
def test_the_numbers_put_into_an_equation_give_its_result(cell: str, begins: str) -> None:
    line = next(line for line in forward(opened_cell(cell), 5) if line.startswith(begins))
    total, result = evaluated(line)
    assert total == pytest.approx(result, abs=5e-5)


# ---------------------------------------------------------------------------------------------------------------- forms

# What a label of the form means, as its reader takes it: the setting of that name, or another one's name.
OTHER_NAMES = {
    "length": "seq_len",
    "file": "text",
    "own file": "text",
    "items": "document",
    "encoding": "encoding",
    "forget b.": "forget_bias",
    "warm-up": "warmup",
    "decay": "weight_decay",
    "w. drop.": "weight_dropout",
    "memory to": "max_time_constant",
    "bytes": "read_as_bytes",
    "vocab.": "max_vocabulary",
    "evaluate": "evaluate_every",
    "numbers": "dtype",
}


@pytest.mark.parametrize("task", ["text", "prose", "series", "sentiment"])
def test_each_field_of_the_form_changes_the_setting_that_its_label_names(task: str) -> None:
    fields = fields_for(task, full=True)
    assert [field.name for field in fields] == [OTHER_NAMES.get(field.label, field.label) for field in fields]
    assert len({field.label for field in fields}) == len(fields)


def test_the_surprise_under_the_cursor_is_in_bits() -> None:
    surprise = np.arange(len(TEXT)).astype(np.uint8)  # tenths of bits
    values = np.full((1, 1, len(TEXT)), 127, np.uint8)
    shown = CellsView(tuple(TEXT), values, 0.8, surprise, cursor=37, total=len(TEXT))
    assert "surprise 3.7 bits" in plain(heatmap(shown, 110, 20, PALETTE))[-1]

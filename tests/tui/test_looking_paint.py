"""Unroll and Time as painted strips: made-up data, no widget, no trainer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_up_play import SYSTEMS, palette_of, plain
from rich.style import Style

from rnnplay.tui.places.time import paint_gradient, paint_influence
from rnnplay.tui.places.time.views import LagsView, OneUnitView, PastView, ReachView
from rnnplay.tui.places.unroll import paint_grid, paint_rolled, paint_time_step
from rnnplay.tui.places.unroll.columns import LABEL
from rnnplay.tui.places.unroll.views import (
    GateView,
    LayerView,
    OutputsView,
    ParameterView,
    PartView,
    SummandView,
    UnrollView,
)
from rnnplay.tui.widgets import paint_bars
from rnnplay.tui.widgets.views import AdviceView, HealthView

SIZES = [(116, 36), (76, 20), (56, 12)]
WORDS = ("the", "cat", "sat", "down", "here", "now")


def layer(T: int, U: int, index: int = 0, total: int = 0, seed: int = 0) -> LayerView:
    rng = np.random.default_rng(seed)
    h = np.tanh(rng.normal(size=(T + 1, U)))
    terms = tuple(
        SummandView(name, rng.normal(size=(T, U)), "l0.W_xh", tuple(range(U)), h[1:], h[1:], np.zeros((T, U), int))
        for name in ("W_xh x", "W_hh h", "b_h")
    )
    gate = GateView("h", "tanh", terms, h[1:], rng.normal(size=(T, U)))
    slopes = rng.normal(size=(T, U))
    return LayerView(index, "rnn", tuple(range(U)), total or U, (gate,), h, None, slopes, -slopes, h[1:])


def part(T: int = 6, U: int = 5, layers: int = 1, name: str = "", encoder: bool = False) -> PartView:
    rng = np.random.default_rng(T)
    values = rng.dirichlet(np.ones(3), T)
    outputs = (
        None
        if encoder
        else OutputsView((0, 1, 2), ("cat", "sat", " "), 3, values, values[0], values, values, "softmax")
    )
    told = None if encoder else 0.25
    return PartView(
        name=name, first=0, total=T, inputs=tuple(WORDS[t % 6] for t in range(T)), symbols=WORDS,
        targets=(None,) * T if encoder else tuple("cat" if t % 2 else None for t in range(T)),
        layers=tuple(layer(T, U, n, seed=n) for n in range(layers)), outputs=outputs,
        losses=tuple(told if t % 2 else None for t in range(T)),
        target_probabilities=tuple(told if t % 2 else None for t in range(T)),
        previous_probabilities=(), truths=() if encoder else (("carry", ((0.0, 1.0) * T)[:T]),),
    )  # fmt: skip


def view(*parts: PartView, **changes: object) -> UnrollView:
    parts = parts or (part(),)
    parameters = (ParameterView("l0.W_xh", (5, 9), 0.5, np.full(12, 0.1)),)
    return replace(UnrollView("t", parts, parameters, 1.25, row=1), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_painting_fills_its_size_exactly(system: str, width: int, height: int) -> None:
    palette = palette_of(system)
    two = view(part(4, name="encoder", encoder=True), part(6, name="decoder"), time=5, opened=True)
    reach = ReachView("LSTM", True, np.array([1.0, 0.5, np.nan, 0.0, 1e-30]), 0.9, 3, "vanishes")
    text = PastView(tuple("hello\nworld "), tuple(np.linspace(0, 1, 12)), 0, 11, 12, "x", 0.5, "moved by it.")
    painted = [
        paint_grid.grid(two, width, height, palette),
        paint_grid.grid(view(part(40, 70, 2)), width, height, palette),
        paint_grid.grid(UnrollView(empty="Nothing yet."), width, height, palette),
        paint_rolled.rolled(two, width, height, palette),
        paint_time_step.opened(two, width, height, palette),
        paint_time_step.opened(two, width, height, palette, full=True),
        paint_gradient.lags(LagsView((reach, reach), 2, 7, "It vanishes.", "A note."), width, height, palette),
        paint_gradient.one_unit(OneUnitView(3.0, 3.0 ** np.arange(41)), width, height, palette),
        paint_influence.past(text, width, height, palette),
    ]
    for strips in painted:
        assert len(strips) == height
        assert {strip.cell_length for strip in strips} == {width}


def test_a_column_has_input_units_outputs_target_and_loss_from_top_to_bottom() -> None:
    rows = plain(paint_grid.grid(view(), 116, 36, palette_of("truecolor")))
    found = [row.strip().split()[0] for row in rows if row.strip()]
    wanted = ["time", "input", "carry", "W_xh", "▸", "h", "W_hy", "p", "target", "loss"]
    places = [found.index(word) for word in wanted]
    assert places == sorted(places)
    target = next(row for row in rows if row.strip().startswith("target"))
    assert target.split() == ["target", "cat", "cat", "cat"]  # empty where a step has none


def test_encoder_and_decoder_stand_side_by_side_with_empty_cells() -> None:
    both = view(part(3, name="encoder", encoder=True), part(4, name="decoder"))
    rows = plain(paint_grid.grid(both, 116, 36, palette_of("truecolor")))
    assert rows[0].split() == ["encoder", "decoder"]
    probability = next(row for row in rows if row.strip().startswith("p cat"))
    assert probability[LABEL:].split("│")[0].strip() == ""


def styles_of(system: str, text: str, wanted: UnrollView) -> Style:
    for strip in paint_grid.grid(wanted, 50, 16, palette_of(system)):
        for segment in strip:
            if segment.text.strip() == text:
                return segment.style or Style()
    raise AssertionError(text)


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_sign_can_be_told_in_the_narrowest_column_and_every_colour_system(system: str) -> None:
    one = part(11, 2)
    values = np.zeros((12, 2))
    values[1:, 0], values[1:, 1] = 0.77, -0.77
    first = replace(one.layers[0], h=values)
    wanted = view(replace(one, layers=(first,)), row=0)
    table = [s for s in paint_grid.grid(wanted, 50, 16, palette_of(system)) if " h " in s.text]
    assert [sign for strip in table for sign in "+-" if f"{sign}.77" in strip.text] == ["+", "-"]
    plus, minus = ({seg.style for seg in strip if "77" in seg.text} for strip in table)
    assert not plus & minus
    if system == "none":
        assert all(style and style.underline for style in minus)


LONG_WORDS = ("a", "preposition", "of", "it", "unbelievable", "sea", "<END>")


def long_example(T: int, at: int) -> UnrollView:
    """T time steps of words; the target at each is the next word, its probability 100 %, 0 % or in between."""
    rng = np.random.default_rng(T)
    words = tuple(LONG_WORDS[t % 7] for t in range(T))
    targets = tuple(LONG_WORDS[(t + 1) % 7] for t in range(T))
    values = np.full((T, 7), 1e-3)
    values[:, 0] = 0.99  # "a" is likely everywhere, so that by likelihood alone it has the first row
    values[::3] = 0.0
    for t in range(0, T, 3):
        values[t, (t + 1) % 7] = 1.0
    p = tuple(float(values[t, (t + 1) % 7]) for t in range(T))
    outputs = OutputsView(tuple(range(7)), LONG_WORDS, 7, values, values[0], values, values, "softmax")
    one = replace(
        part(T), inputs=words, targets=targets, outputs=outputs, target_probabilities=p, truths=(),
        losses=tuple(rng.random(T)), layers=(layer(T, 5),), symbols=LONG_WORDS,
    )  # fmt: skip
    return view(one, time=at)


@pytest.mark.parametrize("T", [28, 60])
@pytest.mark.parametrize(("width", "height"), [(116, 36), (76, 20)])
def test_long_examples_of_words_are_scrolled_and_cut_no_word(T: int, width: int, height: int) -> None:
    palette = palette_of("truecolor")
    seen: set[int] = set()
    for at in range(T):
        wanted = long_example(T, at)
        rows = plain(paint_grid.grid(wanted, width, height, palette))
        assert {len(row) for row in rows} == {width}
        numbers = [int(word) for word in next(row for row in rows if "time step" in row).split() if word.isdigit()]
        assert at + 1 in numbers and numbers == list(range(numbers[0], numbers[-1] + 1))
        seen |= set(numbers)
        columns = wanted.parts[0]
        inputs = next(row for row in rows if row.strip().startswith("input")).split()[1:]
        assert inputs == [str(columns.inputs[n - 1]) for n in numbers]
        targets = next(row for row in rows if row.strip().startswith("target")).split()[1:]
        assert targets == [str(columns.targets[n - 1]) for n in numbers]
        chances = next(row for row in rows if row.strip().startswith("p target")).split()[3:]
        shares = [columns.target_probabilities[n - 1] or 0.0 for n in numbers]
        assert chances == ["100" if p == 1 else f"{100 * p:.1f}" for p in shares]
        # The symbol at stake has its row, with 100 where it is certain.
        (row,) = [row for row in rows if row.strip().startswith(f"p {columns.targets[at]} ")]
        if shares[at + 1 - numbers[0]] == 1:
            assert "100 " in row
        strip = next(row for row in rows if row.strip().startswith("whole"))
        assert len(strip.split()[1]) == T
    assert seen == set(range(1, T + 1))


def test_the_whole_is_no_strip_where_all_columns_are_shown() -> None:
    assert not any(row.strip().startswith("whole") for row in plain(paint_grid.grid(view(), 116, 36, palette_of("16"))))


def test_a_single_yes_or_no_has_a_row_for_both_classes() -> None:
    one = part()
    p = np.linspace(0, 1, 6)[:, None]
    outputs = OutputsView((0,), ("1",), 1, p, p[0], p, p, "σ", "0", 1 - p[:, 0])
    told = replace(one, outputs=outputs, targets=("0", "1") * 3, losses=(0.1,) * 6)
    rows = plain(paint_grid.grid(view(told), 116, 36, palette_of("truecolor")))
    found = {name: next(row for row in rows if row.strip().startswith(name)) for name in ("p 0", "p 1")}
    shown = {name: [int(word) for word in row.split()[2:] if word.isdigit()] for name, row in found.items()}
    assert shown == {"p 0": [100, 80, 60, 40, 20, 0], "p 1": [0, 20, 40, 60, 80, 100]}


def test_many_units_are_a_window_around_the_cursor() -> None:
    rows = plain(paint_grid.grid(view(part(4, 60), row=50), 76, 20, palette_of("truecolor")))
    units = [int(row.split("h ")[1].split()[0]) for row in rows if " h " in row[:8]]
    assert 50 in units and len(units) >= 6 and units == list(range(units[0], units[-1] + 1))


def test_while_it_plays_later_columns_are_not_computed_yet() -> None:
    rows = plain(paint_grid.grid(view(time=1, playing=True), 116, 36, palette_of("truecolor")))
    hidden = next(row for row in rows if "h 2" in row)
    assert sum(ch in "+-" for ch in hidden) == 2
    assert next(row for row in rows if "time step" in row).split()[-1] == "6"


def test_an_edit_shows_probabilities_before_and_after_with_arrows() -> None:
    one = part()
    before = tuple(None if p is None else 0.2 for p in one.target_probabilities)
    rows = plain(
        paint_grid.grid(
            view(replace(one, previous_probabilities=before), words="one update"), 116, 36, palette_of("none")
        )
    )
    assert any(row.strip().startswith("before") and "20.0" in row for row in rows)
    assert any("↑25.0" in row for row in rows)
    assert any("one update" in row for row in rows)


def test_an_equation_is_written_with_its_numbers_put_in() -> None:
    numbers = [np.array([[value]]) for value in (0.31, 1.2, -0.05)]
    terms = tuple(SummandView(n, v) for n, v in zip(("W_xf x", "W_hf h", "b_f"), numbers, strict=True))
    gate = GateView("f", "σ", terms, np.array([[0.811]]), np.array([[0.0]]))
    expected = "f = σ(W_xf x + W_hf h + b_f) = σ(0.31 + 1.20 − 0.05) = 0.81"
    assert paint_time_step.equation(gate, 0, 0, 2) == expected


def test_small_numbers_keep_two_digits_and_odd_ones_have_names() -> None:
    told = [paint_time_step.number(value) for value in (0.0, 0.004, -0.004, 12345.0, float("nan"), float("-inf"))]
    assert told == ["0.00", "4.0e−3", "−4.0e−3", "1.2e4", "nan", "−∞"]


def test_a_terminal_without_unicode_gets_equations_in_ascii() -> None:
    from rnnplay.tui.paint.palette import palettes

    palette = palettes(SYSTEMS["256"], "latin-1")[0]
    for strips in (
        paint_bars.advice(HealthView((AdviceView("exploding gradient", "ρ of W_hh 1.50.", "Clip."),)), 76, palette),
        paint_time_step.opened(view(), 76, 20, palette),
        paint_grid.grid(view(), 76, 20, palette),
        paint_rolled.rolled(view(), 76, 20, palette),
        paint_gradient.lags(LagsView((ReachView("LSTM", True, np.ones(9), 1.0, None, "steady"),), 3), 116, 20, palette),
    ):
        assert all(strip.text.isascii() for strip in strips), [s.text for s in strips if not s.text.isascii()]


def test_lines_are_told_apart_without_colour_and_end_at_one_percent_where_they_should() -> None:
    falls = ReachView("RNN tanh", False, 0.5 ** np.arange(41), 0.5, 7, "vanishes")
    stays = ReachView("LSTM", True, np.full(41, 2.0), 1.0, None, "steady")
    rows = plain(paint_gradient.lags(LagsView((stays, falls), 30, 9, "It stays."), 116, 24, palette_of("none")))
    chart = [row[:70] for row in rows]
    assert any(row.count("1") > 20 for row in chart) and sum("2" in row for row in chart) > 4
    line = next(row for row in chart if row.lstrip().startswith("1 %"))
    assert "2" in line
    assert any("the task's lag 30" in row for row in chart)
    table = "\n".join(row[70:] for row in rows)
    assert ">40" in table and "vanishes" in table and "steady" in table


def test_the_one_unit_demonstration_tells_three_one_and_a_half() -> None:
    for weight, words in ((3.0, "it explodes"), (1.0, "it stays"), (0.5, "it vanishes")):
        rows = plain(paint_gradient.one_unit(OneUnitView(weight, weight ** np.arange(41.0)), 60, 14, palette_of("16")))
        assert words in rows[0]
        assert f"w^2 {weight**2:g}" in rows[-1]


def test_what_moved_the_prediction_most_is_coloured_most_in_every_system() -> None:
    for system in SYSTEMS:
        palette = palette_of(system)
        text = PastView(("a", "b", "c"), (0.0, 1.0, 0.1), 0, 2, 3, "x", 0.5, "b did.")
        strip = paint_influence.past(text, 40, 6, palette)[0]
        style = {segment.text: segment.style for segment in strip}
        assert style["b"] is not None and style["a"] is not None
        assert style["b"].without_color != style["a"].without_color or style["b"].bgcolor != style["a"].bgcolor


def test_advice_is_a_line_each_at_most_three() -> None:
    advice = tuple(AdviceView(f"name {n}", "cause.", "remedy.") for n in range(5))
    rows = plain(paint_bars.advice(HealthView(advice), 76, palette_of("none")))
    assert [row.strip() for row in rows] == [f"name {n}: cause. remedy." for n in range(3)]

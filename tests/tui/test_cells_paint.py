"""The panels of Cells and Sample from made-up data: exact sizes, every colour system, signs that can be told."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from made_up_play import facts
from textual.strip import Strip

from rnnplay.tui.paint.numbers import score
from rnnplay.tui.paint.palette import Palette, palettes
from rnnplay.tui.paint.strips import Piece, frame
from rnnplay.tui.places.cells.paint_find import finding, proof, proof_title
from rnnplay.tui.places.cells.paint_gates import gates, gates_title
from rnnplay.tui.places.cells.paint_history import history, history_title
from rnnplay.tui.places.cells.paint_units import strip
from rnnplay.tui.places.cells.views import FindingView, GatePoints, GatesView, HistoryView, ProofView, StripView
from rnnplay.tui.places.views import loss_unit
from rnnplay.tui.widgets.paint_explained import curve
from rnnplay.tui.widgets.paint_heatmap import heatmap, short_list
from rnnplay.tui.widgets.paint_sampled_text import sampled_text
from rnnplay.tui.widgets.panels import HeatmapPanel
from rnnplay.tui.widgets.views import CellsView, Direction, ExplainedRow, SampledTextView, UnitRow

ENVIRONMENTS = {
    "truecolor": {"TERM": "xterm-256color", "COLORTERM": "truecolor"},
    "256": {"TERM": "xterm-256color"},
    "16": {"TERM": "xterm"},
    "none": {"TERM": "xterm", "NO_COLOR": "1"},
}
ALL = [(name, encoding) for name in ENVIRONMENTS for encoding in ("utf-8", "ascii")]


def palette_of(system: str, encoding: str = "utf-8") -> Palette:
    return palettes(ENVIRONMENTS[system], encoding)[0]


def text(rows: list[Strip]) -> str:
    return "\n".join(row.text for row in rows)


UNITS = (
    UnitRow(layer=0, unit=36, state="c", value=0.973, strength=0.973, sign=1),
    UnitRow(layer=1, unit=11, state="h", value=0.19, strength=0.81, sign=-1),
    UnitRow(layer=0, unit=89, state="h", value=0.77, strength=0.77, sign=1),
)
FINDING = FindingView(
    pattern="inside quotes",
    units=UNITS,
    cursor=1,
    rolled=0.56,
    untrained=0.66,
    sentence="Unit 37 of layer 1 is high inside quotes: AUC 0.97 (rolled 0.56, untrained 0.66).",
)
PROOF = ProofView(
    unit="layer 1 unit 37", pattern="inside quotes", to="zero", inside=0.031, outside=-0.002,
    others=(0.001, 0.0, 0.004), sentence="Without it the loss inside rises by 0.031 nats a character.",
)  # fmt: skip
RNG = np.random.default_rng(1)
GATES = GatesView(
    gates=tuple(
        GatePoints(layer, gate, RNG.random(23) * 0.5, RNG.random(23) * 0.5) for layer in range(2) for gate in "ifo"
    ),
    unit=(1, 4),
    step=12_000,
)
HISTORY = HistoryView(
    unit="layer 1 unit 37", pattern="inside quotes", steps=(0, 128, 256, 512, 1024), at=3,
    values=(0.52, 0.55, 0.7, 0.92, 0.97),
)  # fmt: skip
VALUES = RNG.integers(0, 255, (2, 90, 130)).astype(np.uint8)
STRIP = StripView(
    symbols=tuple("a\tlamp was\nlit " * 10)[:130], values=VALUES, rows=tuple((u.layer, u.unit) for u in UNITS),
    notes=(".97", ".81", ".77"), chosen=2, cursor=70,
)  # fmt: skip
EXPLAINED = tuple(
    ExplainedRow(0, n, "hc"[n % 2], name, 0.99 - 0.2 * n, n < 2, n < 3, (0.5, 0.6, 0.8, 0.99 - 0.2 * n))
    for n, name in enumerate(("inside quotes", "inside parentheses", "column", "a very long name of a feature"))
)
HEATMAP = CellsView(symbols=STRIP.symbols, values=VALUES, explained=EXPLAINED, unit=1, total=130)
SAID = tuple('The lamp was out. "Why?"\nshe said.')
WRITTEN = SampledTextView(
    text=SAID, probabilities=((None,) * 4 + (0.03, 0.5, 0.97) * 12)[: len(SAID)],
    prompt=4, cursor=19, choices=(("W", 0.31), (" ", 0.12), ("\n", 0.06)), chosen=1, copied=(9, 8),
    title_parts=("seed 7",),
)  # fmt: skip
PAINTED: dict[str, Callable[[int, int, Palette], list[Strip]]] = {
    "finding": lambda w, h, p: finding(FINDING, w, h, p),
    "proof": lambda w, h, p: proof(PROOF, w, h, p),
    "gates": lambda w, h, p: gates(GATES, w, h, p),
    "history": lambda w, h, p: history(HISTORY, w, h, p),
    "strip": lambda w, h, p: strip(STRIP, w, h, p),
    "written": lambda w, h, p: sampled_text(WRITTEN, w, h, p),
    "explained": lambda w, h, p: finding(FindingView(explained=EXPLAINED, sentence="One unit knows it."), w, h, p),
    "heatmap": lambda w, h, p: heatmap(HEATMAP, w, h, p),
    "direction": lambda w, h, p: heatmap(replace(HEATMAP, direction=Direction("column", 1, "r 0.7", (4, 2))), w, h, p),
    "nothing found": lambda w, h, p: finding(FindingView(empty="Press / to look for something."), w, h, p),
    "no gates": lambda w, h, p: gates(GatesView(empty="An RNN has none."), w, h, p),
    "no history": lambda w, h, p: history(HistoryView(empty="One checkpoint so far."), w, h, p),
    "nothing written": lambda w, h, p: sampled_text(SampledTextView(empty="s begins."), w, h, p),
}


@pytest.mark.parametrize("panel", PAINTED)
@pytest.mark.parametrize(("system", "encoding"), ALL)
def test_every_panel_fills_its_size_exactly_and_says_what_it_can(panel: str, system: str, encoding: str) -> None:
    palette = palette_of(system, encoding)
    for width, height in ((116, 34), (76, 18), (37, 9), (30, 5)):
        rows = PAINTED[panel](width, height, palette)
        assert len(rows) == height
        assert all(row.cell_length == width == len(row.text) for row in rows)
        assert all(segment.style is not None for row in rows for segment in row)
        assert encoding == "utf-8" or text(rows).isascii()


def test_the_found_units_stand_best_first_with_their_controls_and_the_sentence() -> None:
    rows = text(finding(FINDING, 40, 14, palette_of("none"))).splitlines()
    assert [line.split()[:3] for line in rows[:3]] == [
        ["high", "1.37", "c"],
        ["low", "2.12", "h"],
        ["high", "1.90", "h"],
    ]
    said = " ".join(" ".join(rows).split())
    assert "AUC: .5 is chance. h: hidden state, c: cell state." in said
    assert "rolled .56" in said
    assert "untrained .66" in said
    assert "is high inside quotes: AUC 0.97" in said


def test_a_control_that_says_nothing_is_not_shown() -> None:
    rows = text(finding(replace(FINDING, rolled=None), 40, 14, palette_of("none")))
    assert "untrained" in rows
    assert "rolled     " not in rows


def test_each_feature_stands_with_its_unit_its_score_and_how_it_grew() -> None:
    palette = palette_of("none")
    rows = text(heatmap(HEATMAP, 86, 12, palette)).splitlines()
    listed = [" ".join(row[48:].split()) for row in rows]
    assert listed[0] == "unit follows score"
    curves = [curve(row.growth, row.is_auc, palette) for row in EXPLAINED]
    assert listed[1] == f"1.1 inside quotes .99 {curves[0]}"
    assert listed[2] == f"1.2 c inside parentheses .79 {curves[1]}"
    assert listed[3] == f"1.3 column r .59 {curves[2]}"
    assert len(heatmap(HEATMAP, 60, 12, palette)[0].text.split("1.1 ")) == 1  # a narrow panel has the text alone


def test_a_curve_rises_with_the_scores_from_chance_to_one() -> None:
    plain = palette_of("none", "ascii")
    assert curve((0.5, 0.65, 0.8, 1.0), True, plain) == "_.-^"
    assert curve((0.0, 0.3, 0.6, 0.9), False, plain) == "_.-^"
    assert curve((0.9,), True, plain) == "^^^^"


def test_what_a_proof_says_is_said_whole_in_few_rows_and_in_many() -> None:
    for width, height, said in ((38, 6, "2 of 3 others cost less inside."), (76, 9, PROOF.sentence)):
        view = replace(PROOF, others=(0.001, 0.0, 0.04), sentence=PROOF.sentence * (1 if height > 6 else 4))
        assert said in " ".join(text(proof(view, width, height, palette_of("16"))).split())


@pytest.mark.parametrize("title", [gates_title(GATES, palette_of("16")), history_title(HISTORY, palette_of("16"))])
def test_a_title_too_long_for_its_panel_loses_whole_parts(title: list[Piece]) -> None:
    whole = "".join(words for words, _ in title)
    parts = whole.split(" · ")
    for width in range(len(parts[0]) + 6, len(whole) + 9):
        top = frame([], title, width, 3, palette_of("16"))[0].text
        shown = top[3:].rstrip("─╮ ")
        assert shown in {" · ".join(parts[:n]) for n in range(1, len(parts) + 1)}
        assert shown == whole or len(whole) > width - 6


def test_the_short_list_is_the_one_of_the_drawing() -> None:
    palette = palette_of("truecolor")
    pieces = short_list(tuple(u for u in UNITS if u.layer == 0), (0, 89), palette)
    assert "".join(piece for piece, _ in pieces) == "37 c .97   90 h .77"
    assert [piece for piece, style in pieces if style.bold] == ["90 h .77"]


@pytest.mark.parametrize("system", ENVIRONMENTS)
def test_in_a_strip_the_sign_can_be_told_in_every_colour_system(system: str) -> None:
    palette = palette_of(system)
    values = np.zeros((1, 3, 12), np.uint8) + 127
    values[0, 0], values[0, 1] = 240, 14
    view = StripView(symbols=tuple("twelve signs"), values=values, rows=((0, 0), (0, 1), (0, 2)))
    _, plus, minus, zero = strip(view, 30, 4, palette)

    def looks(row: Strip) -> tuple[str, str]:
        segment = next(iter(row.crop(14, 20)))
        return segment.text, str(segment.style)

    assert len({looks(plus), looks(minus), looks(zero)}) == 3
    if system in ("16", "none"):
        assert (looks(plus)[0], looks(minus)[0]) == ("++++++", "------")


@pytest.mark.parametrize(("state", "ends"), [("c", "-1.5"), ("h", "-6")])
def test_a_memory_has_full_colour_on_its_own_scale_and_the_legend_says_which(state: str, ends: str) -> None:
    palette = palette_of("truecolor")
    values = np.full((1, 2, 8), 127, np.uint8)
    values[0, 0] = [127 + 32, 127 - 16, 127, 127, 127, 127, 127, 127]
    values[0, 1] = 254
    shown = heatmap(CellsView(symbols=tuple("abcdefgh"), values=values, scale=6.0, state=state), 60, 4, palette)
    styles = [next(iter(shown[0].crop(x, x + 1))).style for x in range(2)]
    assert (styles[0] == palette.heat[-1]) == (state == "c")
    assert styles[1] == palette.heat_of(-0.5 if state == "c" else -0.126)
    assert shown[-1].text.startswith(ends)
    assert f"+{ends[1:]}" in shown[-1].text


def test_the_unit_that_is_shown_is_marked_among_the_gates() -> None:
    palette = palette_of("truecolor")
    rows = text(gates(GATES, 60, 14, palette))
    assert rows.count(palette.glyphs.mark) == 3  # once in each gate
    assert "of 46 units" in rows


def test_a_unit_open_all_the_time_stands_high_and_one_shut_all_the_time_far_right() -> None:
    points = GatePoints(0, "f", np.array([0.0, 1.0]), np.array([1.0, 0.0]))
    rows = text(gates(GatesView(gates=(points,)), 30, 12, palette_of("truecolor", "ascii"))).splitlines()
    assert rows[1][1] == "o"
    assert rows[9].rstrip()[-1] == "o"


def test_a_stopped_sample_lists_what_could_stand_there() -> None:
    palette = palette_of("none")
    rows = text(sampled_text(WRITTEN, 76, 10, palette)).splitlines()
    assert [line[52:].split()[:2] for line in rows[:3]] == [["W", "31"], [palette.glyphs.pointer, "␣"], ["↵", "6"]]


def test_what_was_copied_is_underlined_and_nothing_else() -> None:
    row = sampled_text(WRITTEN, 76, 10, palette_of("truecolor"))[0]
    marked = "".join(segment.text for segment in row if segment.style and segment.style.underline)
    assert marked == "was out."


def test_the_checkpoint_of_the_best_evaluation_is_marked_in_the_history() -> None:
    palette = palette_of("truecolor")
    best = len(HISTORY.steps) - 2
    view = replace(HISTORY, best=best, at=None)
    strips = history(view, 60, 12, palette)
    marked = [s.style for strip in strips[:-1] for s in strip if s.text == palette.glyphs.mark and s.style is not None]
    assert [style.color for style in marked] == [palette.good.color]
    assert f"{palette.glyphs.mark} best at step {HISTORY.steps[best]:,}" in strips[-1].text
    shown = history(replace(HISTORY, best=best, at=best), 60, 12, palette)
    assert "the best evaluation" in shown[-1].text
    assert "best" not in history(HISTORY, 60, 12, palette)[-1].text
    latest = history(replace(HISTORY, at=None), 60, 12, palette)[-1].text  # a checkpoint's score, not the present one's
    assert latest.strip() == f"step {HISTORY.steps[-1]:,} {score(HISTORY.values[-1])}"


def test_the_step_that_is_shown_is_marked_in_the_history() -> None:
    palette = palette_of("truecolor")
    rows = text(history(HISTORY, 60, 12, palette))
    assert rows.count(palette.glyphs.mark) == 1
    assert rows.count("o") == 4
    assert "step 512 .92" in rows


def test_in_a_strip_words_stand_above_columns_of_their_width_and_long_numbers_above_one_cell() -> None:
    palette = palette_of("truecolor")
    words = ("the ", "coffee ", "was ", "disappointing ", ". ", "\n") * 4
    values = np.full((1, 1, len(words)), 127, np.uint8)
    values[0, 0, 7] = 240  # the second coffee
    view = StripView(symbols=words, values=values, rows=((0, 0),), cursor=7)
    top, unit = strip(view, 60, 2, palette)
    assert "disappoi… . ↵ the coffee was" in top.text
    at = top.text.index("coffee", top.text.index("↵"))
    coloured = [segment.style.bgcolor for segment in unit.crop(at, at + 7)]
    assert len(coloured) == 1
    assert coloured != [segment.style.bgcolor for segment in unit.crop(at + 7, at + 8)]
    bits = replace(view, symbols=("10 ", "11 ", "\n") * 8, cursor=0)
    assert strip(bits, 60, 2, palette)[0].text[13:].startswith("10 11 ↵ 10")
    numbers = replace(view, symbols=("-0.123 ", "4.5 ") * 12, cursor=0)
    assert strip(numbers, 60, 2, palette)[0].text[13:37].split() == ["·" * 24]


def test_prove_names_the_unit_of_the_loss_and_what_a_time_step_is() -> None:
    palette = palette_of("truecolor")

    def title(**fields: object) -> str:
        view = replace(PROOF, loss_unit=loss_unit(facts(**fields)))
        return "".join(piece for piece, _ in proof_title(view, palette))

    assert title().endswith("nats a character")
    assert title(step_unit="words").endswith("nats a word")
    assert title(step_unit="bytes").endswith("nats a byte")
    assert title(step_unit="time steps", unit_of_loss="squared error").endswith("squared error a time step")


def test_a_text_that_is_not_seen_keeps_its_place_without_an_error() -> None:
    panel = HeatmapPanel(replace(HEATMAP, start=100), id="text")  # not mounted: it has no size
    for index in (100, 100 + len(HEATMAP.symbols) - 1, 5_000, 0):
        panel.show_character(index)
        assert 100 <= panel.top_character < 100 + len(HEATMAP.symbols)
    panel = HeatmapPanel(replace(HEATMAP, symbols=()), id="text")
    panel.show_character(3)

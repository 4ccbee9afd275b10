"""What is painted, as text and styles: curves, heatmap, sample, form, bars, in every colour system and in ASCII."""

import math
from dataclasses import replace

import numpy as np
import pytest
from made_up_play import SYSTEMS, TEXT, palette_of, plain
from rich.cells import cell_len

from rnnplay.catalogue import TaskInfo
from rnnplay.formatting import short
from rnnplay.tui.forms import panel
from rnnplay.tui.forms.editor import FormRow, FormView
from rnnplay.tui.paint.numbers import duration, figure, log_ticks, percent, rate, tick_label, ticks
from rnnplay.tui.paint.palette import colour_system, luminance, palettes, prefers_light, shows_unicode
from rnnplay.tui.paint.strips import bar, frame
from rnnplay.tui.paint.text import ASCII, UNICODE, glyph, row_of, wrap
from rnnplay.tui.places.play import paint_curve, paint_tasks
from rnnplay.tui.places.play.views import CurveView, Level, TasksView
from rnnplay.tui.widgets import paint_bars, paint_heatmap
from rnnplay.tui.widgets.paint_sampled_text import candidate_rows, choice_rows, sampled_text
from rnnplay.tui.widgets.views import CellsView, HeaderView, KeyHint, KeysView, SampledTextView, StatusView

ALL = [(system, encoding) for system in SYSTEMS for encoding in ("utf-8", "latin-1")]
RNG = np.random.default_rng(3)


def curve_view(steps: int, **changes: object) -> CurveView:
    at = np.arange(1, steps + 1)
    mean = 1.3 + 2.7 * np.exp(-at / 90)
    view = CurveView(
        "Loss · nats", "loss", at, mean, mean - 0.2, mean + 0.2, levels=(Level("bigram 2.45", 2.45),),
        figure=(("train", "1.42"), ("validation", "1.51")),
    )  # fmt: skip
    return replace(view, **changes)  # type: ignore[arg-type]


def cells_view(**changes: object) -> CellsView:
    values = np.full((2, 3, len(TEXT)), 127, np.uint8)
    values[1, 2, ::2] = 254
    values[1, 2, 1::2] = 0
    surprise = np.zeros(len(TEXT), np.uint8)
    view = CellsView(tuple(TEXT), values, 0.8, surprise, layer=1, unit=2, step=77, total=4_000)
    return replace(view, **changes)  # type: ignore[arg-type]


def sample_view(**changes: object) -> SampledTextView:
    text = "The lamp was\nstill burning"
    view = SampledTextView(
        tuple(text), tuple(n / len(text) for n in range(len(text))), prompt=4, coloured=False, running=True,
        candidates=(("e", 0.31), (" ", 0.12), ("\n", 0.09)), title_parts=("temperature 0.8", "seed 7"),
    )  # fmt: skip
    return replace(view, **changes)  # type: ignore[arg-type]


FORM = FormView("Network", tuple(FormRow(f"field {n}", str(n * 111)) for n in range(10)), cursor=3)
ITEMS = tuple(
    TaskInfo(f"task-{n}", "FIRST" if n < 4 else "SECOND", "what is learned here", "What it teaches.", "many")
    for n in range(9)
)


@pytest.mark.parametrize(("system", "encoding"), ALL)
@pytest.mark.parametrize(("width", "height"), [(86, 11), (41, 10), (24, 5), (9, 3)])
def test_everything_painted_has_exactly_the_asked_size_and_always_a_style(
    system: str, encoding: str, width: int, height: int
) -> None:
    palette = palette_of(system, encoding)
    painted = {
        "curve": paint_curve.plot(curve_view(300), width, height, palette),
        "heatmap": paint_heatmap.heatmap(cells_view(cursor=3), width, height, palette),
        "surprise": paint_heatmap.heatmap(cells_view(by_surprise=True), width, height, palette),
        "sample": sampled_text(sample_view(coloured=True), width, height, palette),
        "tasks": paint_tasks.tasks(TasksView(ITEMS, 5, "task-2"), width, height, palette),
    }
    for name, rows in painted.items():
        assert len(rows) == height, name
    painted["form"] = panel.form(FORM, width, height, palette)
    painted["bars"] = [
        paint_bars.header(HeaderView(("prose", "LSTM 1x128"), "training", "good", ("step 12,431",)), width, palette),
        paint_bars.keys(KeysView((KeyHint("n", "new", "x"), KeyHint("?", "help", "y"))), width, palette),
        *paint_bars.status(StatusView("It stands so.", "Do this.", "bad"), width, palette),
    ]
    for name, strips in painted.items():
        for strip in strips:
            assert sum(cell_len(segment.text) for segment in strip) == width, name
            assert all(segment.style is not None for segment in strip), name
            assert encoding == "utf-8" or strip.text.isascii(), (name, strip.text)


def test_a_curve_falls_from_left_to_right_and_shows_its_baseline_and_figures() -> None:
    text = plain(paint_curve.plot(curve_view(300), 80, 12, palette_of("truecolor")))
    heights = [min(y for y, line in enumerate(text[:10]) if 0x2800 < ord(line[x]) <= 0x28FF) for x in (7, 12, 20, 40)]
    assert heights == sorted(heights)
    assert heights[0] < heights[-1]
    assert any("bigram 2.45" in line for line in text)
    assert text[-1].startswith("train 1.42  validation 1.51")
    assert text[-2].split()[:2] == ["step", "0"]


def test_a_baseline_of_zero_does_not_stretch_a_logarithmic_axis_and_a_long_name_is_shortened() -> None:
    level = Level("from the present input alone 0.46", 0.46, "present input alone 0.46")
    painted = [
        plain(paint_curve.plot(curve_view(300, levels=(level,)), w, 12, palette_of("truecolor"))) for w in (80, 38)
    ]
    assert any(f" {level.label} " in line for line in painted[0])
    assert any(f" {level.short_label} " in line for line in painted[1])
    view = curve_view(300, levels=(Level("none 0", 0.0),), log=True)
    curve = paint_curve.columns(view, 60, 512)
    assert curve is not None and paint_curve.axis(view, curve).low == 1.0


def test_the_x_axis_doubles_when_it_is_full_and_ends_with_the_run() -> None:
    assert [paint_curve.capacity(n) for n in (1, 64, 65, 1_000, 70_000)] == [64, 64, 128, 1_024, 131_072]
    assert paint_curve.capacity(300, limit=500) == 500
    assert paint_curve.capacity(300, limit=100_000) == 512
    assert paint_curve.capacity(700, limit=500) == 1_024


def test_a_new_row_of_metrics_changes_only_the_last_columns() -> None:
    palette = palette_of("truecolor")
    noise = RNG.normal(0, 0.1, 600)

    def at(steps: int) -> list[str]:
        view = curve_view(steps)
        mean = np.asarray(view.mean) + noise[:steps]
        return plain(paint_curve.plot(replace(view, mean=mean, low=mean, high=mean, figure=()), 80, 12, palette))

    before, after = at(560), at(600)
    column = 6 + 560 * 74 // 1024
    assert [line[: column - 1] for line in before] == [line[: column - 1] for line in after]
    assert before != after


def test_what_is_not_finite_leaves_a_gap_and_ends_nothing() -> None:
    view = curve_view(200)
    mean = np.array(view.mean)
    mean[50:60] = math.nan
    mean[120] = math.inf
    assert paint_curve.plot(replace(view, mean=mean, marks=((90, math.nan),)), 60, 10, palette_of("256"))
    nothing = np.full(200, math.nan)
    empty = replace(view, mean=nothing, low=nothing, high=nothing, empty="not a number")
    assert "not a number" in "\n".join(plain(paint_curve.plot(empty, 60, 10, palette_of("256"))))


def test_validation_is_marked_where_it_was_measured() -> None:
    view = curve_view(500, marks=((100, 2.0), (300, 1.5)), levels=())
    text = plain(paint_curve.plot(view, 80, 14, palette_of("16")))
    marks = [(x, y) for y, line in enumerate(text) for x, c in enumerate(line) if c == UNICODE.mark]
    assert sorted(x for x, _ in marks) == [6 + 99 * 74 // 512, 6 + 299 * 74 // 512]
    assert len({y for _, y in marks}) == 2


def test_the_name_of_a_level_is_not_torn_by_evaluations_that_lie_on_it() -> None:
    marks = tuple((step, 2.45) for step in range(20, 500, 40))
    text = plain(paint_curve.plot(curve_view(500, marks=marks, crossings=((450, 2.45),)), 80, 14, palette_of("256")))
    assert sum(line.count(UNICODE.mark) for line in text) == len(marks)
    (line,) = [line for line in text if "bigram" in line]
    assert " bigram 2.45 " in line and "×" in "".join(text)


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_best_evaluation_is_marked_in_every_colour_system(system: str) -> None:
    view = curve_view(500, marks=((100, 2.0), (300, 1.5)), best_mark=300, levels=())
    painted = paint_curve.plot(view, 80, 14, palette_of(system))
    styles = [s.style for strip in painted for s in strip if UNICODE.mark in s.text]
    assert len(styles) == 2 and styles[0] != styles[1]
    assert system != "none" or any(style is not None and style.reverse for style in styles)


def test_a_million_steps_are_painted_from_few_rows_as_quickly_as_hundreds() -> None:
    ends = np.concatenate([np.arange(1, 1025), *(1024 * 2**k + 2**k * 2 * np.arange(1, 513) for k in range(10))])
    mean = 4 / np.log(ends + 2)
    view = CurveView("Loss", "loss", ends, mean, mean, mean)
    text = plain(paint_curve.plot(view, 80, 12, palette_of("truecolor")))
    assert "1M" in text[-1]


@pytest.mark.parametrize("system", SYSTEMS)
def test_minus_and_plus_are_told_apart_in_every_colour_system_and_zero_is_plain(system: str) -> None:
    palette = palette_of(system)
    styles = {share: palette.heat_of(share) for share in (-1.0, -0.4, 0.0, 0.4, 1.0)}
    assert len({str(style) for style in styles.values()}) == 5
    assert styles[0.0].bgcolor == palette.text.bgcolor
    assert not styles[0.0].bold
    assert not styles[0.0].underline


@pytest.mark.parametrize("light", [False, True])
@pytest.mark.parametrize("system", ["truecolor", "256"])
def test_a_letter_can_be_read_on_every_level_of_the_heatmap(system: str, light: bool) -> None:
    palette = palettes(SYSTEMS[system] | {"TEXTUAL_THEME": "light" if light else "dark"}, "utf-8")[0]
    assert palette.dark is not light
    for style in (*palette.heat, *palette.probability_ramp, *palette.surprise_ramp, palette.chosen):
        assert style.color is not None
        assert style.bgcolor is not None
        bright, dark = sorted((luminance(style.color.name), luminance(style.bgcolor.name)), reverse=True)
        assert (bright + 0.05) / (dark + 0.05) >= 4.5


def test_the_heatmap_shows_the_chosen_unit_and_changes_with_it() -> None:
    palette = palette_of("truecolor")
    strips = paint_heatmap.heatmap(cells_view(), 60, 8, palette)
    letters = [(c, s.style) for s in strips[0] for c in s.text if s.style is not None][
        : cell_len('"Come in," she said.↵')
    ]
    assert {style for _, style in letters[::2]} == {palette.heat[-1]}
    assert {style for _, style in letters[1::2]} == {palette.heat[0]}
    assert paint_heatmap.heatmap(cells_view(unit=0), 60, 8, palette)[0] != strips[0]
    assert "layer 2 unit 3" in "".join(text for text, _ in paint_heatmap.title(cells_view(), palette))


def test_the_character_that_is_pointed_at_has_its_value_in_the_legend() -> None:
    legend = plain(paint_heatmap.heatmap(cells_view(cursor=1), 90, 8, palette_of("truecolor")))[-1]
    assert "“C” -0.80" in legend
    line = paint_heatmap.layout(cells_view().symbols, 90, palette_of("truecolor"))[0]
    assert paint_heatmap.index_at(cells_view(), line, 1, palette_of("truecolor")) == 1
    assert paint_heatmap.index_at(cells_view(), line, 80, palette_of("truecolor")) is None


def test_wrapping_breaks_at_spaces_keeps_every_character_and_never_exceeds_the_width() -> None:
    for width in (7, 20, 33):
        lines = wrap(tuple(TEXT), width, UNICODE)
        assert "".join(TEXT[a:b] for a, b in lines) == TEXT
        for a, b in lines:
            assert sum(cell_len(glyph(c, UNICODE)) for c in TEXT[a:b]) <= width
            assert "\n" not in TEXT[a : b - 1]
    assert wrap(tuple("one two"), 5, UNICODE) == [(0, 4), (4, 7)]
    assert wrap(tuple("abcdefgh"), 3, UNICODE) == [(0, 3), (3, 6), (6, 8)]


def test_wide_and_unprintable_characters_keep_the_cells_straight() -> None:
    odd = "a漢\t\x07\u0301é\u200bz"
    shown = [glyph(c, UNICODE) for c in odd]
    assert shown == ["a", "漢", "→", "‹7›", "◌\u0301", "é", "‹200B›", "z"]
    assert all(c.isascii() and len(c) == 1 for c in (glyph(c, ASCII) for c in odd))
    view = cells_view(symbols=tuple(odd * 20), values=np.full((2, 3, 20 * len(odd)), 200, np.uint8), surprise=None)
    assert all(strip.cell_length == 21 for strip in paint_heatmap.heatmap(view, 21, 9, palette_of("256")))


def test_a_row_of_text_is_found_by_its_character() -> None:
    lines = wrap(tuple(TEXT), 20, UNICODE)
    for n, (first, end) in enumerate(lines):
        assert row_of(lines, first) == row_of(lines, end - 1) == n
    assert row_of(lines, 10**6) == len(lines) - 1


def test_the_sample_shows_its_end_its_prompt_bright_and_its_candidates_with_bars() -> None:
    palette = palette_of("truecolor")
    strips = sampled_text(sample_view(), 70, 5, palette)
    text = plain(strips)
    assert text[0].startswith("The lamp was↵")
    assert text[1].startswith("still burning▏")
    assert next(iter(strips[0])).style == palette.accent
    assert "e" in text[-1]
    assert "31 %" in text[-1]
    assert "␣" in text[-1]
    long = sample_view(text=tuple("word " * 300), probabilities=(None,) * 1_500, prompt=0)
    assert plain(sampled_text(long, 30, 5, palette))[3].rstrip().endswith("▏")
    assert sampled_text(replace(long, rows_from_end=9), 30, 5, palette) != sampled_text(long, 30, 5, palette)


def test_a_bar_grows_with_its_share_by_eighths() -> None:
    palette = palette_of("truecolor")
    assert [bar(share, 2, palette) for share in (0, 1 / 16, 0.5, 0.75, 1, 7)] == [
        "",
        "▏",
        "█",
        "█▌",
        "██",
        "██",
    ]


def test_only_whole_keys_are_shown_and_the_last_two_always() -> None:
    view = KeysView(tuple(KeyHint(f"k{n}", "label", "screen.x") for n in range(8)))
    text = paint_bars.keys(view, 40, palette_of("256")).text
    assert text.split() == ["k0", "label", "k1", "label", "k6", "label", "k7", "label"]


def test_a_header_drops_whole_parts_where_it_is_short() -> None:
    view = HeaderView(("prose", "LSTM 1x128", "Adam 2e-3", "64x32"), "training", "good", ("step 12,431", "epoch 3.2"))
    for width in (120, 80, 60):
        text = paint_bars.header(view, width, palette_of("256")).text
        assert "training" in text
        assert "step 12,431" in text
        assert "…" not in text


def test_a_long_message_takes_the_rows_it_needs() -> None:
    view = StatusView("What is wrong is told in a sentence of some length.", "And so is what to do about it.", "bad")
    text = [strip.text.strip() for strip in paint_bars.status(view, 40, palette_of("256"))]
    assert len(text) > 1
    assert " ".join(text) == f"{view.text} {view.remedy}"


def test_the_task_under_the_cursor_is_always_among_those_shown() -> None:
    for cursor in range(len(ITEMS)):
        text = "\n".join(plain(paint_tasks.tasks(TasksView(ITEMS, cursor, "task-2"), 26, 6, palette_of("256"))))
        assert f"task-{cursor}" in text


def test_the_field_under_the_cursor_is_always_among_those_shown() -> None:
    for cursor in range(10):
        text = "\n".join(plain(panel.form(replace(FORM, cursor=cursor), 30, 4, palette_of("256"))))
        assert f"field {cursor}" in text
        assert f"‹ {cursor * 111} ›" in text


CHANCES = (("e", 0.5), ("a", 0.25), ("the", 0.125))


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize(("drawable", "cut"), [(2, "top-k 2"), (3, ""), (9, "top-p 0.9")])
def test_a_choice_has_a_bar_for_the_networks_p_and_one_for_p_as_drawn(system: str, drawable: int, cut: str) -> None:
    view = SampledTextView(
        text=("x",), probabilities=(0.5,), cursor=1, choices=CHANCES, drawn=(0.75, 0.2, 0.0), drawable=drawable, cut=cut
    )
    rows = plain(choice_rows(view, 33, palette_of(system)))
    assert rows[0].split() == ["network", "as", "drawn"]
    full = palette_of(system).glyphs.eighths[-1]
    found = [(row.split("%")[0].split()[-1], row.count(full)) for row in rows if "%" in row and "cut" not in row]
    assert [words for words, _ in found] == ["50", "75", "25", "20", "12", "0"]
    assert [cells for _, cells in found] == [10, 15, 5, 4, 2, 0]
    line = [n for n, row in enumerate(rows) if f"cut: {cut}" in row]
    assert line == ([5] if drawable == 2 else [])  # below the second of the three
    assert any(f"9 can be drawn: {cut}" in row for row in rows) == (drawable == 9)


def test_below_the_text_the_candidates_stand_above_what_is_drawn_with_a_line_at_the_cut() -> None:
    palette = palette_of("truecolor")
    view = SampledTextView(candidates=CHANCES, drawn=(1.0, 0.0, 0.0), drawable=1, cut="temperature 0")
    above, below = plain(candidate_rows(view, 76, palette))
    assert [word for word in above.split() if word.isalpha()] == ["next", "e", "a", "the"]
    assert above.index("│") == below.index("│") < above.index(" a ")
    assert [word for word in above.split() if word.isdigit()] == ["50", "25", "12"]
    assert [word for word in below.split() if word.isdigit()] == ["100", "0", "0"]


@pytest.mark.parametrize("width", [76, 54, 30])
def test_how_much_was_copied_and_from_where_is_never_cut(width: int) -> None:
    foot = "12,345 characters, 24 in a row copied from the training text"
    view = SampledTextView(text=tuple("the lamp " * 40), probabilities=(0.5,) * 360, foot=foot)
    rows = plain(sampled_text(view, width, 12, palette_of("truecolor")))
    assert len(rows) == 12 and " ".join(" ".join(rows).split()).endswith(foot)


def test_a_frame_has_its_title_and_foot_in_its_lines() -> None:
    palette = palette_of("truecolor")
    text = plain(frame([], [("Title", palette.title)], 20, 4, palette, foot=[("3 of 9", palette.dim)]))
    assert text[0] == "╭─ Title ──────────╮"
    assert text[-1] == "╰─ 3 of 9 ─────────╯"


def test_the_colour_system_follows_the_environment() -> None:
    assert {name: colour_system(environ) for name, environ in SYSTEMS.items()} == {name: name for name in SYSTEMS}
    assert colour_system({"TERM": "vt100"}) == colour_system({"TERM": "dumb"}) == "none"
    assert shows_unicode({"TERM": "xterm"}, "UTF-8")
    assert not shows_unicode({"TERM": "xterm"}, "iso8859-1")
    assert not shows_unicode({"TERM": "linux"}, "utf-8")
    assert prefers_light({"COLORFGBG": "0;15"})
    assert not prefers_light({"COLORFGBG": "15;0"})


def test_numbers_read_as_people_write_them() -> None:
    assert [rate(v) for v in (2e-3, 1.5e-3, 0.02, 1.0, 0, 1e-5)] == ["2e-3", "1.5e-3", "2e-2", "1", "0", "1e-5"]
    assert [short(v) for v in (950, 4_200, 198_123, 1.5e6)] == ["950", "4.2k", "198k", "1.5M"]
    assert [figure(v) for v in (1.4159, 0.0031, None, math.nan, 0)] == ["1.42", "0.0031", "–", "–", "0.00"]
    assert [percent(v) for v in (0, 0.001, 0.021, 1)] == ["0 %", "<1 %", "2 %", "100 %"]
    assert [duration(v) for v in (0.42, 42, 200, 7_500)] == ["0.4 s", "42 s", "3 min 20 s", "2 h 05 min"]
    assert [tick_label(v) for v in (0, 0.5, 200, 4_000, 1e-4)] == ["0", "0.5", "200", "4k", "1e-4"]
    assert ticks(0, 4.2, 4) == [0, 2, 4]
    assert log_ticks(0.1, 100, 4) == pytest.approx([0.1, 1, 10, 100])

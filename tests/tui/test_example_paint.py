"""The Example panel by made-up items of each kind: what is painted, and that it fits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_up_play import SYSTEMS, palette_of, plain

from rnnplay.tui.places.play.example.paint import example, max_first_row, title
from rnnplay.tui.places.play.example.paint_pictures import pixels
from rnnplay.tui.places.play.example.views import AnswerView, ExampleView

WORDS = ExampleView(
    title="tagging 1",
    step=1_200,
    inputs=("this", "hard", "guard", "rings"),
    targets=("DET", "ADJ", "NOUN", "VERB"),
    predictions=("DET", "ADJ", "VERB", "VERB"),
    prediction_probabilities=(0.98, 0.9, 0.6, 0.93),
    target_probabilities=(0.98, 0.9, 0.31, 0.93),
    question="a sentence",
)
LETTERS = ExampleView(
    title="copy 3",
    inputs=tuple("bebegb" + "·" * 50 + ">"),
    targets=(*([None] * 51), *"bebegb"),
    predictions=(*([None] * 51), *"bebagb"),
    prediction_probabilities=(*([None] * 51), *[0.8] * 6),
    target_probabilities=(*([None] * 51), 0.8, 0.8, 0.8, 0.1, 0.8, 0.8),
)
ENCODED = replace(
    WORDS,
    source=("i", "sell", "her", "."),
    decoded=(("la", 0.97), ("vendo", 0.46), (".", 0.99)),
    expected=("la", "vendo", "."),
)
FILM = ExampleView(
    title="ball 2",
    inputs=tuple(f"frame {t + 1}" for t in range(7)),
    targets=tuple(f"frame {t + 2}" for t in range(7)),
    predictions=(None,) * 7,
    prediction_probabilities=(None,) * 7,
    target_probabilities=(None,) * 7,
    frames=np.arange(7 * 12 * 10, dtype=np.uint8).reshape(7, 12, 10),
    predicted_frames=np.full((7, 12, 10), 200, np.uint8),
)
LABELLED = replace(
    FILM,
    targets=(None, *["left"] * 6),
    predictions=(None, *["left"] * 5, "up"),
    prediction_probabilities=(None, *[0.7] * 6),
    target_probabilities=(None, *[0.7] * 5, 0.2),
    predicted_frames=None,
)
DIGIT = ExampleView(
    title="plain 4",
    inputs=("picture",),
    targets=("3",),
    predictions=("8",),
    prediction_probabilities=(0.61,),
    target_probabilities=(0.23,),
    outputs=tuple("0123456789"),
    probabilities=np.array([[0.01, 0, 0.02, 0.23, 0, 0.05, 0, 0.03, 0.61, 0.05]]),
    frames=np.zeros((1, 9, 8), np.uint8),
)
REVIEW = ExampleView(
    title="sentiment 5",
    inputs=("the", "soup", "was", "not", "bad"),
    targets=(None, None, None, None, "good"),
    predictions=(None, None, None, None, "good"),
    prediction_probabilities=(None, None, None, None, 0.94),
    target_probabilities=(None, None, None, None, 0.94),
    outputs=("bad", "good"),
    probabilities=np.array([[0.5, 0.5], [0.4, 0.6], [0.45, 0.55], [0.88, 0.12], [0.06, 0.94]]),
)
SERIES = ExampleView(
    title="tide",
    inputs=tuple(f"{t}" for t in range(30)),
    targets=tuple(f"{t + 1}" for t in range(30)),
    predictions=(None,) * 30,
    prediction_probabilities=(None,) * 30,
    target_probabilities=(None,) * 30,
    series=np.sin(np.arange(31) / 4),
    predicted=np.sin(np.arange(1, 31) / 4) + 0.1,
    forecast=np.full(10, 0.25),
)
KINDS = {
    "words": WORDS,
    "letters": LETTERS,
    "encoder": ENCODED,
    "film": FILM,
    "labelled film": LABELLED,
    "digit": DIGIT,
    "review": REVIEW,
    "series": SERIES,
    "answer": replace(WORDS, answer=AnswerView("the dog rings", (("the/DET", 0.9), ("dog/NOUN", 0.8)))),
    "numbers": replace(SERIES, answer=AnswerView("20", (), np.cos(np.arange(20) / 3))),
    "nothing": ExampleView(empty="An example appears here."),
}


def text_of(view: ExampleView, width: int = 86, height: int = 18) -> str:
    return "\n".join(plain(example(view, width, height, palette_of("truecolor"))))


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("width", "height"), [(86, 11), (76, 18), (41, 5), (20, 2)])
def test_every_kind_fills_its_panel_exactly_in_every_palette(kind: str, width: int, height: int, system: str) -> None:
    for encoding in ("utf-8", "latin-1"):
        painted = example(KINDS[kind], width, height, palette_of(system, encoding))
        assert [strip.cell_length for strip in painted] == [width] * height
        if encoding == "latin-1":
            assert all(strip.text.replace("·", "").isascii() for strip in painted)


def test_rows_stand_under_each_other_with_figures_where_there_is_room() -> None:
    lines = text_of(WORDS).splitlines()
    assert [line.split() for line in lines[:4]] == [
        ["input", "this", "hard", "guard", "rings"],
        ["target", "DET", "ADJ", "NOUN", "VERB"],
        ["prediction", "DET", "ADJ", "VERB", "VERB"],
        ["p(target)", "98%", "90%", "31%", "93%"],
    ]
    assert lines[0].index("guard") == lines[1].index("NOUN") == lines[3].index("31%")
    assert "3 of 4 right" in lines[-1]
    assert "least p(target) 31 %" in lines[-1]
    assert "ask: a sentence" in lines[-1]


def test_what_is_wrong_is_coloured_otherwise_than_what_is_right() -> None:
    palette = palette_of("truecolor")
    strip = example(WORDS, 86, 10, palette)[2]
    styles = [segment.style for segment in strip if segment.text.strip() in ("DET", "VERB")]
    assert styles == [palette.good, palette.bad, palette.good]


def test_long_sequences_of_letters_wrap_and_rows_without_anything_are_left_out() -> None:
    lines = [line.split() for line in text_of(LETTERS, 41, 20).splitlines()[:-1]]
    assert [line[0] for line in lines if line] == ["input", "input", "target", "prediction", "p(target)"]
    assert max_first_row(LETTERS, 41, 4, palette_of("truecolor")) == 3
    assert max_first_row(LETTERS, 41, 20, palette_of("truecolor")) == 0


def test_a_translation_tells_what_is_read_what_is_written_and_what_should_be() -> None:
    text = text_of(ENCODED)
    for words in (
        "reads      i sell her .",
        "la   vendo .",
        "97%  46%   99%",
        "should be  la   vendo .",
        "exactly right",
    ):
        assert words in text
    assert "exactly right" not in text_of(replace(ENCODED, expected=("lo", "vendo", ".")))


def test_a_caption_appears_word_by_word() -> None:
    assert "vendo .    " not in text_of(replace(ENCODED, revealed=1)).splitlines()[1]
    assert text_of(replace(ENCODED, revealed=1)).splitlines()[1].split() == ["writes", "la", "▏"]


def test_what_should_be_stands_under_what_is_written_and_goes_on_beyond_it() -> None:
    lines = text_of(replace(ENCODED, expected=("la", "compro", "hoy", "."))).splitlines()
    assert lines[1].index("vendo") == lines[3].index("compro")
    assert lines[3].split() == ["should", "be", "la", "compro", "hoy", "."]
    narrow = text_of(replace(ENCODED, expected=("la", "compro", "hoy", ".")), 26, 9).splitlines()
    assert [line.split() for line in narrow[1:7]] == [
        ["writes", "la", "vendo"], ["97%", "46%"], ["should", "be", "la", "compro"],
        ["writes", "."], ["99%"], ["should", "be", "hoy", "."],
    ]  # fmt: skip


def test_time_step_by_time_step_is_left_out_where_what_is_written_leaves_no_room_for_all_of_it() -> None:
    palette = palette_of("truecolor")
    for height, full, there in ((10, False, True), (9, False, False), (9, True, True)):
        text = "\n".join(plain(example(ENCODED, 86, height, palette, full)))
        assert ("prediction" in text) == there
        assert "should be" in text


def test_words_stand_as_near_as_each_allows_and_digits_in_even_columns() -> None:
    lines = text_of(replace(WORDS, inputs=("a", "hard", "lighthouse", "rings"))).splitlines()
    assert [lines[0].index(word) for word in ("hard", "lighthouse", "rings")] == [16, 21, 32]
    bits, sure = ("10",) * 30, (0.9,) * 30
    many = ExampleView(
        inputs=bits, targets=bits, predictions=bits, prediction_probabilities=sure, target_probabilities=sure
    )
    rows = text_of(many, 61).splitlines()
    assert rows[0].split() == ["input", *["10"] * 16]
    assert rows[3].split()[1:] == ["▇"] * 16


def test_few_outputs_have_a_row_of_their_own_where_there_is_room() -> None:
    few = replace(
        WORDS,
        outputs=("DET", "ADJ", "NOUN", "VERB"),
        probabilities=np.array([[0.97, 0.01, 0, 0.02], [0, 0.9, 0.1, 0], [0, 0, 0.31, 0.69], [0, 0.03, 0.04, 0.93]]),
    )
    lines = text_of(few, height=10).splitlines()
    assert lines[7].split() == ["p(NOUN)", "0%", "10%", "31%", "4%"]
    assert lines[7].index("31%") == lines[2].index("VERB") + 1
    assert "p(NOUN)" not in text_of(few, height=9)


def test_where_several_may_follow_their_rows_say_so() -> None:
    several = replace(
        WORDS,
        targets=("TP", "B", "SX", "E"),
        predictions=("TP", "B", "S", "E"),
        row_labels=("may follow", "likely", "p(allowed)"),
    )
    lines = text_of(several).splitlines()
    assert lines[1].split() == ["may", "follow", "TP", "B", "SX", "E"]
    assert lines[2].split() == ["likely", "TP", "B", "S", "E"]
    assert "3 of 4 right  least p(allowed) 31 %" in lines[-1]


def test_a_number_that_is_predicted_is_told_how_far_it_is_off() -> None:
    sum_ = replace(
        WORDS,
        targets=(None, None, None, "1.31"),
        predictions=(None, None, None, "1.37"),
        prediction_probabilities=(None,) * 4,
        target_probabilities=(None,) * 4,
    )
    assert "off by 0.06" in text_of(sum_).splitlines()[-1]


def test_a_film_shows_each_next_frame_above_the_predicted_one_and_scrolls() -> None:
    assert "frame 2" in text_of(FILM).splitlines()[0]
    assert "predicted" in text_of(FILM)
    assert "frame 8" not in text_of(FILM)  # it is not in the film
    assert text_of(replace(FILM, first_row=3), 46).splitlines()[0].split()[:2] == ["frame", "5"]
    text = text_of(LABELLED)
    assert text.splitlines()[7].split() == ["target", *["left"] * 5]  # six frames fit; the first has no target
    assert "5 of 6 right" in text


def test_a_digit_has_a_bar_for_each_output_and_a_mark_at_the_right_one() -> None:
    lines = text_of(DIGIT, height=12).splitlines()
    marked = [line for line in lines if "◆" in line]
    assert len(marked) == 1
    assert "23 %" in marked[0]
    assert sum("%" in line for line in lines[:-1]) == 10


def test_a_picture_is_as_large_as_its_panel_allows() -> None:
    tall = [sum("▀" in line for line in text_of(DIGIT, 90, rows).splitlines()) for rows in (8, 13, 18)]
    assert tall == [5, 9, 14]  # nine rows of pixels: once, twice, three times


def test_a_review_has_the_probability_of_its_label_after_each_word() -> None:
    lines = text_of(REVIEW).splitlines()
    assert lines[0].split() == ["the", "soup", "was", "not", "bad"]
    assert lines[1].split() == ["50%", "60%", "55%", "12%", "94%"]
    assert lines[3].split()[:2] == ["good", "bad"]  # on the two colours
    assert "it is good, the network says good" in lines[3]


def test_a_series_is_drawn_with_its_forecast_in_another_colour() -> None:
    palette = palette_of("truecolor")
    painted = example(SERIES, 86, 12, palette)
    inks = {segment.style for strip in painted for segment in strip if any("⠀" < c < "⣿" for c in segment.text)}
    assert {palette.accent, palette.loss} <= inks
    assert "squared error of the next value 0.01" in painted[-1].text


def test_an_asked_forecast_is_drawn_behind_the_end_of_the_series() -> None:
    palette = palette_of("truecolor")
    view = replace(SERIES, answer=AnswerView("20", (), np.cos(np.arange(20) / 3), before=np.sin(np.arange(60) / 3)))
    painted = example(view, 86, 12, palette)
    dots = [(n, segment.style) for strip in painted for n, segment in enumerate(strip) if "⠀" < segment.text[:1] < "⣿"]
    assert {palette.accent, palette.text} <= {style for _, style in dots}
    assert "the series' end  forecast of 20" in painted[-2].text


def test_pixels_pair_rows_and_an_odd_last_row_is_kept() -> None:
    picture = np.array([[0, 255], [255, 255], [255, 0]], np.uint8)
    plain_rows = ["".join(text for text, _ in row) for row in pixels(picture, palette_of("16"))]
    assert plain_rows == ["▄█", "▀ "]
    faint = ["".join(text for text, _ in row) for row in pixels(picture // 4, palette_of("16"))]
    assert faint == plain_rows
    dark = ["".join(text for text, _ in row) for row in pixels(picture // 20, palette_of("16"))]
    assert dark == ["  ", "  "]
    colours = [style for row in pixels(picture, palette_of("truecolor")) for _, style in row]
    assert len(set(colours)) > 2


def test_the_title_names_the_example_or_what_was_asked() -> None:
    palette = palette_of("truecolor")
    assert "tagging 1 · step 1,200" in "".join(text for text, _ in title(WORDS, palette))
    asked = "".join(text for text, _ in title(KINDS["answer"], palette))
    assert "Answer · the dog rings" in asked

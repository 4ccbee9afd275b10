"""Cells by its keys: what is asked, what is shown, where a recorder answers for the trainer."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import pytest
from made_up_cells import FEATURES, found, in_cells, unit
from made_up_play import TEXT, Recorder, config, facts, started, trace
from person import NARROW, Person, opened

from rnnplay import protocol as say
from rnnplay.tui.places.cells.screen import CellsPlace
from rnnplay.tui.places.help import Help
from rnnplay.tui.places.play.screen import PlayPlace
from rnnplay.tui.widgets.base import StripWidget


@pytest.fixture
async def person(trainers: list[Recorder], size: tuple[int, int]) -> AsyncIterator[Person]:
    """A person who looks at a run on a text that has features."""
    async with opened(trainers, size) as person:
        await person.running(*FEATURES)
        yield person


async def test_f_on_the_cells_opens_cells_which_asks_for_candidates_and_gates(person: Person) -> None:
    await person.press("3", "f")
    assert isinstance(person.screen, CellsPlace)
    assert person.asked(say.WatchTrace)[-1].candidates
    assert person.asked(say.ComputeGates)
    await person.press("escape")
    assert isinstance(person.screen, PlayPlace)
    assert not person.asked(say.WatchTrace)[-1].candidates


async def test_the_arrows_go_through_the_units_best_first_and_the_sentence_stands_beside_them(person: Person) -> None:
    await in_cells(person, found())
    assert person.chosen == (1, 4)
    text = " ".join(person.sees().replace("│", " ").split())
    assert "high 2.5 h .97" in text
    assert "low 1.3 h .81" in text
    assert "rolled .56" in text
    assert "untrained .66" in text
    await person.press("right")
    assert person.chosen == (0, 2)
    await person.press("left", "left")
    assert person.chosen not in (
        (1, 4),
        (0, 2),
        (1, 0),
    )
    await person.pilot.click("#found", offset=(8, 3))  # the third of the list
    assert person.chosen == (1, 0)


async def test_a_unit_whose_memory_tells_more_is_shown_by_its_memory(person: Person) -> None:
    await in_cells(person, found(units=(unit(0, 1, 0.9, 1, "c"),)))
    assert person.asked(say.WatchTrace)[-1].state == "c"


async def test_under_the_cursor_stand_value_surprise_and_five_candidates(person: Person) -> None:
    base = trace()
    N = len(base.symbols)
    ids = np.tile(np.arange(5, dtype=np.uint16)[:, None], (1, N))
    chances = np.tile(np.array([0.5, 0.2, 0.1, 0.06, 0.02], np.float16)[:, None], (1, N))
    told = say.Trace(
        **{name: getattr(base, name) for name in base.__struct_fields__ if name not in ("candidates", "probabilities")},
        candidates=say.PackedArray.from_array(ids),
        probabilities=say.PackedArray.from_array(chances),
    )
    cells = await in_cells(person, told)
    await person.press("l", "l", "l")
    row = cells.cursor_bar._strips[0].text
    assert row.startswith(f" {TEXT[3]} ")
    value = (20 - 127) / 127 * 0.9
    assert f"{value:+.2f}" in row
    assert "surprise 0.3 bits" in row
    vocabulary = sorted(set(TEXT))
    for symbol, percent in zip(vocabulary[2:5], ("10", "6", "2"), strict=True):
        assert f"{symbol if symbol != ' ' else '␣'} {percent} %" in row
    await person.press("h", "h")
    assert cells.cursor_bar._strips[0].text.startswith(f" {TEXT[1]} ")


async def test_g_goes_through_h_c_and_the_gates_and_round(person: Person) -> None:
    await in_cells(person)
    seen = []
    for _ in range(6):
        await person.press("g")
        seen.append(person.asked(say.WatchTrace)[-1].state)
    assert seen == ["c", "i", "f", "o", "g", "h"]


async def test_a_state_seen_before_is_shown_at_once(person: Person) -> None:
    cells = await in_cells(person)
    await person.press("g")
    memory = trace()
    values = np.full((2, 6, len(TEXT)), 250, np.uint8)
    fields = {name: getattr(memory, name) for name in memory.__struct_fields__} | {"state": "c"}
    await person.tell(say.Trace(**(fields | {"values": say.PackedArray.from_array(values)})))
    await person.press("g", "g", "g", "g", "g")
    await person.press("g")  # c again, without a word from the trainer
    assert "cell state c" in person.sees()
    assert cells.heatmap.view.values is not None
    assert cells.heatmap.view.values[0, 0, 0] == 250


async def test_many_units_stand_below_a_line_of_text_most_telling_first(person: Person) -> None:
    await in_cells(person, found())
    await person.press("v")
    rows = [line for line in person.sees().splitlines() if line.startswith("│ ") and "." in line[:8]]
    assert [row[2:7].strip() for row in rows[:3]] == ["2.5", "1.3", "2.1"]
    assert rows[0][9:14].strip() == ".97"
    await person.press("v")
    assert "units, most telling first" not in person.sees()


async def test_a_unit_is_proved_at_zero_then_at_its_mean_and_waiting_can_be_left_off(person: Person) -> None:
    await in_cells(person)
    await person.press("a")
    assert "Press / and name one" in person.sees()
    await person.tell(found())
    await person.press("a")
    question = person.asked(say.AblateUnit)[0]
    assert (question.layer, question.unit, question.pattern, question.clamp_to) == (1, 4, "inside quotes", "zero")
    await person.tell(say.QuestionProgressed(question="AblateUnit", fraction=0.37))
    assert "37 %" in person.sees()
    await person.press("a")
    assert person.asked(say.CancelQuestions)
    await person.press("a")
    await person.tell(
        say.UnitAblated(
            step=3,
            layer=1,
            unit=4,
            pattern="inside quotes",
            clamp_to="zero",
            inside=0.031,
            outside=-0.002,
            characters=5_000,
            others_inside=(0.001, 0.002, 0.0),
            fraction_beaten=1.0,
            sentence="3 of 3 other units cost less inside quotes.",
        )
    )
    text = person.sees()
    assert "+0.0310" in text
    assert "3 others" in text
    assert "3 of 3 other units" in " ".join(text.split())
    await person.press("a")
    assert [q.clamp_to for q in person.asked(say.AblateUnit)] == ["zero", "zero", "mean"]


async def test_the_gates_are_scattered_and_a_cell_without_any_says_so(person: Person) -> None:
    shares = say.GateSaturation(
        layer=0,
        gate="f",
        left_saturated=say.PackedArray.from_array(np.zeros(6, np.float32)),
        right_saturated=say.PackedArray.from_array(np.ones(6, np.float32)),
    )
    await in_cells(person, say.GatesComputed(step=9, gates=(shares,)))
    assert "f mostly open: 6 of 6 units" in person.sees()
    await person.tell(say.GatesComputed(step=9, gates=()))
    assert "no gates" in person.sees()


async def test_on_a_plain_rnn_no_gates_are_offered_nor_asked_for(person: Person) -> None:
    begun = started()
    person.trainer.tell(say.Started(run=begun.run, config=config(cell="rnn"), facts=facts(features=FEATURES), step=0))
    await in_cells(person, trace())
    assert all("gates" not in hint.label for hint in person.screen.key_hints())
    assert person.screen.history_panel.display and not person.screen.gates_panel.display
    assert person.asked(say.ComputeGates) == []
    for key in ("g", "p"):
        await person.press(key)
        assert "This cell has no gates" in person.sees()
    assert person.screen.history_panel.display


async def test_the_brackets_go_through_the_checkpoints_and_back_to_the_present(person: Person) -> None:
    await in_cells(person)
    await person.press("left_square_bracket")
    assert "No feature was looked for yet." in person.sees()
    await person.tell(found())
    await person.press("left_square_bracket")
    question = person.asked(say.ComputeHistory)[0]
    assert (question.layer, question.unit, question.state) == (1, 4, "h")
    await person.tell(
        say.HistoryComputed(
            layer=1, unit=4, state="h", pattern="inside quotes", steps=(1, 64, 512), values=(0.5, 0.6, 0.95)
        )
    )
    await person.press("left_square_bracket")
    assert person.asked(say.WatchTrace)[-1].step == 512
    assert "step 512 .95" in person.sees()
    await person.press("left_square_bracket")
    assert person.asked(say.WatchTrace)[-1].step == 64
    assert "as it was at step 64" in person.sees()
    await person.press("right_square_bracket", "right_square_bracket")
    assert person.asked(say.WatchTrace)[-1].step is None
    assert person.app.session.selection.checkpoint is None


async def test_rows_and_pages_move_the_cursor_and_the_end_of_the_piece_asks_for_the_next(person: Person) -> None:
    await in_cells(person)
    await person.press("down")
    assert person.app.session.selection.cursor is not None
    assert person.app.session.selection.cursor > 10
    await person.press("end")
    asked = person.asked(say.WatchTrace)[-1]
    assert asked.start >= 3_000
    await person.tell(trace(start=asked.start))
    assert f"character {asked.start + 1:,}" in person.sees() or person.app.session.selection.cursor is not None


@pytest.mark.parametrize("size", [NARROW])
async def test_a_small_terminal_shows_one_panel_at_a_time_and_nothing_is_cut(person: Person) -> None:
    cells = await in_cells(person)
    assert "layer 1 unit 1" in person.sees()
    assert "Prove" not in person.sees()
    for expected in ("/ looks for a feature", "a holds the unit", "Gates", "layer 1 unit 1"):
        await person.press("tab")
        assert expected in person.sees()
        shown = [w for w in cells.query("*") if isinstance(w, StripWidget) and w.display and w.size.height]
        assert all(w.size.width == NARROW[0] for w in shown)
    for widget in cells.query("*"):
        if isinstance(widget, StripWidget) and widget.display and widget.size.height:
            assert [strip.cell_length for strip in widget._strips] == [widget.size.width] * widget.size.height


async def test_every_key_of_both_screens_is_in_help(person: Person) -> None:
    for keys, words in ((("3", "f"), ("follow a feature", "Hold the unit at zero")), (("4", "f"), ("Type a prompt",))):
        await person.press("escape", *keys)
        await person.press("question_mark")
        assert isinstance(person.screen, Help)
        help_text = "".join(strip.text for strip in person.screen.panel.text(84))
        assert all(word in help_text for word in words)
        await person.press("escape")

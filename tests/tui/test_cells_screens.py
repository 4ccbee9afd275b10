"""Cells and Sample by their keys: what is asked, what is shown, where a stand-in answers for the trainer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from made_up_play import TEXT, Recorder, config, facts, sampled, seen, started, status, trace
from msgspec.structs import replace
from textual.pilot import Pilot
from waiting import settled, until

from rnnplay import client
from rnnplay import protocol as say
from rnnplay.tui.app import Playground
from rnnplay.tui.places.cells.screen import CellsPlace
from rnnplay.tui.places.help import Help
from rnnplay.tui.places.play.screen import PlayPlace
from rnnplay.tui.places.sample.screen import SamplePlace
from rnnplay.tui.state.drafts import RunDrafts
from rnnplay.tui.state.sample import CLAMPED, FREE, TYPED
from rnnplay.tui.widgets.base import StripWidget

WIDE, NARROW = (120, 40), (80, 24)
FEATURES = ("inside quotes", "inside parentheses", "column")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "TEXTUAL_THEME", "COLORFGBG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")


def unit(layer: int, number: int, strength: float, sign: int = 1, state: str = "h") -> say.ScoredUnit:
    value = strength if sign > 0 else 1 - strength
    return say.ScoredUnit(layer=layer, unit=number, state=state, value=value, strength=strength, sign=sign)


def found(**changes: Any) -> say.UnitsFound:
    fields: dict[str, Any] = {
        "pattern": "inside quotes",
        "step": 120,
        "measure": "AUC",
        "units": (unit(1, 4, 0.97), unit(0, 2, 0.81, -1), unit(1, 0, 0.77)),
        "rolled_control": 0.56,
        "untrained": 0.66,
        "convincing": True,
        "fraction": 0.4,
        "characters": 10_000,
        "sentence": "Unit 5 of layer 2 is high inside quotes: AUC 0.97 (rolled 0.56, untrained 0.66).",
    }
    return say.UnitsFound(**(fields | changes))


class Person:
    """A pilot with words for what a person does and sees, and the trainer that hears it."""

    def __init__(self, pilot: Pilot[None], trainers: list[Recorder]) -> None:
        self.pilot, self.trainers = pilot, trainers

    @property
    def trainer(self) -> Recorder:
        return self.trainers[-1]

    @property
    def selection(self) -> Any:
        return self.pilot.app.session.selection  # type: ignore[attr-defined]

    @property
    def screen(self) -> Any:
        return self.pilot.app.screen

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        names = {" ": "space", '"': "quotation_mark", "[": "left_square_bracket", "^": "circumflex_accent"}
        await self.press(*(names.get(symbol, symbol) for symbol in text))

    async def tell(self, *events: say.AnyEvent) -> None:
        """The trainer sends events; what nobody asked for is asked for first."""
        cells = self.pilot.app.session.cells  # type: ignore[attr-defined]
        for event in events:
            if isinstance(event, say.UnitsFound) and not cells.is_waiting(say.UnitsFound):
                cells.find(event.pattern)
            if isinstance(event, say.GatesComputed) and not cells.is_waiting(say.GatesComputed):
                cells.ask_gates()
        await self.pilot.pause()
        self.trainer.tell(*events)
        await settled(self.pilot.app, self.trainers)

    def sees(self) -> str:
        return seen(self.pilot.app)

    def asked(self, kind: type[say.Command]) -> list[Any]:
        return self.trainer.commands(kind)


@asynccontextmanager
async def opened(monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]) -> AsyncIterator[Person]:
    trainers: list[Recorder] = []

    async def start(opening: say.Command) -> Recorder:
        trainers.append(Recorder(opening))
        return trainers[-1]

    monkeypatch.setattr(client.TrainerClient, "start", start)
    app = Playground(RunDrafts("prose"))
    async with app.run_test(size=size) as pilot:
        person = Person(pilot, trainers)
        await pilot.pause()
        play = person.screen
        assert isinstance(play, PlayPlace)
        play.drafts.adopt(config())
        await person.press("enter")
        begun = started()
        begun = say.Started(run=begun.run, config=begun.config, facts=facts(features=FEATURES), step=0)
        person.trainer.tell(begun, status())
        await person.tell(trace(), sampled("The lamp was ", is_first=True))
        yield person


@pytest.fixture
async def person(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> AsyncIterator[Person]:
    async with opened(monkeypatch, getattr(request, "param", WIDE)) as person:
        yield person


# ------------------------------------------------------------------------------------------------------------- finding


async def test_on_play_a_feature_is_named_and_its_units_stand_in_the_legend(person: Person) -> None:
    await person.press("slash")
    assert "find ▏" in person.sees()
    assert "inside parentheses" in person.sees()
    await person.type("quot")
    await person.press("tab", "enter")
    assert person.asked(say.FindUnits) == [say.FindUnits(pattern="inside quotes")]
    await person.tell(found())
    text = person.sees()
    assert "2.5 .97   1.3 .81   2.1 .77" in text
    assert 'layer 2 unit 5 follows "inside quotes" · AUC 0.97' in text
    await person.press("3", "right")
    assert 'layer 1 unit 3 follows "inside quotes" · AUC 0.81' in person.sees()
    await person.press("right", "right")
    assert "layer 1 unit 1 " in person.sees()  # those that were not found come after them


def explained(name: str, layer: int, number: int, strength: float, control: float = 0.6) -> say.FeatureExplained:
    weights = np.array([0.5, -0.25, 0.0, 1.0, 0.125, 2.0], np.float32)
    return say.FeatureExplained(
        feature=name,
        measure="AUC",
        unit=unit(layer, number, strength),
        rolled_control=control,
        untrained=0.55,
        surprise=strength - control,
        convincing=strength > control + 0.1,
        knowledge="one unit",
        layer=1,
        layer_state="h",
        together=0.99,
        together_untrained=0.7,
        carriers=(5, 3, 0),
        weights=say.PackedArray.from_array(weights),
        offset=0.3,
        growth=((1, 0.5), (120, strength)),
        sentence=f"{name}: best unit {layer + 1}.{number + 1} {strength:.2f}: known, but spread.",
    )


def census(*features: say.FeatureExplained) -> say.Census:
    best = sorted(features, key=lambda feature: -feature.surprise)
    return say.Census(step=120, characters=5_000, features=tuple(best))


async def test_the_unit_that_tells_most_is_shown_until_a_person_chooses_another(person: Person) -> None:
    quotes, column = explained("inside quotes", 1, 4, 0.93), explained("vowel", 0, 2, 0.85)
    await person.tell(census(quotes, column))
    assert 'layer 2 unit 5 tells most: "inside quotes" · AUC 0.93' in person.sees()
    assert "2.5     inside quotes" in person.sees()
    assert "1.3     vowel" in person.sees()
    # Another unit is better at the feature now, by little: the shown one still says what it follows, as measured.
    values = np.full((2, 2, 6), np.nan, np.float32)
    values[0, 1, 4], values[1, 1, 4] = 0.91, 0.95
    followed = replace(explained("inside quotes", 0, 5, 0.94), followers=say.PackedArray.from_array(values))
    await person.tell(census(followed, column))
    assert 'layer 2 unit 5 follows "inside quotes" · AUC 0.91' in person.sees()
    await person.tell(census(quotes, column))
    better = explained("vowel", 0, 2, 0.97)
    await person.tell(census(quotes, explained("vowel", 0, 2, 0.975)))  # by less than .05
    await person.tell(census(quotes, explained("vowel", 0, 2, 0.99)))  # once by more
    await person.tell(census(quotes, better))
    await person.tell(census(quotes, explained("vowel", 0, 2, 0.99)))
    assert (person.selection.layer, person.selection.unit) == (1, 4)
    await person.tell(census(quotes, explained("vowel", 0, 2, 0.99)))  # twice in a row
    assert 'layer 1 unit 3 tells most: "vowel" · AUC 0.99' in person.sees()
    await person.press("3", "right")  # the next of those that tell something
    assert 'layer 2 unit 5 follows "inside quotes" · AUC 0.93' in person.sees()
    for _ in range(3):
        await person.tell(census(quotes, explained("column", 0, 1, 0.999)))
    assert (person.selection.layer, person.selection.unit) == (1, 4)


async def test_v_colours_the_text_by_what_all_units_of_a_layer_say_together(person: Person) -> None:
    feature = explained("inside quotes", 1, 4, 0.93)
    await person.tell(census(feature))
    await person.press("3", "v")
    session = person.pilot.app.session  # type: ignore[attr-defined]
    shown, trace_ = person.screen.heatmap.view, session.cells.trace
    assert feature.weights is not None
    values = (trace_.values.array()[1].astype(float) - 127) / 127 * trace_.scale
    sums = np.array([sum(w * v for w, v in zip(feature.weights.array(), column, strict=True)) for column in values.T])
    expected = np.clip(np.rint(127 + 127 * (sums + 0.3) / 2.5), 0, 254)
    np.testing.assert_allclose(shown.values[0, 0], expected, atol=1)
    text = person.sees()
    assert 'layer 2 together follows "inside quotes" · AUC 0.99' in text
    assert "carried by 2.6 2.4 2.1" in text
    await person.press("v")
    assert 'layer 2 unit 5 tells most: "inside quotes"' in person.sees()
    await person.press("f", "a")  # what the census says can be proved at once
    asked = person.asked(say.AblateUnit)[-1]
    assert (asked.layer, asked.unit, asked.pattern) == (1, 4, "inside quotes")


async def test_cells_lists_what_units_follow_until_something_is_looked_for(person: Person) -> None:
    feature = explained("inside quotes", 1, 4, 0.93)
    await person.tell(census(feature, explained("vowel", 0, 2, 0.85)))
    await person.press("3", "f")
    text = " ".join(person.sees().split())
    assert "Find · what units follow" in text
    assert "best unit 2.5 0.93" in text
    await person.tell(found(group=say.ScoredGroup(layer=1, units=(4, 0, 2), strength=0.999, best_alone=0.93)))
    assert "Together: 2.5 2.1 2.3. A holds all" in " ".join(person.sees().split())
    await person.press("A")
    asked = person.asked(say.AblateUnit)[-1]
    assert (asked.layer, asked.unit, asked.more_units) == (1, 4, (0, 2))


async def test_letters_that_are_keys_elsewhere_are_typed_into_the_line(person: Person) -> None:
    await person.press("slash")
    await person.type('"[^"]q?s f')
    await person.press("backspace", "enter")
    assert [question.pattern for question in person.asked(say.FindUnits)] == ['"[^"]q?s ']
    assert isinstance(person.screen, PlayPlace)


async def test_escape_leaves_the_line_and_asks_nothing(person: Person) -> None:
    await person.press("slash")
    await person.type("quote")
    await person.press("escape")
    assert not person.asked(say.FindUnits)
    assert "find" not in person.screen.status_bar.view.text


async def test_what_cannot_be_found_is_told_in_two_sentences(person: Person) -> None:
    await person.press("3", "f", "slash")
    await person.type("x")
    await person.press("enter")
    assert "looking for x" in person.sees()
    await person.tell(
        say.Failed(problem="x is true nowhere in this text.", remedy="Look for what occurs.", command="FindUnits")
    )
    text = person.sees()
    assert "x is true nowhere in this text. Look for what occurs." in text
    assert "looking for" not in text


# --------------------------------------------------------------------------------------------------------------- Cells


async def test_f_on_the_cells_opens_cells_which_asks_for_candidates_and_gates(person: Person) -> None:
    await person.press("3", "f")
    assert isinstance(person.screen, CellsPlace)
    assert person.asked(say.WatchTrace)[-1].candidates
    assert person.asked(say.ComputeGates)
    await person.press("escape")
    assert isinstance(person.screen, PlayPlace)
    assert not person.asked(say.WatchTrace)[-1].candidates


async def in_cells(person: Person, *events: say.AnyEvent) -> CellsPlace:
    await person.press("3", "f")
    await person.tell(*events)
    assert isinstance(person.screen, CellsPlace)
    return person.screen


async def test_the_arrows_go_through_the_units_best_first_and_the_sentence_stands_beside_them(person: Person) -> None:
    await in_cells(person, found())
    assert (person.selection.layer, person.selection.unit) == (1, 4)
    text = " ".join(person.sees().replace("│", " ").split())
    assert "high 2.5 h .97" in text
    assert "low 1.3 h .81" in text
    assert "rolled .56" in text
    assert "untrained .66" in text
    await person.press("right")
    assert (person.selection.layer, person.selection.unit) == (0, 2)
    await person.press("left", "left")
    assert (person.selection.layer, person.selection.unit) not in (
        (1, 4),
        (0, 2),
        (1, 0),
    )
    await person.pilot.click("#found", offset=(8, 3))  # the third of the list
    assert (person.selection.layer, person.selection.unit) == (1, 0)


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
    assert "memory c" in person.sees()
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
    assert person.selection.checkpoint is None


async def test_rows_and_pages_move_the_cursor_and_the_end_of_the_piece_asks_for_the_next(person: Person) -> None:
    await in_cells(person)
    await person.press("down")
    assert person.selection.cursor is not None
    assert person.selection.cursor > 10
    await person.press("end")
    asked = person.asked(say.WatchTrace)[-1]
    assert asked.start >= 3_000
    await person.tell(trace(start=asked.start))
    assert f"character {asked.start + 1:,}" in person.sees() or person.selection.cursor is not None


@pytest.mark.parametrize("person", [NARROW], indirect=True)
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


# -------------------------------------------------------------------------------------------------------------- Sample


def wrote(text: str, channel: int = FREE, **changes: Any) -> say.Sampled:
    return sampled(text, channel=channel, **changes)


async def in_sample(person: Person) -> SamplePlace:
    await person.press("4", "f")
    assert isinstance(person.screen, SamplePlace)
    await person.tell(wrote("The sea", is_first=True))
    return person.screen


async def test_f_on_the_sample_begins_a_fast_one_on_a_channel_of_its_own(person: Person) -> None:
    await in_sample(person)
    command = person.asked(say.Sample)[-1]
    assert (command.channel, command.copied) == (FREE, True)
    assert command.rate >= 500
    await person.tell(wrote(" was gr"))
    assert "The sea was gr" in person.sees()


async def test_a_sample_is_stopped_taken_back_and_another_candidate_chosen(person: Person) -> None:
    screen = await in_sample(person)
    await person.press("w")
    assert person.asked(say.ChangeSample)[-1].go is False
    await person.press("left", "left")
    assert [s.keep_symbols for s in person.asked(say.ChangeSample)[-2:]] == [6, 5]
    assert "".join(screen.sample.texts[FREE].text) == "The s"
    await person.tell(wrote("", keep_symbols=6), wrote("", keep_symbols=5))
    assert "".join(screen.sample.texts[FREE].tail) == "ea"
    text = person.sees()
    assert "e   41 %" in text
    assert "The sea" in text  # what was taken back still stands, dim
    await person.press("right")
    assert person.asked(say.ChangeSample)[-1].symbol == "e"
    await person.tell(wrote("e"))
    assert "".join(screen.sample.texts[FREE].text) == "The se"
    await person.press("down", "down", "enter")
    steers = person.asked(say.ChangeSample)
    assert (steers[-2].symbol, steers[-1].go) == ("\n", True)
    assert screen.sample.texts[FREE].tail == []


async def test_temperature_and_greedy_change_while_it_writes(person: Person) -> None:
    await in_sample(person)
    await person.press("plus")
    assert person.asked(say.ChangeSample)[-1].temperature == pytest.approx(0.9)
    await person.press("g")
    assert person.asked(say.ChangeSample)[-1].temperature == 0
    await person.press("g")
    assert person.asked(say.ChangeSample)[-1].temperature == pytest.approx(0.9)
    assert len(person.asked(say.Sample)) == 2  # Play's and this one: none was begun anew


async def test_top_k_top_p_and_seed_are_edited_in_place(person: Person) -> None:
    await in_sample(person)
    await person.press("e", "down", "right", "right")
    assert person.asked(say.ChangeSample)[-1].top_k == 2
    await person.press("down", "left")
    assert person.asked(say.ChangeSample)[-1].top_p == pytest.approx(0.95)
    await person.press("down", "down", "right")
    assert person.asked(say.Sample)[-1].seed == 2
    await person.press("escape")
    assert isinstance(person.screen, SamplePlace)


async def test_a_value_that_makes_no_sense_is_told_and_nothing_ends(person: Person) -> None:
    await in_sample(person)
    await person.press("e", "down", "down", "5", "enter")
    assert "top-p is 5." in person.sees()
    assert isinstance(person.screen, SamplePlace)


async def test_a_prompt_is_typed_with_candidates_and_unseen_characters_are_told(person: Person) -> None:
    await in_sample(person)
    await person.press("p")
    await person.type("Le")
    assert person.asked(say.Sample)[-1].prompt == "Le"
    assert person.asked(say.Sample)[-1].channel == TYPED
    await person.tell(wrote("Le", TYPED, is_first=True, done=True))
    assert "Le▏" in person.sees()
    await person.press("tab")
    assert person.screen.prompt.input.value == "Lee"  # the likeliest is e
    await person.press("enter")
    assert person.asked(say.Sample)[-1].prompt == "Lee"
    await person.tell(wrote("Lee", is_first=True, unknown_symbols=("ß",)))
    assert "never seen 'ß'" in person.sees()


async def test_a_unit_is_held_beside_the_network_as_it_is_with_the_same_seed(person: Person) -> None:
    await in_cells(person, found())
    assert (person.selection.layer, person.selection.unit) == (1, 4)
    await person.press("k")
    await until(lambda: isinstance(person.screen, SamplePlace))
    free, held = person.asked(say.Sample)[-2:]
    assert (free.channel, free.clamps, held.channel, held.clamps) == (FREE, (), CLAMPED, ((1, 4, 0.9),))
    assert free.seed == held.seed
    await person.tell(wrote("as it is", is_first=True), wrote("otherwise", CLAMPED, is_first=True))
    text = person.sees()
    assert "as it is" in text
    assert "otherwise" in text
    assert "unit 2.5: h held at +0.9" in text
    asked = person.asked(say.CountClamped)[-1]
    assert (asked.layer, asked.unit, asked.level, asked.pattern) == (1, 4, 0.9, "inside quotes")
    counts = "inside quotes: 44 % of characters free, 91 % held high, 5 % held low, of 4,000"
    counted = {"layer": 1, "unit": 4, "pattern": "inside quotes", "level": 0.9, "sign": 1, "symbols": 4_000}
    await person.tell(say.ClampedCounted(free=0.44, high=0.91, low=0.05, sentence=counts, **counted))
    assert counts in person.sees()
    assert "h held at +0.9, high" in person.sees()
    await person.press("left_square_bracket")
    assert person.asked(say.Sample)[-1].clamps == ((1, 4, 0.8),)
    await person.press("k")
    assert "held at" not in person.sees()
    await person.press("escape")
    assert isinstance(person.screen, CellsPlace)


async def test_the_copied_span_is_counted_and_underlined(person: Person) -> None:
    screen = await in_sample(person)
    await person.tell(wrote(" was grey and cold", copied=(4, 9)))
    assert "9 in a row copied" in person.sees()
    rows = screen.free_panel._strips
    marked = [s.text for row in rows for s in row if s.style and s.style.underline]
    assert "".join(marked).startswith("sea was g")
    await person.press("c")
    assert "copied" not in screen.free_panel.view.foot


async def test_without_the_training_text_it_says_why_nothing_is_marked_as_copied(person: Person) -> None:
    screen = await in_sample(person)
    await person.tell(replace(started(), facts=facts(text_unavailable="There is no file x.txt.")))
    before = len(person.asked(say.Sample))
    await person.press("c")
    assert "What is copied cannot be found without the training text. There is no file x.txt." in person.sees()
    assert len(person.asked(say.Sample)) == before and screen.sample.mark_copied


@pytest.mark.parametrize("person", [NARROW], indirect=True)
async def test_sample_fits_a_small_terminal(person: Person) -> None:
    screen = await in_sample(person)
    for keys in ((), ("w",), ("e",), ("escape", "k")):
        await person.press(*keys)
        for widget in screen.query("*"):
            if isinstance(widget, StripWidget) and widget.display and widget.size.height:
                assert [strip.cell_length for strip in widget._strips] == [widget.size.width] * widget.size.height

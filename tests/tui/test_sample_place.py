"""Sample by its keys: what is asked, what is shown, where a recorder answers for the trainer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from made_up_cells import FEATURES, found, in_cells
from made_up_play import Recorder, facts, sampled, started
from msgspec.structs import replace
from person import NARROW, Person, opened
from waiting import until

from rnnplay import protocol as say
from rnnplay.tui.places.cells.screen import CellsPlace
from rnnplay.tui.places.sample.screen import SamplePlace
from rnnplay.tui.state.sample import CLAMPED, FREE, TYPED
from rnnplay.tui.widgets.base import StripWidget


@pytest.fixture
async def person(trainers: list[Recorder], size: tuple[int, int]) -> AsyncIterator[Person]:
    """A person who looks at a run on a text that has features."""
    async with opened(trainers, size) as person:
        await person.running(*FEATURES)
        yield person


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
    assert person.chosen == (1, 4)
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


@pytest.mark.parametrize("size", [NARROW])
async def test_sample_fits_a_small_terminal(person: Person) -> None:
    screen = await in_sample(person)
    for keys in ((), ("w",), ("e",), ("escape", "k")):
        await person.press(*keys)
        for widget in screen.query("*"):
            if isinstance(widget, StripWidget) and widget.display and widget.size.height:
                assert [strip.cell_length for strip in widget._strips] == [widget.size.width] * widget.size.height

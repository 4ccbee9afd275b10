"""Finding the units that follow a feature, and the census: what is asked, what is shown."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import pytest
from made_up_cells import FEATURES, found, unit
from made_up_play import Recorder
from msgspec.structs import replace
from person import Person, opened

from rnnplay import protocol as say
from rnnplay.tui.places.play.screen import PlayPlace


@pytest.fixture
async def person(trainers: list[Recorder], size: tuple[int, int]) -> AsyncIterator[Person]:
    """A person who looks at a run on a text that has features."""
    async with opened(trainers, size) as person:
        await person.running(*FEATURES)
        yield person


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
    assert person.chosen == (1, 4)
    await person.tell(census(quotes, explained("vowel", 0, 2, 0.99)))  # twice in a row
    assert 'layer 1 unit 3 tells most: "vowel" · AUC 0.99' in person.sees()
    await person.press("3", "right")  # the next of those that tell something
    assert 'layer 2 unit 5 follows "inside quotes" · AUC 0.93' in person.sees()
    for _ in range(3):
        await person.tell(census(quotes, explained("column", 0, 1, 0.999)))
    assert person.chosen == (1, 4)


async def test_v_colours_the_text_by_what_all_units_of_a_layer_say_together(person: Person) -> None:
    feature = explained("inside quotes", 1, 4, 0.93)
    await person.tell(census(feature))
    await person.press("3", "v")
    session = person.app.session
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

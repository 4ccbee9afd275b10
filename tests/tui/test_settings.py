"""Settings and their editor, without a screen: what the arrows choose, what is typed, what is refused."""

import math
from pathlib import Path
from typing import Any

import pytest

from rnnplay.catalogue import make_config, task_info
from rnnplay.config import RunConfig, UserError, validate
from rnnplay.tui.forms.editor import FormEditor
from rnnplay.tui.forms.fields import FIELDS, MORE_FIELDS, SAMPLE_FIELDS, TEXT_FIELD, fields_for
from rnnplay.tui.state.drafts import RunDrafts

BY_NAME = {field.name: field for field in (*FIELDS, *MORE_FIELDS)}


class Form:
    """An editor over a dictionary."""

    def __init__(self, fields: Any, values: dict[str, Any]) -> None:
        self.values = values
        self.editor = FormEditor(self.change)
        self.editor.show(fields, values)

    def change(self, name: str, value: Any) -> None:
        self.values[name] = value

    def press(self, *keys: str) -> list[bool]:
        return [self.editor.key(key, key if len(key) == 1 else None) for key in keys]


@pytest.mark.parametrize("field", [*FIELDS, *MORE_FIELDS], ids=lambda field: field.name)
def test_every_value_that_the_arrows_reach_is_valid_and_the_way_back_exists(field: Any) -> None:
    config = make_config("prose")
    value = getattr(config, field.name)
    reached = []
    for by in [-1] * 40 + [1] * 60:
        value = field.step(value, by)
        reached.append(value)
        values = {name: getattr(config, name) for name in config.__struct_fields__}
        validate(RunConfig(**(values | {field.name: value})))
        assert field.show(value)
    assert len(set(reached)) > 1
    least = reached[39]
    if field.kind != "choice" and field.name != "seed":
        assert field.step(field.step(least, 1), -1) == least


@pytest.mark.parametrize("field", [*FIELDS, *MORE_FIELDS], ids=lambda field: field.name)
def test_what_a_field_shows_can_be_typed_back(field: Any) -> None:
    value = getattr(make_config("prose"), field.name)
    if value is not None and field.show(value) not in ("yes", "no"):
        assert field.parse(field.show(value)) == value


def test_a_number_is_typed_over_the_old_one_and_taken_with_the_next_move() -> None:
    form = Form(FIELDS, {f.name: getattr(make_config("prose"), f.name) for f in FIELDS})
    form.press("down", "3", "7")
    assert form.editor.typed == "37"
    assert form.values["hidden"] == 128
    form.press("down")
    assert form.values["hidden"] == 37
    assert form.editor.cursor == 2


def test_an_exponent_can_be_typed_and_what_is_typed_can_be_taken_back() -> None:
    form = Form(FIELDS, {f.name: getattr(make_config("prose"), f.name) for f in FIELDS})
    form.press("down", "down", "down", "down", *"5e-4x")
    form.press("backspace", "3")
    form.editor.finish()
    assert form.values["lr"] == pytest.approx(5e-3)
    form.press(*"7")
    assert form.editor.abandon()
    assert form.values["lr"] == pytest.approx(5e-3)


def test_letters_stay_commands_where_a_number_or_a_choice_is_edited_and_text_takes_them_all() -> None:
    form = Form(FIELDS, {f.name: getattr(make_config("prose"), f.name) for f in FIELDS})
    assert form.press("q", "n", " ") == [False, False, False]
    prompt = Form(SAMPLE_FIELDS, {"temperature": 0.8, "prompt": None, "seed": 1, "length": None})
    assert prompt.press("down", *"q n") == [True] * 4
    prompt.press("backspace", "down")
    assert prompt.values["prompt"] == "q "


@pytest.mark.parametrize(("name", "typed"), [("hidden", "abc"), ("lr", "1e"), ("cell", "xyz"), ("lr", "")])
def test_what_cannot_be_understood_is_told_in_two_sentences(name: str, typed: str) -> None:
    with pytest.raises(UserError) as caught:
        BY_NAME[name].parse(typed)
    assert caught.value.problem.endswith(".")
    assert caught.value.remedy.endswith(".")


@pytest.mark.parametrize(
    ("name", "value"), [("hidden", 0), ("hidden", -1), ("lr", math.nan), ("hidden", 2.5), ("lr", 0)]
)
def test_a_value_that_makes_no_sense_is_refused_and_the_old_one_stays(name: str, value: Any) -> None:
    choices = RunDrafts("prose")
    before = choices.draft
    with pytest.raises(UserError):
        choices.set(name, value)
    assert choices.draft == before


def test_each_task_keeps_its_own_choices_and_what_differs_from_the_run_is_pending() -> None:
    choices = RunDrafts("prose", {"hidden": 64})
    choices.set("layers", 3)
    choices.pick("hello")
    assert choices.draft == make_config("hello")
    choices.set("steps", None)
    choices.pick("prose")
    assert (choices.draft.hidden, choices.draft.layers) == (64, 3)
    assert choices.pending(make_config("prose", hidden=64)) == {"layers": 3}
    assert choices.pending(make_config("hello")) == {}
    choices.adopt(make_config("prose"))
    assert choices.draft == make_config("prose")


def test_an_unknown_task_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UserError, match="prose"):
        RunDrafts("pros")


def test_a_text_of_ones_own_is_asked_for_by_its_path() -> None:
    assert fields_for("text")[0] is TEXT_FIELD
    assert TEXT_FIELD not in fields_for("prose")
    assert TEXT_FIELD.show("/home/anna/books/moby.txt") == "moby.txt"


def test_a_file_of_ones_own_and_its_column_are_fields_where_the_task_reads_one() -> None:
    for item in RunDrafts().items:
        names = [field.name for field in fields_for(item.name)]
        assert ("text" in names) == bool(item.name == "text" or task_info(item.name).file_help), item.name
        assert ("column" in names) == (item.name == "series"), item.name


def test_a_column_and_a_file_are_typed_and_taken_back_by_emptying_them(tmp_path: Path) -> None:
    choices = RunDrafts("series")
    editor = FormEditor(choices.set)
    editor.show(fields_for("series"), choices.values())
    for key in (*str(tmp_path / "tide.csv"), "down", *"level 2", "down"):
        editor.key(key, key if len(key) == 1 else None)
        editor.show(fields_for("series"), choices.values())
    assert (choices.draft.text, choices.draft.column) == (str(tmp_path / "tide.csv"), "level 2")
    for key in ("up", *["backspace"] * 7, "up", *["backspace"] * 99, "down"):
        editor.key(key, None)
        editor.show(fields_for("series"), choices.values())
    assert (choices.draft.text, choices.draft.column) == (None, None)


def test_all_settings_are_those_of_any_task() -> None:
    assert set(fields_for("prose")) < set(fields_for("prose", full=True))

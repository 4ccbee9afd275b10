"""Settings and their editor, without a screen: what the arrows choose, what is typed, what is refused."""

import math
from pathlib import Path
from typing import Any

import pytest

from rnnplay.catalogue import make_config, task_info
from rnnplay.catalogue.texts import with_length
from rnnplay.config import BY_LENGTH, RunConfig, UserError, validate
from rnnplay.tui.forms.editor import FormEditor
from rnnplay.tui.forms.fields import CLAMP_FIELD, FIELDS, MORE_FIELDS, SAMPLE_FIELDS, TEXT_FIELD, fields_for
from rnnplay.tui.state.drafts import RunDrafts
from rnnplay.tui.state.sample import SampleSettings

BY_NAME = {field.name: field for field in (*FIELDS, *MORE_FIELDS)}


class Form:
    """An editor over a dictionary."""

    def __init__(self, fields: Any, values: dict[str, Any]) -> None:
        self.values = values
        self.editor = FormEditor(self.change)
        self.editor.show(fields, values)

    def change(self, name: str, value: Any) -> None:
        self.values[name] = value

    def begins(self, key: str) -> str | None:
        """What is in the line for typing after a key; None: it is a command."""
        return self.editor.typed(key, key if len(key) == 1 else None)


@pytest.mark.parametrize("field", [*FIELDS, *MORE_FIELDS], ids=lambda field: field.name)
def test_every_value_that_the_arrows_reach_is_valid_and_the_way_back_exists(field: Any) -> None:
    config = make_config("prose", steps=1_000)  # a schedule has to know where the run ends
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


def test_a_number_is_typed_over_the_old_one() -> None:
    form = Form(FIELDS, {f.name: getattr(make_config("prose"), f.name) for f in FIELDS})
    form.editor.choose(1)
    assert form.begins("3") == "3"
    form.editor.set_text("37")
    assert form.values["hidden"] == 37
    form.editor.choose(4)
    form.editor.set_text("5e-3")
    assert form.values["lr"] == pytest.approx(5e-3)


def test_a_comma_parts_thousands_and_nothing_else() -> None:
    assert BY_NAME["hidden"].parse("12,431") == 12_431
    for text in ("0,5", "1,23", "1,2345", ",5", "0,5,5"):
        with pytest.raises(UserError) as caught:
            BY_NAME["lr"].parse(text)
        assert "point" in caught.value.remedy


def test_letters_stay_commands_where_a_number_is_edited_and_text_takes_them_all() -> None:
    form = Form(FIELDS, {f.name: getattr(make_config("prose"), f.name) for f in FIELDS})
    form.editor.choose(1)
    assert [form.begins(key) for key in "qn -"] == [None] * 4
    prompt = Form(SAMPLE_FIELDS, {field.name: getattr(SampleSettings(), field.name) for field in SAMPLE_FIELDS})
    prompt.editor.choose([field.name for field in SAMPLE_FIELDS].index("prompt"))
    assert [prompt.begins(key) for key in "q n"] == ["q", " ", "n"]
    prompt.values["prompt"] = "Oh"
    assert (prompt.begins("!"), prompt.begins("backspace")) == ("Oh!", "O")


def test_a_choice_is_typed_by_its_first_letters() -> None:
    form = Form(FIELDS, {f.name: getattr(make_config("prose"), f.name) for f in FIELDS})
    assert form.begins("l") == "l"
    assert form.begins("q") is None
    assert form.editor.matches("l") == ["LSTM"]
    form.editor.set_text("gr")
    assert form.values["cell"] == "gru"


def test_a_clamped_value_may_be_negative() -> None:
    assert CLAMP_FIELD.accepts("-")
    assert CLAMP_FIELD.parse("-0.5") == -0.5


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
    chosen_by_the_trainer = {"document": "none", "device": "cpu", "cores": 2}
    assert choices.pending(make_config("prose", hidden=64, **chosen_by_the_trainer)) == {"layers": 3}
    choices.adopt(make_config("prose"))
    assert choices.draft == make_config("prose")


def test_what_a_run_left_to_its_trainer_is_shown_as_it_was_chosen_until_something_else_would_be_started() -> None:
    drafts = RunDrafts("text", {"text": "/a/novel.txt"})
    running, _ = with_length(drafts.draft, 600_000)
    assert drafts.values()["hidden"] is None and drafts.values(running)["hidden"] == 256
    assert not drafts.pending(running)
    drafts.set("batch", 5)
    assert drafts.values(running)["hidden"] is None and drafts.pending(running) == {"batch": 5}
    assert drafts.values(make_config("prose"))["hidden"] is None


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
    drafts = RunDrafts("series")
    editor = FormEditor(drafts.set)

    def type_into(name: str, text: str) -> None:
        editor.show(fields_for("series"), drafts.values())
        editor.choose([field.name for field in editor.fields].index(name))
        editor.set_text(text)

    type_into("text", str(tmp_path / "tide.csv"))
    type_into("column", "level 2")
    assert (drafts.draft.text, drafts.draft.column) == (str(tmp_path / "tide.csv"), "level 2")
    type_into("column", "")
    type_into("text", "")
    assert (drafts.draft.text, drafts.draft.column) == (None, None)


def test_all_settings_are_those_of_any_task() -> None:
    assert set(fields_for("prose")) < set(fields_for("prose", full=True))


@pytest.mark.parametrize("name", BY_LENGTH)
def test_what_the_texts_length_chooses_comes_before_the_least_value(name: str) -> None:
    field = next(field for field in fields_for("text", True) if field.name == name)
    least, greatest = field.values[0], field.values[-1]
    assert field.show(None) == "by length"
    assert field.step(None, 1) == least
    assert field.step(least, -1) is None
    assert field.step(None, -1) is None
    assert field.step(greatest, 1) == greatest
    assert field.parse("") is None
    assert getattr(make_config("text"), name) is None
    elsewhere = next(field for field in fields_for("prose", True) if field.name == name)
    assert elsewhere.step(least, -1) == least and elsewhere.show(None) == ""


def test_a_limit_that_is_not_set_comes_after_the_greatest() -> None:
    steps = next(field for field in FIELDS if field.name == "steps")
    assert steps.step(None, 1) is None
    assert steps.step(None, -1) == int(steps.values[-1])
    assert steps.step(int(steps.values[-1]), 1) is None

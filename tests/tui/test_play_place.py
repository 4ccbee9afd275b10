"""Panels, keys and mouse of Play: what each shows and moves; a recorder stands for the trainer's client."""

from __future__ import annotations

import pytest
from made_up_play import TEXT, row, sampled, status, trace
from person import NARROW, Person
from textual.command import CommandPalette
from textual.widgets import OptionList
from waiting import until

from rnnplay import protocol as say
from rnnplay.catalogue import CATALOGUE
from rnnplay.tui.places.help import Help
from rnnplay.tui.places.play.screen import PlayPlace
from rnnplay.tui.widgets.base import StripWidget


async def test_what_the_trainer_tells_appears_in_every_panel(person: Person) -> None:
    await person.running()
    text = person.sees()
    for expected in (
        "training · step 120",
        "bigram 2.45",
        "clip 5",
        "layer 1 unit 1",
        "The lamp was",
        "41 %",
        "epoch 3.0",
    ):
        assert expected in text, expected
    assert len(person.trainers[0].commands(say.WatchTrace)) == len(person.trainers[0].commands(say.Sample)) == 1


async def test_the_arrows_go_through_the_units_of_all_layers_without_asking_the_trainer(person: Person) -> None:
    await person.running()
    sent = len(person.trainers[0].sent)
    for layer, unit in [(1, 2), (1, 3), (1, 4), (1, 5), (1, 6), (2, 1)]:
        before = person.play.heatmap._strips
        await person.press("right")
        assert f"layer {layer} unit {unit}" in person.sees()
        assert person.play.heatmap._strips != before
    await person.press(*["left"] * 6, "left")
    assert "layer 2 unit 6" in person.sees()
    assert len(person.trainers[0].sent) == sent


async def test_the_text_scrolls_and_its_end_asks_for_the_next_piece(person: Person) -> None:
    await person.running()
    await person.press("3", "down")
    assert person.play.heatmap.view.first_row == 1
    await person.press("end")
    watched = person.trainers[0].commands(say.WatchTrace)
    assert len(watched) == 2
    assert watched[1].start >= 3_000
    await person.tell(trace(start=watched[1].start))
    await until(lambda: f"characters {watched[1].start + 1:,} to" in person.sees())  # the line has to be free for it
    assert person.play.heatmap.view.first_row > 0


async def test_a_click_on_a_character_tells_its_value(person: Person) -> None:
    await person.running()
    await person.pilot.click("#cells", offset=(3, 1))
    await person.pilot.pause()
    assert "“C” -0.76" in person.sees()
    await person.press("3", "escape")
    assert "“C”" not in person.sees()


async def test_full_screen_shows_one_panel_and_more_of_it(person: Person) -> None:
    await person.running()
    await person.press("2", "f")
    text = person.sees()
    assert "parameters     4,321" in text
    assert "layer 1 unit 1" not in text
    await person.press("escape")
    assert "layer 1 unit 1" in person.sees()
    await person.press("e", "f")
    assert "forget b." in person.sees()
    await person.press("f", "escape", "1", "f")
    assert "short stories with much talk: which unit" in person.sees()


async def test_the_loss_has_a_logarithmic_axis_and_the_text_surprise(person: Person) -> None:
    await person.running()
    await person.press("2", "l")
    assert "log scale" in person.play.loss_panel.view.title
    await person.press("3", "c")
    assert "6 bits" in person.sees()


@pytest.mark.parametrize("size", [NARROW])
async def test_a_small_terminal_has_tabs_one_to_four(person: Person) -> None:
    await person.running()
    for key, expected, absent in [
        ("2", "Gradient norm", "hidden      128"),
        ("3", "layer 1 unit 1", "Gradient norm"),
        ("4", "The lamp was", "layer 1 unit 1"),
        ("1", "hidden      6", "The lamp was"),
    ]:
        await person.press(key)
        text = person.sees()
        assert expected in text
        assert absent not in text
        assert all(len(line) <= 80 for line in text.splitlines())


async def test_resizing_goes_from_panels_to_tabs_to_one_line_and_back(person: Person) -> None:
    await person.running()
    for size, expected in [
        ((80, 24), "1 Task"),
        ((59, 24), "needs 60x16"),
        ((80, 15), "needs 60x16"),
        ((60, 16), "1 Task"),
        ((200, 60), "Gradient norm"),
    ]:
        await person.pilot.resize_terminal(*size)
        await until(lambda expected=expected: expected in person.sees(), person.sees)
        for widget in person.app.screen.query("*"):
            if isinstance(widget, StripWidget) and widget.display and widget.size.height:
                assert [strip.cell_length for strip in widget._strips] == [widget.size.width] * widget.size.height


async def test_every_key_in_the_last_line_can_be_clicked(person: Person) -> None:
    await person.running()
    line = person.play.keys_bar._strips[0].text
    await person.pilot.click("#keys", offset=(line.index("pause"), 0))
    await person.pilot.pause()
    assert person.trainers[0].commands(say.Pause)
    line = person.play.keys_bar._strips[0].text
    await person.pilot.click("#keys", offset=(line.index("help"), 0))
    await person.pilot.pause()
    assert isinstance(person.app.screen, Help)


async def test_a_click_chooses_a_task_and_a_field(person: Person) -> None:
    lines = [strip.text for strip in person.play.task_panel._strips]
    await person.pilot.click("#tasks", offset=(6, next(n for n, line in enumerate(lines) if "docs" in line.split())))
    await person.pilot.pause()
    assert person.play.drafts.task == "docs"
    await person.pilot.click("#settings", offset=(4, 3))
    await person.pilot.pause()
    assert person.play.editor.field.name == "layers"


async def test_help_names_every_key_and_any_of_its_keys_leaves_it(person: Person) -> None:
    await person.press("question_mark")
    help_screen = person.app.screen
    assert isinstance(help_screen, Help)
    told = "\n".join(strip.text for strip in help_screen.panel.text(90))
    for word in ("space", "Pause", "^p", "Gradient norm", "shift"):
        assert word in told
    for width in (30, 60, 78):  # a long line goes on in the next
        rows = [strip.text for strip in help_screen.panel.text(width)]
        assert {len(row) for row in rows} == {width}
        assert not any(row.rstrip().endswith("…") for row in rows)
        in_words = " ".join(" ".join(rows).split())
        assert all(binding.tooltip in in_words for binding in help_screen.panel._keys if width > 30)
    await person.press("escape")
    assert isinstance(person.app.screen, PlayPlace)


async def test_every_action_is_in_the_command_palette(person: Person) -> None:
    names = [command.title for command in person.app.get_system_commands(person.app.screen)]
    assert len(names) == len(set(names))
    assert "Pause (space)" in names
    assert "Quit (q)" in names
    await person.press("ctrl+p")
    assert isinstance(person.app.screen, CommandPalette)


async def test_light_and_dark_are_both_there(person: Person) -> None:
    await person.running()
    dark = person.play.heatmap._strips
    await person.press("t")
    assert not person.play.heatmap.palette.dark
    assert person.play.heatmap._strips != dark


async def test_only_rows_that_changed_are_sent(person: Person) -> None:
    await person.running()
    sent: list[str] = []
    for widget in person.play.painted:
        widget.changed_bytes = 0
    await person.tell(say.RowsCompleted(rows=(row(80),)), status(step=121), sampled("lit"))
    sent = [f"{widget.id} {widget.changed_bytes}" for widget in person.play.painted if widget.changed_bytes]
    assert sum(widget.changed_bytes for widget in person.play.painted) < 8_000, sent
    assert person.play.heatmap.changed_bytes == person.play.task_panel.changed_bytes == 0


async def test_the_text_is_the_one_that_was_told(person: Person) -> None:
    await person.running()
    shown = "".join(strip.text[2:-2].rstrip() for strip in person.play.heatmap._strips[1:3])
    assert shown.startswith(TEXT.split("\n", maxsplit=1)[0])


async def test_a_page_key_in_the_command_palette_before_its_list_is_laid_out_does_nothing(person: Person) -> None:
    await person.running()
    app = person.app
    await app.run_action("app.command_palette")
    await until(lambda: isinstance(app.screen, CommandPalette) and app.screen.query(OptionList))
    commands = app.screen.query_one(OptionList)
    commands.add_option("one")
    commands.highlighted = 0
    assert not commands.scrollable_content_region
    for action in ("page_up", "page_down", "first", "last"):
        await app.run_action(f"screen.command_list({action!r})")
    await person.press("escape")
    assert app.session.problem is None


async def test_the_list_and_the_header_call_a_task_as_the_command_line_does(person: Person) -> None:
    words = [word for strip in person.play.task_panel._strips for word in strip.text.split()]
    assert len({info.name for info in CATALOGUE} & set(words)) >= 8
    await person.running()
    assert person.sees().splitlines()[0].split()[:2] == ["rnnplay", "prose"]

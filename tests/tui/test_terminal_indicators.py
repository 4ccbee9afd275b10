"""Title, progress bar, bell and notification: what is written to which terminal, and when a person is called."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from made_up_play import Recorder, started, status
from textual import events
from waiting import settled

from rnnplay import protocol as say
from rnnplay.config import UserError
from rnnplay.tui.app import Playground
from rnnplay.tui.state.drafts import RunDrafts
from rnnplay.tui.terminal_indicators import TerminalIndicators, program_of, program_of_reply, wanted_kinds

XTERM = {"TERM": "xterm-256color"}


def named(reply: str) -> TerminalIndicators:
    indicators = TerminalIndicators(XTERM)
    assert indicators.is_unknown
    indicators.identify(reply)
    return indicators


@pytest.mark.parametrize(
    ("environ", "program"),
    [
        ({"TERM_PROGRAM": "iTerm.app", "TERM_PROGRAM_VERSION": "3.6.6"}, ("iterm2", (3, 6, 6))),
        ({"TERM_PROGRAM": "ghostty", "TERM_PROGRAM_VERSION": "1.1.3", "TMUX": "/tmp/x,1,0"}, ("tmux", ())),
        ({"VTE_VERSION": "7903"}, ("vte", (79,))),
        ({"WT_SESSION": "a-b"}, ("windows terminal", ())),
        ({"TERM": "foot-direct"}, ("foot", ())),
        ({"TERM": "xterm-kitty"}, ("kitty", ())),
        (XTERM, ("", ())),
    ],
)
def test_a_terminal_is_known_by_its_environment(environ: dict[str, str], program: tuple[str, tuple[int, ...]]) -> None:
    assert program_of(environ) == program


def test_a_terminal_is_known_by_its_reply() -> None:
    assert program_of_reply("kitty(0.31.0)") == ("kitty", (0, 31, 0))
    assert program_of_reply("iTerm2 3.5.0beta2") == ("iterm2", (3, 5, 0, 2))
    assert program_of_reply("VTE(7903)") == ("vte", (79,))
    assert program_of_reply("tmux 3.4") == ("tmux", (3, 4))
    assert program_of_reply("") == ("", ())


def test_a_notification_is_sent_as_the_terminal_knows_it_and_the_bell_to_all() -> None:
    assert named("WezTerm 20240203").announce("a; b\x1b") == "\x1b]9;a; b \x07\x07"
    assert named("foot(1.16.2)").announce("a; b") == "\x1b]777;notify;rnnplay;a, b\x07\x07"
    assert named("tmux 3.4").announce("a") == "\x07"
    assert TerminalIndicators({"TERM": "linux"}).announce("a") == "\x07"
    assert TerminalIndicators(XTERM | {"RNNPLAY_NOTIFY": "title"}).announce("a") == ""


def test_a_progress_bar_is_shown_where_it_is_understood_and_taken_away() -> None:
    known = named("ghostty 1.2.0")
    assert known.show("t", "training", 0.123).endswith("\x1b]9;4;1;12\x07")
    assert known.show("t", "training", 0.129) == ""
    assert known.show("t", "finished", 1.0) == "\x1b]9;4;0\x07"
    known.show("t", "training", 0.5)
    assert known.end() == "\x1b]9;4;0\x07\x1b[23;2t"
    for reply in ("ghostty 1.1.3", "iTerm2 3.5.0", "kitty(0.31.0)", "unheard of"):
        assert "]9;4" not in named(reply).show("t", "training", 0.5)


def test_a_title_changes_once_a_second_or_with_the_state() -> None:
    indicators = TerminalIndicators(XTERM)
    assert indicators.begin() == "\x1b[22;2t"
    assert indicators.show("one\n", "training", None) == "\x1b]2;one \x07"
    assert indicators.show("two", "training", None) == ""
    assert indicators.show("three", "paused", None, urgent=True) == "\x1b]2;three\x07"
    for nothing in (TerminalIndicators({"TERM": "linux"}), TerminalIndicators(XTERM | {"RNNPLAY_NOTIFY": "none"})):
        assert nothing.begin() + nothing.show("one", "training", 0.5) + nothing.end() == ""
        assert not nothing.is_unknown


def test_a_word_that_is_none_is_refused() -> None:
    assert wanted_kinds({"RNNPLAY_NOTIFY": "bell, Title"}) == {"bell", "title"}
    with pytest.raises(UserError, match="RNNPLAY_NOTIFY names 'bel'"):
        wanted_kinds({"RNNPLAY_NOTIFY": "bel"})


FINISHED = status("finished", 4_000)


@pytest.mark.parametrize(
    ("focused", "ended", "words"),
    [
        (True, FINISHED, ""),
        (False, FINISHED, "prose: finished after 4,000 steps, validation 1.31."),
        (False, status("diverged", 77, problem="The loss grew."), "prose: The loss grew."),
        (False, status("paused", 77, problem="The disk is full."), "prose: The disk is full."),
        (False, say.Failed(problem="The disk is full.", remedy="Make room.", fatal=True), "prose: The disk is full."),
    ],
)
async def test_a_person_who_looks_elsewhere_is_called_when_a_run_ends_or_fails(
    monkeypatch: pytest.MonkeyPatch, trainers: list[Recorder], focused: bool, ended: say.AnyEvent, words: str
) -> None:
    monkeypatch.setenv("TERM_PROGRAM", "WezTerm")
    monkeypatch.delenv("TMUX", raising=False)
    app = Playground(RunDrafts("prose"), start=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        written: list[str] = []
        collect: Callable[[str], None] = written.append
        assert app._driver is not None
        monkeypatch.setattr(app._driver, "write", collect)
        trainers[0].tell(started(), status(step=120), say.Evaluated(step=100, loss=1.31))
        await settled(app, trainers)
        if not focused:
            app.post_message(events.AppBlur())
            await pilot.pause()
        trainers[0].tell(ended)
        await settled(app, trainers)
    text = "".join(written)
    assert "\x1b]2;prose · training · step 120\x07" in text
    assert text.count(f"\x1b]9;{words}\x07\x07") == (0 if focused else 1)
    assert text.count("\x07\x07") == (0 if focused else 1)

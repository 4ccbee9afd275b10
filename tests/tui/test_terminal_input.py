"""What comes from the terminal and what is asked of it: odd bytes, torn sequences, floods of keys, its size."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from terminal import Terminal
from textual import events
from textual.message import Message

from rnnplay.tui.terminal import TERMINAL_PATIENCE, TerminalDriver, TerminalIdentified, TerminalInput

ESCAPE, PAGE_DOWN, MOUSE = b"\x1b", b"\x1b[6~", b"\x1b[<35;40;12M"
HELP = "Keys, and how to read the screen"


def keys(messages: list[Message]) -> list[str]:
    assert all(isinstance(message, events.Key) for message in messages), messages
    return [message.key for message in messages if isinstance(message, events.Key)]


# --------------------------------------------------------------------------------------- bytes to messages, by a clock


@pytest.mark.parametrize("sequence", [PAGE_DOWN, MOUSE, b"\x1bOP", b"\x1b[1;2C", b"\x1b[48;24;80;0;0t", b"\x1b[[A"])
def test_a_sequence_in_two_pieces_is_one_sequence(sequence: bytes) -> None:
    whole = TerminalInput().feed(sequence, 0.0)
    assert len(whole) == 1
    for cut in range(1, len(sequence)):
        source = TerminalInput()
        found = source.feed(sequence[:cut], 0.0)
        for tick in range(1, 4):
            found += source.expire(tick * 0.05)
        found += source.feed(sequence[cut:], 0.15)
        if cut == 1:  # the escape key is answered before it is known that more comes
            assert keys(found[:1]) == ["escape"]
            found = found[1:]
        assert [repr(message) for message in found] == [repr(message) for message in whole], cut
        assert keys(source.feed(b"q", 2.0)) == ["q"]


def test_a_sequence_that_never_ends_is_dropped_and_later_keys_are_read() -> None:
    for torn in (b"\x1b[", b"\x1b[<35;4", b"\x1bO", b"\x1b]10;rgb:0000"):
        source = TerminalInput()
        assert source.feed(torn, 0.0) == []
        assert source.expire(TERMINAL_PATIENCE + 0.01) == []
        assert keys(source.feed(b"6", 3.0)) == ["6"]


def test_replies_and_sequences_that_nobody_knows_are_no_commands() -> None:
    source = TerminalInput()
    for reply in (
        b"\x1b]11;rgb:1111/2222/3333\x1b\\",
        b"\x1b[?62;4;6;22c",
        b"\x1b_Gi=1\x1b\\",
    ):
        assert source.feed(reply, 0.0) == []
    assert source.feed(b"\x1b[12;34;56;78z\x1b[>1q", 0.0) == []
    assert keys(source.feed(b"a", 0.0)) == ["a"]


REPLIES = (
    b"\x1bP>|tmux 3.4\x1b\\",
    b"\x1bP>|kitty(0.31.0)\x1b\\",
    b"\x1bP>|XTerm(390)\x1b\\\x1b[?64;1;2;22c",
    b"\x1b]11;rgb:1111/2222/3333\x07",
    b"\x1b]10;rgb:1111/2222/3333\x1b\\",
)


@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize("pause", [0.0, 0.15, TERMINAL_PATIENCE + 0.2])
def test_a_reply_in_words_whole_and_torn_is_no_key(reply: bytes, pause: float) -> None:
    whole = [repr(message) for message in TerminalInput().feed(reply, 0.0)]
    assert whole == (["TerminalIdentified()"] if b">|" in reply else [])
    first = 1
    if pause > TERMINAL_PATIENCE:  # an escape alone, and nothing for a second, is the key
        first, reply = 2, reply.split(b"\x1b[")[0]
    for cut in range(first, len(reply)):
        source = TerminalInput()
        source.await_reply(0.0)
        found = source.feed(reply[:cut], 0.0)
        for tick in range(1, 4):
            found += source.expire(tick * pause / 3)
        found += source.feed(reply[cut:], pause)
        assert not [message for message in found if isinstance(message, events.Key)], (cut, found)
        assert keys(source.feed(b"q", pause + 0.1)) == ["q"]


def test_the_terminal_s_name_is_read_and_after_it_the_escape_key_is_quick_again() -> None:
    source = TerminalInput()
    source.await_reply(0.0)
    (named,) = source.feed(b"\x1bP>|ghostty 1.2.3\x1b\\\x1b[?62;22c", 0.1)
    assert isinstance(named, TerminalIdentified) and named.reply == "ghostty 1.2.3"
    source.feed(ESCAPE, 0.2)
    assert keys(source.expire(0.4)) == ["escape"]


def test_an_escape_while_a_reply_is_awaited_is_the_key_and_no_part_of_what_is_typed_after_it() -> None:
    source = TerminalInput()
    source.await_reply(0.0)
    source.feed(ESCAPE, 0.1)
    assert source.expire(0.3) == []
    assert keys(source.feed(b"q", 0.4)) == ["escape", "q"]
    source.feed(ESCAPE, 0.5)
    assert keys(source.expire(TERMINAL_PATIENCE + 0.01)) == ["escape"]


def test_the_escape_key_needs_no_second_key_and_what_is_typed_after_it_is_typed() -> None:
    source = TerminalInput()
    assert source.feed(ESCAPE, 0.0) == []
    assert keys(source.expire(0.2)) == ["escape"]
    assert keys(source.feed(b"[", 0.3)) == ["left_square_bracket"]
    assert keys(source.feed(b"6", 0.4)) == ["6"]
    assert keys(source.feed(b"\x1b\x1b[B", 5.0)) == ["escape", "down"]
    assert keys(source.feed(b"\x1bx", 6.0)) == ["alt+x"]


def test_bytes_that_are_not_utf_8_are_a_key_that_nothing_is_bound_to() -> None:
    source = TerminalInput()
    assert keys(source.feed("é".encode(), 0.0)) == ["é"]
    assert keys(source.feed("é".encode()[:1], 0.0)) == []
    assert keys(source.feed("é".encode()[1:], 0.0)) == ["é"]
    assert keys(source.feed("é".encode("latin-1") + b"a", 0.0))[-1] == "a"
    assert keys(source.feed(b"\xff\xfe\x80b", 0.0))[-1] == "b"


def test_a_size_of_no_pixels_leaves_the_mouse_in_cells() -> None:
    source = TerminalInput()
    (size,) = source.feed(b"\x1b[48;24;80;0;0t", 0.0)
    assert isinstance(size, events.Resize) and size.size == (80, 24)
    (move,) = source.feed(b"\x1b[<35;40;12M", 0.0)
    assert isinstance(move, events.MouseMove) and (move.x, move.y) == (39, 11)
    assert source.feed(b"\x1b[48;0;0;0;0t", 0.0) == []
    source.feed(b"\x1b[48;24;80;480;1600t", 0.0)
    (move,) = source.feed(b"\x1b[<35;41;21M", 0.0)
    assert isinstance(move, events.MouseMove) and (int(move.x), int(move.y)) == (2, 1)


def test_a_number_that_no_character_has_is_dropped() -> None:
    source = TerminalInput()
    assert source.feed(b"\x1b[99999999;1;99999999u", 0.0) == []
    assert keys(source.feed(b"a", 0.0)) == ["a"]


def test_a_paste_is_one_message_however_it_arrives() -> None:
    text = "q 1\r\n\x1b[6~" * 3_000
    data = b"\x1b[200~" + text.encode() + b"\x1b[201~z"
    for size in (7, 4096, len(data)):
        source = TerminalInput()
        found = [message for at in range(0, len(data), size) for message in source.feed(data[at : at + size], at)]
        paste, key = found
        assert isinstance(paste, events.Paste) and paste.text == text
        assert keys([key]) == ["z"]


# ---------------------------------------------------------------------------------------------------- a terminal's end


class LosableApp:
    """Stands where the app stands."""

    def __init__(self) -> None:
        self.lost = asyncio.Event()
        self.lost_count = 0

    def lose_line(self) -> None:
        self.lost_count += 1
        self.lost.set()


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Any:
    """(master, the files of the other end), where a hang-up is ignored, as in a program that nohup has started."""
    master, slave = pty.openpty()
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with os.fdopen(slave, "r") as keys, open(os.ttyname(slave), "w") as screen:
        monkeypatch.setattr(sys, "__stdin__", keys)
        monkeypatch.setattr(sys, "__stderr__", screen)
        yield master, screen
        os.dup2(os.open(os.devnull, os.O_WRONLY), screen.fileno())  # what it could not write
    signal.signal(signal.SIGHUP, before)


async def test_the_end_of_the_terminal_s_input_is_a_lost_line_even_where_a_hang_up_is_ignored(ends: Any) -> None:
    app = LosableApp()
    driver = TerminalDriver(app)
    reader = threading.Thread(target=driver.run_input_thread)
    reader.start()
    os.close(ends[0])
    try:
        await asyncio.wait_for(app.lost.wait(), 10.0)
    finally:
        driver.exit_event.set()
        reader.join()


async def test_a_terminal_that_takes_no_output_is_a_lost_line_and_nothing_waits_for_it(ends: Any) -> None:
    app = LosableApp()
    output = TerminalDriver(app)._file
    output.write("before")
    output.flush()
    assert os.read(ends[0], 100) == b"before"
    os.close(ends[0])
    for _ in range(3):
        output.write("x" * 100_000)
        output.flush()
    await asyncio.wait_for(app.lost.wait(), 10.0)
    assert app.lost_count == 1


# ------------------------------------------------------------------------------------------------- in a real terminal


def test_the_screen_is_as_large_as_the_terminal_it_is_painted_on(tmp_path: Path) -> None:
    with Terminal(tmp_path, "play", "hello", stdout=subprocess.PIPE, COLUMNS="60", LINES="20") as terminal:
        terminal.until("Gradient norm")  # there is room for all panels
        terminal.until(r"\? help *\Z")
        terminal.resize(80, 24)
        terminal.until("1 Task +2 Loss +3 Cells")
        terminal.resize(130, 42)
        terminal.until("Gradient norm")
        terminal.until(r"\? help *\Z")


def test_bytes_that_no_terminal_should_send_end_nothing(tmp_path: Path) -> None:
    with Terminal(tmp_path, "play", "hello") as terminal:
        terminal.until("Finished after 500 steps")
        for data in (b"\xe9", b"\xff\xc3", b"\x1b[48;40;120;0;0t", MOUSE, b"\x1b[99999999;1;99999999u"):
            os.write(terminal.master, data)
            terminal.read(0.2)
        terminal.press("?")
        terminal.until(HELP)
        assert terminal.process.poll() is None


def test_a_page_down_in_two_pieces_opens_nothing(tmp_path: Path) -> None:
    with Terminal(tmp_path, "play", "hello") as terminal:
        terminal.until("Finished after 500 steps")
        for cut in (2, 3):
            os.write(terminal.master, PAGE_DOWN[:cut])
            terminal.read(0.15)
            time.sleep(0.15)
            os.write(terminal.master, PAGE_DOWN[cut:])
        terminal.press("?")
        assert "6 Time" not in terminal.until(HELP)
        assert "6 Time" not in terminal.text


def test_a_flood_of_keys_does_not_keep_the_program_from_ending(tmp_path: Path) -> None:
    with Terminal(tmp_path, "play", "prose", "--hidden", "16", "--batch", "5") as terminal:
        terminal.until(r"training · step \d\d")

        def flood() -> None:
            left = b"3l" * 100_000
            while left:
                try:
                    left = left[os.write(terminal.master, left[:2048]) :]
                except OSError:
                    return

        threading.Thread(target=flood, daemon=True).start()
        end = time.monotonic() + 2.0
        while time.monotonic() < end:
            terminal.read()
        first = terminal.until(r"step [\d,]+")
        terminal.until(f"step (?!{first.split()[1]})", patience=10.0)  # it goes on painting
        asked = time.monotonic()
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.ended(patience=15.0) == 128 + signal.SIGTERM
        assert time.monotonic() - asked < 10.0
        assert terminal.no_trainer_within()
        assert terminal.checkpoints()

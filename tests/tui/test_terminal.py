"""The whole program in a real terminal: learn, look, sample, leave; and what is left when one side is gone."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import pytest
from terminal import PATIENCE, Terminal


def test_choose_hello_learn_it_look_at_units_sample_and_quit(tmp_path: Path) -> None:
    with Terminal(tmp_path, TERM_PROGRAM="", TMUX="", VTE_VERSION="") as terminal:
        terminal.until("inspecting|not started")  # it opens on the gallery where nothing was trained yet
        for piece in ("\x1bP>|tm", "ux 3.4 q", "\x1b\\\x1b[?62;22c"):  # the terminal says who it is, in pieces
            terminal.press(piece)
        terminal.press("home", "down")
        terminal.until("Network · hello")
        terminal.press("enter")
        terminal.until("Finished after 500 steps")
        terminal.until(r"train 0\.0[0-4]")  # nats: the loss is small
        terminal.until("layer 1 unit 1 of 8")
        terminal.press("3", "right", "right")
        terminal.until("layer 1 unit 3 of 8")
        terminal.press("left")
        terminal.until("layer 1 unit 2 of 8")
        terminal.until("4 of 4 right")
        terminal.press("s")
        terminal.until("[helo]{30}")
        terminal.press("s")
        terminal.until("seed 2")
        terminal.press("q")
        assert terminal.ended() == 0
        assert "\x1b]2;hello · finished · step 500\x07".encode() in terminal.written
        asked, given_back = terminal.written.index(b"\x1b[>0q\x1b[c"), terminal.written.index(b"\x1b[23;2t")
        assert terminal.written.index(b"\x1b[22;2t") < asked < given_back
        terminal.assert_left_as_found()
        assert terminal.no_trainer_within()
        assert terminal.checkpoints()


@pytest.mark.parametrize(("width", "height"), [(120, 40), (80, 24)])
def test_the_first_time_it_opens_on_the_quote_cell_and_g_shows_the_next_network(
    tmp_path: Path, width: int, height: int
) -> None:
    with Terminal(tmp_path, width=width, height=height) as terminal:
        terminal.until(r'follows "inside quotes" · AUC (0\.9|1\.0)')
        terminal.press("G")
        terminal.until('follows "brace depth" · rank correlation 0.9')


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_hang_up_or_an_end_from_outside_saves_the_run_and_ends_everything(tmp_path: Path, number: int) -> None:
    with Terminal(tmp_path, "play", "prose", "--hidden", "24", "--batch", "7") as terminal:
        terminal.until(r"training · step \d\d")
        terminal.until(r"layer 1 unit \d")
        before = {path.name for path in terminal.checkpoints()}
        if number == signal.SIGHUP:
            terminal.hang_up()
        else:
            terminal.process.send_signal(number)
        assert terminal.ended(reading=number != signal.SIGHUP) == 128 + number
        assert terminal.no_trainer_within()
        assert {path.name for path in terminal.checkpoints()} - before
        if number == signal.SIGTERM:
            terminal.assert_left_as_found()


@pytest.mark.parametrize("stop", [signal.SIGSTOP, signal.SIGTSTP])
def test_a_program_that_was_stopped_goes_on_as_it_was(tmp_path: Path, stop: int) -> None:
    with Terminal(tmp_path, "play", "prose", "--hidden", "16", "--batch", "5") as terminal:
        terminal.until(r"training · step \d\d")
        for _ in range(3):
            terminal.process.send_signal(stop)
            terminal.until_stopped()
            terminal.screen.reset()  # a shell has written over it meanwhile
            already = len(terminal.written)
            terminal.process.send_signal(signal.SIGCONT)
            terminal.until_written(b"\x1b[?1049h", already)  # what is typed before it is open again is discarded
            terminal.until(r"training · step \d\d")
            terminal.until(r"layer 1 unit \d")
        terminal.press(" ")
        terminal.until("paused · step")
        terminal.press("q")
        assert terminal.ended() == 0
        terminal.assert_left_as_found()


def test_when_the_screen_is_killed_the_trainer_saves_and_ends(tmp_path: Path) -> None:
    with Terminal(tmp_path, "play", "prose", "--hidden", "16", "--batch", "5") as terminal:
        terminal.until(r"training · step \d\d")
        terminal.process.kill()
        terminal.ended()
        assert terminal.no_trainer_within()
        assert terminal.checkpoints()


def test_when_the_trainer_is_killed_the_screen_says_so_and_r_goes_on(tmp_path: Path) -> None:
    with Terminal(tmp_path, "play", "prose", "--hidden", "16", "--batch", "5") as terminal:
        terminal.until(r"training · step \d\d")
        (trainer,) = terminal.trainers()
        os.kill(trainer, signal.SIGKILL)
        terminal.until("ended unexpectedly")
        terminal.until("r goes on")
        terminal.press("r")
        terminal.until("training · step")
        terminal.press("q")
        assert terminal.ended() == 0
        assert terminal.no_trainer_within()


def test_quitting_in_the_middle_saves_and_ctrl_c_quits_too(tmp_path: Path) -> None:
    with Terminal(tmp_path, "play", "prose", "--hidden", "16", "--batch", "5", width=80, height=24) as terminal:
        terminal.until(r"training · step \d\d")
        terminal.press("\x03")
        assert terminal.ended() == 0
        assert terminal.no_trainer_within()
        assert terminal.checkpoints()
        assert terminal.attributes() == terminal.before


def test_a_terminal_without_unicode_gets_plain_characters(tmp_path: Path) -> None:
    with Terminal(tmp_path, "play", "hello", PYTHONIOENCODING="latin-1", PYTHONUTF8="0") as terminal:
        terminal.until("Finished after 500 steps")
        terminal.until("unit 1 of 8")
        assert b"\\u" not in terminal.written
        assert not [c for c in terminal.text if ord(c) > 127], terminal.text


def test_a_terminal_can_be_resized_while_it_trains(tmp_path: Path) -> None:
    with Terminal(tmp_path, "play", "prose", "--hidden", "16", "--batch", "5") as terminal:
        terminal.until("Gradient norm")
        terminal.until(r"training · step \d")
        terminal.resize(80, 24)
        terminal.until("1 Task +2 Loss +3 Cells")
        terminal.resize(50, 12)
        terminal.until("needs 60x16")
        terminal.resize(130, 42)
        terminal.until("Gradient norm")
        terminal.press("q")
        assert terminal.ended() == 0


def test_a_key_held_down_never_has_two_trainers_beyond_the_one_that_is_closing(tmp_path: Path) -> None:
    with Terminal(tmp_path, "play", "prose", "--hidden", "16", "--batch", "5") as terminal:
        terminal.until(r"training · step \d\d")
        most, begun = 0, time.monotonic()
        for number in range(31):
            os.write(terminal.master, b"n")
            while time.monotonic() < begun + number / 31:
                terminal.read(0.005)
                most = max(most, len(terminal.trainers()))
        while len(terminal.trainers()) != 1 or not re.search(r"training · step \d\d", terminal.text):
            terminal.read(0.01)
            most = max(most, len(terminal.trainers()))
            assert time.monotonic() < begun + PATIENCE, terminal.text
        assert most <= 2
        terminal.press("q")
        assert terminal.ended() == 0

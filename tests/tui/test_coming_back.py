"""In real terminals: the line is lost or the run is left, it trains on, and another terminal finds it again."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from terminal import Terminal

from rnnplay import runs

SMALL = ("play", "prose", "--hidden", "16", "--batch", "5")


def step_of(terminal: Terminal, state: str) -> int:
    return int(re.sub(r"\D", "", terminal.until(rf"{state} · step [\d,]+")))


def test_a_run_trains_on_when_its_terminal_is_gone_and_the_next_one_finds_it(tmp_path: Path) -> None:
    with Terminal(tmp_path, *SMALL, RNNPLAY_LINGER="10m") as first:
        first.until(r"training · step \d\d")
        first.press("3", " ")
        step_of(first, "paused")
        unit = first.until(r"layer 1 unit \d+(?= (tells|follows))")  # the census has chosen it, and chooses no other
        first.press("right")
        unit = first.until(rf"(?!{unit}\b)layer 1 unit \d+")
        first.press(" ")
        (trainer,) = first.trainers()
        before = step_of(first, "training")
        first.hang_up()
        assert first.ended(reading=False) == 128 + signal.SIGHUP
        assert first.trainers() == [trainer]
        with Terminal(tmp_path, RNNPLAY_LINGER="10m") as second:
            second.until("ALIVE")
            second.until(r"prose: \+[\d,]+ steps since you left")
            second.press("enter")
            second.until(rf"{unit}\b")  # as it was left
            second.press(" ")
            after = step_of(second, "paused")
            assert after > before
            second.press("d")
            assert second.ended() == 0
            assert re.search(rb"the run \w+ waits as it is for 10 minutes", second.written)
            assert second.trainers() == [trainer]
            second.assert_left_as_found()
            (run,) = (tmp_path / "runs").iterdir()
            with Terminal(tmp_path, "attach", runs.run_id(run), width=80, height=24) as third:
                assert step_of(third, "paused") == after
                third.press("q")
                assert third.ended() == 0
                assert third.no_trainer_within()
    rows, _, _ = runs.read_metrics(run / runs.METRICS)
    steps = [row["step"] for row in rows]
    assert steps[:1024] == list(range(1, min(len(steps), 1024) + 1)) and steps[-1] <= after

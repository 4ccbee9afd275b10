"""Every place as it is painted, against the files in golden/.

A scene is some keys and what they lead to; the scripted trainer answers, so that each run paints the same. To write the
files again after a change that is meant: `GOLDEN=write python -m pytest tests/tui/test_golden.py`, then read the diff.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from time import monotonic

import pytest
from actions import missing_on_screen
from made_up_play import SYSTEMS
from painted_screen import PaintedScreen, clicks
from scripted_trainer import ScriptedTrainer
from textual.actions import parse

from rnnplay import client
from rnnplay import protocol as say
from rnnplay.catalogue import make_config
from rnnplay.tui.app import Playground
from rnnplay.tui.state.drafts import RunDrafts

GOLDEN = Path(__file__).parent / "golden"
WRITE = os.environ.get("GOLDEN") == "write"
PATIENCE = 4.0  # seconds until a screen that still differs counts as different
SETTLED = 1.2  # seconds until a screen that is written to a file has painted all that it waits for
SIZES = ((120, 40), (80, 24))

DEAD_CLICKS: dict[str, set[str]] = {}  # known ones, by place

Scenes = tuple[tuple[str, tuple[str, ...]], ...]  # (name, keys)
TEXT: dict[str, Scenes] = {
    "play": (
        ("running", ("enter",)),
        ("loss", ("2", "l")),
        ("loss-full", ("f",)),
        ("cells", ("escape", "3", "right", "right")),
        ("find", ("slash", "q", "u", "o")),
        ("found", ("tab", "enter")),
        ("sample", ("4", "c")),
        ("settings", ("1", "e", "down", "down", "right")),
        ("help", ("escape", "question_mark")),
    ),
    "cells": (
        ("text", ("enter", "3", "f")),
        ("find", ("slash", "q", "u", "o")),
        ("found", ("tab", "enter")),
        ("proof", ("a",)),
        ("surprise", ("c",)),
        ("gates", ("p",)),
        ("units", ("v", "right", "right")),
    ),
    "sample": (
        ("written", ("enter", "4", "f")),
        ("stopped", ("w", "down")),
        ("held", ("w", "k", "right_square_bracket")),
        ("prompt", ("p", "T", "h", "e")),
        ("form", ("escape", "e", "down")),
    ),
    "unroll": (
        ("grid", ("enter", "5")),
        ("walked", ("right", "right", "down")),
        ("opened", ("enter",)),
        ("opened-full", ("f",)),
        ("changed", ("escape", "escape", "5", "plus", "a")),
        ("gate", ("g", "g")),
        ("rolled", ("z",)),
    ),
    "network": (
        ("matrix", ("enter", "9")),
        ("walked", ("right", "down", "g")),
        ("earlier", ("left_square_bracket",)),
        ("list", ("tab", "j", "j")),
    ),
    "time": (
        ("gradient", ("enter", "6")),
        ("one-unit", ("tab", "up")),
        ("past", ("tab",)),
        ("full", ("f",)),
    ),
}  # fmt: skip
ITEMS: dict[str, Scenes] = {
    "items": (
        ("example", ("enter",)),
        ("next", ("4", "right")),
        ("question", ("s", "t", "h", "e")),
        ("answer", ("enter",)),
    ),
}


@pytest.mark.parametrize("system", ["truecolor", "16"])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("place", [*TEXT, *ITEMS])
async def test_each_place_is_painted_as_before(
    place: str, size: tuple[int, int], system: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "TEXTUAL_THEME", "COLORFGBG", "TERM", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in SYSTEMS[system].items():
        monkeypatch.setenv(name, value)

    trainers: list[ScriptedTrainer] = []

    async def start(opening: say.Command) -> ScriptedTrainer:
        trainers.append(ScriptedTrainer(opening))
        return trainers[-1]

    monkeypatch.setattr(client.TrainerClient, "start", start)
    task = "tagging" if place in ITEMS else "prose"
    app = Playground(RunDrafts(task))
    problems: list[str] = []
    dead: set[str] = set()
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        app.drafts.adopt(make_config(task, cell="lstm", hidden=6, layers=2, seq_len=64, batch=32, lr=4e-3))
        for scene, keys in (TEXT | ITEMS)[place]:
            await pilot.press(*keys)
            await pilot.pause()
            name = f"{place}-{scene}.{size[0]}x{size[1]}.{system}.txt"
            if not WRITE:
                problems += [f"{name}: {line}" for line in await differences(app, GOLDEN / name)]
            else:
                await asyncio.sleep(SETTLED)
                PaintedScreen.of(app).write(GOLDEN / name)
            dead |= {parse(action)[1] for action in clicks(app) if missing_on_screen(app, action)}
        await app.session.close()
    assert [error for trainer in trainers for error in trainer.errors] == []
    assert not problems, "\n" + "\n".join(problems[:60])
    assert dead == DEAD_CLICKS.get(place, set())  # actions that are painted for a click and that nothing answers


async def differences(app: Playground, path: Path) -> list[str]:
    """Wait until the screen is as the file says; return what still differs after PATIENCE."""
    if not path.exists():
        return ["there is no such file in golden/"]
    wanted, end = PaintedScreen.read(path), monotonic() + PATIENCE
    while (found := PaintedScreen.of(app).differences(wanted)) and monotonic() < end:
        await asyncio.sleep(0.02)
    return found


def test_no_file_is_left_over() -> None:
    known = {f"{place}-{scene}" for place, scenes in (TEXT | ITEMS).items() for scene, _ in scenes}
    assert {path.name.split(".")[0] for path in GOLDEN.glob("*.txt")} == known

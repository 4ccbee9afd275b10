"""A place is one folder and one line: added to a copy of the package, its key leads there and back."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent.parent.parent / "rnnplay"
SCREEN = """
from rnnplay.tui.places.base import Place
from rnnplay.tui.widgets.views import StatusView


class EmptyPlace(Place):
    def panels(self):
        return ()

    def repaint_topics(self, topics):
        pass

    def reset_run(self):
        pass

    def status_view(self):
        return StatusView("An empty place.")

    def key_hints(self):
        return ()
"""
LINE = '    "empty": PlaceInfo("rnnplay.tui.places.empty.screen:EmptyPlace", "0", "Nothing to see"),\n'
VISIT = """
import asyncio
from rnnplay.tui.app import Playground
from rnnplay.tui.state.drafts import RunDrafts


async def until(app, name):
    while type(app.screen).__name__ != name:
        await asyncio.sleep(0.01)


async def visit():
    app = Playground(RunDrafts("hello", {}))
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("0")
        await until(app, "EmptyPlace")
        print(type(app.screen).__name__, app.screen.status_bar.view.text)
        await pilot.press("escape")
        await until(app, "PlayPlace")


asyncio.run(visit())
"""


def test_a_folder_and_a_line_make_a_place(tmp_path: Path) -> None:
    copy = tmp_path / "rnnplay"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "_gallery"))
    (copy / "_gallery").symlink_to(PACKAGE / "_gallery")
    folder = copy / "tui/places/empty"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "screen.py").write_text(SCREEN)
    table = copy / "tui/places/__init__.py"
    table.write_text(table.read_text().replace("PLACES = {\n", f"PLACES = {{\n{LINE}"))
    child = subprocess.run(
        [sys.executable, "-c", VISIT],
        env=os.environ | {"PYTHONPATH": str(tmp_path), "RNNPLAY_HOME": str(tmp_path / "home")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert child.returncode == 0, child.stderr
    assert child.stdout.splitlines() == ["EmptyPlace An empty place."]

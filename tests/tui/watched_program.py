"""The program as it is, watched from within: which screen is in front, the longest stall, every exception of a task.

`python tests/tui/watched_program.py REPORT ERRORS ARGUMENTS...`: lines of JSON go to the file REPORT whenever something
changes, tracebacks to the file ERRORS. Exceptions that a person is told in words (UserError) are none.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from textual.app import App

from rnnplay.config import UserError

BEAT = 0.05  # seconds between two heartbeats of the loop
LOOK = 0.01  # seconds between two looks at the screens
CAUGHT = (asyncio.CancelledError, UserError, TimeoutError, OSError)  # belong to a task's life


class Watch:
    def __init__(self, report: Path, errors: Path) -> None:
        self.report, self.errors = report, errors
        self.apps: list[App[Any]] = []
        self.stall = 0.0
        self._beats = False

    def wrote(self, error: BaseException) -> None:
        with self.errors.open("a", encoding="utf-8") as file:
            file.write("".join(traceback.format_exception(error)) + "\n")

    def start(self) -> None:
        logging.basicConfig(filename=self.errors, level=logging.ERROR)
        threading.excepthook = lambda given: self.wrote(given.exc_value or SystemExit())
        run, watch = App.run, self

        def watched(app: App[Any], *arguments: Any, **options: Any) -> Any:
            watch.apps.append(app)
            return run(app, *arguments, **options)

        App.run = watched  # type: ignore[method-assign]
        policy = asyncio.DefaultEventLoopPolicy()
        new_loop = policy.new_event_loop

        def loop_with_watch() -> asyncio.AbstractEventLoop:
            loop = new_loop()
            loop.set_task_factory(self.new_task)
            return loop

        policy.new_event_loop = loop_with_watch  # type: ignore[method-assign]
        asyncio.set_event_loop_policy(policy)
        threading.Thread(target=self.look, daemon=True).start()

    def new_task(self, loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> Any:
        if not self._beats:
            self._beats = True
            loop.call_later(BEAT, self.beat, loop, time.monotonic() + BEAT)
        task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **options)
        task.add_done_callback(self.ended)
        return task

    def ended(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, CAUGHT):
            self.wrote(error)

    def beat(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self.stall = max(self.stall, time.monotonic() - due)
        loop.call_later(BEAT, self.beat, loop, time.monotonic() + BEAT)

    def look(self) -> None:
        last = ""
        while True:
            time.sleep(LOOK)
            line = json.dumps(self.seen())
            if line != last:
                with self.report.open("a") as file:
                    file.write(line + "\n")
                last = line

    def seen(self) -> dict[str, Any]:
        if not self.apps:
            return {"stack": [], "stall": 0.0}
        app: Any = self.apps[-1]
        try:
            stack = [type(screen).__name__ for screen in app.screen_stack]
            return {
                "stack": stack,
                "focus": type(app.focused).__name__,
                "run": getattr(app.session, "run", None),
                "stall": round(self.stall, 2),
            }
        except Exception:  # between two screens
            return {"stack": [], "stall": round(self.stall, 2)}


if __name__ == "__main__":
    report, errors, *arguments = sys.argv[1:]
    Watch(Path(report), Path(errors)).start()
    sys.argv = ["rnnplay", *arguments]
    from rnnplay.cli import main

    sys.exit(main())

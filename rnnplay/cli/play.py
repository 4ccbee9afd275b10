"""`rnnplay` and `rnnplay play`: open the screen on a task, on a run, or on what there is to come back to."""

import os
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from rnnplay.catalogue import CATALOGUE, make_config
from rnnplay.cli.common import resolve_run_argument
from rnnplay.config import UserError
from rnnplay.gallery import GALLERY


def find_run(names: tuple[str, ...], root: str | None) -> Path | None:
    """Return the directory of the run that is named; None if a task, nothing or several are named.

    A task's name wins over a directory's. Raises UserError if what is named is neither a task nor a run.
    """
    tasks = {task.name for task in CATALOGUE}
    if len(names) != 1 or names[0] in tasks or Path(os.path.expanduser(names[0])).is_file():
        return None
    name = names[0]
    if name in {network.name for network in GALLERY}:
        name = f"gallery/{name}"
    try:
        return Path(resolve_run_argument(name, root))
    except UserError:
        if name == "last" or "/" in name or Path(name).is_dir():
            raise
        near = get_close_matches(name, tasks, n=1, cutoff=0.4)
        remedy = f"Did you mean {near[0]}?" if near else "Choose a task."
        lists = "`rnnplay tasks` lists the tasks, `rnnplay runs` the runs."
        raise UserError(f"There is no task and no run {name!r}.", f"{remedy} {lists}") from None


def play_task(task: str | None, chosen: dict[str, Any], root: str | None) -> None:
    """Open the screen on a task and start; without one, on what there is to come back to.

    Raises UserError if there is no terminal for it, or if a setting is not valid.
    """
    name = task or ("text" if "text" in chosen else None)
    if name is not None:
        make_config(name, **chosen)
    elif chosen:
        raise UserError("Settings are given, but no task.", "Name one that `rnnplay tasks` lists.")
    _require_terminal(f"Train without a screen: rnnplay train {name or 'hello'}.")
    from rnnplay.tui.app import open_playground

    sys.exit(open_playground(name, chosen, root))


def play_run(name: str, run: Path, chosen: dict[str, Any], root: str | None) -> None:
    """Open the screen on a run. Raises UserError if settings are given, or there is no terminal for it."""
    from rnnplay.runs import load_record

    config = load_record(run).config
    if chosen:
        given = ", ".join(f"--{setting.replace('_', '-')}" for setting in chosen if setting != "more_texts")
        raise UserError(
            f"{given} cannot be given together with the run {name}: it has its own settings.",
            f"Leave it out, or begin a new run: rnnplay play {config.task}.",
        )
    _require_terminal(f"Go on without a screen: rnnplay resume {name}.")
    from rnnplay.tui.app import open_playground

    sys.exit(open_playground(runs=root, run=run))


def _require_terminal(remedy: str) -> None:
    """Raise UserError with `remedy` if there is no terminal for the screen."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):  # Textual reads from the one and paints on the other
        raise UserError("The playground needs a terminal on standard input and standard error.", remedy)
    if os.environ.get("TERM", "dumb") == "dumb":
        raise UserError("The playground needs a terminal that can move its cursor (TERM is dumb).", remedy)

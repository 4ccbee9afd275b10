"""Find the run that a person means: a directory, a name, an id, or `last`."""

import os
from pathlib import Path

from rnnplay.config import UserError
from rnnplay.runs.directory import CONFIG, is_run, run_dirs, run_id
from rnnplay.runs.lock import opened_at


def resolve(run: str, root: Path) -> Path:
    """The directory of `run`: a directory, a name, an id or `last`, the run last worked on.

    Raises UserError if there is none.
    """
    if not run:
        raise UserError("No run is named.", "Give a directory, an id or `last`.")
    runs = run_dirs(root)
    if run == "last":
        if not runs:
            raise UserError(f'There is no run in "{root}" yet.', "Train one: rnnplay train hello.")
        return max(runs, key=lambda path: (opened_at(path), path.name))
    path = Path(os.path.expanduser(run))
    if path.is_dir():
        if not is_run(path):
            raise UserError(f'"{path}" is not a run: it has no {CONFIG}.', "`rnnplay runs` lists the runs.")
        return path.absolute()
    matches = [path for path in runs if run in (path.name, run_id(path))]
    if len(matches) > 1:
        raise UserError(f"Several runs have the id {run}.", f"Give the whole name, such as {matches[0].name}.")
    if not matches:
        raise UserError(
            f'There is no run {run!r} in "{root}".', "`rnnplay runs` lists the runs; `last` is the last one."
        )
    return matches[0]

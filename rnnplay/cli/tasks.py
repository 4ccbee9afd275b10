"""`rnnplay tasks`: what there is to learn, how long it takes here, and with --check whether each preset solves it."""

import click

from rnnplay.cli.common import complete_task, json_lines_option, run_and_exit
from rnnplay.config import UserError


@click.command()
@click.argument("names", nargs=-1, metavar="[TASK]...", shell_complete=complete_task)
@click.option("--check", is_flag=True, help="Train each preset and say whether it solves its task.")
@click.option("--seeds", default=1, show_default=True, help="Check so many seeds, from the preset's own on.")
@click.option("--minutes", default=1.0, show_default=True, help="Minutes to check a preset that has no limit (texts).")
@click.option("--runs", metavar="DIR", help="Keep the checked runs in this folder.")
@json_lines_option
def tasks(names: tuple[str, ...], check: bool, seeds: int, minutes: float, runs: str | None, as_json: bool) -> None:
    """List the tasks, with the time that each took here to be learned.

    With --check every preset (or those of TASK...) is trained and measured on items it never trained on: a table tells
    its measure against the criterion, and its loss against a simple predictor's; and what Time and the
    health line say of it must not contradict itself. The exit status is 1 if any task is unsolved or contradicted.
    """
    from rnnplay.catalogue import CATALOGUE, task_info

    chosen = [task_info(name) for name in names] or list(CATALOGUE)
    if not check:
        from rnnplay.cli.preset_check import list_tasks

        list_tasks(chosen, as_json)
        return
    if seeds < 1:
        raise UserError(f"--seeds is {seeds}.", "Give a number of seeds, at least 1.")
    if not 0 < minutes <= 10_000:
        raise UserError(f"--minutes is {minutes:g}.", "Give a number above 0 and at most 10000.")
    if "text" in names:
        raise UserError("The task text needs a file of one's own.", "Train on it: rnnplay train --text FILE.")
    from rnnplay.cli.preset_check import check_all

    run_and_exit(check_all([task for task in chosen if task.name != "text"], seeds, minutes, runs, as_json))

"""What is learned: a Task makes Batches, scores them and names what is true at each time step."""

from rnnplay.catalogue import entry
from rnnplay.config import RunConfig, UserError
from rnnplay.tasks.base import Task


def make(config: RunConfig) -> Task:
    """The task that `config` names, ready to make batches. UserError: there is no such task, or its file is none."""
    known = entry(config.task)
    if config.column is not None and not known.columns:
        raise UserError(f"The task {config.task} reads no table.", f"Leave out the column {config.column!r}.")
    if config.column is not None and config.text is None:
        raise UserError(f"There is no table with a column {config.column!r}.", "Name the CSV too, or leave it out.")
    if config.task == "hello":
        from rnnplay.tasks.hello import Hello

        return Hello(config)
    from rnnplay.tasks.registry import GENERATED
    from rnnplay.tasks.text import TextTask

    return GENERATED.get(config.task, TextTask)(config)

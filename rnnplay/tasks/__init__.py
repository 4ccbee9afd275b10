"""What is learned: a Task makes Batches, scores them and names what is true at each step."""

from rnnplay.catalogue import entry
from rnnplay.config import RunConfig, UserError
from rnnplay.tasks.base import Task
from rnnplay.tasks.data import TaskData


def make(config: RunConfig, known: TaskData | None = None) -> Task:
    """Return the task that `config` names, ready to make batches.

    known: data of an earlier text or table, whose vocabulary, labels and scaling are used for the present one. Raises
    UserError if there is no such task, or if its file is none.
    """
    task = entry(config.task)
    if config.column is not None and not task.columns:
        raise UserError(f"The task {config.task} reads no table.", f"Leave out the column {config.column!r}.")
    if config.column is not None and config.text is None:
        raise UserError(f"There is no table with a column {config.column!r}.", "Name the CSV too, or leave it out.")
    if config.task == "hello":
        from rnnplay.tasks.hello import Hello

        return Hello(config)
    from rnnplay.tasks.registry import FROM_TEXT, GENERATED
    from rnnplay.tasks.text import TextTask

    if config.task in GENERATED:
        return GENERATED[config.task](config)
    return FROM_TEXT.get(config.task, TextTask)(config, known)


def restore(config: RunConfig, data: TaskData) -> Task:
    """Return the task of `config` without its text, from `data` alone: its network can be used but not be trained.

    Raises UserError if `data` is not that of such a task.
    """
    from rnnplay.tasks.registry import FROM_TEXT, GENERATED
    from rnnplay.tasks.text import TextTask

    remedy = "Open the run where its text is at hand."
    if config.task in ("hello", *GENERATED):
        raise UserError(f"The task {config.task} reads no text.", remedy)
    try:
        return FROM_TEXT.get(config.task, TextTask)(config, data, reads_text=False)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"What the run stores of its text is not understood ({error!r}).", remedy) from None

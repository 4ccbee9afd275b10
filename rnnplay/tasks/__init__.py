"""The tasks: a Task makes Batches, scores a network and names the features of each time step."""

from rnnplay.catalogue import task_info
from rnnplay.config import RunConfig, UserError
from rnnplay.tasks.base import Task
from rnnplay.tasks.data import TaskData


def make(config: RunConfig, known: TaskData | None = None) -> Task:
    """Return the task that `config` names, ready to make batches.

    known: data of an earlier text or table, whose vocabulary, labels and scaling are used for the present one. Raises
    UserError if there is no such task, or if its file is none.
    """
    task = task_info(config.task)
    if config.column is not None and not task.reads_table:
        raise UserError(f"The task {config.task} reads no table.", f"Leave out the column {config.column!r}.")
    if config.column is not None and config.text is None:
        raise UserError(f"There is no table with a column {config.column!r}.", "Name the CSV too, or leave it out.")
    if config.more_texts and (config.text is None or task.reads_table or config.task == "sentiment"):
        raise UserError(f"The task {config.task} reads one file.", "Name one with --text.")
    from rnnplay.tasks.registry import TASK_CLASSES, reading_class

    if config.task in TASK_CLASSES:
        return TASK_CLASSES[config.task](config)
    return reading_class(config)(config, known)


def restore(config: RunConfig, data: TaskData) -> Task:
    """Return the task of `config` without its text, from `data` alone: its network can be used but not be trained.

    Raises UserError if `data` is not that of such a task.
    """
    from rnnplay.tasks.registry import TASK_CLASSES, reading_class

    remedy = "Open the run where its text is at hand."
    if config.task in TASK_CLASSES:
        raise UserError(f"The task {config.task} reads no text.", remedy)
    try:
        return reading_class(config)(config, data, reads_text=False)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"What the run stores of its text is not understood ({error!r}).", remedy) from None

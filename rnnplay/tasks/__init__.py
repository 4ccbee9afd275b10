"""What is learned: a Task makes Batches, scores them and names what is true at each time step."""

from importlib import import_module

from rnnplay.catalogue import entry
from rnnplay.config import RunConfig
from rnnplay.tasks.base import Task

# Where each task's class lives; a task that is not listed here reads a text by characters.
CLASSES = {
    "hello": "hello:Hello",
}


def make(config: RunConfig) -> Task:
    """The task that `config` names, ready to make batches. UserError: there is no such task, or its text is none."""
    entry(config.task)
    module, name = CLASSES.get(config.task, "text:TextTask").split(":")
    task: Task = getattr(import_module(f"rnnplay.tasks.{module}"), name)(config)
    return task

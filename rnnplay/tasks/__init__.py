"""What is learned: a Task makes Batches, scores them and names what is true at each time step."""

from rnnplay.catalogue import entry
from rnnplay.config import RunConfig
from rnnplay.tasks.base import Task


def make(config: RunConfig) -> Task:
    """The task that `config` names, ready to make batches. UserError: there is no such task, or its text is none."""
    entry(config.task)
    if config.task == "hello":
        from rnnplay.tasks.hello import Hello

        return Hello(config)
    from rnnplay.tasks.registry import GENERATED
    from rnnplay.tasks.text import TextTask

    return GENERATED.get(config.task, TextTask)(config)

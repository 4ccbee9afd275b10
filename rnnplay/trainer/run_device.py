"""The device with which a run goes on: its own, or another one that is named, and what is said of the change."""

from dataclasses import replace

import msgspec

from rnnplay.backend.auto_device import choose_device
from rnnplay.config import RunConfig, validate
from rnnplay.tasks.base import Task
from rnnplay.trainer.learner import architecture
from rnnplay.trainer.run_task import RunTask


def with_chosen_device(config: RunConfig, task: Task) -> tuple[RunConfig, tuple[str, ...]]:
    """The settings of a new run with a device in the place of auto, and sentences on the choice.

    A run keeps to it: another device shows in the last digits.
    """
    if config.device != "auto":
        return config, ()
    device, sentence = choose_device(config, architecture(config, task))
    return msgspec.structs.replace(config, device=device), (sentence,) if sentence else ()


def with_device(opened: RunTask, device: str | None) -> tuple[RunTask, tuple[str, ...]]:
    """The run with the device that it goes on with, and sentences on a change.

    device: None is the run's own, which is never auto. Raises UserError if there is no such device.
    """
    config = opened.record.config
    own = "cpu" if config.device == "auto" else config.device  # auto: a run of before devices were recorded
    config = validate(msgspec.structs.replace(config, device=device or own))
    config, sentences = with_chosen_device(config, opened.task)
    if config.device != own:
        change = (
            f"The run goes on with the device {config.device} instead of {own}: "
            "its last digits will differ from those of an unbroken run."
        )
        sentences = (*sentences, change)
    return replace(opened, record=msgspec.structs.replace(opened.record, config=config)), sentences

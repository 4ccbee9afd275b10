"""The tasks that read a text character by character."""

import math
import os
from typing import Any

import msgspec

from rnnplay.catalogue.info import TaskInfo
from rnnplay.config import BY_LENGTH, Document, RunConfig

# What decides is regularisation, the more of it the shorter the text; a mean of the last weights bears a high rate.
_TEXT_PRESET: dict[str, Any] = {
    "cell": "lstm",
    "hidden": 128,
    "batch": 16,
    "seq_len": 100,
    "lr": 8e-3,
    "dropout": 0.2,
    "weight_dropout": 0.2,
    "weight_decay": 0.02,
    "ema_decay": 0.995,
}
_LONG_TEXT_PRESET: dict[str, Any] = _TEXT_PRESET | {"dropout": 0.1, "weight_dropout": 0.1, "weight_decay": 0.0}
# With less, the shortest of them begins to be known by heart after 40 seconds.
_SHORT_TEXT_PRESET: dict[str, Any] = _TEXT_PRESET | {
    "lr": 1e-2,
    "dropout": 0.4,
    "weight_dropout": 0.4,
    "weight_decay": 0.05,
    "ema_decay": 0.99,
    "evaluate_every": 250,
}
# A mean too short to lag behind the learning of a long text. What is None is chosen by `with_length` once it is read.
_OWN_TEXT_PRESET: dict[str, Any] = _TEXT_PRESET | {name: None for name in BY_LENGTH} | {"ema_decay": 0.99}
# Most items are read whole, since no gradient goes back beyond a window; one of short items is as long as they are.
ITEM_PRESET: dict[str, Any] = {"seq_len": 256}
# (symbols to learn from, at most; values of BY_LENGTH): by the held-out loss after two minutes on two cores.
_BY_LENGTH: tuple[tuple[float, tuple[int, int, float, float, float]], ...] = (
    (250_000, (128, 0, 0.3, 0.3, 0.05)),
    (1_500_000, (256, 300, 0.2, 0.2, 0.0)),
    (math.inf, (256, 300, 0.0, 0.0, 0.0)),
)
# Fewer units have none to spare for long memories: with 128 the held-out loss was higher by 0.02 nats.
_UNITS_TO_SPARE = 256
# Hundreds of names: with less they are known by heart after 500 steps. A tune is longer, and with so much decay no
# network counts its bars.
_FEW_SHORT_ITEMS = (128, 0, 0.5, 0.5, 1.0)
_FEW_SYMBOLS, _SHORT_ITEM = 10_000, 32  # symbols of all items, and of one in the mean, at most


def document_of(task: str, text: str | None, chosen: Document | None = None) -> Document:
    """Return what an item of a text is: as chosen, else a file of a folder, else "none". text: its path, if any."""
    is_folder = task == "text" and text is not None and os.path.isdir(os.path.expanduser(text))
    return chosen or ("file" if is_folder else "none")


def with_length(config: RunConfig, symbols: int, items: int = 0) -> tuple[RunConfig, dict[str, float]]:
    """`config` with what its text's length decides, and these settings by name.

    symbols: that it is learned from. items: into which the text is divided, each learned by itself; 0: it is not.
    """
    if 0 < symbols <= min(_FEW_SYMBOLS, items * _SHORT_ITEM):
        values: tuple[float, ...] = _FEW_SHORT_ITEMS
    else:
        values = next(values for most, values in _BY_LENGTH if symbols <= most)
    chosen = {name: value for name, value in zip(BY_LENGTH, values, strict=True) if getattr(config, name) is None}
    is_small = chosen.get("hidden", config.hidden or 0) < _UNITS_TO_SPARE
    if "max_time_constant" in chosen and (is_small or config.chrono_max_lag > 1 or config.forget_bias != 1.0):
        chosen["max_time_constant"] = 0  # or a person has chosen how the gates begin
    return msgspec.structs.replace(config, **chosen), chosen


# With these a quote cell forms within two minutes.
_PROSE_PRESET: dict[str, Any] = _SHORT_TEXT_PRESET | {"dropout": 0.3, "weight_dropout": 0.3}

TASKS: tuple[TaskInfo, ...] = (
    TaskInfo(
        name="prose",
        group="TEXT",
        summary="short stories with much talk: which unit knows that it is inside quotes?",
        description=(
            "Stories in which people talk a lot, so one unit may learn to follow the quotation marks. "
            "Many to many: at every character it predicts the next."
        ),
        io_pattern="many to many",
        preset=_PROSE_PRESET,
    ),
    TaskInfo(
        name="play",
        group="TEXT",
        summary="a play in five acts: names in capitals, then lines of verse",
        description=(
            "Who speaks stands on a line of its own: units may follow names, line lengths and stage directions. "
            "Many to many: at every character it predicts the next."
        ),
        io_pattern="many to many",
        preset=_SHORT_TEXT_PRESET,
    ),
    TaskInfo(
        name="latex",
        group="TEXT",
        summary="mathematical papers: environments that open and close, formulas, comments",
        description=(
            "What \\begin opens must be closed by \\end, far on: units may follow formulas and environments. "
            "Many to many: at every character it predicts the next."
        ),
        io_pattern="many to many",
        preset=_SHORT_TEXT_PRESET,
    ),
    TaskInfo(
        name="code",
        group="TEXT",
        summary="ten C modules: comments, strings, braces, indentation",
        description=(
            "Units may follow comments, strings and how deep the braces are nested, as in any large program. "
            "Many to many: at every character it predicts the next."
        ),
        io_pattern="many to many",
        preset=_SHORT_TEXT_PRESET,
    ),
    TaskInfo(
        name="docs",
        group="TEXT",
        summary="the documentation topics that every Python carries",
        description=(
            "Half a megabyte of technical English with code, read from the Python that runs this program. "
            "Many to many: at every character it predicts the next."
        ),
        io_pattern="many to many",
        preset=_TEXT_PRESET,
    ),
    TaskInfo(
        name="python",
        group="TEXT",
        summary="megabytes of source code: brackets, strings, comments, indentation",
        description=(
            "The source of Python's standard library: units may follow brackets, strings, comments and indentation. "
            "Many to many: at every character it predicts the next."
        ),
        io_pattern="many to many",
        preset=_LONG_TEXT_PRESET,
    ),
    TaskInfo(
        name="text",
        group="TEXT",
        summary="any UTF-8 file: rnnplay train --text FILE",
        description=(
            "Any text file: the vocabulary is every character in it. "
            "Many to many: at every character it predicts the next."
        ),
        io_pattern="many to many",
        preset=_OWN_TEXT_PRESET,
    ),
)

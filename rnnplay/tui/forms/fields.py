"""The settings that are edited in place: how each is shown, stepped through with the arrows, and typed.

Numbers step through round values; what can be changed while a run goes on is marked live.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from typing import Any

from rnnplay.catalogue import task_info
from rnnplay.config import (
    BY_LENGTH,
    CELLS,
    DECIMAL_SIGNS,
    DEVICES,
    DOCUMENTS,
    MISSING,
    OPTIMIZERS,
    PRECISIONS,
    SEPARATORS,
    UserError,
)
from rnnplay.tui.paint.numbers import rate

NAMES = {
    "rnn": "RNN", "lstm": "LSTM", "gru": "GRU",
    "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSProp", "adagrad": "Adagrad", "sgd": "SGD",
}  # fmt: skip
_THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+(\.\d*)?$")  # 12,431
_TWOS = tuple(float(2**n) for n in range(13))
_LENGTHS = (5.0, 10.0, 16.0, 25.0, 32.0, 50.0, 64.0, 100.0, 128.0, 200.0, 256.0, 500.0, 1000.0)
_LADDER = tuple(m * 10.0**e for e in range(-6, 3) for m in (1, 2, 5))
_STEPS = (100.0, 200.0, 500.0, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6)
_SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class Field:
    """One setting. `kind`: choice | whole | number | text; `values` are what the arrows step through."""

    name: str
    label: str
    kind: str
    values: tuple[Any, ...] = ()
    live: bool = False
    none: str = ""  # what None is shown as, where it is allowed
    zero: str = ""  # what 0 is shown as
    by_length: bool = False  # None, which the arrows reach before the least value: by the text's length

    @property
    def help(self) -> str:
        return FIELD_HELP.get(self.name, "") + ("; by length: chosen once the text is read" if self.by_length else "")

    def show(self, value: Any) -> str:
        if value is None:
            return "by length" if self.by_length else self.none
        if isinstance(value, bool):
            return "yes" if value else "no"
        if value == 0 and self.zero and self.kind != "choice":
            return self.zero
        if self.kind == "number":
            return rate(float(value))
        if self.kind == "whole":
            return f"{int(value):,}"
        if self.name == "text":
            return os.path.basename(str(value))  # of a path its end tells
        return NAMES.get(str(value), str(value))

    def step(self, value: Any, by: int) -> Any:
        """The value one step further, or before; at an end it stays."""
        if self.kind == "text":
            return value
        if self.kind == "choice":
            at = self.values.index(value) if value in self.values else 0
            return self.values[(at + by) % len(self.values)]
        if not self.values:
            return max(0, int(value) + by)
        if value is None:
            if by > 0:
                return self._typed(self.values[0]) if self.by_length else value
            return value if self.by_length else self._typed(self.values[-1])
        ladder = [float(v) for v in self.values]
        if by > 0:
            above = [v for v in ladder if v > value * (1 + 1e-9) + 1e-12]
            return self._typed(above[0]) if above else (None if self.none else value)
        below = [v for v in ladder if v < value * (1 - 1e-9) - 1e-12]
        return self._typed(below[-1]) if below else (None if self.by_length else value)

    def _typed(self, value: float) -> Any:
        return int(value) if self.kind == "whole" else float(f"{value:.6g}")

    def parse(self, text: str) -> Any:
        """The value that was typed. Raises UserError where it is none."""
        if self.kind == "text":
            return text or None
        text = text.strip()
        if self.kind == "choice":
            matching = [v for v in self.values if self.show(v).lower().startswith(text.lower())] if text else []
            if not matching:
                raise UserError(
                    f"{self.label} cannot be {text!r}.", f"Choose one of: {', '.join(map(self.show, self.values))}."
                )
            return matching[0]
        if not text and (self.none or self.by_length):
            return None
        if self.zero and text.lower() == self.zero:
            return 0 if self.kind == "whole" else 0.0
        try:
            value = float(text.replace(",", "") if _THOUSANDS.match(text) else text)
            return int(value) if self.kind == "whole" and value == int(value) else value
        except (ValueError, OverflowError):
            remedy = "Type a whole number." if self.kind == "whole" else "Type a number, as 0.002 or 2e-3."
            if "," in text:
                remedy = "Write decimals after a point: 0.5."
            raise UserError(f"{text!r} is not a number.", remedy) from None

    def accepts(self, character: str) -> bool:
        """Return whether a key begins a value of this field, and is no command."""
        if not character.isprintable():
            return False
        if self.kind == "text":
            return True
        if self.kind == "choice":
            return any(self.show(value).lower().startswith(character.lower()) for value in self.values)
        return (
            character.isdigit() or character == "." or (character == "-" and bool(self.values) and self.values[0] < 0)
        )


FIELDS: tuple[Field, ...] = (
    Field("cell", "cell", "choice", CELLS),
    Field("hidden", "hidden", "whole", _TWOS),
    Field("layers", "layers", "whole", (1.0, 2.0, 3.0, 4.0, 6.0, 8.0)),
    Field("optimizer", "optimizer", "choice", OPTIMIZERS),
    Field("lr", "lr", "number", _LADDER, live=True),
    Field("clip", "clip", "number", (0.0, *_LADDER[12:24]), live=True, zero="off"),
    Field("batch", "batch", "whole", _TWOS),
    Field("seq_len", "length", "whole", _LENGTHS),
    Field("steps", "steps", "whole", _STEPS, none="no limit"),
    Field("seed", "seed", "whole"),
)
TEXT_FIELD = Field("text", "file", "text", none="type a path")
OWN_FIELD = Field("text", "own file", "text", none="none")
COLUMN_FIELD = Field("column", "column", "text", none="the only one")
TABLE_FIELDS = (
    Field("separator", "separator", "choice", (None, *SEPARATORS), none="that fits"),
    Field("decimal", "decimal", "choice", (None, *DECIMAL_SIGNS), none="that fits"),
    Field("missing", "missing", "choice", MISSING),
)
DOCUMENT_FIELD = Field("document", "items", "choice", (None, *DOCUMENTS), none="files of a folder")
ENCODING_FIELD = Field("encoding", "encoding", "text", none="by its mark")
MORE_FIELDS: tuple[Field, ...] = (
    Field("activation", "activation", "choice", ("tanh", "sigmoid", "relu", "identity")),
    Field("init", "init", "choice", ("uniform", "normal", "orthogonal", "identity")),
    Field("forget_bias", "forget b.", "number", (-1.0, 0.0, 1.0, 2.0, 5.0)),
    Field("max_time_constant", "memory to", "whole", (0.0, *_LENGTHS), zero="forget b."),
    Field("dropout", "dropout", "number", _SHARES),
    Field("weight_dropout", "w. drop.", "number", _SHARES),
    Field("schedule", "schedule", "choice", ("constant", "step", "cosine")),
    Field("warmup", "warm-up", "whole", (0.0, *_STEPS)),
    Field("momentum", "momentum", "number", (0.0, 0.5, 0.9, 0.95, 0.99)),
    Field("weight_decay", "decay", "number", (0.0, *_LADDER[3:18])),
    Field("carry", "carry", "choice", (True, False)),
    Field("normalize", "normalize", "choice", ("none", "nfc", "nfd")),
    Field("read_as_bytes", "bytes", "choice", (True, False)),
    Field("max_vocabulary", "vocab.", "whole", (*_TWOS[1:], 16_384.0, 32_768.0, 65_536.0)),
    Field("evaluate_every", "evaluate", "whole", _STEPS),
    Field("patience", "patience", "whole", (0.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0), zero="no limit"),
    Field("epochs", "epochs", "number", (1.0, 2.0, 5.0, 10.0, 20.0, 50.0), none="no limit"),
    Field("minutes", "minutes", "number", (1.0, 2.0, 5.0, 10.0, 30.0, 60.0), none="no limit"),
    Field("dtype", "numbers", "choice", ("float32", "float64")),
    Field("device", "device", "choice", DEVICES),
    Field("precision", "precision", "choice", PRECISIONS),
)
_TEMPERATURES = (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 2.0)
SAMPLE_FIELDS: tuple[Field, ...] = (
    Field("temperature", "temp.", "number", _TEMPERATURES, live=True),
    Field("top_k", "top-k", "whole", (0.0, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0), live=True, zero="all"),
    Field("top_p", "top-p", "number", (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0), live=True),
    Field("chars_per_s", "char/s", "number", (5.0, 25.0, 100.0, 250.0, 600.0, 1_000.0, 5_000.0), live=True),
    Field("seed", "seed", "whole"),
    Field("prompt", "prompt", "text", none="none"),
    Field("length", "length", "whole", (100.0, 200.0, 400.0, 1000.0, 2000.0), none="no end"),
)
CLAMP_FIELD = Field("clamp", "clamp at", "number", tuple(n / 10 for n in range(-20, 21)))


def fields_for(task: str, full: bool = False) -> tuple[Field, ...]:
    """The settings of a task; all of them in full screen."""
    info = task_info(task)
    text_fields = (TEXT_FIELD,) if task == "text" else (OWN_FIELD,) if info.file_help else ()
    first = (*text_fields, *((COLUMN_FIELD,) if info.reads_table else ()), *FIELDS)
    encoding = (ENCODING_FIELD,) if task == "text" or info.file_help else ()
    table = TABLE_FIELDS if info.reads_table else ()
    items = (DOCUMENT_FIELD,) if task == "text" else ()
    fields = (*first, *table, *items, *encoding, *MORE_FIELDS) if full else first
    if task != "text":
        return fields
    return tuple(replace(f, by_length=True) if f.name in BY_LENGTH else f for f in fields)


LIVE = frozenset(field.name for field in FIELDS if field.live)
FIELD_HELP = {
    "cell": "what remembers: a plain RNN, or one with gates",
    "hidden": "units of each layer",
    "layers": "networks stacked, each reading the one below",
    "optimizer": "how a gradient becomes a step",
    "lr": "learning rate: how far a step goes",
    "clip": "a gradient longer than this is shortened to it",
    "batch": "sequences that are read side by side",
    "seq_len": "time steps that a gradient reaches back",
    "steps": "the run ends after so many",
    "seed": "the same seed, the same numbers",
    "text": "path of a file, or the name of a text that rnnplay corpora lists",
    "column": "of the table: a heading, or a number from 1",
    "activation": "of a plain RNN",
    "init": "how the first weights are drawn",
    "forget_bias": "added to an LSTM's forget gate at first: above 0 it remembers",
    "max_time_constant": "time steps that units remember at first, from 2 to so many; forget b.: all by that bias",
    "dropout": "share of h left out at random, between layers and before the readout",
    "schedule": "how the learning rate falls",
    "warmup": "steps over which the learning rate rises at first",
    "momentum": "how much of the last step goes on, where the optimizer has one",
    "weight_decay": "weights shrink by this share of the learning rate each step",
    "weight_dropout": "share of the weights W_hh left out at random",
    "carry": "whether a text's state goes on from one sequence to the next",
    "separator": "of the table's columns; none: the one that fits all rows",
    "decimal": "sign before the fraction of the table's numbers; none: the one that fits all rows",
    "missing": "values of the table: refused, their rows skipped, or filled on a line between the others",
    "document": "what one item of the text is, learned by itself: a line, what blank lines part, a file",
    "encoding": "of the text or table, such as cp1252 or gbk; none: UTF-8, or by its byte-order mark",
    "normalize": "letters with marks as one character (nfc), as letter and mark (nfd), or as they are",
    "read_as_bytes": "whether a text is read as bytes: any file can be",
    "max_vocabulary": "symbols of a text with ids of their own; rarer ones are read as one",
    "evaluate_every": "steps between two measurements on held-out text",
    "patience": "the run ends after so many evaluations without a better one",
    "epochs": "the run ends after so many readings of the text",
    "minutes": "the run ends after so many",
    "dtype": "of all numbers",
    "device": "what trains; auto: the GPU where it was measured to be faster",
    "precision": "of a GPU's products of float32 numbers: float32, tf32 or bf16, the last the fastest",
}

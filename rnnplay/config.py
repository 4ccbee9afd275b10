"""All settings of a run in one struct, checked in one place.

A `RunConfig` is data: it is sent to the trainer, written as `config.json`, and never changed in place. All settings,
from the command line, the screen or a file, pass through `validate`.
"""

import math
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from difflib import get_close_matches
from typing import Any, Literal, get_args

import msgspec

Cell = Literal["rnn", "lstm", "gru", "input-rnn"]
Activation = Literal["tanh", "sigmoid", "relu", "identity"]
Init = Literal["uniform", "normal", "orthogonal", "identity"]
OptimizerName = Literal["adam", "adamw", "rmsprop", "adagrad", "momentum", "sgd"]
Schedule = Literal["constant", "step", "cosine"]
DType = Literal["float32", "float64"]
Precision = Literal["float32", "tf32", "bf16"]
NormalForm = Literal["nfc", "nfd", "none"]
Missing = Literal["refuse", "skip", "fill"]
Separator = Literal["comma", "semicolon", "tab", "bar", "space", "spaces", "none"]
CheckpointName = int | Literal["best", "last"]  # after so many steps, of the best evaluation, or the last
Document = Literal["none", "line", "blank", "file"]
Holdout = Literal["end", "streams"]
DecimalSign = Literal["point", "comma"]

CELLS: tuple[str, ...] = get_args(Cell)
SEPARATORS: tuple[str, ...] = get_args(Separator)
DECIMAL_SIGNS: tuple[str, ...] = get_args(DecimalSign)
MISSING: tuple[str, ...] = get_args(Missing)
DOCUMENTS: tuple[str, ...] = get_args(Document)
OPTIMIZERS: tuple[str, ...] = get_args(OptimizerName)
PRECISIONS: tuple[str, ...] = get_args(Precision)

DEFAULT_VOCABULARY_SIZE, MAX_VOCABULARY = 8_192, 65_536  # symbols
MAX_HIDDEN, MAX_LAYERS, MAX_SEQ_LEN, MAX_BATCH = 8_192, 16, 100_000, 65_536
MAX_CORES = 2
DEVICES = ("auto", "cpu", "cuda")  # beside cuda:N, a GPU by its number, and torch-cpu, PyTorch's CPU for tests
_DEVICE = re.compile(r"auto|cpu|cuda(:[0-9]{1,3})?|torch-cpu")


class UserError(ValueError):
    """An error that the user can correct: one sentence on the problem, one on the remedy."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem} {remedy}")
        self.problem, self.remedy = problem, remedy


class RunConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All choices of one run. Sizes as in the literature: H = hidden, T = seq_len, B = batch, L = layers."""

    task: str
    text: str | None = None  # absolute path of the user's text or table, or of a folder of texts
    more_texts: tuple[str, ...] = ()  # absolute paths of further texts, joined to the first one
    column: str | None = None  # of that table: a heading or a number from 1; None: the only column to learn
    separator: Separator | None = None  # of its columns; None: the one that fits all rows
    decimal: DecimalSign | None = None  # the sign before a number's fraction; None: the one that fits all rows
    missing: Missing = "refuse"  # values; "fill": on a line between their neighbours
    document: Document | None = None  # an item of a text, learned by itself; None: a folder's file, else none
    encoding: str | None = None  # of the text or table; None: its byte-order mark's, else UTF-8
    normalize: NormalForm = "none"  # Unicode form that letters with marks are brought to
    read_as_bytes: bool = False  # the symbols of a text are its bytes instead of its characters; for any file
    max_vocabulary: int = DEFAULT_VOCABULARY_SIZE  # symbols of a text with ids of their own; rarer ones share one id
    validation: float = 0.1  # fraction of a text that is held out
    test: float = 0.0  # fraction of a text that is kept for a last test, after the validation part
    holdout: Holdout = "end"  # where both lie: at the text's end, or in the tail of each of the B streams

    cell: Cell = "lstm"
    hidden: int | None = 128  # None: by the length of the text, as with all of BY_LENGTH
    layers: int = 1
    activation: Activation = "tanh"  # of the cells rnn and input-rnn
    bias: bool = True
    init: Init = "uniform"  # uniform: ±1/√H
    init_scale: float = 0.01  # standard deviation if init is normal
    forget_bias: float = 1.0
    chrono_max_lag: int = 0  # > 1: gate biases for dependencies of up to this many time steps
    max_time_constant: int | None = 0  # > 1: forget-gate biases for 2 to this many time steps, instead of forget_bias
    dropout: float | None = 0.0  # between layers and before the readout
    weight_dropout: float | None = 0.0  # on W_hh, one mask a training step

    batch: int = 32
    seq_len: int = 50
    carry: bool = True  # carry a text's state over from one sequence to the next
    tbptt_steps: int = 0  # time steps through which a gradient flows back within a sequence; 0: all of them
    length_warmup_steps: int = 0  # steps over which sequences lengthen from short to full; 0: full from the start

    optimizer: OptimizerName = "adam"
    lr: float = 2e-3
    schedule: Schedule = "constant"  # of lr; step and cosine need a limit of steps or epochs
    warmup: int = 0  # steps
    momentum: float = 0.9
    clip: float = 5.0  # global gradient norm; 0: off
    clip_value: float = 0.0  # each gradient's magnitude; 0: off
    weight_decay: float | None = 0.0  # decoupled weight decay
    ema_decay: float = 0.0  # of the moving average of the weights, used for evaluation and sampling; 0: off

    steps: int | None = None  # the run ends at the first limit that it reaches; None: no limit
    epochs: float | None = None
    minutes: float | None = None
    patience: int = 0  # evaluations without a better one after which the run ends; 0: no such limit
    evaluate_every: int = 500  # steps between two evaluations, at first; more if evaluation would cost too much
    seed: int = 1
    cores: int = 0  # 2: each computes half of a large batch; 0: 2 if the machine has two, chosen when the run begins
    dtype: DType = "float32"
    device: str = "auto"  # of the training: auto | cpu | cuda | cuda:N; auto is chosen when the run begins
    precision: Precision = "tf32"  # of a GPU's products of float32 numbers


# What a text's length decides where it is None.
BY_LENGTH = ("hidden", "max_time_constant", "dropout", "weight_dropout", "weight_decay")
FORMAT = 2  # of the names in config.json, in checkpoints and in exported networks; format 1 had no number
_RENAMED_IN_FORMAT_2 = {
    "bytes": "read_as_bytes",
    "vocabulary": "max_vocabulary",
    "chrono": "chrono_max_lag",
    "truncate": "tbptt_steps",
    "grow": "length_warmup_steps",
    "decay": "weight_decay",
    "average": "ema_decay",
}


def current_name(setting: str) -> str:
    """Today's name of a setting that may be called as in format 1."""
    return _RENAMED_IN_FORMAT_2.get(setting, setting)


def upgrade_settings(settings: Mapping[str, Any], saved_format: object) -> dict[str, Any]:
    """Saved settings with today's names. saved_format: None is 1. Raises UserError if it is a later one."""
    if saved_format == FORMAT:
        return dict(settings)
    if saved_format not in (None, 1):
        raise UserError(
            f"The settings have format {saved_format!r}, this rnnplay reads up to {FORMAT}.", "Update rnnplay."
        )
    upgraded = {current_name(name): value for name, value in settings.items()}
    if "schedule" in upgraded and upgraded.get("steps") is None and upgraded.get("epochs") is None:
        upgraded["schedule"] = "constant"  # a cosine without an end was constant; today it is refused
    return upgraded


def not_utf8(error: UnicodeEncodeError) -> UserError:
    """The error for a text or a file's name that holds bytes which are not UTF-8, or not known to the locale."""
    with suppress(UnicodeError):
        name = error.object.encode("utf-8", "surrogateescape").decode()
        return UserError(f'"{name}" is not ASCII, which is all that this locale has.', "Set LC_ALL=C.UTF-8.")
    name = error.object.encode("ascii", "backslashreplace").decode()
    return UserError(f'"{name}" is not UTF-8.', "Give it in UTF-8; a file can be renamed, or linked to: ln -s.")


def _check_range(name: str, value: float, low: float, high: float, *, open_low: bool = False) -> None:
    if not math.isfinite(value) or value > high or value < low or (open_low and value == low):
        above = "above" if open_low else "at least"
        raise UserError(f"{name} is {value:g}.", f"Give a number {above} {low:g} and at most {high:g}.")


# The least and the greatest value of each number.
_RANGES: dict[str, tuple[float, float]] = {
    "hidden": (1, MAX_HIDDEN),
    "layers": (1, MAX_LAYERS),
    "batch": (1, MAX_BATCH),
    "seq_len": (1, MAX_SEQ_LEN),
    "validation": (0, 0.9),
    "test": (0, 0.9),
    "max_vocabulary": (2, MAX_VOCABULARY),
    "lr": (0, 1e3),
    "init_scale": (0, 100),
    "forget_bias": (-100, 100),
    "chrono_max_lag": (0, MAX_SEQ_LEN),
    "max_time_constant": (0, MAX_SEQ_LEN),
    "tbptt_steps": (0, MAX_SEQ_LEN),
    "dropout": (0, 0.9999),
    "weight_dropout": (0, 0.9999),
    "ema_decay": (0, 0.9999),
    "momentum": (0, 0.9999),
    "clip": (0, 1e6),
    "clip_value": (0, 1e6),
    "weight_decay": (0, 1e6),
    "warmup": (0, 1e9),
    "length_warmup_steps": (0, 1e9),
    "patience": (0, 1e9),
    "steps": (0, 1e12),
    "epochs": (0, 1e12),
    "minutes": (0, 1e12),
    "evaluate_every": (1, 1e9),
    "seed": (0, 2**63 - 1),
    "cores": (0, MAX_CORES),
}
_ABOVE_ZERO = ("lr", "steps", "epochs", "minutes")


def validate(config: RunConfig) -> RunConfig:
    """Return `config` itself. Raises UserError for a wrong type (a Struct's constructor checks none) or value."""
    try:
        msgspec.convert(msgspec.to_builtins(config), RunConfig)
        msgspec.json.encode(config)
    except UnicodeEncodeError as error:
        raise not_utf8(error) from None
    except msgspec.ValidationError as error:
        raise UserError(f"A setting is not understood: {error}.", "See `rnnplay train --help`.") from None
    if config.read_as_bytes and (config.encoding is not None or config.normalize != "none"):
        raise UserError(
            "Bytes have neither encoding nor normal form.", "Leave out --read-as-bytes, or the other setting."
        )
    for name, (low, high) in _RANGES.items():
        if (value := getattr(config, name)) is not None:
            _check_range(name.replace("_", "-"), value, low, high, open_low=name in _ABOVE_ZERO)
    if config.validation + config.test > 0.95:
        raise UserError("Nearly all of the text would be held out.", "Give --validation and --test smaller fractions.")
    if config.schedule != "constant" and config.steps is None and config.epochs is None:
        # Minutes do not help: the clock must not change a number.
        raise UserError(
            f"The schedule {config.schedule} has to know the step at which the run ends.",
            "Give --steps or --epochs, or take the schedule constant.",
        )
    if not _DEVICE.fullmatch(config.device):
        raise UserError(
            f'There is no device "{config.device}".', f"Choose one of: {', '.join(DEVICES)}, cuda:1 and so on."
        )
    return config


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """The remedy for an unknown `word`: the nearest of `names`, or all of them."""
    names = sorted(names)
    near = get_close_matches(word, names, n=1, cutoff=0.4)
    return f"Did you mean {near[0]}?" if near else f"Choose one of: {', '.join(names)}."

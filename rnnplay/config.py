"""All settings of a run in one struct, checked in one place.

A `RunConfig` is data: it is sent to the trainer, written as `config.json`, and never changed in place. All settings,
from the command line, the screen or a file, pass through `validate`.
"""

import math
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Literal, get_args

import msgspec

Cell = Literal["rnn", "lstm", "gru", "input-rnn"]
Activation = Literal["tanh", "sigmoid", "relu", "identity"]
Init = Literal["uniform", "normal", "orthogonal", "identity"]
OptimizerName = Literal["adam", "adamw", "rmsprop", "adagrad", "momentum", "sgd"]
Schedule = Literal["constant", "step", "cosine"]
DType = Literal["float32", "float64"]
NormalForm = Literal["nfc", "nfd", "none"]

CELLS: tuple[str, ...] = get_args(Cell)
OPTIMIZERS: tuple[str, ...] = get_args(OptimizerName)

DEFAULT_VOCABULARY_SIZE, MAX_VOCABULARY = 8_192, 65_536  # symbols
MAX_HIDDEN, MAX_LAYERS, MAX_SEQ_LEN, MAX_BATCH = 8_192, 16, 100_000, 65_536
MAX_CORES = 2


class UserError(ValueError):
    """An error that the user can correct: one sentence on the problem, one on the remedy."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem} {remedy}")
        self.problem, self.remedy = problem, remedy


class RunConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All choices of one run. Sizes as in the literature: H = hidden, T = seq_len, B = batch, L = layers."""

    task: str
    text: str | None = None  # absolute path of a text (or table) of one's own
    column: str | None = None  # of a table of one's own: a heading or a number from 1; None: its last with numbers
    encoding: str | None = None  # of the text or table; None: its byte-order mark's, else UTF-8
    normalize: NormalForm = "none"  # Unicode form that letters with marks are brought to
    bytes: bool = False  # a text is read as bytes instead of characters: anything can be
    vocabulary: int = (
        DEFAULT_VOCABULARY_SIZE  # symbols of a text that are told apart; the rarest beyond are read as one
    )
    validation: float = 0.1  # share of a text held out at its end

    cell: Cell = "lstm"
    hidden: int = 128
    layers: int = 1
    activation: Activation = "tanh"  # of the cells rnn and input-rnn
    bias: bool = True
    init: Init = "uniform"  # uniform: ±1/√H
    init_scale: float = 0.01  # standard deviation where init is normal
    forget_bias: float = 1.0
    chrono: int = 0  # > 1: gate biases for dependencies of up to this many time steps
    dropout: float = 0.0  # between layers and before the readout
    weight_dropout: float = 0.0  # on W_hh, one mask a training step

    batch: int = 32
    seq_len: int = 50
    carry: bool = True  # a text's state goes on from one sequence to the next
    truncate: int = 0  # time steps through which a gradient flows back within a sequence; 0: all of them
    grow: int = 0  # steps over which sequences grow from short to full length; 0: full from the start

    optimizer: OptimizerName = "adam"
    lr: float = 2e-3
    schedule: Schedule = "constant"
    warmup: int = 0  # steps
    momentum: float = 0.9
    clip: float = 5.0  # global gradient norm; 0: off
    clip_value: float = 0.0  # each gradient's magnitude; 0: off
    decay: float = 0.0  # decoupled weight decay
    average: float = 0.0  # decay of the averaged weights used for evaluation and sampling; 0: off

    steps: int | None = None  # the run ends at the first of these that is reached; none: it goes on until stopped
    epochs: float | None = None
    minutes: float | None = None
    evaluate_every: int = 500  # steps between two evaluations, at first; more where evaluating would cost too much
    seed: int = 1
    cores: int = 0  # 2: each takes half of a large batch; 0: as many of these as there are when the run begins
    dtype: DType = "float32"


def _check_range(name: str, value: float, low: float, high: float, *, open_low: bool = False) -> None:
    if not math.isfinite(value) or value > high or value < low or (open_low and value == low):
        above = "above" if open_low else "at least"
        raise UserError(f"{name} is {value:g}.", f"Give a number {above} {low:g} and at most {high:g}.")


def validate(config: RunConfig) -> RunConfig:
    """Return `config` itself. Raises UserError for a wrong type (a Struct's constructor checks none) or value."""
    try:
        msgspec.convert(msgspec.to_builtins(config), RunConfig)
    except msgspec.ValidationError as error:
        raise UserError(f"A setting is not understood: {error}.", "See `rnnplay train --help`.") from None
    if config.bytes and (config.encoding is not None or config.normalize != "none"):
        raise UserError("Bytes have neither encoding nor normal form.", "Leave out --bytes, or the other setting.")
    _check_range("hidden", config.hidden, 1, MAX_HIDDEN)
    _check_range("layers", config.layers, 1, MAX_LAYERS)
    _check_range("batch", config.batch, 1, MAX_BATCH)
    _check_range("seq-len", config.seq_len, 1, MAX_SEQ_LEN)
    _check_range("validation", config.validation, 0, 0.9)
    _check_range("vocabulary", config.vocabulary, 2, MAX_VOCABULARY)
    _check_range("lr", config.lr, 0, 1e3, open_low=True)
    _check_range("init-scale", config.init_scale, 0, 100)
    _check_range("forget-bias", config.forget_bias, -100, 100)
    _check_range("chrono", config.chrono, 0, MAX_SEQ_LEN)
    _check_range("truncate", config.truncate, 0, MAX_SEQ_LEN)
    for name in ("dropout", "weight_dropout", "average"):
        _check_range(name.replace("_", "-"), getattr(config, name), 0, 0.9999)
    _check_range("momentum", config.momentum, 0, 0.9999)
    for name in ("clip", "clip_value", "decay"):
        _check_range(name.replace("_", "-"), getattr(config, name), 0, 1e6)
    for name in ("warmup", "grow"):
        _check_range(name, getattr(config, name), 0, 1e9)
    for name in ("steps", "epochs", "minutes"):
        if (value := getattr(config, name)) is not None:
            _check_range(name, value, 0, 1e12, open_low=True)
    _check_range("evaluate-every", config.evaluate_every, 1, 1e9)
    _check_range("seed", config.seed, 0, 2**63 - 1)
    _check_range("cores", config.cores, 0, MAX_CORES)
    return config


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """The remedy for an unknown `word`: the nearest of `names`, or all of them."""
    names = sorted(names)
    near = get_close_matches(word, names, n=1, cutoff=0.4)
    return f"Did you mean {near[0]}?" if near else f"Choose one of: {', '.join(names)}."

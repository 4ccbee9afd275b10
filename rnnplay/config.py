"""Every choice of a run in one struct, checked in one place.

A `RunConfig` is data: it travels to the trainer, is written as `config.json`, and is never changed in place. `validate`
is the only gate that settings pass, whether they come from the command line, the screen or a file.
"""

import math
from difflib import get_close_matches
from typing import Any, Literal, get_args

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

VOCABULARY, MAX_VOCABULARY = 8_192, 65_536  # symbols
MAX_HIDDEN, MAX_LAYERS, MAX_SEQ_LEN, MAX_BATCH = 8_192, 16, 100_000, 65_536
MAX_CORES = 2


class UserError(ValueError):
    """Something that a person can put right: one sentence on what is wrong, one on what to do."""

    def __init__(self, wrong: str, remedy: str) -> None:
        super().__init__(f"{wrong} {remedy}")
        self.wrong, self.remedy = wrong, remedy


class RunConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All choices of one run. Sizes as in the literature: H = hidden, T = seq_len, B = batch, L = layers."""

    task: str
    text: str | None = None  # absolute path of a text (or table) of one's own
    column: str | None = None  # of a table of one's own: a heading or a number from 1; None: its last with numbers
    encoding: str | None = None  # of the text or table; None: its byte-order mark's, else UTF-8
    normalize: NormalForm = "none"  # Unicode form that letters with marks are brought to
    bytes: bool = False  # a text is read as bytes instead of characters: anything can be
    vocabulary: int = VOCABULARY  # symbols of a text that are told apart; the rarest beyond are read as one
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


def _within(name: str, value: float, low: float, high: float, *, open_low: bool = False) -> None:
    if not math.isfinite(value) or value > high or value < low or (open_low and value == low):
        above = "above" if open_low else "at least"
        raise UserError(f"{name} is {value:g}.", f"Give a number {above} {low:g} and at most {high:g}.")


def validate(config: RunConfig) -> RunConfig:
    """`config` itself if every choice makes sense, else UserError. Types too: a Struct's constructor checks none."""
    try:
        msgspec.convert(msgspec.to_builtins(config), RunConfig)
    except msgspec.ValidationError as error:
        raise UserError(f"A setting is not understood: {error}.", "See `rnnplay train --help`.") from None
    if config.bytes and (config.encoding is not None or config.normalize != "none"):
        raise UserError("Bytes have neither encoding nor normal form.", "Leave out --bytes, or the other setting.")
    _within("hidden", config.hidden, 1, MAX_HIDDEN)
    _within("layers", config.layers, 1, MAX_LAYERS)
    _within("batch", config.batch, 1, MAX_BATCH)
    _within("seq-len", config.seq_len, 1, MAX_SEQ_LEN)
    _within("validation", config.validation, 0, 0.9)
    _within("vocabulary", config.vocabulary, 2, MAX_VOCABULARY)
    _within("lr", config.lr, 0, 1e3, open_low=True)
    _within("init-scale", config.init_scale, 0, 100)
    _within("forget-bias", config.forget_bias, -100, 100)
    _within("chrono", config.chrono, 0, MAX_SEQ_LEN)
    _within("truncate", config.truncate, 0, MAX_SEQ_LEN)
    for name in ("dropout", "weight_dropout", "average"):
        _within(name.replace("_", "-"), getattr(config, name), 0, 0.9999)
    _within("momentum", config.momentum, 0, 0.9999)
    for name in ("clip", "clip_value", "decay"):
        _within(name.replace("_", "-"), getattr(config, name), 0, 1e6)
    for name in ("warmup", "grow"):
        _within(name, getattr(config, name), 0, 1e9)
    for name in ("steps", "epochs", "minutes"):
        if (value := getattr(config, name)) is not None:
            _within(name, value, 0, 1e12, open_low=True)
    _within("evaluate-every", config.evaluate_every, 1, 1e9)
    _within("seed", config.seed, 0, 2**63 - 1)
    _within("cores", config.cores, 0, MAX_CORES)
    return config


def configure(task: str, **choices: Any) -> RunConfig:
    """The preset of `task` with `choices` (None: left as it is) put over it, validated."""
    from rnnplay.catalogue import entry

    chosen = {name: value for name, value in choices.items() if value is not None}
    known = {field.name for field in msgspec.structs.fields(RunConfig)}
    if unknown := sorted(set(chosen) - known):
        raise UserError(f"There is no setting {unknown[0]!r}.", suggestion(unknown[0], known))
    return validate(RunConfig(task=task, **(entry(task).preset | chosen)))


def suggestion(word: str, known: Any) -> str:
    """What to do about an unknown `word`: the nearest known one, or all of them."""
    near = get_close_matches(word, list(known), n=1, cutoff=0.4)
    return f"Did you mean {near[0]}?" if near else f"Choose one of: {', '.join(sorted(known))}."

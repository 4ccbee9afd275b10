"""The tasks of patterns, arithmetic and memory."""

from rnnplay.catalogue.info import TaskInfo

TASKS: tuple[TaskInfo, ...] = (
    TaskInfo(
        name="alternate",
        group="PATTERNS",
        summary="1 0 1 0: two symbols in turn, three hidden units, the smallest thing to unroll",
        description=(
            "Untrained it gives both symbols half a chance, trained it is almost sure, and its hidden state "
            "swings between two opposite vectors. Many to many: at every symbol it predicts the next."
        ),
        io_pattern="many to many",
        preset={
            "cell": "rnn",
            "hidden": 3,
            "init": "normal",
            "batch": 2,
            "seq_len": 8,
            "lr": 3e-2,
            "steps": 500,
            "evaluate_every": 20,
        },
    ),
    TaskInfo(
        name="hello",
        group="PATTERNS",
        summary="four letters: after the first l comes l, after the second o",
        description=(
            "The same letter l must be followed by l and then by o, so it has to remember; what follows o it never "
            "learned. "
            "Many to many: at every letter it predicts the next."
        ),
        io_pattern="many to many",
        preset={"cell": "rnn", "hidden": 8, "batch": 4, "seq_len": 5, "lr": 2e-2, "steps": 500, "evaluate_every": 20},
    ),
    TaskInfo(
        name="one-one-zero",
        group="PATTERNS",
        summary="1 1 0: the same input 1 must lead to two different hidden states",
        description=(
            "After a 1 comes a 1 or a 0: only what came before tells, so the two 1s get two different hidden "
            "states. Many to many: at every symbol it predicts the next."
        ),
        io_pattern="many to many",
        preset={"cell": "rnn", "hidden": 4, "batch": 1, "seq_len": 12, "lr": 3e-2, "steps": 600, "evaluate_every": 20},
    ),
    TaskInfo(
        name="hello-end",
        group="PATTERNS",
        summary="writes a whole word from <START> alone and knows when to stop",
        description=(
            "Each letter that it writes is its next input, so one wrong letter leads astray, and <END> is a "
            "symbol like any other. Many to many: at every symbol it predicts the next."
        ),
        io_pattern="many to many",
        preset={"cell": "rnn", "hidden": 8, "batch": 1, "seq_len": 6, "lr": 2e-2, "steps": 400, "evaluate_every": 20},
    ),
    TaskInfo(
        name="alphabet",
        group="PATTERNS",
        summary="a to z and round again, from any letter on",
        description=(
            "What comes next depends on the present letter alone, so even a plain network could do it: the case "
            "that needs no memory. Many to many: at every letter it predicts the next."
        ),
        io_pattern="many to many",
        preset={"cell": "rnn", "hidden": 16, "batch": 8, "seq_len": 26, "lr": 2e-2, "steps": 600, "evaluate_every": 20},
    ),
    TaskInfo(
        name="song",
        group="PATTERNS",
        summary='after "i love", you or carrots? the place in the song decides',
        description=(
            "A hidden state knows where in the song it is; the cell input-rnn, which sees only the word before, "
            'cannot tell "you" from "carrots". Many to many: at every word it predicts the next.'
        ),
        io_pattern="many to many",
        preset={"cell": "rnn", "hidden": 32, "batch": 1, "seq_len": 62, "lr": 1e-2, "steps": 600, "evaluate_every": 20},
    ),
    TaskInfo(
        name="addition",
        group="ARITHMETIC",
        summary="two bits at a time, lowest first: it must remember the carry",
        description=(
            "It learns from 7-bit numbers and then adds numbers of any length, because a carry is all there is to "
            "remember. Many to many: at every pair of bits it says a bit of the sum."
        ),
        io_pattern="many to many",
        preset={
            "cell": "rnn",
            "hidden": 16,
            "batch": 64,
            "seq_len": 8,
            "lr": 2e-2,
            "schedule": "cosine",
            "steps": 2_000,
            "evaluate_every": 100,
        },
    ),
    TaskInfo(
        name="addition-original",
        group="ARITHMETIC",
        summary="a known toy program, repeated to the last digit of its ten printed lines",
        description=(
            "Sigmoid units, no biases, one sum at a time and plain gradient descent: it takes ten thousand sums "
            "to find the carry. Many to many: at every pair of bits it says a bit of the sum."
        ),
        io_pattern="many to many",
        preset={
            "cell": "rnn",
            "activation": "sigmoid",
            "bias": False,
            "hidden": 16,
            "batch": 1,
            "seq_len": 8,
            "optimizer": "sgd",
            "lr": 0.4,
            "clip": 0.0,
            "seed": 0,
            "dtype": "float64",
            "steps": 10_000,
            "evaluate_every": 500,
        },
    ),
    TaskInfo(
        name="copy",
        group="MEMORY",
        summary="ten symbols, a silence of fifty steps, the ten symbols again",
        description=(
            "Ten symbols must be kept unharmed over a silence: the test on which plain networks fail and gates "
            "succeed. Many to many: silence while it listens, the word once it is told to go."
        ),
        io_pattern="many to many",
        preset={
            "cell": "lstm",
            "hidden": 128,
            "chrono_max_lag": 60,
            "batch": 32,
            "seq_len": 50,
            "length_warmup_steps": 1_500,
            "lr": 2e-2,
            "clip": 1.0,
            "schedule": "cosine",
            "steps": 2_500,
            "evaluate_every": 125,
        },
    ),
    TaskInfo(
        name="adding",
        group="MEMORY",
        summary="a hundred numbers, two of them marked: say the sum of the two",
        description=(
            "It must catch two numbers out of a hundred and hold their sum until the end; always saying 1 costs "
            "1/6. Many to one: one number after the last time step."
        ),
        io_pattern="many to one",
        preset={
            "cell": "lstm",
            "hidden": 32,
            "chrono_max_lag": 50,
            "batch": 50,
            "seq_len": 100,
            "length_warmup_steps": 2_000,
            "lr": 2e-2,
            "clip": 1.0,
            "schedule": "cosine",
            "steps": 4_000,
            "evaluate_every": 200,
        },
    ),
    TaskInfo(
        name="reber",
        group="MEMORY",
        summary="strings of a small grammar whose second letter returns at the end",
        description=(
            "Inside it is enough to know the state of a small machine, but the second letter must be kept until "
            "the last but one. Many to many: at every letter it says which ones may follow."
        ),
        io_pattern="many to many",
        preset={
            "cell": "lstm",
            "hidden": 20,
            "batch": 32,
            "seq_len": 20,
            "lr": 2e-2,
            "schedule": "cosine",
            "steps": 1_000,
            "evaluate_every": 50,
        },
    ),
    TaskInfo(
        name="brackets",
        group="MEMORY",
        summary="two kinds of brackets up to eight deep: which one may close now?",
        description=(
            "Each closing must fit the last opening, so the network has to build itself a stack. Many to many: at "
            "every bracket it says which closing would be legal."
        ),
        io_pattern="many to many",
        preset={
            "cell": "lstm",
            "hidden": 64,
            "batch": 64,
            "seq_len": 48,
            "length_warmup_steps": 4_000,
            "lr": 5e-3,
            "clip": 1.0,
            "schedule": "cosine",
            "steps": 8_000,
            "evaluate_every": 400,
        },
    ),
    TaskInfo(
        name="counting",
        group="MEMORY",
        summary="n times a, then n times b: it must count, and count beyond what it saw",
        description=(
            "An LSTM counts up and down in its cell state and goes on to numbers that it never saw; the other "
            "cells do not. Many to many: at every symbol it predicts the next."
        ),
        io_pattern="many to many",
        preset={
            "cell": "lstm",
            "hidden": 4,
            "forget_bias": 8.0,
            "weight_dropout": 0.3,
            "batch": 16,
            "seq_len": 10,
            "lr": 2e-2,
            "steps": 1_000,
            "evaluate_every": 50,
        },
    ),
)

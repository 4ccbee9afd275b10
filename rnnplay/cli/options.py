"""A command-line option for every field of RunConfig, shown in groups."""

import os
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import click
import msgspec

from rnnplay.config import RunConfig, current_name

# The help text of each option, in the order and under the headings of --help.
GROUPS: dict[str, dict[str, str]] = {
    "The network": {
        "cell": "Kind of recurrent cell.",
        "hidden": "Hidden units of each layer, H; a text of your own: by its length, unless given.",
        "layers": "Layers on top of each other, L.",
        "activation": "Of the cells rnn and input-rnn.",
        "bias": "Whether there are biases at all.",
        "init": "Initial weights; uniform: within ±1/√H.",
        "init_scale": "Standard deviation if init is normal.",
        "forget_bias": "Initial bias of an LSTM's forget gate.",
        "max_time_constant": "Initial forget-gate biases with which units remember from 2 to this many time steps; "
        "a text of your own: by its length, unless given.",
        "chrono_max_lag": "Initial gate biases for dependencies of up to this many time steps.",
        "dropout": "Between layers and before the readout; a text of your own: by its length, unless given.",
        "weight_dropout": "On W_hh, one mask a training step; a text of your own: by its length, unless given.",
        "dtype": "Precision of the arithmetic.",
    },
    "The data": {
        "text": "A text, table or folder of texts of your own, - for a pipe (of at most 4 GB, saved beside the "
        "runs), or a name that `rnnplay corpora` lists; may be given again.",
        "column": "Of a table: a heading, or a number from 1; without it the only one that can be learned.",
        "separator": "Of a table's columns; without it the one that fits all rows.",
        "decimal": "The decimal sign of a table's numbers; without it the one that fits all rows.",
        "missing": "Refuse a table's missing values, skip their rows, or fill them on a line between the others.",
        "document": "What one item of a text is, learned by itself; without it a file of a folder, else none.",
        "encoding": "Of the text or table, such as cp1252 or gbk; without it UTF-8, or by its byte-order mark.",
        "normalize": "Write letters with marks as one character (nfc) or as letter and mark (nfd).",
        "read_as_bytes": "Read the text as bytes: any file will do.",
        "max_vocabulary": "Symbols with ids of their own; rarer ones are read as one.",
        "validation": "Fraction of a text that is held out.",
        "test": "Fraction of a text that is kept for `rnnplay evaluate RUN --test` alone.",
        "holdout": "Hold out the end of the text, or the tail of each of its B streams, as char-rnn does.",
        "batch": "Sequences side by side, B.",
        "seq_len": "Time steps of a sequence, T.",
        "carry": "Carry a text's state on from one sequence to the next.",
        "tbptt_steps": "Time steps through which the gradient flows back within a sequence; 0: all.",
        "length_warmup_steps": "Steps over which sequences grow from short to full length.",
    },
    "Training": {
        "steps": "End after this many updates.",
        "epochs": "End after reading the text this many times.",
        "minutes": "End after this time.",
        "patience": "End after this many evaluations without a better one; 0: no such limit.",
        "optimizer": "Rule of the update.",
        "lr": "Learning rate.",
        "schedule": "How the learning rate goes down until the last step.",
        "warmup": "Steps over which the learning rate goes up first.",
        "momentum": "Of the optimizer momentum.",
        "clip": "Largest global norm of the gradient; 0: no limit.",
        "clip_value": "Largest magnitude of each gradient; 0: no limit.",
        "weight_decay": "Decoupled weight decay; a text of your own: by its length, unless given.",
        "ema_decay": "Decay of the averaged weights that are evaluated and sampled from; 0: none.",
        "evaluate_every": "Steps between two evaluations.",
        "seed": "Of everything random: the same seed, the same run.",
        "device": "auto, cpu, cuda or cuda:1; auto: the GPU where it was measured to be faster.",
        "precision": "Of a GPU's products of float32 numbers.",
        "cores": "1, or 2: each takes half of a large batch; 0: as many of these as there are.",
    },
}

Decorated = Callable[..., Any]


def _current_option(option: str) -> str:
    return current_name(option.replace("-", "_")).replace("_", "-")


class GroupedHelpCommand(click.Command):
    """A command whose --help lists a run's settings under headings, after the command's own options.

    Options may have the names that settings had before: --average is --ema-decay.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        settings["context_settings"] = {"token_normalize_func": _current_option}
        super().__init__(*args, **settings)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        options = [parameter for parameter in self.get_params(ctx) if isinstance(parameter, click.Option)]
        lines = {option.name: line for option in options if (line := option.get_help_record(ctx))}
        settings = {heading: [lines.pop(name) for name in names if name in lines] for heading, names in GROUPS.items()}
        with formatter.section("Options"):
            formatter.write_dl(list(lines.values()))
        for heading, rows in settings.items():
            with formatter.section(heading):
                formatter.write_dl(rows)


def config_options(command: Decorated) -> Decorated:
    """Decorate `command` with an option for every field of RunConfig but the task; not given: None."""
    hints = get_type_hints(RunConfig)
    defaults = {field.name: field.default for field in msgspec.structs.fields(RunConfig)}
    for names in reversed(GROUPS.values()):
        for name, line in reversed(names.items()):
            command = _option(name, hints[name], defaults[name], line)(command)
    return command


def _option(name: str, hint: Any, default: Any, line: str) -> Decorated:
    if get_origin(hint) in (Union, types.UnionType):
        hint = next(kind for kind in get_args(hint) if kind is not types.NoneType)
    option = "--" + name.replace("_", "-")
    if hint is bool:
        return click.option(f"{option}/--no-{name.replace('_', '-')}", default=None, help=line)
    kind: Any = click.Choice(get_args(hint)) if get_origin(hint) is Literal else hint
    if name == "text":
        return click.option(option, type=click.Path(), multiple=True, metavar="FILE", help=line)
    if name == "device":
        return click.option(option, metavar="NAME", help=f"{line} [{default}]")
    default_text = "" if default is None or default is msgspec.NODEFAULT else f" [{default}]"
    return click.option(option, type=kind, default=None, help=line + default_text)


def given_settings(settings: dict[str, Any], save_pipes: Callable[[Sequence[str]], Sequence[str]]) -> dict[str, Any]:
    """Return the settings that were given; `text` and `more_texts` are absolute paths, and left out if there are none.

    save_pipes: what saves the texts that are pipes; returns the texts with a file for each pipe.
    """
    chosen = {name: value for name, value in settings.items() if value is not None}
    texts = [str(Path(os.path.expanduser(text)).absolute()) for text in save_pipes(chosen.pop("text", ()))]
    if texts:
        chosen["text"] = texts[0]
    if len(texts) > 1:
        chosen["more_texts"] = tuple(texts[1:])
    return chosen

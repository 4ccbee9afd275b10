"""Every field of RunConfig reaches the weights as its description says, or changes nothing at all.

Five steps with a field changed differ from five without, and end where a computation of their own ends, in float64.
A new field fails here until it stands in one of the two tables.
"""

import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from rnnplay import tasks
from rnnplay.config import RunConfig, validate
from rnnplay.trainer.learner import Learner
from tests.trainer import reference_training as reference

Arrays = dict[str, np.ndarray[Any, Any]]
STEPS = 5
TEXT = "der dachs döst, die maus schläft; " * 12 + "wer weckt den dachs? niemand, zum glück. " * 3


@dataclass(frozen=True)
class Case:
    """Values of a field that are tried, and what is set besides, so that the field acts."""

    values: tuple[Any, ...]
    beside: dict[str, Any] = field(default_factory=dict)


ACTS = {
    "task": Case(("copy",)),  # tested below, as `text` and `column`: they name what is read
    "text": Case(()),
    "more_texts": Case(()),
    "column": Case(()),
    "document": Case(()),
    "separator": Case(()),
    "decimal": Case(()),
    "missing": Case(()),
    "read_as_bytes": Case((True,)),
    "encoding": Case(("latin-1",)),
    "normalize": Case(("nfd",)),
    "max_vocabulary": Case((9,)),
    "validation": Case((0.4,)),
    "test": Case((0.3,)),
    "holdout": Case(("streams",)),
    "cell": Case(("rnn", "lstm", "input-rnn"), {"cell": "gru"}),
    "hidden": Case((8,)),
    "layers": Case((1, 3)),
    "activation": Case(("sigmoid", "relu", "identity"), {"cell": "rnn"}),
    "bias": Case((False,), {"cell": "gru"}),
    "init": Case(("normal", "orthogonal", "identity")),
    "init_scale": Case((0.3,), {"init": "normal"}),
    "forget_bias": Case((-1.5,)),
    "chrono_max_lag": Case((30,)),
    "max_time_constant": Case((40,)),
    "dropout": Case((0.4,)),
    "weight_dropout": Case((0.4,)),
    "batch": Case((5,)),
    "seq_len": Case((9,)),
    "carry": Case((False,)),
    "tbptt_steps": Case((2, 5)),
    "length_warmup_steps": Case((4,)),
    # Weight decay is decoupled in all of them, so that adam is adamw here.
    "optimizer": Case(("adam", "adamw", "adagrad", "momentum", "sgd"), {"optimizer": "rmsprop", "lr": 0.02}),
    "lr": Case((0.05,)),
    "schedule": Case(("step", "cosine"), {"steps": 10}),
    "warmup": Case((3,)),
    "momentum": Case((0.3,), {"optimizer": "momentum"}),
    "clip": Case((0.05,)),
    "clip_value": Case((0.002,)),
    "weight_decay": Case((0.3,)),
    "ema_decay": Case((0.5,)),
    "steps": Case((15,), {"schedule": "step", "steps": 10}),
    "epochs": Case((0.5,), {"schedule": "cosine", "epochs": 1.0}),
    "seed": Case((8,)),
    "dtype": Case(("float32",)),
}
# cores: such a small batch is not shared out. device: others are compared in tests/backend; precision is a GPU's.
CHANGES_NOTHING = {"minutes": 7.0, "patience": 2, "evaluate_every": 1, "cores": 2, "device": "cpu", "precision": "bf16"}


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def config_of(text: Path, **choices: Any) -> RunConfig:
    """A small network on the text, without anything that would hide a change."""
    small = {"task": "text", "text": str(text), "cell": "lstm", "hidden": 6, "layers": 2, "batch": 3, "seq_len": 7}
    small |= {"optimizer": "sgd", "lr": 0.5, "clip": 0.0, "seed": 4, "cores": 1, "dtype": "float64"}
    return validate(RunConfig(**{**small, **choices}))  # type: ignore[arg-type]


def trained(config: RunConfig, steps: int = STEPS) -> tuple[Arrays, list[float]]:
    """(parameters, and those that are shown where they are other ones; losses) as the trainer computes them."""
    learner = Learner(config, tasks.make(config))
    losses = [learner.train_step().loss for _ in range(steps)]
    shown = {f"shown {name}": value.copy() for name, value in learner.eval_network().parameters.items()}
    return {**{name: value.copy() for name, value in learner.network.parameters.items()}, **shown}, losses


def expected(config: RunConfig, steps: int = STEPS) -> tuple[Arrays, list[float]]:
    """The same, computed apart."""
    if config.task == "text":
        text = reference.read(config)
        batches, sizes = reference.text_batches(config, text), (text.symbols, text.symbols)
        per_epoch = reference.epoch_steps(config, text)
    else:
        task = tasks.make(config)
        batches, sizes = map(task.batch, itertools.count()), (task.inputs, task.outputs)  # type: ignore[assignment]
        per_epoch = task.epoch_steps
    found = reference.train(config, batches, steps, *sizes, per_epoch)
    return {**found.parameters, **{f"shown {name}": value for name, value in found.shown.items()}}, found.losses


def assert_as_computed_apart(config: RunConfig, tolerance: float = 1e-8) -> None:
    (found, losses), (wanted, wanted_losses) = trained(config), expected(config)
    np.testing.assert_allclose(losses, wanted_losses, rtol=tolerance)
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, rtol=tolerance, atol=tolerance, err_msg=name)


def differ(one: Arrays, other: Arrays) -> bool:
    """Whether there is more between them than rounding."""
    if {name: value.shape for name, value in one.items()} != {name: value.shape for name, value in other.items()}:
        return True
    return any(np.abs(one[name] - value).max() > 1e-5 for name, value in other.items())


def test_every_setting_acts_or_changes_nothing() -> None:
    fields = [field.name for field in msgspec.structs.fields(RunConfig)]
    assert sorted([*ACTS, *CHANGES_NOTHING]) == sorted(fields)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, case in ACTS.items() for value in case.values])
def test_a_changed_setting_changes_five_steps_as_a_computation_of_its_own_says(
    text: Path, name: str, value: Any
) -> None:
    base = config_of(text, **ACTS[name].beside)
    changed = validate(msgspec.structs.replace(base, **{name: value, **({"text": None} if name == "task" else {})}))
    single = "float32" in (base.dtype, changed.dtype)
    assert_as_computed_apart(base)
    assert_as_computed_apart(changed, 1e-4 if single else 1e-8)
    (before, _), (after, _) = trained(base), trained(changed)
    assert differ(before, after) or after["W_hy"].dtype != before["W_hy"].dtype


@pytest.mark.parametrize("name", CHANGES_NOTHING)
def test_a_setting_without_effect_on_the_weights_changes_not_a_bit(text: Path, name: str) -> None:
    base = config_of(text, dropout=0.2)
    (before, losses), (after, losses_after) = (
        trained(config) for config in (base, msgspec.structs.replace(base, **{name: CHANGES_NOTHING[name]}))
    )
    assert losses == losses_after
    for parameter, value in before.items():
        np.testing.assert_array_equal(after[parameter], value)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "input-rnn"])
@pytest.mark.parametrize("layers", [1, 2])
def test_each_cell_trains_as_computed_apart(text: Path, cell: str, layers: int) -> None:
    assert_as_computed_apart(config_of(text, cell=cell, layers=layers, optimizer="adam", lr=0.01))


def test_another_text_is_another_run(text: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text(TEXT[::-1], encoding="utf-8")
    assert_as_computed_apart(config_of(other))
    assert differ(trained(config_of(text))[0], trained(config_of(other))[0])


def test_a_column_of_a_table_is_read_as_if_it_were_alone(tmp_path: Path) -> None:
    tides, noise = np.sin(np.arange(300) / 5), np.random.default_rng(3).normal(size=300)
    both, alone = tmp_path / "both.csv", tmp_path / "alone.csv"
    both.write_text("tide,noise\n" + "".join(f"{a},{b}\n" for a, b in zip(tides, noise, strict=True)))
    alone.write_text("tide\n" + "".join(f"{a}\n" for a in tides))
    other, chosen, wanted = (
        trained(config_of(path, task="series", column=column, layers=1))[0]
        for path, column in ((both, "noise"), (both, "tide"), (alone, None))
    )
    for name, value in wanted.items():
        np.testing.assert_array_equal(chosen[name], value)
    assert differ(other, chosen)
    mixed = "".join(f"{a:.3f}|{n % 2 * 6 + 1}\n{a:.3f}|\n".replace(".", ",") for n, a in enumerate(tides))
    both.write_text("tide|noise\n" + mixed)
    alone.write_text("noise\n" + "".join(f"{n % 2 * 6 + 1}\n" for n in range(len(tides))))
    options = {"separator": "bar", "decimal": "comma", "missing": "skip"}
    gaps = trained(config_of(both, task="series", column="noise", layers=1, **options))[0]
    for name, value in trained(config_of(alone, task="series", layers=1))[0].items():
        np.testing.assert_array_equal(gaps[name], value)


def test_two_processes_share_a_large_batch_and_compute_the_same(text: Path) -> None:
    text.write_text(TEXT * 12, encoding="utf-8")
    large = {"hidden": 64, "layers": 1, "batch": 40, "seq_len": 24, "lr": 0.1}
    assert_as_computed_apart(config_of(text, **large, cores=2))


def test_a_text_s_state_goes_on_over_the_end_of_a_sequence_and_starts_anew_with_an_epoch(text: Path) -> None:
    """Long enough for three epochs: the state goes on within each and is zero at its beginning."""
    config = config_of(text, optimizer="adam", lr=0.01)
    steps = 3 * reference.epoch_steps(config, reference.read(config))
    (found, losses), (wanted, wanted_losses) = trained(config, steps), expected(config, steps)
    assert steps > 30
    np.testing.assert_allclose(losses, wanted_losses, rtol=1e-6)
    np.testing.assert_allclose(found["W_hy"], wanted["W_hy"], rtol=1e-5, atol=1e-6)

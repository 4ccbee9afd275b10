"""A run that was saved, closed and resumed goes on bit for bit, whatever its settings: the list below says which.

The files are real, the loop around the steps is not: tests/process/test_resume.py has that with a process of its own.
"""

import itertools
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rnnplay.catalogue import CATALOGUE, make_config
from rnnplay.config import RunConfig
from rnnplay.protocol import Resume, Train
from rnnplay.trainer.opening import open_session
from rnnplay.trainer.session import TrainingSession

OPTIMIZERS: tuple[dict[str, Any], ...] = tuple(
    {"optimizer": name} for name in ("adam", "adamw", "rmsprop", "adagrad", "momentum", "sgd")
)
SETTINGS: tuple[dict[str, Any], ...] = (
    {"schedule": "step", "steps": 20},
    {"schedule": "cosine", "steps": 20},
    {"warmup": 15},
    {"tbptt_steps": 3},
    {"dropout": 0.3, "layers": 2},
    {"weight_dropout": 0.3, "cell": "gru"},
    {"length_warmup_steps": 16},
    {"ema_decay": 0.9},
    {"dtype": "float64"},
    {"read_as_bytes": True},
    {"cores": 2, "hidden": 64, "batch": 40, "seq_len": 24, "dropout": 0.2},  # large enough to be shared out
    {"batch": 1},
)
PRESETS = tuple(entry.name for entry in CATALOGUE if entry.name != "text")
BEFORE, AFTER = 10, 10  # steps, of presets fewer


def content(session: TrainingSession) -> dict[str, Any]:
    """All that a checkpoint holds, as bytes and JSON values, without what depends on the clock."""
    arrays, state = session.learner.snapshot()
    own = session.state()
    del own["clock"]
    found = {name: (a.dtype.str, a.shape, a.tobytes()) for name, a in arrays.items()}
    return {**found, "learner": state, "session": own, "step": session.learner.step}


def train(session: TrainingSession, steps: int) -> list[float]:
    return [session.learner.train_step().loss for _ in range(steps)]


def assert_resumed_bit_for_bit(config: RunConfig, root: Path, before: int, after: int) -> None:
    unbroken = open_session(Train(config=config, root=str(root)))
    train(unbroken, before)
    unbroken.save()
    unbroken.close()  # others may write now; what is in memory goes on
    resumed = open_session(Resume(run=str(unbroken.run)))
    assert resumed.learner is not unbroken.learner and resumed.learner.step == before
    assert train(resumed, after) == train(unbroken, after)
    assert content(resumed) == content(unbroken)
    resumed.close()


@pytest.mark.parametrize("choices", [*OPTIMIZERS, *SETTINGS], ids=lambda choices: "-".join(map(str, choices)))
def test_a_text_is_resumed_bit_for_bit(tmp_path: Path, choices: dict[str, Any]) -> None:
    text = tmp_path / "text.txt"
    text.write_text("der dachs döst, die maus schläft; " * 400, encoding="utf-8")
    small = {"hidden": 9, "batch": 3, "seq_len": 8, "clip": 0.5, "cores": 1, "validation": 0.1}
    config = make_config("text", text=str(text), **{**small, **choices})
    assert_resumed_bit_for_bit(config, tmp_path, BEFORE, AFTER)


@pytest.mark.parametrize("task", PRESETS)
def test_a_preset_is_resumed_bit_for_bit(tmp_path: Path, task: str) -> None:
    assert_resumed_bit_for_bit(make_config(task), tmp_path, 2, 2)


def test_the_list_has_what_it_is_said_to_have() -> None:
    assert len(OPTIMIZERS) + len(SETTINGS) == 18
    assert len(PRESETS) >= 15
    covered = set(itertools.chain.from_iterable([*OPTIMIZERS, *SETTINGS]))
    assert covered <= {field.name for field in msgspec.structs.fields(RunConfig)}

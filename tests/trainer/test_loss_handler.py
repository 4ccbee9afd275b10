"""Evaluate on a long text: how far the reading and the measuring are, and their end when the trainer is to end."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rnnplay import tasks
from rnnplay.catalogue import make_config
from rnnplay.corpora import large_text
from rnnplay.protocol import Evaluate, Evaluated, QuestionProgressed, ReadingText
from rnnplay.trainer import evaluation_progress
from rnnplay.trainer.handlers import loss
from rnnplay.trainer.handlers.base import TimeShares
from rnnplay.trainer.handlers.loss import LossHandler
from rnnplay.trainer.learner import Learner


@pytest.fixture
def evaluate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Any]]:
    """Ask for the loss on a text of 4,000 characters, of which every event on the progress is sent."""
    for module in (loss, evaluation_progress):
        monkeypatch.setattr(module, "PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(large_text, "MAPPED_BYTES", 100)
    path = tmp_path / "text.txt"
    path.write_text("to and fro, so " * 300)
    config = make_config("text", text=str(path), hidden=8, batch=2, seq_len=16)
    learner = Learner(config, tasks.make(config))
    runs = tmp_path / "runs"
    session: Any = SimpleNamespace(run=runs / "run", learner=learner, baseline=None, text_unavailable="")

    def ask(interrupted: Callable[[], bool] = lambda: False, **choices: Any) -> list[Any]:
        sent: list[Any] = []
        connection: Any = SimpleNamespace(send=lambda event, command: sent.append(event))
        LossHandler(session, connection, TimeShares()).handle_command(
            Evaluate(text=str(path), streams=2, **choices), interrupted
        )
        assert list(runs.glob("*")) == []  # the mapped file has no name
        return sent

    return ask


def test_it_is_reported_how_far_reading_and_measuring_are(evaluate: Callable[..., list[Any]]) -> None:
    *progress, result = evaluate()
    assert isinstance(result, Evaluated) and result.characters == 4498
    fractions = [event.fraction for event in progress if isinstance(event, QuestionProgressed)]
    assert fractions == sorted(fractions) and len(fractions) > 10 and 0 < fractions[0] < 0.1 < 0.99 < fractions[-1] <= 1
    assert [event.progress for event in progress if isinstance(event, ReadingText)] == [1.0]


@pytest.mark.parametrize("calls", [0, 4])
def test_it_is_given_up_when_the_trainer_is_to_end(evaluate: Callable[..., list[Any]], calls: int) -> None:
    left = iter([False] * calls)
    sent = evaluate(lambda: next(left, True))
    assert not any(isinstance(event, Evaluated) for event in sent)
    assert len(sent) == calls  # nothing more is read

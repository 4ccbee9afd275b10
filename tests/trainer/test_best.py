"""The best evaluation's checkpoint: kept whole, found by name, gone on from; patience; settings changed on resuming."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from driving import metrics, saved_arrays, small, write_text

from rnnplay.config import UserError, validate
from rnnplay.gallery import gallery_network
from rnnplay.protocol import AnyEvent, Evaluated, Inspect, Resume, Saved, Started, Status, Stop, Stopped, Train
from rnnplay.runs import RunRecord, WriteError, checkpoint, load_record
from rnnplay.runs.best import BestEvaluation
from rnnplay.runs.checkpoint import BEST, checkpoint_path, checkpoint_steps
from rnnplay.trainer.learner import Learner
from rnnplay.trainer.opening import open_session
from rnnplay.trainer.session import TrainingSession
from tests.trainer.serving import serve

EVERY = 15  # steps between two evaluations


@pytest.fixture
def text(tmp_path: Path) -> Path:
    return write_text(tmp_path / "words.txt", words=300)


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes evaluations come out as is wished: losses by step, 9.0 elsewhere."""

    def script(losses: dict[int, float | None]) -> None:
        monkeypatch.setattr(Learner, "evaluate", lambda self, *_: (losses.get(self.step, 9.0), 70))

    return script


def finish(event: AnyEvent) -> list[Stop]:
    return [Stop()] if isinstance(event, Status) and event.state == "finished" else []


def run_to_end(opening: Train | Resume) -> tuple[Path, list[AnyEvent]]:
    events = serve(opening, finish)
    return Path(next(event.run for event in events if isinstance(event, Started))), events


def notes_of(events: list[AnyEvent]) -> tuple[str, ...]:
    return next(event.notes for event in events if isinstance(event, Started))


def trained(text: Path, **choices: Any) -> Path:
    config = small(text, evaluate_every=EVERY, **choices)
    return run_to_end(Train(config=config, root=str(text.parent / "runs")))[0]


def new_session(text: Path, **choices: Any) -> TrainingSession:
    return open_session(Train(config=small(text, **choices), root=str(text.parent / "runs")))


def evaluate(session: TrainingSession, loss: float | None) -> None:
    """Do a step, and take in an evaluation as the loop does."""
    session.learner.train_step()
    assert session.metrics is not None
    session.metrics.append([{"kind": "evaluated", "step": session.learner.step, "loss": loss, "characters": 70}])
    session.evaluated = session.learner.step
    session.add_evaluation(loss, on_schedule=True)


def best_of(run: Path) -> BestEvaluation | None:
    session = open_session(Inspect(run=str(run)))
    session.close()
    return session.best.evaluation


def test_the_best_is_whole_named_and_survives_the_pruning(text: Path, scripted: Callable[..., None]) -> None:
    scripted({15: 2.5, 30: 1.5, 45: 1.75, 60: None})
    run = trained(text, steps=75)
    assert checkpoint_steps(run) == [0, 75]
    assert checkpoint_steps(run, BEST) == [30]
    assert best_of(run) == BestEvaluation(30, 1.5)
    short = trained(text, steps=30)
    best = checkpoint.load(checkpoint_path(run, 30, BEST))
    assert {name: (a.dtype.str, a.shape, a.tobytes()) for name, a in best.arrays.items()} == saved_arrays(short, 30)


def test_at_best_is_the_network_of_the_best_evaluation(text: Path, scripted: Callable[..., None]) -> None:
    scripted({15: 1.5})
    run = trained(text, steps=45)
    wanted = trained(text, steps=15)
    expected, last = (open_session(Inspect(run=str(one))).learner.eval_network().flat for one in (wanted, run))
    found = {at: open_session(Inspect(run=str(run), at=at)).learner for at in ("best", 15, "last")}  # type: ignore[arg-type]
    assert [learner.step for learner in found.values()] == [15, 15, 45]
    np.testing.assert_array_equal(found["best"].eval_network().flat, expected)
    np.testing.assert_array_equal(found[15].eval_network().flat, expected)
    np.testing.assert_array_equal(found["last"].eval_network().flat, last)
    assert not np.array_equal(expected, last)


def test_a_better_one_replaces_it_when_it_is_saved_and_a_crash_in_between_loses_neither(
    text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = new_session(text)
    evaluate(session, 2.0)
    session.save()
    evaluate(session, 1.0)
    assert checkpoint_steps(session.run, BEST) == [1]  # the better one is in memory
    assert open_session(Inspect(run=str(session.run), at="best")).learner.step == 1

    real = checkpoint.save

    def fail_at_the_last(path: Path, *arguments: Any, **choices: Any) -> None:
        if path.name.startswith("ckpt"):
            raise WriteError(28, "no space", str(path))
        real(path, *arguments, **choices)

    monkeypatch.setattr(checkpoint, "save", fail_at_the_last)
    with pytest.raises(WriteError):
        session.save()
    monkeypatch.undo()
    assert checkpoint_steps(session.run, BEST) == [1, 2]
    session.close()
    again = open_session(Resume(run=str(session.run)))  # at step 1: the second step is to come again
    assert (again.learner.step, again.best.evaluation) == (1, BestEvaluation(1, 2.0))
    assert checkpoint_steps(session.run, BEST) == [1]
    evaluate(again, 1.0)
    evaluate(again, 3.0)
    again.save()
    assert checkpoint_steps(session.run, BEST) == [2]
    again.close()
    assert best_of(session.run) == BestEvaluation(2, 1.0)


def test_what_is_held_does_not_change_with_training(text: Path) -> None:
    session = new_session(text)
    evaluate(session, 1.0)
    before = {name: array.copy() for name, array in session.learner.snapshot()[0].items()}
    for _ in range(3):
        evaluate(session, 2.0)
    session.save()
    session.close()
    saved = checkpoint.load(checkpoint_path(session.run, 1, BEST))
    assert saved.state["best"]["loss"] == 1.0
    for name, array in before.items():
        np.testing.assert_array_equal(saved.arrays[name], array)


def test_on_another_text_the_best_is_counted_from_there(text: Path, scripted: Callable[..., None]) -> None:
    scripted({15: 1.0})
    run = trained(text, steps=30)
    other = write_text(text.parent / "other.txt", words=300, seed=8)
    session = open_session(Resume(run=str(run), text=str(other), more_steps=20))
    assert session.best.evaluation is None
    evaluate(session, 4.0)
    session.save()
    session.close()
    assert checkpoint_steps(run, BEST) == [31]


def test_a_run_without_a_best_checkpoint_names_those_that_there_are(text: Path, scripted: Callable[..., None]) -> None:
    scripted({15: 1.5})
    run = trained(text, steps=45)
    checkpoint_path(run, 15, BEST).unlink()  # as of an earlier version
    assert best_of(run) == BestEvaluation(15, 1.5)
    with pytest.raises(UserError, match=r"no checkpoint of step 15\. There are checkpoints of steps 0, 1, 2.*45"):
        open_session(Inspect(run=str(run), at="best"))
    fresh = new_session(text)
    fresh.save()
    fresh.close()
    with pytest.raises(UserError, match="no evaluation, and so no best"):
        open_session(Inspect(run=str(fresh.run), at="best"))


# ------------------------------------------------------------------------------------------------- going on from there


def test_a_copy_up_to_the_best_goes_on_bit_for_bit(text: Path, scripted: Callable[..., None]) -> None:
    scripted({15: 1.5, 30: 1.75})
    run = trained(text, steps=45)
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    copy, events = run_to_end(Resume(run=str(run), at="best"))
    assert copy != run and copy.parent == run.parent
    started = next(event for event in events if isinstance(event, Started))
    assert started.step == 15 and any(run.name in note for note in started.notes)
    assert [event.step for event in events if isinstance(event, Evaluated) and event.is_history] == [0, 15]
    assert metrics(copy) == metrics(run)
    assert saved_arrays(copy, 45) == saved_arrays(run, 45)
    assert checkpoint_steps(copy, "weights") == checkpoint_steps(run, "weights") == [1, 2, 4, 8, 16, 32]
    assert load_record(copy).copied_from == run.name
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before
    again, _ = run_to_end(Resume(run=str(copy), more_steps=5))
    assert again == copy


def test_a_step_whose_weights_alone_are_kept_is_refused_by_name(text: Path, scripted: Callable[..., None]) -> None:
    scripted({15: 1.5})
    run = trained(text, steps=45)
    with pytest.raises(UserError, match=r"Step 8 .* weights alone.* Whole are the steps 0, 15, 45\."):
        open_session(Resume(run=str(run), at=8))
    with pytest.raises(UserError, match="no checkpoint of step 9"):
        open_session(Resume(run=str(run), at=9))
    with pytest.raises(UserError, match="lr is 0"):
        open_session(Resume(run=str(run), at=15, lr=0.0))
    assert list(run.parent.iterdir()) == [run]  # nothing is left of a copy that cannot go on


def test_a_run_of_which_weights_alone_are_kept_is_not_begun_again_over_them(tmp_path: Path) -> None:
    run = tmp_path / "carry"
    shutil.copytree(gallery_network("carry").path, run)
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    for at in (None, "best", 512):
        with pytest.raises(UserError, match=r"weights alone.*rnnplay train addition"):
            open_session(Resume(run=str(run), at=at))
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before
    assert list(tmp_path.iterdir()) == [run]


def test_what_resuming_changes_is_a_row_and_stays(text: Path, scripted: Callable[..., None]) -> None:
    scripted({})
    run = trained(text, steps=10, lr=0.004)
    _, events = run_to_end(Resume(run=str(run), more_steps=20, lr=0.001, clip=2.0, schedule="cosine"))
    rows = {line["step"]: line for line in metrics(run) if "kind" not in line}
    changed = [line for line in metrics(run) if line.get("kind") == "changed"]
    assert changed == [{"kind": "changed", "step": 10, "lr": 0.001, "clip": 2.0, "schedule": "cosine"}]
    assert rows[10]["lr"] == 0.004 and rows[11]["lr"] == 0.001
    assert rows[20]["lr"] == pytest.approx(0.0005, rel=0.2) and rows[30]["lr"] < 1e-4
    notes = " ".join(next(event for event in events if isinstance(event, Started)).notes)
    assert "lr is 0.001, not 0.004" in notes and "schedule is cosine, not constant" in notes
    session = open_session(Resume(run=str(run), more_steps=5))
    assert (session.learner.config.lr, session.learner.config.schedule) == (0.001, "cosine")
    session.close()
    unchanged = open_session(Resume(run=str(run), lr=0.001))
    unchanged.close()
    assert [line for line in metrics(run) if line.get("kind") == "changed"] == changed


def test_a_schedule_that_began_on_resuming_goes_on_after_an_interruption(text: Path) -> None:
    session = new_session(text, steps=60)
    opening = Resume(run=str(session.run), schedule="cosine")
    for _ in range(3):  # the run's beginning, then the new schedule, then what goes on after an interruption
        for _ in range(10):
            session.learner.train_step()
        session.save()
        session.close()
        session, opening = open_session(opening), Resume(run=str(session.run))
    session.close()
    half_way = 0.5 * (1 + math.cos(math.pi * 20 / 50))  # 20 of the 50 steps from step 10 on
    assert session.learner.lr == pytest.approx(session.learner.config.lr * half_way)


def test_a_changed_rate_is_not_lost_if_the_trainer_is_killed_before_it_saves(text: Path) -> None:
    run = trained(text, steps=4)
    events = serve(Resume(run=str(run), lr=0.5, paused=True), lambda event: [Stop()] * isinstance(event, Status))
    kinds = [type(event) for event in events]
    assert kinds.index(Saved) < kinds.index(Status)  # saved at once
    session = open_session(Resume(run=str(run)))
    session.close()
    assert session.learner.config.lr == 0.5


# ------------------------------------------------------------------------------------------------------------- patience


def test_patience_ends_the_run_after_so_many_evaluations_without_a_better_one(
    text: Path, scripted: Callable[..., None]
) -> None:
    scripted({15: 2.0, 30: 3.0, 45: 1.5, 60: 1.5, 75: None, 90: 1.0})
    run, events = run_to_end(
        Train(config=small(text, evaluate_every=EVERY, steps=500, patience=2), root=str(text.parent / "runs"))
    )
    assert [event.step for event in events if isinstance(event, Stopped)] == [75]
    ended = [event.ended_by for event in events if isinstance(event, Status) and event.state == "finished"]
    assert ended == ["patience"]
    assert best_of(run) == BestEvaluation(45, 1.5)
    assert checkpoint_steps(run) == [0, 75]
    _, events = run_to_end(Resume(run=str(run), more_steps=40))  # a limit that is given replaces the run's own
    assert [event.step for event in events if isinstance(event, Stopped)] == [115]
    assert not any("reached its limit" in note for note in notes_of(events))
    assert best_of(run) == BestEvaluation(90, 1.0)


def test_an_evaluation_at_the_end_that_is_off_schedule_does_not_count(
    text: Path, scripted: Callable[..., None]
) -> None:
    scripted({15: 1.0})
    config = small(text, evaluate_every=EVERY, steps=40, patience=2)
    _, events = run_to_end(Train(config=config, root=str(text.parent / "runs")))
    assert [event.step for event in events if isinstance(event, Evaluated)] == [0, 15, 30, 40]
    assert [event.ended_by for event in events if isinstance(event, Status) and event.state == "finished"] == [""]


def test_an_interrupted_run_ends_where_an_unbroken_one_does(text: Path, scripted: Callable[..., None]) -> None:
    scripted({15: 1.0})
    config = small(text, evaluate_every=EVERY, steps=500, patience=3)
    opening = Train(config=config, root=str(text.parent / "runs"))

    def stop_after_two(event: AnyEvent) -> list[Stop]:
        return [Stop()] if isinstance(event, Evaluated) and event.step >= 30 else []

    events = serve(opening, stop_after_two)
    run = next(event.run for event in events if isinstance(event, Started))
    _, events = run_to_end(Resume(run=run))
    assert [event.step for event in events if isinstance(event, Stopped)] == [60]
    _, events = run_to_end(Resume(run=run))
    assert [event.step for event in events if isinstance(event, Stopped)] == [60]
    assert any("reached its limit" in note and "--steps" in note for note in notes_of(events))


def test_without_patience_or_anything_held_out_the_rest_is_as_before(text: Path, scripted: Callable[..., None]) -> None:
    scripted({15: 1.0})
    run = trained(text, steps=75)
    assert [line["step"] for line in metrics(run) if line.get("kind") == "ended"] == [75]
    with pytest.raises(UserError, match="Nothing is held out"):
        new_session(text, validation=0.0, patience=2)
    with pytest.raises(UserError, match="patience is -1"):
        validate(small(text, patience=-1))


# ------------------------------------------------------------------------------------------------- config.json by hand


def edit_config(run: Path, **changes: Any) -> None:
    path = run / "config.json"
    whole = json.loads(path.read_text())
    path.write_text(json.dumps({**whole, "config": {**whole["config"], **changes}}))


@pytest.mark.parametrize("change", [{"lr": 0.5}, {"hidden": 12}, {"steps": 900}])
def test_a_config_that_was_edited_is_refused_in_words(text: Path, change: dict[str, Any]) -> None:
    run = trained(text, steps=6)
    before = (run / "config.json").read_text()
    edit_config(run)  # laid out otherwise, and says the same
    open_session(Inspect(run=str(run))).close()
    edit_config(run, **change)
    for opening in (
        Inspect(run=str(run)),
        Inspect(run=str(run), at=4),
        Resume(run=str(run)),
        Resume(run=str(run), at=6),
    ):
        with pytest.raises(UserError, match=r"config\.json.* was edited .* --lr, --clip, --schedule"):
            open_session(opening)
    (run / "config.json").write_text(before)
    open_session(Resume(run=str(run))).close()


def test_what_the_program_itself_changes_in_it_is_no_edit(text: Path) -> None:
    run = trained(text, steps=6)
    digests: set[tuple[str, ...]] = set()
    for _ in range(3):  # killed before it has saved, each time
        session = open_session(Resume(run=str(run), more_steps=50))
        session.close()
        record: RunRecord = load_record(run)
        digests.add(record.earlier_digests)
    assert sorted(map(len, digests)) == [1]
    open_session(Inspect(run=str(run))).close()
    serve(Resume(run=str(run), more_steps=3), finish)
    edit_config(run, lr=0.5)
    with pytest.raises(UserError, match="was edited"):
        open_session(Resume(run=str(run)))

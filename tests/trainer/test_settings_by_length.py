"""What a run of a person's own text leaves open is chosen by the text's length, recorded, and said."""

import json
from pathlib import Path

import pytest
from msgspec import structs

from rnnplay.catalogue import make_config
from rnnplay.config import UserError
from rnnplay.protocol import Train
from rnnplay.trainer.opening import begin_run
from rnnplay.trainer.session import TrainingSession

TEXT = "the cat sat on the mat, and the dog sat on the cat.\n"


def begin(tmp_path: Path, repeats: int = 40, **choices: object) -> TrainingSession:
    path = tmp_path / "text.txt"
    path.write_text(TEXT * repeats)
    config = make_config("text", text=str(path), **({"hidden": 4, "batch": 2, "seq_len": 10, "cores": 1} | choices))
    return begin_run(Train(config=config, root=str(tmp_path / "runs")))


@pytest.mark.parametrize(
    ("repeats", "hidden", "memory", "dropout", "decay"),
    [(40, 128, 0, 0.3, 0.05), (8_000, 256, 300, 0.2, 0.0), (40_000, 256, 300, 0.0, 0.0)],
)  # 2,080, 416,000 and 2,080,000 characters, a tenth of them held out
def test_a_longer_text_gets_more_units_and_less_regularisation(
    tmp_path: Path, repeats: int, hidden: int, memory: int, dropout: float, decay: float
) -> None:
    session = begin(tmp_path, repeats, hidden=None)
    config = session.learner.config
    assert (config.hidden, config.dropout, config.weight_dropout) == (hidden, dropout, dropout)
    assert (config.weight_decay, config.max_time_constant) == (decay, memory)
    assert session.learner.network.architecture.max_time_constant == memory
    network = session.learner.network.architecture
    assert (network.hidden, network.dropout, network.weight_dropout) == (hidden, dropout, dropout)
    recorded = json.loads((session.run / "config.json").read_text())["config"]
    assert (recorded["hidden"], recorded["dropout"], recorded["weight_decay"]) == (hidden, dropout, decay)
    learned = len(session.learner.task.training_ids)
    assert (
        f"By the length of the text, {learned:,} symbols to learn from: hidden {hidden}, "
        f"max time constant {memory}, dropout {dropout:g}, "
        f"weight dropout {dropout:g}, weight decay {decay:g}."
    ) in session.notes
    session.close()


def test_a_few_items_are_regularised_most(tmp_path: Path) -> None:
    path = tmp_path / "items.txt"
    for count, size, dropout, decay in ((90, 1, 0.5, 1.0), (90, 12, 0.3, 0.05), (3_000, 1, 0.3, 0.05)):
        path.write_text("".join(f"item {n} " * size + "\n" for n in range(count)))
        config = make_config("text", text=str(path), document="line", hidden=4, batch=2, cores=1)
        session = begin_run(Train(config=config, root=str(tmp_path / "runs")))
        config = session.learner.config
        assert (config.dropout, config.weight_dropout, config.weight_decay) == (dropout, dropout, decay)
        session.close()


def test_what_a_person_gives_is_what_the_run_takes(tmp_path: Path) -> None:
    session = begin(tmp_path, dropout=0.0)
    config = session.learner.config
    assert (config.dropout, config.weight_dropout, config.weight_decay) == (0.0, 0.3, 0.05)
    assert any("symbols to learn from: max time constant 0, weight dropout 0.3" in note for note in session.notes)
    session.close()
    session = begin(tmp_path, dropout=0.5, weight_dropout=0.25, weight_decay=0.0, max_time_constant=7)
    config = session.learner.config
    assert (config.dropout, config.weight_dropout, config.weight_decay) == (0.5, 0.25, 0.0)
    assert not any("By the length" in note for note in session.notes)
    session.close()


@pytest.mark.parametrize("chosen", [{"forget_bias": 2.0}, {"chrono_max_lag": 50}, {"hidden": 255}])
def test_the_gates_begin_as_a_person_chooses_and_those_of_few_units_alike(
    tmp_path: Path, chosen: dict[str, float]
) -> None:
    session = begin(tmp_path, 8_000, **({"hidden": None} | chosen))
    assert session.learner.config.max_time_constant == 0
    session.close()


def test_a_task_without_a_text_is_not_regularised_by_a_length(tmp_path: Path) -> None:
    config = make_config("addition", hidden=4)
    session = begin_run(Train(config=config, root=str(tmp_path / "runs")))
    assert not any("By the length" in note for note in session.notes)
    assert session.learner.config.dropout == 0.0
    session.close()
    with pytest.raises(UserError, match="only a text"):
        begin_run(Train(config=structs.replace(config, dropout=None), root=str(tmp_path / "runs")))

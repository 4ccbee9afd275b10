"""However a checkpoint is opened, the weights that are evaluated are those that it was saved with."""

from pathlib import Path

import numpy as np
import pytest
from driving import small, write_text

from rnnplay.config import UserError
from rnnplay.engine import Network
from rnnplay.protocol import Inspect, Resume, Train
from rnnplay.runs import checkpoint
from rnnplay.trainer.opening import open_session
from rnnplay.trainer.session import TrainingSession


def trained(tmp_path: Path, steps: int, average: float) -> TrainingSession:
    """A run at a checkpoint, closed; its learner is still in memory. At step 0 its weights are set, as by an import."""
    config = small(write_text(tmp_path / "words.txt"), ema_decay=average)
    session = open_session(Train(config=config, root=str(tmp_path / "runs")))
    session.learner.network.flat[...] += 0.25
    for _ in range(steps):
        session.learner.train_step()
    session.save()
    session.save_weights()
    session.close()
    return session


@pytest.mark.parametrize("average", [0.0, 0.9])
@pytest.mark.parametrize("steps", [0, 1, 8])
def test_however_a_checkpoint_is_opened_the_same_weights_are_evaluated(
    tmp_path: Path, steps: int, average: float
) -> None:
    session = trained(tmp_path, steps, average)
    saved, run = session.learner.eval_network().flat.copy(), str(session.run)
    other = Network(session.learner.network.architecture)
    session.learner.load_weights_into(other, checkpoint.load_at(session.run, steps))
    found = [other, session.learner.network_of(checkpoint.load_at(session.run, steps))]
    for opening in (Inspect(run=run), Inspect(run=run, at=steps), Resume(run=run)):
        opened = open_session(opening)
        found.append(opened.learner.eval_network())
        opened.close()
    checkpoint.checkpoint_path(session.run, steps).unlink()  # only its weights are left, as of the history
    found.append(open_session(Inspect(run=run)).learner.eval_network())
    for network in found:
        np.testing.assert_array_equal(network.flat, saved)


def test_an_average_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    session = trained(tmp_path, 3, 0.9)
    saved = checkpoint.load(checkpoint.checkpoint_path(session.run, 3))
    saved.arrays["averaging/mean"][0] = np.inf
    with pytest.raises(UserError, match="not finite"):
        session.learner.load_weights_into(Network(session.learner.network.architecture), saved)

"""Runs that were spoiled on purpose are named rightly, healthy presets are left in peace."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from rnnplay import tasks
from rnnplay.catalogue import make_config
from rnnplay.engine import Network
from rnnplay.lab.health import Monitor, NetworkProbe, RunFacts, probe_network, update_ratio
from rnnplay.lab.reference_network import ReferenceNetwork
from rnnplay.trainer.handlers.health import health_batch, run_facts
from rnnplay.trainer.learner import Learner
from rnnplay.verdicts import GradientVerdict

Spoil = Callable[[Network], None]


def scaled(rho: float) -> Spoil:
    """W_hh of every layer gets the spectral radius `rho`."""

    def spoil(network: Network) -> None:
        for name, value in network.parameters.items():
            if name.endswith("W_hh"):
                value *= rho / np.abs(np.linalg.eigvals(value[: value.shape[1]])).max()

    return spoil


def biased(bias: float, signs: bool) -> Spoil:
    """Every hidden bias far from zero, in both directions where `signs`."""

    def spoil(network: Network) -> None:
        for name, value in network.parameters.items():
            if name.endswith("b_h"):
                rng = np.random.default_rng(0)
                value[...] = bias * (np.sign(rng.standard_normal(value.shape)) if signs else 1.0)

    return spoil


@dataclass(frozen=True)
class Spoiled:
    what: str
    named: str
    task: str
    steps: int
    settings: dict[str, Any] = field(default_factory=dict)
    spoil: Spoil | None = None


HIGH, LOW, SHORT = "learning rate too high", "learning rate too low", "sequence length too short"
EXPLODES, VANISHES = "exploding gradient", "vanishing gradient"
DEAD, SATURATED, CLIPPED = "dead units", "saturated units", "clipped too hard"
SMALL = {"hidden": 32, "layers": 1, "batch": 16, "seq_len": 32, "dropout": 0.0, "weight_dropout": 0.0, "ema_decay": 0.0}
PLAIN = {"cell": "rnn", "hidden": 32, "length_warmup_steps": 0, "chrono_max_lag": 0}

SPOILED = (
    Spoiled("hello, learning rate x 100", HIGH, "hello", 300, {"lr": 2.0}),
    Spoiled("addition, x 100", HIGH, "addition", 300, {"lr": 1.0}),
    Spoiled("reber, x 100", HIGH, "reber", 150, {"lr": 1.0}),
    Spoiled("prose, x 100", HIGH, "prose", 60, {"lr": 0.6}),
    Spoiled("tagging, x 100", HIGH, "tagging", 60, {"lr": 1.0}),
    Spoiled("hello, learning rate / 1000", LOW, "hello", 300, {"lr": 2e-5}),
    Spoiled("addition, / 1000", LOW, "addition", 300, {"lr": 1e-5}),
    Spoiled("reber, / 1000", LOW, "reber", 200, {"lr": 1e-5}),
    Spoiled("prose, / 1000", LOW, "prose", 180, SMALL | {"lr": 4e-6}),
    Spoiled(
        "prose, W_hh of radius 3, no clip", EXPLODES, "prose", 100, SMALL | {"cell": "rnn", "clip": 0.0}, scaled(3)
    ),
    Spoiled("song, W_hh of radius 6", EXPLODES, "song", 300, {}, scaled(6)),
    Spoiled("adding, W_hh of radius 2", EXPLODES, "adding", 150, PLAIN | {"seq_len": 60}, scaled(2)),
    Spoiled("prose, dead ReLUs", DEAD, "prose", 100, SMALL | {"cell": "rnn", "activation": "relu"}, biased(-5, False)),
    Spoiled("addition, dead ReLUs", DEAD, "addition", 300, {"activation": "relu"}, biased(-5, False)),
    Spoiled("copy 20, gradient over 5 time steps", SHORT, "copy", 150, PLAIN | {"seq_len": 20, "tbptt_steps": 5}),
    Spoiled("adding 50, over 5 time steps", SHORT, "adding", 150, PLAIN | {"seq_len": 50, "tbptt_steps": 5}),
    Spoiled("addition, saturated sigmoids", SATURATED, "addition", 200, {"activation": "sigmoid"}, biased(12, True)),
    Spoiled("reber, saturated tanh", SATURATED, "reber", 150, {"cell": "rnn", "init": "normal", "init_scale": 10.0}),
    Spoiled("reber, saturated gates", SATURATED, "reber", 100, {}, biased(12, True)),
    Spoiled("adding, W_hh of radius 0.3", VANISHES, "adding", 250, PLAIN | {"seq_len": 90, "lr": 1e-3}, scaled(0.3)),
    Spoiled("reber, clip at 1e-4", CLIPPED, "reber", 200, {"optimizer": "sgd", "lr": 0.1, "clip": 1e-4}),
)
HEALTHY = {
    "hello": 500, "alternate": 500, "one-one-zero": 600, "hello-end": 400, "alphabet": 600, "song": 600,
    "addition": 1000, "reber": 400, "counting": 500, "plain": 300, "series": 120, "sentiment": 200, "adding": 120,
    "addition-original": 1500,
}  # fmt: skip


def watched(task: str, steps: int, settings: dict[str, Any], spoil: Spoil | None = None) -> tuple[Monitor, set[str]]:
    """Train and check up as the trainer does; the monitor at the end, and everything that it ever said."""
    config = make_config(task, **settings)
    task_made = tasks.make(config)
    learner = Learner(config, task_made)
    if spoil is not None:
        spoil(learner.network)
    monitor, batch = Monitor(run_facts(learner, tuple(task_made.baselines()))), health_batch(learner)
    assert batch is not None
    said: set[str] = set()

    def see(ratio: float | None) -> None:
        assert batch is not None
        monitor.add_probe(
            probe_network(
                ReferenceNetwork(learner.network.architecture, learner.network.parameters), batch, learner.step, ratio
            )
        )
        said.update(a.name for a in monitor.advice())

    with np.errstate(all="ignore"):
        see(None)
        for step in range(1, steps + 1):
            due = not step & (step - 1) or step % 25 == 0
            before = {name: value.copy() for name, value in learner.network.parameters.items()} if due else {}
            taken = learner.train_step()
            finite = bool(np.isfinite(taken.loss) and np.isfinite(taken.grad_norm))
            row = (taken.loss, taken.grad_norm) if finite else (None, None)
            monitor.row(step, *row, float(taken.clipped), taken.lr)
            if due or not finite:
                see(update_ratio(before, learner.network.parameters) if due else None)
            if not finite:
                break
    return monitor, said


def test_of_twenty_one_spoiled_runs_at_least_nineteen_are_named_rightly() -> None:
    missed = []
    for case in SPOILED:
        monitor, _ = watched(case.task, case.steps, case.settings, case.spoil)
        named = [a.name for a in monitor.advice()]
        assert len(named) <= 3
        probe, clipped = monitor.probes[-1], round(sum(monitor.clipped[-20:]))
        measured = {
            DEAD: f"{round(100 * probe.dead)} % of the ",
            SATURATED: f"{round(100 * probe.saturated)} % of the ",
            CLIPPED: f"{clipped} of the last 20 steps are clipped",
        }
        for a in monitor.advice():
            assert a.name not in measured or a.cause.startswith(measured[a.name])
        if case.named not in named:
            missed.append((case.what, case.named, named))
    assert len(missed) <= 2, missed


@pytest.mark.parametrize("task", HEALTHY)
def test_a_healthy_preset_is_never_accused(task: str) -> None:
    _, said = watched(task, HEALTHY[task], {})
    assert said == set()


def test_advice_names_cause_and_remedy_the_worst_first() -> None:
    monitor, _ = watched("hello", 100, {"lr": 2.0})
    found = monitor.advice()
    assert [a.severity for a in found] == sorted((a.severity for a in found), reverse=True)
    assert found[0].cause.startswith("The first updates overshot: the loss went from 1.3")
    assert found[0].remedy == "Try a learning rate of 0.2."


@pytest.mark.parametrize(("cell", "matrix"), [("rnn", "W_hh"), ("gru", "the state's Jacobian")])
def test_an_exploding_gradients_radius_says_of_which_matrix_it_is(cell: str, matrix: str) -> None:
    facts = RunFacts(cell=cell, activation="tanh", optimizer="adam", lr=0.01, clip=0.0)
    monitor = Monitor(facts)
    for step in range(60):
        monitor.row(step + 1, 1.0, 500.0, 0.0)
    monitor.add_probe(NetworkProbe(60, 0.0, 0.0, GradientVerdict.EXPLODES, None, 1.5))
    assert [a.cause for a in monitor.advice()] == [
        f"The gradient grows on its way back through time (ρ of {matrix} 1.50)."
    ]


def test_the_trainer_says_what_ails_a_run(tmp_path: Any) -> None:
    """Through the trainer's own process."""
    import asyncio

    from rnnplay import protocol as say
    from rnnplay.client import TrainerClient

    async def ask() -> list[say.Health]:
        client = await TrainerClient.start(
            say.Train(config=make_config("addition", lr=1.0, steps=300), root=str(tmp_path))
        )
        await client.send(say.WatchHealth())
        found = []
        async for event in client.events():
            if isinstance(event, say.Health):
                found.append(event)
            elif isinstance(event, say.Status) and event.state == "finished":
                await client.send(say.Stop())
        return found

    found = asyncio.run(ask())
    assert found[0].advice == ()
    assert found[-1].advice[0].name == HIGH

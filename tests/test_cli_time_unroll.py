"""rnnplay gradients and rnnplay unroll: real processes, their output, their refusals."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two trained runs: an RNN on `alternate`, then an LSTM on `one-one-zero`."""
    root = tmp_path_factory.mktemp("runs")
    for task, *more in (("alternate", "--seed", "1"), ("one-one-zero", "--cell", "lstm", "--hidden", "5")):
        told = call(root, "train", task, *more)
        assert told.returncode == 0, told.stderr
    return root


def call(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rnnplay", *arguments, "--runs", str(root)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def run_of(home: Path, task: str) -> str:
    return next(str(path) for path in home.iterdir() if f"-{task}-" in path.name)


def test_gradients_as_json_has_the_norms_by_lag_from_zero(home: Path) -> None:
    told = call(home, "gradients", run_of(home, "alternate"), "--lags", "12", "--json")
    found = json.loads(told.stdout)
    norms = found["norms"]
    assert len(norms) == 13 and norms[0] > 0
    assert found["horizon"] == next(k for k, norm in enumerate(norms) if norm < 0.01 * norms[0])
    assert [network["name"] for network in found["compared"]] == ["RNN tanh", "RNN ReLU", "RNN sigmoid", "LSTM", "GRU"]
    assert {"radius", "verdict", "longest_lag", "sentence", "step"} <= set(found)
    assert (found["lag"], found["solved"], found["learned"], found["matrix"]) == (1, True, "solved", "W_hh")
    assert found["left"] == pytest.approx(norms[1] / norms[0]) == found["factor"]


def test_gradients_for_people_is_a_table_with_horizon_and_radius(home: Path) -> None:
    other = run_of(home, "one-one-zero")
    told = call(home, "gradients", run_of(home, "alternate"), "--lags", "20", "--no-untrained", "--with", other)
    assert "RNN tanh: the gradient reaches lag 1, the task's longest dependency: " in told.stdout
    assert f"The run {Path(other).name} is of the task one-one-zero." in told.stdout
    rows = [line.split() for line in told.stdout.splitlines()]
    assert [row[0] for row in rows if len(row) == 2][:4] == ["0", "1", "2", "3"]
    assert any(row[:1] == ["horizon"] for row in rows) and any(row[:1] == ["radius"] for row in rows)


def test_unroll_as_json_holds_every_number_of_the_walk(home: Path) -> None:
    told = call(home, "unroll", run_of(home, "one-one-zero"), "--json")
    found = json.loads(told.stdout)
    part = found["parts"][0]
    layer = part["layers"][0]
    assert part["inputs"][:6] == ["1", "1", "0", "1", "1", "0"]
    assert layer["units"] == [1, 2, 3, 4, 5]
    T = len(part["inputs"])
    assert np.shape(layer["h"]) == np.shape(layer["c"]) == (T + 1, 5)
    gates = {gate["name"]: gate for gate in layer["gates"]}
    forget = np.sum(list(gates["f"]["summands"].values()), axis=0)
    np.testing.assert_allclose(gates["f"]["value"], 1 / (1 + np.exp(-forget)), rtol=1e-12)
    c = np.array(layer["c"])
    kept = np.array(gates["f"]["value"]) * c[:-1] + np.array(gates["i"]["value"]) * np.array(gates["g"]["value"])
    np.testing.assert_allclose(c[1:], kept, rtol=1e-12)
    np.testing.assert_allclose(layer["h"][1:], np.array(gates["o"]["value"]) * np.tanh(c[1:]), rtol=1e-12)
    assert np.mean(part["losses"]) == pytest.approx(found["loss"])


def test_alternate_has_hidden_states_of_opposite_sign_at_alternate_steps(home: Path) -> None:
    told = call(home, "unroll", run_of(home, "alternate"), "--json")
    h = np.array(json.loads(told.stdout)["parts"][0]["layers"][0]["h"])[1:]
    assert (np.abs(h[1:]) > 0.5).all()
    assert (np.sign(h[2:]) == -np.sign(h[1:-1])).all()


def test_the_two_ones_of_one_one_zero_have_states_of_their_own(home: Path) -> None:
    told = call(home, "unroll", run_of(home, "one-one-zero"), "--json")
    part = json.loads(told.stdout)["parts"][0]
    h = np.array(part["layers"][0]["h"])[1:]
    assert part["inputs"][3:5] == ["1", "1"]
    assert np.linalg.norm(h[3] - h[4]) >= 1


def test_unroll_for_people_has_signs_and_columns(home: Path) -> None:
    told = call(home, "unroll", run_of(home, "alternate"), "--example", "1")
    assert "time step" in told.stdout and "p target %" in told.stdout
    hidden = next(line.split() for line in told.stdout.splitlines() if line.strip().startswith("h 1"))
    assert {value[0] for value in hidden if value[1:2].isdigit() and value[0] in "+-"} == {"+", "-"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("gradients", "last", "--lags", "0"), "Give a number from 1 to 1000."),
        (("gradients", "nowhere"), "There is no run 'nowhere'"),
        (("unroll", "last", "--example", "-1"), "There is no example -1."),
        (("unroll", "last", "--length", "0"), "Ask for at least one time step"),
        (("unroll", "last", "--at", "77777"), "has no checkpoint of step 77777"),
        (("unroll", "last", "--at", "lats"), "'lats' names no checkpoint. Give --at best, --at last or a step"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_two_sentences(home: Path, arguments: tuple[str, ...], words: str) -> None:
    told = call(home, *arguments)
    assert told.returncode == 2
    assert words in told.stderr and "Traceback" not in told.stderr

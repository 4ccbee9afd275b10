"""Exported networks in torch.nn: the README's own lines load one, and its loss is the one that is printed here."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from rnnplay import tasks
from rnnplay.config import RunConfig

torch: Any = pytest.importorskip("torch")
LIMIT = 300  # seconds, generous
README = Path(__file__).parents[2] / "README.md"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RNNPLAY_HOME", str(tmp_path / "home"))
    return tmp_path


def lines_of(*arguments: str, **choices: Any) -> list[str]:
    return subprocess.run(
        [sys.executable, "-m", "rnnplay", *arguments],
        env=os.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=True,
        **choices,
    ).stdout.splitlines()


def readme_lines() -> str:
    """The one block of Python in the README that opens a file of `rnnplay export`."""
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    found = [block for block in blocks if "safe_open" in block]
    assert len(found) == 1
    assert len(found[0].splitlines()) == 6
    return found[0]


def held_out(run: str) -> tuple[Any, Any]:
    """Ids of what `rnnplay evaluate --streams 1` reads, and of what it should say."""
    config = msgspec.convert(json.loads((Path(run) / "config.json").read_text())["config"], RunConfig)
    ids = torch.from_numpy(np.asarray(tasks.make(config).held_out_ids[:100_001]).astype(np.int64))
    return ids[:-1], ids[1:]


def loss_of(rnn: Any, readout: Any, run: str) -> float:
    inputs, targets = held_out(run)
    rnn.eval()
    with torch.no_grad():
        one_hot = torch.nn.functional.one_hot(inputs, rnn.input_size).to(readout.weight.dtype)
        logits = readout(rnn(one_hot[:, None])[0])[:, 0]
        return float(torch.nn.functional.cross_entropy(logits.double(), targets))


def evaluated(run: str) -> float:
    return float(json.loads(lines_of("evaluate", run, "--streams", "1", "--json")[-1])["loss"])


def test_the_lines_of_the_readme_load_a_run_into_torch(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ("--cell", "lstm", "--layers", "2", "--hidden", "23", "--steps", "60", "--dropout", "0.1")
    run = lines_of("train", "prose", *settings)[-1]
    lines_of("export", run, "mine.safetensors", cwd=home)
    monkeypatch.chdir(home)
    said: dict[str, Any] = {}
    exec(readme_lines(), said)
    network = said["network"]
    assert loss_of(network["rnn"], network["readout"], run) == pytest.approx(evaluated(run), abs=1e-5)
    assert "".join(said["vocabulary"]) == "".join(sorted(said["vocabulary"]))


@pytest.mark.parametrize(
    ("cell", "settings"),
    [
        ("rnn", ["--activation", "relu"]),
        ("rnn", ["--no-bias", "--ema-decay", "0.9"]),
        ("gru", ["--layers", "3", "--chrono-max-lag", "9"]),
    ],
)
def test_the_other_cells_have_the_same_loss_in_torch(cell: str, settings: list[str], home: Path) -> None:
    from safetensors.torch import load_file

    run = lines_of("train", "prose", "--cell", cell, "--hidden", "19", "--steps", "60", *settings)[-1]
    file = home / "network.safetensors"
    lines_of("export", run, str(file))
    weights = load_file(file)
    layers = sum("weight_hh" in name for name in weights)
    V, bias = weights["readout.weight"].shape[0], "readout.bias" in weights
    options = {"nonlinearity": "relu"} if "relu" in settings else {}
    kind = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU}[cell]
    network = torch.nn.ModuleDict(
        {"rnn": kind(V, 19, layers, bias=bias, **options), "readout": torch.nn.Linear(19, V, bias=bias)}
    )
    network.load_state_dict(weights)
    assert loss_of(network["rnn"], network["readout"], run) == pytest.approx(evaluated(run), abs=1e-5)


@pytest.mark.parametrize("cell", ["RNN", "LSTM", "GRU"])
def test_a_network_that_torch_made_is_imported_with_the_loss_it_had_there(cell: str, home: Path) -> None:
    from safetensors.torch import save_file

    torch.manual_seed(3)
    file, text = home / "theirs.safetensors", home / "text.txt"
    text.write_text("".join(np.random.default_rng(1).choice(list("abcdef\n"), 3_000)))
    network = torch.nn.ModuleDict({"rnn": getattr(torch.nn, cell)(7, 13, 2), "readout": torch.nn.Linear(13, 7)})
    save_file(dict(network.state_dict()), file, {"vocabulary": json.dumps(list("\nabcdef"))})
    run = lines_of("import", str(file), "--text", str(text))[-1]
    assert loss_of(network["rnn"], network["readout"], run) == pytest.approx(evaluated(run), abs=1e-5)

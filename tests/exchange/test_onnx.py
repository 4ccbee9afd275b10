"""A network's time step as an ONNX graph gives the probabilities that the network gives."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnplay.config import UserError
from rnnplay.engine import Architecture, Network
from rnnplay.exchange import onnx_file
from rnnplay.tasks.base import Batch

METADATA = {"vocabulary": json.dumps(list("abcde")), "config": "{}"}


def runner(file: Path) -> Any:
    """A function from named inputs to named outputs: onnxruntime's, or where it is missing onnx's own."""
    try:
        import onnxruntime
    except ImportError:
        reference = pytest.importorskip("onnx.reference").ReferenceEvaluator(str(file))
        return lambda inputs: dict(zip(reference.output_names, reference.run(None, inputs), strict=True))
    session = onnxruntime.InferenceSession(file)
    names = [output.name for output in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(None, inputs), strict=True))


def written(folder: Path, **choices: Any) -> tuple[Network, Path]:
    network = Network(Architecture(hidden=7, outputs=5, **{"inputs": 5, **choices}), 3)
    network.flat[:] = np.random.default_rng(4).standard_normal(network.flat.size)
    onnx_file.write(folder / "network.onnx", network.architecture, dict(network.parameters), METADATA)
    return network, folder / "network.onnx"


@pytest.mark.parametrize(
    "choices",
    [
        {"cell": "lstm", "layers": 2},
        {"cell": "gru", "layers": 3},
        {"cell": "gru", "bias": False},
        {"cell": "rnn", "activation": "relu", "layers": 2},
        {"cell": "rnn", "dtype": "float64", "readout": "sigmoid"},
        {"cell": "lstm", "inputs_are_ids": False, "inputs": 3, "readout": "linear"},
    ],
    ids=lambda choices: " ".join(map(str, choices.values())),
)
def test_step_by_step_it_says_what_the_network_says(choices: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    network, file = written(tmp_path, **choices)
    a, run, rng = network.architecture, runner(file), np.random.default_rng(5)
    T, B = 12, 3
    read = rng.integers(5, size=(T, B)) if a.inputs_are_ids else rng.standard_normal((T, 3, B)).astype(a.dtype)
    expected = network.forward(Batch(read.astype("i4") if a.inputs_are_ids else read, np.zeros((T, B), "i4"))).outputs
    state = {name: np.zeros((a.layers, B, 7), a.dtype) for name in (("h", "c") if a.cell == "lstm" else ("h",))}
    for t in range(T):
        given = {"id": read[t]} if a.inputs_are_ids else {"x": read[t].T}
        result = run({**given, **state})
        state = {name: result[f"{name}_next"] for name in state}
        output = result["values" if a.readout == "linear" else "probabilities"]
        np.testing.assert_allclose(output, expected[t].T, atol=1e-5)


def test_the_file_says_what_its_ids_mean(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    _, file = written(tmp_path)
    properties = {entry.key: entry.value for entry in onnx.load(file).metadata_props}
    assert json.loads(properties["vocabulary"]) == list("abcde")


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_the_lines_of_the_readme_write(
    cell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    _, file = written(tmp_path, cell=cell, layers=2)
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (code,) = (block for block in re.findall(r"^```python\n(.*?)^```", readme, re.M | re.S) if "onnxruntime" in block)
    file.rename(tmp_path / "mine.onnx")
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    assert len(text := capsys.readouterr().out) == 200 and set(text) <= set("abcde")


def test_without_the_package_two_sentences_say_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UserError, match=r"onnx is not installed\. Install it: pip install onnx"):
        written(tmp_path)

"""Checkpoints as other programs save them: every kind is read with the same loss, or refused in words."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from made_networks import imported, loss_of, weights_of

from rnnplay.config import UserError


def saved(folder: Path, weights: dict[str, Any], metadata: dict[str, str] | None = None) -> Path:
    path = folder / "network.safetensors"
    safetensors.numpy.save_file({name: np.ascontiguousarray(w) for name, w in weights.items()}, path, metadata)
    return path


def loss(folder: Path, weights: dict[str, Any], metadata: dict[str, str] | None = None) -> float:
    return loss_of(imported(saved(folder, weights, metadata), folder)[0])


def refusal(folder: Path, weights: dict[str, Any]) -> str:
    with pytest.raises(UserError) as caught:
        imported(saved(folder, weights), folder)
    return str(caught.value)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def test_prefixes_of_wrappers_change_nothing(folder: Path) -> None:
    weights = weights_of("gru", 2)
    expected = loss(folder, weights)
    for prefix in ("module.", "_orig_mod.", "_orig_mod.module.", "model.net.", "state_dict."):
        assert loss(folder, {prefix + name: array for name, array in weights.items()}) == expected, prefix


def test_a_network_written_from_scratch_has_biases_as_columns(folder: Path) -> None:
    weights = weights_of("rnn")
    expected = loss(folder, weights)
    theirs = {
        "Wxh": weights["rnn.weight_ih_l0"],
        "Whh": weights["rnn.weight_hh_l0"],
        "Why": weights["readout.weight"],
        "bh": weights["rnn.bias_ih_l0"][:, None],
        "by": weights["readout.bias"][:, None],
    }
    np.savez(folder / "network.npz", **theirs)  # type: ignore[arg-type]
    run, notes = imported(folder / "network.npz", folder)
    assert loss_of(run) == expected
    assert "bh   7              -> rnn.bias_ih_l0" in notes
    assert loss(folder, {name: array.T if name[0] == "b" else array for name, array in theirs.items()}) == expected


def test_an_embedding_that_is_the_readout_too_is_read_as_both(folder: Path) -> None:
    weights = weights_of("lstm", inputs=7)
    table = np.random.default_rng(6).standard_normal((9, 7)).astype(np.float32)
    both = {**weights, "embedding.weight": table, "readout.weight": table}
    expected = loss(folder, both)
    shared = {name.replace("readout", "decoder"): array for name, array in both.items() if name != "readout.weight"}
    shared["encoder.weight"] = shared.pop("embedding.weight")
    run, notes = imported(saved(folder, shared), folder)
    assert loss_of(run) == expected
    assert "-> embedding.weight, readout.weight" in notes
    del shared["encoder.weight"]
    shared["decoder.weight"] = table
    assert loss(folder, shared, {"encoder.weight": "decoder.weight"}) == expected  # as save_model writes it


def test_what_no_network_of_ours_is_is_refused_by_name(folder: Path) -> None:
    weights = weights_of("lstm")
    transposed = {
        "kernel": weights["rnn.weight_ih_l0"].T,
        "recurrent_kernel": weights["rnn.weight_hh_l0"].T,
        "bias": weights["rnn.bias_ih_l0"],
        "dense/kernel": weights["readout.weight"].T,
        "dense/bias": weights["readout.bias"],
    }
    assert "seems transposed" in refusal(folder, transposed)
    assert "in two directions" in refusal(folder, {**weights, "rnn.weight_ih_l0_reverse": np.zeros((28, 9), "f4")})
    assert "projects its hidden state" in refusal(folder, {**weights, "rnn.weight_hr_l0": np.zeros((3, 7), "f4")})
    norm = {**weights, "norm.weight": np.ones(7, np.float32)}
    assert '"norm.weight" (7) has no place here' in refusal(folder, norm)
    quantized = {**weights, "rnn.weight_hh_l0": weights["rnn.weight_hh_l0"].astype(np.int8)}
    assert '"rnn.weight_hh_l0" (28 x 7) holds whole numbers: it seems quantized' in refusal(folder, quantized)


def test_transposed_matrices_of_an_rnn_are_refused_though_their_shapes_fit(folder: Path) -> None:
    weights = weights_of("rnn")
    ours = {"Wxh": "rnn.weight_ih_l0", "Whh": "rnn.weight_hh_l0", "Why": "readout.weight"}
    biases = {"bh": weights["rnn.bias_ih_l0"], "by": weights["readout.bias"]}
    said = refusal(folder, {**{theirs: weights[name].T for theirs, name in ours.items()}, **biases})
    assert '"Why" would be the first layer\'s matrix and "Wxh" the readout: they seem transposed' in said
    _, notes = imported(saved(folder, {**{theirs: weights[name] for theirs, name in ours.items()}, **biases}), folder)
    assert "gates" not in notes


@pytest.mark.parametrize(("cell", "order"), [("lstm", "i, f, g, o"), ("gru", "r, z, n")])
def test_an_order_of_gates_that_nothing_tells_is_said(folder: Path, cell: str, order: str) -> None:
    weights = weights_of(cell)
    _, notes = imported(saved(folder, weights), folder)
    assert "gates" not in notes
    words = {"weight_ih": "i2h_W", "weight_hh": "h2h_W", "bias_ih": "i2h_b", "bias_hh": "h2h_b"}
    theirs = {}
    for name, array in weights.items():
        part = name.removeprefix("rnn.").removesuffix("_l0")
        theirs[words.get(part, name.replace("readout", "out"))] = array
    _, notes = imported(saved(folder, theirs), folder)
    assert f"in which order the gates of the {cell.upper()} stand: PyTorch's is taken, {order}" in notes


def test_bfloat16_in_an_npz_file_is_read(folder: Path) -> None:
    weights = weights_of("lstm")
    rounded = {name: (array.view(np.uint32) & 0xFFFF0000).view(np.float32) for name, array in weights.items()}
    halves = {name: (array.view(np.uint32) >> 16).astype("<u2").view("V2") for name, array in weights.items()}
    np.savez(folder / "halves.npz", **halves)
    run, _ = imported(folder / "halves.npz", folder)
    assert loss_of(run) == loss(folder, rounded)
    np.savez(folder / "quarters.npz", **{name: array.view("V1") for name, array in halves.items()})
    with pytest.raises(UserError, match=r"is stored as \|V1. Save it as float32"):
        imported(folder / "quarters.npz", folder)


def test_halves_and_doubles_are_read(folder: Path) -> None:
    weights = weights_of("lstm")
    expected = loss(folder, weights)
    assert loss(folder, {name: array.astype(np.float64) for name, array in weights.items()}) == pytest.approx(expected)
    halves = {name: array.astype(np.float16) for name, array in weights.items()}
    assert loss(folder, halves) == pytest.approx(expected, abs=2e-3)


def test_files_of_other_programs_are_refused_by_what_is_read(folder: Path) -> None:
    for content in (
        b"\x89HDF\r\n\x1a\n" + bytes(90),
        b"\x93NUMPY\x01\x00" + bytes(90),
        struct.pack("<Q", 2**40) + b"{}",
        b"",
        json.dumps({"weights": [1, 2]}).encode(),
    ):
        path = folder / "network.bin"
        path.write_bytes(content)
        with pytest.raises(UserError) as caught:
            imported(path, folder)
        assert caught.value.remedy == "Give a .safetensors, .npz, .pt or .pth file with the weights of one network."

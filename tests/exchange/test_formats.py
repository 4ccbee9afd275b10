"""Files of other programs: what is read of each format, and what is refused, always in two sentences."""

import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from made_networks import VOCABULARY, imported, loss_of, parameters_of, weights_of, with_embedding

from rnnplay.config import UserError
from rnnplay.exchange import exporter, importer, npz_file, tensor_file
from rnnplay.exchange.tensor_file import vocabulary_list


def said(file: Path) -> str:
    """What is said of a file that is refused: two sentences, no traceback."""
    with pytest.raises(UserError) as caught:
        importer.read_tensor_file(file)
    assert caught.value.problem.endswith(".") and caught.value.remedy.endswith(".")
    return caught.value.problem


def write_bfloat16(path: Path, weights: dict[str, Any]) -> None:
    """A safetensors file of the upper halves of float32 numbers."""
    header: dict[str, Any] = {}
    body = b""
    for name, array in weights.items():
        halves = (np.ascontiguousarray(array, np.float32).view(np.uint32) >> 16).astype("<u2").tobytes()
        header[name] = {
            "dtype": "BF16",
            "shape": list(array.shape),
            "data_offsets": [len(body), len(body) + len(halves)],
        }
        body += halves
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def rounded(array: Any) -> Any:
    """float32 numbers cut to bfloat16."""
    return (np.ascontiguousarray(array, np.float32).view(np.uint32) & 0xFFFF0000).view(np.float32)


def test_an_embedding_is_folded_into_the_first_matrix(tmp_path: Path) -> None:
    weights, folded = with_embedding("gru", layers=2)
    safetensors.numpy.save_file(weights, tmp_path / "embedded.safetensors")
    safetensors.numpy.save_file(folded, tmp_path / "folded.safetensors")
    run, notes = imported(tmp_path / "embedded.safetensors", tmp_path)
    assert "->" not in notes  # the names are ours
    other, _ = imported(tmp_path / "folded.safetensors", tmp_path)
    assert loss_of(run) == pytest.approx(loss_of(other), abs=1e-6)
    np.testing.assert_allclose(parameters_of(run)["l0.W_xh"], parameters_of(other)["l0.W_xh"], atol=1e-6)


def test_bfloat16_and_float16_are_read_as_float32(tmp_path: Path) -> None:
    weights = weights_of()
    write_bfloat16(tmp_path / "half.safetensors", weights)
    read = importer.read_tensor_file(tmp_path / "half.safetensors").tensors
    for name, array in weights.items():
        assert read[name].dtype == np.float32
        np.testing.assert_array_equal(read[name], rounded(array))
    halves = {name: array.astype(np.float16) for name, array in weights.items()}
    safetensors.numpy.save_file(halves, tmp_path / "float16.safetensors")
    assert parameters_of(imported(tmp_path / "float16.safetensors", tmp_path)[0])["W_hy"].dtype == np.float32


def test_a_network_goes_to_npz_and_comes_back(tmp_path: Path) -> None:
    safetensors.numpy.save_file(weights_of("rnn", activation="relu"), tmp_path / "a.safetensors")
    run, notes = imported(tmp_path / "a.safetensors", tmp_path, activation="relu")
    assert "--activation" not in notes
    assert "--activation relu" in imported(tmp_path / "a.safetensors", tmp_path)[1]
    exporter.export_run(str(run), tmp_path / "network.npz", kind="npz")
    with np.load(tmp_path / "network.npz", allow_pickle=False) as file:
        assert json.loads(str(file["vocabulary"])) == VOCABULARY
        assert json.loads(str(file["config"]))["activation"] == "relu"
    again, notes = imported(tmp_path / "network.npz", tmp_path, vocabulary=None)
    assert loss_of(again) == loss_of(run) and "->" not in notes


def test_vocabularies_are_read_as_people_save_them(tmp_path: Path) -> None:
    assert vocabulary_list("abc") == vocabulary_list(["a", "b", "c"]) == ["a", "b", "c"]
    assert vocabulary_list({"b": 1, "a": 0}) == vocabulary_list({"1": "b", "0": "a"}) == ["a", "b"]
    assert vocabulary_list({1: "b", 0: "a"}) == ["a", "b"]
    assert vocabulary_list({"a": 1, "b": 2}) is None and vocabulary_list(5) is None
    safetensors.numpy.save_file(weights_of(), tmp_path / "network.safetensors")
    symbols = tmp_path / "char2int.json"
    symbols.write_text(json.dumps({symbol: n for n, symbol in enumerate(VOCABULARY)}))
    by_map, _ = imported(tmp_path / "network.safetensors", tmp_path, vocabulary=symbols)
    assert loss_of(by_map) == loss_of(imported(tmp_path / "network.safetensors", tmp_path)[0])
    np.savez(tmp_path / "other.npz", chars=np.array(VOCABULARY), **weights_of())  # type: ignore[arg-type]
    assert loss_of(imported(tmp_path / "other.npz", tmp_path, vocabulary=None)[0]) == loss_of(by_map)


def npy(shape: tuple[int, ...], content: bytes, descr: str = "<f4") -> bytes:
    """An .npy file that says what is asked."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
    return file.getvalue() + content


def test_hostile_npz_files_are_refused_before_memory_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "hostile.npz"

    def holding(content: bytes, compression: int = zipfile.ZIP_STORED) -> Path:
        with zipfile.ZipFile(file, "w", compression) as archive:
            archive.writestr("weight.npy", content)
        return file

    assert "which is not its size" in said(holding(npy((2**40, 2**20), b"1234")))
    assert "which is not its size" in said(holding(npy((-4, -1), b"1234" * 4)))
    assert "which is not its size" in said(holding(npy((3,), b"1234")))
    assert "Python objects" in said(holding(npy((1,), b"12345678", "|O")))
    assert "no whole .npz file" in said(holding(b"\x93NUMPY\x01\x00\xff\xff"))
    assert "no whole .npz file" in said(holding(npy((1,), b"1234", "<f4").replace(b"'<f4'", b"[1]*9")))
    assert "holds no arrays" in said(holding(npy((), "a".encode("utf-32-le"), "<U1")))
    monkeypatch.setattr(tensor_file, "MAX_TENSOR_BYTES", 2**20)
    assert "have more than 1 MB" in said(holding(npy((2**19,), bytes(2**21)), zipfile.ZIP_DEFLATED))
    np.savez(file, **weights_of())  # type: ignore[arg-type]
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    assert "no whole .npz file" in said(file)
    file.write_bytes(whole[:200] + bytes(300) + whole[500:])
    assert "no whole .npz file" in said(file)


def test_hostile_safetensors_files_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "hostile.safetensors"

    def holding(header: object, body: bytes = b"") -> Path:
        text = json.dumps(header).encode()
        file.write_bytes(struct.pack("<Q", len(text)) + text + body)
        return file

    lie = {"dtype": "F32", "shape": [2**40, 2**20], "data_offsets": [0, 4]}
    assert "no safetensors file" in said(holding({"weight": lie}, b"1234"))
    assert "no safetensors file" in said(holding({"weight": {**lie, "shape": [1]}}, b""))
    assert "no safetensors file" in said(holding([1, 2, 3]))
    assert "stored as F8_E4M3" in said(
        holding({"weight": {"dtype": "F8_E4M3", "shape": [4], "data_offsets": [0, 4]}}, b"1234")
    )
    file.write_bytes(struct.pack("<Q", 2**60) + b"{}")
    assert "no safetensors file" in said(file)
    safetensors.numpy.save_file(weights_of(), file)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) - 5])
    assert "no safetensors file" in said(file)
    write_bfloat16(file, {name: np.full_like(array, np.inf) for name, array in weights_of().items()})
    with pytest.raises(UserError, match="something else than finite numbers"):
        importer.import_file(file, tmp_path / "runs", task="hello")


def test_a_file_of_more_than_weights_can_have_is_not_read(tmp_path: Path) -> None:
    for name in ("large.pt", "large.npz", "large.safetensors"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(2**34)  # it takes no room
        assert "have more than 2,048 MB" in said(tmp_path / name)


def test_a_file_of_pytorch_without_pytorch_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    (tmp_path / "network.pt").write_bytes(b"\x80\x02")
    assert "which is not installed" in said(tmp_path / "network.pt")


def test_the_table_names_tensors_and_symbols(tmp_path: Path) -> None:
    safetensors.numpy.save_file(weights_of(layers=2), tmp_path / "a.safetensors")
    run, _ = imported(tmp_path / "a.safetensors", tmp_path)
    lines = exporter.shape_table(exporter.open_network(str(run))).splitlines()
    assert "rnn.weight_ih_l1\t28 x 7\t196" in lines
    assert lines[lines.index("id\tsymbol\tcode points") + 1] == '0\t"\\n"\tU+000A'
    assert lines[-1] == '8\t"g"\tU+0067'


def test_a_zero_in_the_vocabulary_survives_npz(tmp_path: Path) -> None:
    npz_file.write(tmp_path / "a.npz", {"weight": np.ones(3)}, {"vocabulary": json.dumps(["a", "\0"])})
    assert json.loads(npz_file.read(tmp_path / "a.npz").metadata["vocabulary"]) == ["a", "\0"]

"""Networks made and saved by PyTorch itself: what `import` reads of them, and the loss that they have here."""

import pickle
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_networks import VOCABULARY, imported, loss_of, parameters_of, write_letters

from rnnplay.config import UserError
from rnnplay.exchange.importer import read_tensor_file

torch: Any = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """More threads only wait for each other on networks so small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def module(cell: str, **options: Any) -> Any:
    """The plain network of many tutorials: an embedding, layers, a readout, as an nn.Module."""

    class Writer(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.embed = torch.nn.Embedding(9, 6)
            self.drop = torch.nn.Dropout(0.2)
            self.layers = getattr(torch.nn, cell)(6, 13, **{"num_layers": 2, **options})
            self.head = torch.nn.Linear(13, 9)

        def forward(self, ids: Any) -> Any:
            return self.head(self.layers(self.drop(self.embed(ids)))[0])

    torch.manual_seed(3)
    return Writer()


@pytest.mark.parametrize("cell", ["RNN", "LSTM", "GRU"])
def test_a_network_trained_in_pytorch_has_the_same_held_out_loss_here(cell: str, tmp_path: Path) -> None:
    text = write_letters(tmp_path / "letters.txt").read_text()
    ids = torch.tensor([VOCABULARY.index(letter) for letter in text])
    network = module(cell)
    for step in range(12):
        part = ids[step * 50 : step * 50 + 51, None]
        loss = torch.nn.functional.cross_entropy(network(part[:-1])[:, 0], part[1:, 0])
        network.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in network.parameters():
                parameter -= 0.5 * parameter.grad
    network.eval()
    held_out = ids[int(len(ids) * 0.9) :]
    with torch.no_grad():
        logits = network.double()(held_out[:-1, None])[:, 0]
        expected = float(torch.nn.functional.cross_entropy(logits, held_out[1:]))
    optimizer_state = {"state": {0: {"exp_avg": torch.ones(9, 6)}}, "param_groups": [{"lr": 0.1}]}
    checkpoint = {"epoch": 3, "optimizer_state_dict": optimizer_state, "chars": "".join(VOCABULARY)}
    torch.save({**checkpoint, "model_state_dict": network.float().state_dict()}, tmp_path / "network.pt")
    run, notes = imported(tmp_path / "network.pt", tmp_path, vocabulary=None)
    assert re.search(r"model_state_dict\.embed\.weight +9 x 6 +-> embedding\.weight", notes)
    assert loss_of(run) == pytest.approx(expected, abs=1e-6)


def test_every_way_of_saving_gives_the_same_tensors(tmp_path: Path) -> None:
    state = module("GRU").state_dict()
    torch.save(state, tmp_path / "new.pth")
    torch.save(state, tmp_path / "old", _use_new_zipfile_serialization=False)
    np.savez(tmp_path / "arrays.npz", **{name: tensor.numpy() for name, tensor in state.items()})
    for name in ("new.pth", "old", "arrays.npz"):
        tensors = read_tensor_file(tmp_path / name).tensors
        assert {key: array.tobytes() for key, array in tensors.items()} == {
            key: tensor.numpy().tobytes() for key, tensor in state.items()
        }
    torch.save({name: tensor.bfloat16() for name, tensor in state.items()}, tmp_path / "half.pt")
    half = read_tensor_file(tmp_path / "half.pt").tensors
    assert all((half[name] == tensor.bfloat16().float().numpy()).all() for name, tensor in state.items())


def test_two_biases_are_added_up(tmp_path: Path) -> None:
    network = module("LSTM", num_layers=1)
    torch.save(network.state_dict(), tmp_path / "network.pt")
    parameters = parameters_of(imported(tmp_path / "network.pt", tmp_path)[0])
    both = (network.layers.bias_ih_l0 + network.layers.bias_hh_l0).detach().numpy()
    assert sorted(parameters["l0.b_h"][:, 0]) == pytest.approx(sorted(both), abs=1e-7)


def test_what_is_no_such_network_is_refused_in_two_sentences(tmp_path: Path) -> None:
    file = tmp_path / "network.pt"

    def refused(content: Any) -> str:
        torch.save(content, file)
        with pytest.raises(UserError) as caught:
            imported(file, tmp_path)
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 700
        return caught.value.problem

    assert "two directions" in refused(module("LSTM", bidirectional=True).state_dict())
    assert "projects its hidden state" in refused(module("LSTM", proj_size=4).state_dict())
    assert "not only tensors" in refused(torch.nn.Linear(2, 2))
    pickled = tmp_path / "pickled.pt"
    pickled.write_bytes(pickle.dumps({"rnn.weight_hh_l0": [1.0, 2.0]}))
    with pytest.raises(UserError, match="is a pickle, not a file of torch"):
        read_tensor_file(pickled)
    assert "no tensors by name" in refused([torch.ones(2)])
    assert "more than 2,048 MB" in refused({"weight": torch.ones(1).expand(2**20, 2**20)})
    assert "holds something else than finite numbers" in refused(
        {name: tensor * torch.inf for name, tensor in module("GRU").state_dict().items()}
    )
    torch.save(module("GRU").state_dict(), file)
    whole = file.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:300] + bytes(200) + whole[500:], b"\x80\x02garbage"):
        file.write_bytes(damaged)
        with pytest.raises(UserError, match=r"no whole file of PyTorch|not only tensors|or is broken"):
            read_tensor_file(file)


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    import os

    class Attack:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "attacked"),)

    (tmp_path / "network.pt").write_bytes(pickle.dumps({"weight": Attack()}))
    with pytest.raises(UserError):
        read_tensor_file(tmp_path / "network.pt")
    assert not (tmp_path / "attacked").exists()

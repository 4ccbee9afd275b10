"""Networks to and from files with PyTorch's names: what is written, what comes back, what is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from made_networks import loss_of

from rnnplay.config import UserError
from rnnplay.engine import Architecture, Network
from rnnplay.exchange import torch_names
from rnnplay.exchange.importer import import_file

LIMIT = 120  # seconds, generous


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of one's own for runs."""
    monkeypatch.setenv("RNNPLAY_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, Path]:
    """A run of some steps on a small text, the file that it was exported to, and its text."""
    folder = tmp_path_factory.mktemp("trained")
    text = text_file(folder)
    sizes = ("--hidden", "11", "--seq-len", "7", "--batch", "3", "--steps", "9", "--runs", str(folder / "runs"))
    run = done("train", "--text", str(text), "--cell", "gru", "--layers", "2", "--ema-decay", "0.9", *sizes)[-1]
    file = folder / "network.safetensors"
    assert done("export", run, str(file)) == [str(file)]
    return run, file, text


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rnnplay", *arguments],
        env=os.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )


def done(*arguments: str) -> list[str]:
    """The lines of a command that must succeed."""
    child = call(*arguments)
    assert child.returncode == 0, child.stderr
    return child.stdout.splitlines()


def refused(*arguments: str) -> str:
    """What a command says that must fail: one line, no traceback."""
    child = call(*arguments)
    assert child.returncode == 2, child.stdout + child.stderr
    assert child.stderr.startswith("rnnplay: ")
    assert child.stderr.count("\n") == 1
    return child.stderr


def text_file(folder: Path, name: str = "own.txt", letters: str = "abcdefg \n") -> Path:
    drawn = np.random.default_rng(7).choice(list(letters), 900)
    (folder / name).write_text(letters + "".join(drawn))
    return folder / name


def contents(file: Path) -> tuple[dict[str, Any], dict[str, str]]:
    with safetensors.safe_open(file, framework="numpy") as opened:
        return {name: opened.get_tensor(name) for name in opened.keys()}, opened.metadata()  # noqa: SIM118


def network_of(cell: str, layers: int, bias: bool, **more: Any) -> Network:
    a = Architecture(cell=cell, inputs=5, hidden=7, outputs=6, layers=layers, bias=bias, dtype="float64", **more)
    network = Network(a, 3)
    network.flat[:] = np.random.default_rng(4).standard_normal(network.flat.size)
    return network


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_every_parameter_comes_back_as_it_was(cell: str, layers: int, bias: bool) -> None:
    network = network_of(cell, layers, bias)
    sizes, back = torch_names.from_torch(torch_names.to_torch(network.architecture, network.parameters))
    assert sizes == {
        "cell": cell, "hidden": 7, "layers": layers, "inputs": 5, "outputs": 6, "bias": bias, "dtype": "float64"
    }  # fmt: skip
    assert set(back) == set(network.parameters)
    for name, value in network.parameters.items():
        np.testing.assert_array_equal(back[name], value, err_msg=name)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_of_two_biases_that_only_meet_as_a_sum_ours_is_the_first_and_the_second_is_zero(cell: str) -> None:
    network = network_of(cell, 2, True)
    weights = torch_names.to_torch(network.architecture, network.parameters)
    kept = 14 if cell == "gru" else None  # its n has a second bias of its own
    assert not weights["rnn.bias_hh_l1"][:kept].any()
    assert np.abs(weights["rnn.bias_ih_l1"]).min() > 0
    if cell == "gru":
        np.testing.assert_array_equal(weights["rnn.bias_hh_l1"][14:], network.parameters["l1.b_hn"][:, 0])


def test_two_biases_of_a_foreign_network_are_added_up() -> None:
    network = network_of("gru", 1, True)
    weights = torch_names.to_torch(network.architecture, network.parameters)
    other = np.random.default_rng(5).standard_normal(21)
    weights["rnn.bias_ih_l0"] -= np.where(np.arange(21) < 14, other, 0)
    weights["rnn.bias_hh_l0"] += np.where(np.arange(21) < 14, other, 0)
    _, back = torch_names.from_torch(weights)
    np.testing.assert_allclose(back["l0.b_h"], network.parameters["l0.b_h"], rtol=1e-14)
    np.testing.assert_array_equal(back["l0.b_hn"], network.parameters["l0.b_hn"])


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"cell": "input-rnn"}, "no cell like input-rnn"),
        ({"cell": "rnn", "activation": "sigmoid"}, "no sigmoid"),
        ({"cell": "lstm", "source_vocabulary_size": 4}, "encoder-decoder"),
        ({"cell": "gru", "context_size": 3}, "vector that sets"),
    ],
)
def test_what_pytorch_has_no_network_for_is_refused_in_a_sentence(choices: dict[str, Any], said: str) -> None:
    network = Network(Architecture(inputs=5, hidden=7, outputs=6, **choices), 1)
    with pytest.raises(UserError, match=said):
        torch_names.to_torch(network.architecture, network.parameters)


def test_a_file_holds_pytorchs_names_and_the_vocabulary_and_no_path(trained: tuple[str, Path, Path]) -> None:
    _, file, text = trained
    weights, metadata = contents(file)
    assert weights["rnn.weight_ih_l0"].shape == (33, 9)
    assert weights["rnn.weight_hh_l1"].shape == (33, 11)
    assert weights["readout.weight"].shape == (9, 11)
    assert json.loads(metadata["vocabulary"]) == sorted("abcdefg \n")
    config = json.loads(metadata["config"])
    assert (config["cell"], config["inputs"], config["hidden"], config["layers"]) == ("gru", 9, 11, 2)
    assert str(text.parent) not in metadata["config"]


def test_an_imported_run_is_evaluated_sampled_and_trained_on_like_the_one_exported(
    trained: tuple[str, Path, Path], home: Path
) -> None:
    run, file, text = trained  # its averaged weights are what is exported
    again = str(import_file(file, home / "runs", text=str(text))[0])
    assert again != run
    assert loss_of(Path(again)) == loss_of(Path(run))
    seed = ("--length", "40", "--seed", "3")
    assert done("sample", again, *seed) == done("sample", run, *seed)
    lines = [json.loads(line) for line in done("resume", again, "--steps", "4", "--json")]
    assert [line["step"] for line in lines if line["kind"] == "progress"] == [1, 2, 3, 4]


def test_ids_in_another_order_are_put_into_the_tasks_own(trained: tuple[str, Path, Path], home: Path) -> None:
    run, file, text = trained
    weights, metadata = contents(file)
    order = np.random.default_rng(2).permutation(9)
    weights["rnn.weight_ih_l0"] = np.ascontiguousarray(weights["rnn.weight_ih_l0"][:, order])
    weights["readout.weight"], weights["readout.bias"] = (
        weights["readout.weight"][order],
        weights["readout.bias"][order],
    )
    del metadata["vocabulary"]
    file = home / "permuted.safetensors"
    safetensors.numpy.save_file(weights, file, metadata)
    symbols = home / "vocabulary.json"
    symbols.write_text(json.dumps([sorted("abcdefg \n")[i] for i in order]))
    again, _ = import_file(file, home / "runs", text=str(text), vocabulary=symbols)
    assert loss_of(again) == pytest.approx(loss_of(Path(run)), abs=1e-6)
    again, notes = import_file(file, home / "runs", text=str(text))
    assert any("names no vocabulary" in note for note in notes)
    assert abs(loss_of(again) - loss_of(Path(run))) > 1e-4


def test_what_of_a_text_the_network_does_not_know_is_named_and_counted(
    trained: tuple[str, Path, Path], home: Path
) -> None:
    _, file, _ = trained
    other = text_file(home, "other.txt", "abcXYZ ")
    child = call("import", str(file), "--text", str(other))
    assert child.returncode == 0, child.stderr
    text = other.read_text()
    unknown = sum(map(text.count, "XYZ"))
    assert f"3 characters of the text are unknown to the network and stand in it {unknown:,} times" in child.stderr
    assert f"({unknown / len(text):.0%} of it)" in child.stderr and f"'X' ({text.count('X'):,})" in child.stderr
    again = child.stdout.splitlines()[-1]
    assert json.loads((Path(again) / "config.json").read_text())["config"]["text"] == str(other)
    assert set("".join(done("sample", again, "--length", "60"))) <= set("abcdefg \n")
    lines = [json.loads(line) for line in done("resume", again, "--steps", "2", "--json")]
    assert [line["step"] for line in lines if line["kind"] == "progress"] == [1, 2]
    cyrillic = home / "cyrillic.txt"
    cyrillic.write_text("лампа горит " * 80)
    _, notes = import_file(file, home / "runs", text=str(cyrillic))
    assert any("(83% of it)" in note and "'л'" in note for note in notes)
    cyrillic.write_text("лампа" * 80)
    with pytest.raises(UserError, match="no symbol that the network knows"):
        import_file(file, home / "runs", text=str(cyrillic))


def test_a_foreign_file_needs_to_be_told_what_it_reads(home: Path) -> None:
    network = Network(Architecture(cell="rnn", inputs=9, hidden=6, outputs=9), 1)
    file = home / "foreign.safetensors"
    safetensors.numpy.save_file(torch_names.to_torch(network.architecture, network.parameters), file)
    assert "--task NAME or --text FILE" in refused("import", str(file))
    assert import_file(file, home / "runs", text=str(text_file(home)))
    with pytest.raises(UserError, match="Give the task or text that it read"):
        import_file(file, home / "runs", task="hello")


def test_files_that_are_no_such_network_are_refused_in_two_sentences(home: Path) -> None:
    network = network_of("lstm", 1, True)
    good = torch_names.to_torch(network.architecture, network.parameters)
    file = home / "network.safetensors"

    def saved(weights: dict[str, Any], **metadata: str) -> str:
        safetensors.numpy.save_file(weights, file, metadata)
        return str(file)

    def refused(*arguments: str) -> str:
        """What is said of a file that is refused."""
        with pytest.raises(UserError) as caught:
            import_file(Path(arguments[1]), home / "runs", *arguments[3:])
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "There is no file" in refused("import", str(home / "none.safetensors"))
    (home / "text.txt").write_text("not a network")
    assert "no safetensors file" in refused("import", str(home / "text.txt"))
    missing = {name: value for name, value in good.items() if name != "rnn.bias_hh_l0"}
    assert '"rnn.bias_hh_l0" is missing' in refused("import", saved(missing))
    both_ways = {**good, "rnn.weight_ih_l0_reverse": good["rnn.weight_ih_l0"]}
    assert "two directions" in refused("import", saved(both_ways))
    assert "projects its hidden state" in refused("import", saved({**good, "rnn.weight_hr_l0": np.zeros((3, 7))}))
    assert '"extra" (2 x 2) has no place here' in refused("import", saved({**good, "extra": np.zeros((2, 2))}))
    assert "no cell has so many gates" in refused("import", saved({**good, "rnn.weight_hh_l0": np.zeros((14, 7))}))
    assert "not (6, 7)" in refused("import", saved({**good, "readout.weight": np.zeros((6, 8))}))
    assert "finite" in refused("import", saved({**good, "readout.bias": np.full(6, np.nan)}))
    assert "twice" in refused("import", saved(good, vocabulary='["a", "a"]'), "--task", "hello")
    assert "not understood" in refused("import", saved(good, vocabulary="a, b"), "--task", "hello")
    assert "config is not understood" in refused("import", saved(good, config="[]"))


def test_an_export_of_format_1_is_imported_and_unknown_settings_are_named(
    trained: tuple[str, Path, Path], home: Path
) -> None:
    _, file, text = trained
    weights, metadata = contents(file)
    config = json.loads(metadata["config"])
    assert config.pop("format") == 2
    config["average"] = config.pop("ema_decay")
    metadata["config"] = json.dumps({**config, "colour": "red"})
    safetensors.numpy.save_file(weights, home / "old.safetensors", metadata)
    run, notes = import_file(home / "old.safetensors", home / "runs", text=str(text))
    assert "'colour'" in " ".join(notes) and "average" not in " ".join(notes)
    settings = json.loads((run / "config.json").read_text())
    assert settings["format"] == 2 and settings["config"]["ema_decay"] == 0.9

"""Whose tensor is whose: torch.nn's names anywhere, other names by shape, and what stays in doubt."""

from pathlib import Path
from typing import Any

import pytest
import safetensors.numpy
from made_networks import imported, loss_of, parameters_of, weights_of, with_embedding

from rnnplay.config import UserError
from rnnplay.exchange.name_guess import guess_names, parse_map


def shapes(weights: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    return {name: array.shape for name, array in weights.items()}


def renamed(weights: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """`weights` with other beginnings, by {ours: theirs}."""
    result = {}
    for name, array in weights.items():
        for ours, theirs in names.items():
            name = theirs + name.removeprefix(ours) if name.startswith(ours) else name
        result[name] = array
    return result


def guessed(weights: dict[str, Any], *entries: str) -> dict[str, str | None]:
    return guess_names(shapes(weights), parse_map(entries)).ours


PREFIXES = {"embedding.": "module.embed.", "rnn.": "module.lstm.", "readout.": "module.fc_out."}


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_torch_names_behind_any_module_are_ours(cell: str, layers: int) -> None:
    weights, _ = with_embedding(cell, layers)
    theirs = renamed(weights, PREFIXES)
    assert guessed(theirs) == {renamed({name: 0}, PREFIXES).popitem()[0]: name for name in weights}


def test_an_embedding_as_wide_as_the_state_is_told_from_the_readout_by_its_name() -> None:
    weights, _ = with_embedding(vectors=7)
    theirs = renamed(weights, {"embedding.": "encoder.", "readout.": "decoder."})
    assert guessed(theirs)["encoder.weight"] == "embedding.weight"
    assert guessed(theirs)["decoder.weight"] == "readout.weight"


def test_cells_and_modules_on_top_of_each_other_are_numbered_through() -> None:
    weights = weights_of("gru", 2)
    theirs = {
        name.replace("rnn.", f"cells.{number}.").replace(f"_l{layer}", ""): array
        for name, array in weights.items()
        for layer, number in ((0, 9), (1, 10))
        if name.endswith(f"_l{layer}") or (layer == 0 and name.startswith("readout"))
    }
    assert guessed(theirs)["cells.10.weight_hh"] == "rnn.weight_hh_l1"
    assert guessed(theirs)["cells.9.bias_hh"] == "rnn.bias_hh_l0"


def test_of_raw_and_dropped_weights_the_raw_ones_are_taken_and_masks_left_out() -> None:
    weights = weights_of()
    raw = weights["rnn.weight_hh_l0"]
    names = guessed({**weights, "rnn.weight_hh_l0_raw": raw, "locked_dropout.mask": raw[0]})
    assert names["rnn.weight_hh_l0_raw"] == "rnn.weight_hh_l0"
    assert names["rnn.weight_hh_l0"] is None and names["locked_dropout.mask"] is None


@pytest.mark.parametrize(("cell", "layers"), [("rnn", 1), ("lstm", 1), ("gru", 2), ("lstm", 3)])
def test_other_names_are_told_by_shape(cell: str, layers: int) -> None:
    weights, _ = with_embedding(cell, layers)
    words = {"weight_ih": "i2h_W", "weight_hh": "h2h_W", "bias_ih": "i2h_b", "bias_hh": "h2h_b"}
    theirs = {}
    for name, array in weights.items():
        part, _, layer = name.removeprefix("rnn.").partition("_l")
        theirs[f"block{layer}/{words[part]}" if part in words else name.replace(".", "/")] = array
    names = guessed(theirs)
    assert names["block0/h2h_W"] == "rnn.weight_hh_l0"
    assert names[f"block{layers - 1}/i2h_b"] == f"rnn.bias_ih_l{layers - 1}"
    assert names["readout/weight"] == "readout.weight" and names["embedding/weight"] == "embedding.weight"
    assert len({ours for ours in names.values()}) == len(weights)


def test_one_bias_a_layer_is_enough_and_the_table_is_shown(tmp_path: Path) -> None:
    weights = weights_of()
    theirs = {
        "Wx": weights["rnn.weight_ih_l0"],
        "Wh": weights["rnn.weight_hh_l0"],
        "b": weights["rnn.bias_ih_l0"],
        "Wy": weights["readout.weight"],
        "by": weights["readout.bias"],
        "steps": weights["readout.bias"].astype("i4"),
    }
    safetensors.numpy.save_file(theirs, tmp_path / "theirs.safetensors")
    safetensors.numpy.save_file(weights, tmp_path / "ours.safetensors")
    run, notes = imported(tmp_path / "theirs.safetensors", tmp_path)
    assert "Wh  28 x 7         -> rnn.weight_hh_l0" in notes and "Left out, since they are no weights: steps" in notes
    assert loss_of(run) == loss_of(imported(tmp_path / "ours.safetensors", tmp_path)[0])


def test_what_is_in_doubt_is_refused_until_it_is_mapped(tmp_path: Path) -> None:
    weights = weights_of("gru")
    theirs = {
        "a": weights["rnn.weight_ih_l0"],
        "b": weights["rnn.weight_hh_l0"],
        "c": weights["rnn.bias_ih_l0"],
        "d": weights["rnn.bias_hh_l0"],
        "e": weights["readout.weight"],
        "f": weights["readout.bias"],
    }
    with pytest.raises(UserError, match=r"--map .* a \(21 x 9\), b \(21 x 7\)"):
        guessed(theirs)
    entries = ("a=rnn.weight_ih_l0", "b=rnn.weight_hh_l0", "c=rnn.bias_ih_l0", "d=rnn.bias_hh_l0")
    safetensors.numpy.save_file(theirs, tmp_path / "theirs.safetensors")
    safetensors.numpy.save_file(weights, tmp_path / "ours.safetensors")
    run, _ = imported(tmp_path / "theirs.safetensors", tmp_path, names=entries)
    other, _ = imported(tmp_path / "ours.safetensors", tmp_path)
    for name, array in parameters_of(other).items():
        assert (parameters_of(run)[name] == array).all(), name
    assert guessed({**weights, "x": weights["readout.weight"][0]}, "x=none")["x"] is None


def test_a_matrix_of_one_column_is_no_bias() -> None:
    one_input = shapes(weights_of("lstm", inputs=1))
    assert 1 in one_input["rnn.weight_ih_l0"]
    assert guess_names(one_input).shapes == one_input


def test_wrong_maps_and_networks_of_other_kinds_are_refused() -> None:
    weights = weights_of()
    for entries, reason in (
        (["readout.weight"], "is not understood"),
        (["a=rnn.weight"], "is not understood"),
        (["a=readout.weight"], 'no tensor "a"'),
        (["readout.weight=rnn.weight_hh_l0"], "rnn.weight_hh_l0"),
    ):
        with pytest.raises(UserError, match=reason):
            guessed(weights, *entries)
    two = {f"{part}.{name}": array for name, array in weights.items() for part in ("encoder", "decoder")}
    with pytest.raises(UserError, match="which are two networks"):
        guessed(two)
    turned = {name: array.T for name, array in renamed(weights, {"rnn.weight_": "w", "rnn.bias_": "b"}).items()}
    with pytest.raises(UserError, match="seems transposed"):
        guessed(turned)


def test_biases_that_a_layer_or_the_readout_lacks_are_zero(tmp_path: Path) -> None:
    weights = weights_of()
    for name, missing in (("layers", "rnn.bias"), ("readout", "readout.bias")):
        some = {key: array for key, array in weights.items() if not key.startswith(missing)}
        safetensors.numpy.save_file(some, tmp_path / f"{name}.safetensors")
        parameters = parameters_of(imported(tmp_path / f"{name}.safetensors", tmp_path)[0])
        assert parameters["l0.b_h"].any() == (name == "readout")
        assert parameters["b_y"].any() == (name == "layers")

"""What is read off a network's parameters: names of weights against the equations, spectra, how open gates are."""

import numpy as np
import pytest

from rnnplay import tasks
from rnnplay.catalogue import make_config
from rnnplay.engine import GATES, Network, cells
from rnnplay.engine.architecture import Architecture
from rnnplay.formatting import parameter_title
from rnnplay.lab import network as lab
from rnnplay.lab.cells.labelled_batch import label_held_out

H = 3


def network(cell: str, layers: int = 1) -> Network:
    return Network(Architecture(cell=cell, inputs=4, hidden=H, outputs=4, layers=layers, dtype="float64"), 3)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_row_is_named_after_the_gate_and_unit_that_it_leads_to(cell: str) -> None:
    net = network(cell)
    rows, columns = lab.axis_names(net.architecture, "l0.W_xh", "ehlo", "ehlo")
    assert columns == ["'e'", "'h'", "'l'", "'o'"]
    assert len(rows) == len(GATES[cell]) * H
    step = {"lstm": cells.lstm_forward, "gru": cells.gru_forward}[cell]
    w = {name.removeprefix("l0."): value for name, value in net.parameters.items() if name.startswith("l0.")}
    x, state = np.eye(4)[:, 1:2], (np.zeros((H, 1)),) * (2 if cell == "lstm" else 1)
    before = step(w, x, *state)
    for n, name in enumerate(rows):
        changed = w["W_xh"].copy()
        changed[n, 1] += 0.5
        after = step(w | {"W_xh": changed}, x, *state)
        _, gate, _, _, unit = name.split()
        moved = {
            (other, u + 1)
            for other in GATES[cell]
            for u in range(H)
            if abs(getattr(after, other)[u, 0] - getattr(before, other)[u, 0]) > 1e-9
        }
        assert moved == {(gate, int(unit))}


def test_rows_and_columns_of_the_other_parameters_are_named() -> None:
    a = network("rnn", layers=2).architecture
    assert lab.axis_names(a, "l1.W_xh", "ehlo", "ehlo")[1][2] == "layer 1 unit 3"
    assert lab.axis_names(a, "l1.W_hh", "ehlo", "ehlo") == ([f"unit {n}" for n in (1, 2, 3)],) * 2
    assert lab.axis_names(a, "W_hy", "ehlo", "ehlo") == (
        ["'e'", "'h'", "'l'", "'o'"],
        [f"layer 2 unit {n}" for n in (1, 2, 3)],
    )
    assert lab.axis_names(a, "l0.b_h", "ehlo", "ehlo")[1] == ["bias"]
    assert parameter_title("encoder.l0.W_hh") == "encoder layer 1 W_hh"


def test_spectra_are_those_of_the_matrix() -> None:
    W = network("lstm").parameters["l0.W_hh"]
    sigma = lab.singular_values(W)
    np.testing.assert_allclose(sigma**2, np.sort(np.linalg.eigvalsh(W.T @ W))[::-1], rtol=1e-9)
    np.testing.assert_allclose(lab.norm(W) ** 2, (sigma**2).sum(), rtol=1e-12)
    for block in range(4):
        square = W[block * H : (block + 1) * H]
        roots = lab.eigenvalues(W, block)
        np.testing.assert_allclose(roots.sum().real, np.trace(square), atol=1e-12)
        np.testing.assert_allclose(np.prod(roots).real, np.linalg.det(square), atol=1e-12)
    assert not lab.singular_values(np.full((3, 3), np.nan)).size


def test_a_gate_that_its_bias_keeps_open_is_counted_and_put_into_words() -> None:
    task = tasks.make(make_config("hello"))
    net = Network(Architecture(cell="lstm", inputs=task.inputs, hidden=H, outputs=task.outputs), 3)
    net.parameters["l0.W_xh"][...] = net.parameters["l0.W_hh"][...] = net.parameters["l0.b_h"][...] = 0.0
    gates = GATES["lstm"]
    net.parameters["l0.b_h"][gates.index("f") * H : gates.index("f") * H + 2] = 20.0
    net.parameters["l0.b_h"][gates.index("i") * H] = -20.0
    found = {g.gate: g for g in lab.gate_openness(net, label_held_out(task, None, 200))}
    assert (round(found["f"].mostly_open, 3), found["f"].mostly_shut) == (0.667, 0.0)
    assert (found["i"].mostly_open, round(found["i"].mostly_shut, 3)) == (0.0, 0.333)
    assert (found["o"].mostly_open, found["o"].mostly_shut) == (0.0, 0.0)
    assert found["f"].meaning == "they remember"
    assert found["i"].meaning == "they take in little"
    assert found["o"].meaning == "few are either for long"

"""Names and numbers as people read them."""

from __future__ import annotations

import pytest

from rnnplay.engine import Architecture, Network
from rnnplay.formatting import parameter_name, parameter_title


@pytest.mark.parametrize("source", [0, 5])
def test_a_parameters_title_names_its_layer_from_one_and_leads_back_to_its_name(source: int) -> None:
    for cell in ("rnn", "lstm", "gru"):
        a = Architecture(cell=cell, inputs=3, hidden=2, outputs=3, layers=2, source_vocabulary_size=source)
        for name in Network(a).parameters:
            title = parameter_title(name)
            assert "l0" not in title and "l1." not in title and "." not in title
            assert parameter_name(title) == parameter_name(name) == name
    assert parameter_title("l1.W_xh") == "layer 2 W_xh"
    assert parameter_title("encoder.l0.b_h") == "encoder layer 1 b_h"
    assert parameter_title("W_hy") == "W_hy"
    assert parameter_title("front.filters") == "front filters" and parameter_name("front filters") == "front.filters"
    assert parameter_name(" layer2  W_hh ") == "l1.W_hh"

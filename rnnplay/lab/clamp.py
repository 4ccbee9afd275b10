"""Clamps units: a copy of the network in which a unit has the same value at every time step.

A unit acts through its columns of W_hh, of the next layer's W_xh and of W_hy. If it is clamped at v, column times v is
a constant: it is added to the bias, and the column becomes zero. This is exact for every cell and costs no speed, and
the network in training is not changed.
"""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from rnnplay.config import UserError
from rnnplay.engine import Network
from rnnplay.tasks.base import Array

Clamp = tuple[int, int, float]
"""(layer, unit, the value that its h is held at), counted from 0."""


def check_clamps(network: Network, clamps: Iterable[Clamp]) -> None:
    """Raise UserError if a clamp names a unit that does not exist, or its value is not a finite number."""
    a = network.architecture
    for layer, unit, value in clamps:
        if not 0 <= layer < a.layers or not 0 <= unit < a.hidden:
            raise UserError(
                f"There is no unit {unit + 1} of layer {layer + 1}.",
                f"Give a layer from 1 to {a.layers} and a unit from 1 to {a.hidden}.",
            )
        if not np.isfinite(value):
            raise UserError(f"A unit cannot be held at {value}.", "Give a number, such as 0.9.")
        if a.cell == "input-rnn":
            raise UserError("The cell input-rnn has no hidden state to hold.", "Choose the cell rnn, lstm or gru.")


def clamp_network(network: Network, clamps: Iterable[Clamp]) -> Network:
    """A copy of `network` whose units are held as `clamps` say (in the body; an encoder is left as it is).

    Raises UserError as `check` does.
    """
    clamps = list(clamps)
    check_clamps(network, clamps)
    clamped = Network(replace(network.architecture, bias=True))
    refresh_clamped(clamped, network, clamps)
    return clamped


def refresh_clamped(clamped: Network, network: Network, clamps: Iterable[Clamp]) -> None:
    """Let `held`, which `clamped` made, follow what `network` has learned since."""
    for name, array in clamped.parameters.items():
        array[...] = network.parameters.get(name, 0.0)
    for layer, unit, value in clamps:
        clamp_unit(clamped.parameters, network.architecture.layers, layer, unit, value)


def clamp_unit(parameters: dict[str, Array], layers: int, layer: int, unit: int, value: float) -> None:
    """Hold one unit in place, in parameters that have biases."""
    prefix = f"l{layer}."
    above = [(f"l{layer + 1}.W_xh", f"l{layer + 1}.b_h")] if layer + 1 < layers else [("W_hy", "b_y")]
    for weights, bias in [*above, (prefix + "W_hh", prefix + "b_h")]:
        W, b = parameters[weights], parameters[bias]
        if weights.endswith("W_hh") and prefix + "b_hn" in parameters:
            # The GRU's n has the product's bias inside the reset gate (r * (W_hn h + b_hn)).
            H = W.shape[1]
            b[: 2 * H, 0] += W[: 2 * H, unit] * value
            parameters[prefix + "b_hn"][:, 0] += W[2 * H :, unit] * value
        else:
            b[:, 0] += W[:, unit] * value
        W[:, unit] = 0.0

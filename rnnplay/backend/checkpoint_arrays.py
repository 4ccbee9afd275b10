"""Arrays and random states of a checkpoint, as all backends read and write them."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from rnnplay.backend.base import Array
from rnnplay.engine import Network, State


def under(arrays: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    """The arrays whose names begin with `prefix`, without it."""
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}


def state_arrays(state: State | None) -> dict[str, Array]:
    """A carried state by the names of a checkpoint: state/l0.h and so on."""
    return {
        f"state/l{layer}.{name}": value
        for layer, arrays in enumerate(state or ())
        for name, value in arrays._asdict().items()
    }


def state_in(saved: Mapping[str, Array], network: Network) -> State:
    """The carried state that `saved` holds. Raises KeyError, IndexError or ValueError if it does not fit `network`."""
    B = saved[f"state/l0.{network.zero_state(1)[0]._fields[0]}"].shape[-1]
    state = network.zero_state(B)
    for layer, arrays in enumerate(state):
        for name, zero in arrays._asdict().items():
            value = saved[f"state/l{layer}.{name}"]
            if value.shape != zero.shape or value.dtype != zero.dtype:
                raise ValueError("the carried state is of another network")
            zero[...] = value
    return state


def json_state(rng: np.random.Generator) -> dict[str, Any]:
    """The random state as JSON values."""
    state: dict[str, Any] = json.loads(json.dumps(rng.bit_generator.state))
    return state

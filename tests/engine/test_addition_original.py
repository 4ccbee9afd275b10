"""The original addition program through the general engine: its ten lines, to every digit."""

import numpy as np

from rnnplay.engine import Architecture, Network, Optimizer
from tests.engine.examples import Example

LINES = [
    ("3.45638663", "9 + 60 = 1"),
    ("3.63389116", "28 + 35 = 255"),
    ("3.91366595", "116 + 44 = 72"),
    ("3.72191702", "4 + 73 = 223"),
    ("3.5852713", "71 + 11 = 8"),
    ("2.53352328", "81 + 113 = 162"),
    ("0.57691441", "81 + 0 = 81"),
    ("1.42589952", "4 + 125 = 129"),
    ("0.47477457", "39 + 17 = 56"),
    ("0.21595037", "11 + 3 = 14"),
]


def bits(number: int) -> list[int]:
    return [number >> k & 1 for k in range(8)]


def test_the_general_engine_prints_the_ten_lines_of_the_original_program() -> None:
    a = Architecture(
        cell="rnn",
        activation="sigmoid",
        inputs=2,
        inputs_are_ids=False,
        hidden=16,
        outputs=1,
        readout="sigmoid-squared",
        bias=False,
        dtype="float64",
    )
    n, random = Network(a), np.random.RandomState(0)
    n.parameters["l0.W_xh"][...] = (2 * random.random_sample((2, 16)) - 1).T
    n.parameters["W_hy"][...] = (2 * random.random_sample((16, 1)) - 1).T
    n.parameters["l0.W_hh"][...] = (2 * random.random_sample((16, 16)) - 1).T
    # The program sums e*o*(1-o) over eight steps at rate 0.1; the mean of e^2 has 2/8 of that gradient.
    optimizer = Optimizer(n, "sgd", 0.4)
    printed = []
    for k in range(10_000):
        one, other = int(random.randint(128)), int(random.randint(128))
        inputs = np.array([bits(one), bits(other)], float).T[:, :, None]  # (T, D, B), the lowest bit first
        targets = np.array(bits(one + other), float)[:, None, None]
        if k % 1000 == 0:
            said = n.forward(Example(inputs, targets)).outputs[:, 0, 0]
            error = np.abs(targets[:, 0, 0] - said).sum()
            predicted = sum(round(float(o)) << place for place, o in enumerate(said))
            printed.append((str(np.array([error]))[1:-1], f"{one} + {other} = {predicted}"))
        n.forward_backward(Example(inputs, targets))
        optimizer.step()
    assert printed == LINES

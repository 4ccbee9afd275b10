"""The workloads: training steps and sampled characters of certain sizes, as plain data."""

from dataclasses import dataclass
from typing import Any

V = 65  # characters, as in the usual small Shakespeare
BATCH_COUNT = 8  # different batches, used in turn
PEAK_MATMUL = "peak_matmul"  # the name of the process that measures the best matrix product
LR, CLIP = 2e-3, 5.0  # of Adam with betas 0.9 and 0.999
CHARS_PER_SAMPLING_STEP = 16  # as many as the trainer draws between two checks of the clock
CELLS = ("rnn", "lstm", "gru")
GATES = {"rnn": 1, "lstm": 4, "gru": 3}

# (layers, H, B, T)
SIZES = ((1, 16, 1, 8), (1, 100, 1, 25), (1, 128, 32, 50), (2, 128, 50, 50), (1, 256, 50, 50), (2, 512, 64, 64))


@dataclass(frozen=True)
class Workload:
    """One row: a training step (forward, backward, clip, Adam) over (T, B), or with T = 0 sampling characters."""

    cell: str
    layers: int
    hidden: int
    batch: int
    seq_len: int

    @property
    def sampling(self) -> bool:
        return self.seq_len == 0

    @property
    def characters(self) -> int:
        """The number of characters that one step reads or draws."""
        return CHARS_PER_SAMPLING_STEP if self.sampling else self.batch * self.seq_len

    @property
    def size(self) -> str:
        return f"{self.layers}x{self.hidden}"

    @property
    def title_parts(self) -> tuple[str, ...]:
        """The parts of the row's name, by which --rows selects it."""
        place = ("sampling",) if self.sampling else (f"B{self.batch}", f"T{self.seq_len}")
        return (self.cell.upper(), self.size, *place)

    @property
    def name(self) -> str:
        return " ".join(self.title_parts)

    @property
    def parameters(self) -> int:
        """The number of parameters, with one bias vector a layer, and for the GRU the second bias of n."""
        G, H, L = GATES[self.cell], self.hidden, self.layers
        extra = H if self.cell == "gru" else 0
        return sum(G * H * ((V if layer == 0 else H) + H + 1) + extra for layer in range(L)) + V * H + V

    @property
    def operations(self) -> int:
        """Multiplications and additions of a step's matrix products.

        Forward W_hh h, from the second layer W_xh x, and W_hy h, for each time step of each sequence; backward twice as
        many, for the gradient of the matrix and that of the vector. W_xh of an id is a row looked up: nothing.
        """
        H = self.hidden
        forward = 2 * self.characters * (GATES[self.cell] * H * H * (2 * self.layers - 1) + V * H)
        return forward if self.sampling else 3 * forward

    def fields(self) -> dict[str, Any]:
        return {
            "cell": self.cell,
            "layers": self.layers,
            "hidden": self.hidden,
            "batch": self.batch,
            "seq_len": self.seq_len,
        }


TRAINING = tuple(Workload(cell, *size) for size in SIZES for cell in CELLS)
SAMPLING = tuple(Workload(cell, 2, 128, 1, 0) for cell in CELLS)
ROWS = TRAINING + SAMPLING

# Around one size each of T, B and H is doubled three times.
_T, _B, _H = 32, 16, 256
SCALING = {
    "T": (8, 16, 32, 64, 128),
    "B": (8, 16, 32, 64, 128),
    "H": (64, 128, 256, 512, 1024),
}


def scaling_workloads(cell: str, axis: str) -> list[Workload]:
    """The workloads of one axis of the table of doublings."""
    return [
        Workload(cell, 1, size if axis == "H" else _H, size if axis == "B" else _B, size if axis == "T" else _T)
        for size in SCALING[axis]
    ]

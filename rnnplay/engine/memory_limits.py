"""Memory that a network and a batch need, compared with the machine's before any array is made."""

import os
from pathlib import Path

from rnnplay.engine.architecture import GATES, Architecture, TooLargeError
from rnnplay.engine.parameters import parameter_count

MAX_FREE_FRACTION = 0.9  # of the memory that is free may be taken

BLOCKS = {"rnn": 1, "input-rnn": 4, "lstm": 6, "gru": 5}
"""Numbers kept for each unit, time step and sequence, beside h."""


def parameter_bytes(a: Architecture) -> int:
    """Parameters, gradients, two moments, and W_xh and W_hh packed for both directions: 6 numbers a parameter."""
    return 6 * parameter_count(a) * _size(a)


def batch_bytes(a: Architecture, T: int, B: int, S: int = 0, train: bool = True) -> int:
    """Buffers for T time steps of B sequences and S of a source: O(L*T*B*H).

    A layer keeps (K + 1) * T*B*H numbers: h, and K blocks (LSTM 6: gates, tanh c, c; GRU 5; RNN 1), and with dropout
    two more; the readout keeps 2*V*T*B. Training adds dL/dh of each layer and the rows of one gate, in order of the
    ids: (L + 1)*T*B*H. input-rnn keeps its inputs as columns too: D*T*B.
    """
    each = BLOCKS[a.cell] + 1 + (2 if a.dropout else 0)
    numbers = a.layers * each * (T + S) * B * a.hidden + 2 * a.outputs * T * B
    if train:
        numbers += (a.layers + 1) * (T + S) * B * a.hidden
    if a.cell == "input-rnn":
        numbers += 4 * a.inputs * T * B
    elif not a.inputs_are_ids:
        numbers += a.inputs * T * B
    if a.picture_shape is not None:
        numbers += 60 * a.picture_shape[0] * a.picture_shape[1] * a.picture_shape[2] * B
    return numbers * _size(a)


def _size(a: Architecture) -> int:
    return 4 if a.dtype == "float32" else 8


def free_bytes() -> int:
    """Bytes that are free: what the kernel says, within the limit of the control group, if there is one."""
    free = 1 << 62
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                free = int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
            free = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        group = Path("/sys/fs/cgroup")
        limit = int((group / "memory.max").read_text())
        free = min(free, max(0, limit - int((group / "memory.current").read_text())))
    except (OSError, ValueError):
        pass  # no control group, or no limit
    return free


def format_bytes(size: float) -> str:
    """Human-readable bytes: 4.2 GB."""
    units = ["bytes", "kB", "MB", "GB", "TB", "PB"]
    while size >= 1000.0 and len(units) > 1:
        size /= 1000.0
        units.pop(0)
    return f"{size:,.0f} {units[0]}" if size >= 100.0 else f"{size:.2g} {units[0]}"


def check_parameters(a: Architecture) -> None:
    """Raises TooLargeError where the parameters and what training keeps of them would not fit."""
    need, free = parameter_bytes(a), free_bytes()
    if need > MAX_FREE_FRACTION * free:
        gates = len(GATES[a.cell])
        what = f"{a.layers} x {a.hidden:,} hidden units ({gates} gates, {parameter_count(a):,} parameters)"
        raise _too_large(what, need, free, "fewer hidden units")


def check_batch(a: Architecture, T: int, B: int, S: int, train: bool) -> None:
    """Raises TooLargeError where the buffers of a batch would not fit."""
    need = batch_bytes(a, T, B, S, train)
    if need < 1 << 26:
        return  # so little that asking would cost more
    free = free_bytes()
    if need > MAX_FREE_FRACTION * free:
        what = f"{B:,} sequences of {T + S:,} time steps through {a.layers} x {a.hidden:,} hidden units"
        raise _too_large(what, need, free, "shorter or fewer sequences")


def _too_large(what: str, need: int, free: int, remedy: str) -> TooLargeError:
    return TooLargeError(f"{what} need {format_bytes(need)} of memory, {format_bytes(free)} are free. Choose {remedy}.")

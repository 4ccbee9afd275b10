"""Numbers too small for full precision: the trainer and its worker take them as zero, and the losses are the same."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from driving import last_saved, small, trained

from rnnplay.engine import subnormals_flushed
from rnnplay.runs import checkpoint

# Before the tests' own process does anything: hypothesis, for one, needs the arithmetic of the standard.
BACKWARD = """
import sys, threading
import numpy as np
from rnnplay.engine import Architecture, Network, flush_subnormals, subnormals_flushed
from rnnplay.tasks.base import Batch

def learned(cell):
    network = Network(Architecture(cell=cell, inputs=4, hidden=16, outputs=4), 1)
    for name, value in network.parameters.items():
        if name.endswith("W_hh"):
            value *= 0.2
        if name.endswith("b_h") and cell != "rnn":
            value[...] = -2.0
    ids = np.random.default_rng(0).integers(0, 4, (201, 3)).astype(np.int32)
    weights = np.zeros((200, 3), np.float32)
    weights[-1] = 1.0
    batch = Batch(ids[:-1], ids[1:], weights=weights)
    loss, _ = network.forward_backward(batch)
    (buffers,) = network._buffers.values()
    layer = buffers.body.layers[0]
    return loss, network.flat_gradient.copy(), layer.dz if cell == "rnn" else layer.blocks.array  # dz after `backward`

def subnormal(values):  # by the bits: compared as numbers they may be zero
    bits = values.astype(np.float32).view(np.uint32)
    return bool((((bits & 0x7F800000) == 0) & ((bits & 0x7FFFFF) != 0)).any())

before = [learned(cell) for cell in ("rnn", "lstm", "gru")]
if not flush_subnormals():
    sys.exit(77)
told = []
threading.Thread(target=lambda: told.append(subnormals_flushed())).start()
assert subnormals_flushed() and told == [True]
for (loss, gradient, dz), (loss2, gradient2, dz2) in zip(before, map(learned, ("rnn", "lstm", "gru"))):
    assert subnormal(dz) and not subnormal(dz2)
    assert loss == loss2
    np.testing.assert_allclose(gradient2, gradient, rtol=1e-6, atol=1e-35)
"""


def possible() -> bool:
    """Whether this machine can be told to; asked in another process."""
    code = "import sys; from rnnplay.engine import flush_subnormals; sys.exit(not flush_subnormals())"
    return subprocess.run([sys.executable, "-W", "error", "-c", code], timeout=60).returncode == 0


def test_a_gradient_that_vanishes_is_the_same_but_for_what_is_too_small() -> None:
    child = subprocess.run([sys.executable, "-W", "error", "-c", BACKWARD], capture_output=True, text=True, timeout=120)
    if child.returncode == 77:
        pytest.skip("no way is known here to take subnormal numbers as zero")
    assert child.returncode == 0, child.stderr


async def test_the_moments_of_a_character_rarely_shown_come_to_zero(tmp_path: Path) -> None:
    if not possible():
        pytest.skip("no way is known here to take subnormal numbers as zero")
    text = tmp_path / "rare.txt"
    text.write_text(("z" + "ab" * 9000) * 2, encoding="utf-8")  # shown twice in 5,000 steps
    run = await trained(small(text, cell="rnn", hidden=5, batch=1, steps=4000, evaluate_every=10_000), tmp_path)
    found = checkpoint.load(checkpoint.checkpoint_path(run, last_saved(run)))
    mean, squares = found.arrays["optimizer/moment0"], found.arrays["optimizer/moment1"]
    # The squares fade slowly, so they tell that it was shown; the mean would keep for ever what rounds to itself.
    assert np.any((mean == 0.0) & (squares > 0.0))
    assert not np.any((mean != 0.0) & (np.abs(mean) < np.finfo("float32").tiny))
    assert not subnormals_flushed()  # it is the trainer's choice, not that of whoever starts it

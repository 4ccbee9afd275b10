"""Checks and measures the PyTorch backend on a real GPU, in under four minutes; tests run it on PyTorch's CPU device.

    python tests/gpu_check.py [--device cuda] [--text FILE] [--seconds 120]

It needs this repository, PyTorch with CUDA, NumPy and msgspec, and nothing else. Each line is one check or one figure,
and at the end stands one object of JSON with all of them; the exit status is 1 if a check failed.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from rnnplay.backend.base import Backend, Rates
from rnnplay.backend.devices import open_torch
from rnnplay.backend.numpy_engine import NumpyEngine
from rnnplay.backend.synthetic_batch import SyntheticBatch
from rnnplay.backend.torch_engine import TorchEngine
from rnnplay.bench.adapter_torch_loop import LayerAlone, PlainLoop
from rnnplay.bench.device_steps import EngineSteps, milliseconds
from rnnplay.bench.workloads import Workload
from rnnplay.catalogue import make_config
from rnnplay.config import RunConfig
from rnnplay.engine import Architecture

Array = np.ndarray[Any, Any]
Findings = dict[str, Any]
CELLS = (("rnn", "tanh"), ("rnn", "sigmoid"), ("lstm", "tanh"), ("gru", "tanh"), ("input-rnn", "tanh"))
D, V = 11, 9  # ids that are read, and predicted
STEPS = 12
TARGETS = {"LSTM 2x512 B64 T64": 1.0, "LSTM 1x128 B32 T50": 2.0}


class Check:
    """Prints what is found as it is found, and remembers what failed."""

    def __init__(self) -> None:
        self.findings: Findings = {}
        self.failed: list[str] = []

    def note(self, name: str, value: Any, ok: bool = True) -> None:
        self.findings[name] = value
        if not ok:
            self.failed.append(name)
        print(f"{'ok    ' if ok else 'FAILED'} {name}: {value}", flush=True)

    def attempt(self, name: str, check: Callable[[], None]) -> None:
        """Do a check; one that raises has failed, and the others go on."""
        begun = time.perf_counter()
        try:
            check()
        except Exception as error:
            self.note(name, f"{type(error).__name__}: {error}", False)
        print(f"       ({name} took {time.perf_counter() - begun:.1f} s)", flush=True)


def configured(device: str, **choices: Any) -> RunConfig:
    given: dict[str, Any] = {"cell": "lstm", "hidden": 32, "layers": 2, "ema_decay": 0.0}
    given |= {"dropout": 0.0, "weight_dropout": 0.0, "weight_decay": 0.0}  # which no text's length decides here
    return make_config("text", device=device, cores=1, **{**given, **choices})


def network(config: RunConfig, inputs: int = D, outputs: int = V) -> Architecture:
    names = ("cell", "hidden", "layers", "activation", "dropout", "weight_dropout", "dtype")
    return Architecture(inputs=inputs, outputs=outputs, **{name: getattr(config, name) for name in names})


def train(engine: Backend, a: Architecture, first: int, count: int, T: int = 16, B: int = 8) -> list[float]:
    """The losses of `count` steps on batches that depend on their numbers alone; the first begins from zero."""
    pool = [SyntheticBatch.of(a, T, B, seed) for seed in range(first, first + count)]
    batches = [SyntheticBatch(batch.inputs, batch.targets, resets_state=first + k == 0) for k, batch in enumerate(pool)]
    return [row.loss for row in engine.train_steps(batches, [Rates(5e-3, 1.0, 0.0)] * count)]


def far(one: Array, other: Array) -> float:
    return float(np.abs(one.astype(np.float64) - other).max() / max(1e-30, float(np.abs(other).max())))


def parity(check: Check, device: str, small: bool) -> None:
    """Losses and weights of twelve steps beside the NumPy engine's, in float32 and float64."""
    for dtype, bound in (("float64", 1e-9), ("float32", 2e-3)):
        for cell, activation in CELLS[2:3] if small else CELLS:
            choices = {"cell": cell, "activation": activation, "dtype": dtype, "precision": "float32"}
            dropped = {"dropout": 0.2, "weight_dropout": 0.0 if cell == "input-rnn" else 0.2}
            for name, more in (("", {}), (" with dropout", dropped)):
                ours, theirs = (configured(where, **choices, **more) for where in ("cpu", device))
                a = network(ours)
                one, other = NumpyEngine(ours, a), TorchEngine(theirs, a)
                losses = train(one, a, 0, STEPS), train(other, a, 0, STEPS)
                difference = max(
                    far(np.array(losses[1]), np.array(losses[0])), far(other.network.flat, one.network.flat)
                )
                check.note(f"parity {cell} {activation} {dtype}{name}", f"{difference:.1e}", difference < bound)


def capture(check: Check, device: str) -> None:
    """Steps are captured, and a captured step gives the bits of one whose kernels are launched one by one."""
    config = configured(device, dropout=0.1)
    a = network(config)
    captured, eager = TorchEngine(config, a), TorchEngine(config, a)
    eager._may_capture = False
    losses = train(captured, a, 0, STEPS), train(eager, a, 0, STEPS)
    check.note("captured graphs", len(captured._graphs), bool(captured._graphs) or device == "torch-cpu")
    check.note("why not captured", captured.problem or "", captured.problem is None)
    same = losses[0] == losses[1] and np.array_equal(captured.network.flat, eager.network.flat)
    check.note("captured and eager steps are equal bit for bit", same, same)


def resume(check: Check, device: str) -> None:
    """20 steps are 10 steps, a checkpoint and 10 steps, bit for bit; and a checkpoint goes on with NumPy."""
    for precision in ("float32", "tf32", "bf16"):
        config = configured(device, dropout=0.1, ema_decay=0.9, precision=precision)
        a = network(config)
        whole, first, second = (TorchEngine(config, a) for _ in range(3))
        expected = train(whole, a, 0, 20)
        train(first, a, 0, 10)
        second.load(first.arrays(), first.carries_state, first.random_state())
        losses = train(second, a, 10, 10)
        one, other = whole.arrays(), second.arrays()
        same = losses == expected[10:] and all(np.array_equal(one[name], other[name]) for name in one)
        check.note(f"resumed bit for bit in {precision}", same, same)
    on_cpu = NumpyEngine(configured("cpu", dropout=0.1, ema_decay=0.9), a)
    on_cpu.load(first.arrays(), first.carries_state, first.random_state())
    difference = far(np.array(train(on_cpu, a, 10, 10)), np.array(expected[10:]))
    check.note("goes on with NumPy, difference of losses from bf16", f"{difference:.1e}", difference < 5e-2)


def speed(check: Check, device: str, small: bool) -> None:
    """Both ratios to the plain loop, at each precision, and the far anchor."""
    sizes = ((1, 16, 4, 8),) if small else ((2, 512, 64, 64), (1, 128, 32, 50))
    for precision in ("tf32",) if small else ("tf32", "float32", "bf16"):
        opened = open_torch(device, precision, "float32")
        for layers, hidden, B, T in sizes:
            workload = Workload("lstm", layers, hidden, B, T)
            ours = EngineSteps(device, precision, workload)
            own, plain = milliseconds([ours, PlainLoop(opened, workload)], 2 if small else 5, 0.02 if small else 0.7)
            figures = {"ms": round(own, 4), "plain_ms": round(plain, 4), "ratio": round(plain / own, 3)}
            target = TARGETS.get(workload.name)
            figures["target"] = target
            check.note(f"{workload.name} {precision}", figures, ours.engine.problem is None)
    if not small:
        (ms,) = milliseconds([LayerAlone(open_torch(device, "bf16", "float32"), 1_024, 16, 768)], 5, 0.5)
        check.note("LSTM alone, bf16, B 16, T 1024, H 768, ms", round(ms, 3))


def inspection(check: Check, device: str, small: bool) -> None:
    """How much slower training is while its weights are copied and read after each call."""
    workload = Workload("lstm", 1, 16, 4, 8) if small else Workload("lstm", 2, 512, 64, 64)
    inspected = EngineSteps(device, "tf32", workload)

    class Inspected:
        def run(self, steps: int) -> float:
            for _ in range(max(1, steps // 10)):
                rates = [Rates(2e-3, 5.0, 0.0)] * 10
                inspected.engine.start_steps(inspected._pool[:8] + inspected._pool[:2], rates)
                float(inspected.engine.network.flat[0])  # comes to the CPU beside the steps
                inspected.engine.finish_steps()
            return 0.0

    class Alone:
        def run(self, steps: int) -> float:
            for _ in range(max(1, steps // 10)):
                inspected.run(10)
            return 0.0

    alone, beside = milliseconds([Alone(), Inspected()], 2 if small else 5, 0.02 if small else 1.0)
    check.note("inspection costs, per cent of training", round(100 * (beside / alone - 1), 2))


def learn(check: Check, device: str, text: Path, seconds: float, small: bool) -> None:
    """A 2x512 LSTM on a text for some time: its loss on the last tenth."""
    content = text.read_text(encoding="utf-8")
    symbols = {symbol: n for n, symbol in enumerate(sorted(set(content)))}
    ids = np.array([symbols[symbol] for symbol in content[: 20_000 if small else None]], np.int32)
    B, T = (4, 16) if small else (64, 128)
    config = configured(device, hidden=16 if small else 512, layers=2, batch=B, seq_len=T, dropout=0.2)
    a = network(config, len(symbols), len(symbols))
    engine = TorchEngine(config, a)
    training, held_out = np.split(ids, [len(ids) * 9 // 10])
    length = (len(training) - 1) // B // T * T
    inputs, targets = (training[k : k + length * B].reshape(B, length).T for k in (0, 1))
    step, end, begun = 0, time.perf_counter() + seconds, time.perf_counter()
    while time.perf_counter() < end:
        places = [(step + k) * T % length for k in range(20)]
        batches = [SyntheticBatch(inputs[at : at + T], targets[at : at + T], resets_state=at == 0) for at in places]
        loss = engine.train_steps(batches, [Rates(2e-3, 1.0, 0.0)] * 20)[-1].loss
        step += 20
    took = time.perf_counter() - begun
    streams = 2 if small else 16
    cut = (len(held_out) - 1) // streams
    x, y = (held_out[k : k + cut * streams].reshape(streams, cut).T for k in (0, 1))
    total, weight, _ = engine.shown_network(step).evaluate(SyntheticBatch(x[:500], y[:500]))
    nats = total / weight
    figures = {"steps": step, "seconds": round(took, 1), "chars_per_s": round(step * B * T / took)}
    figures |= {
        "loss": round(loss, 4),
        "validation_nats": round(nats, 4),
        "validation_bits": round(nats / math.log(2), 4),
    }
    use = engine.use()
    check.note(
        "2x512 LSTM on the text",
        {**figures, "memory_used": use.memory_used, "load": use.load},
        nats < math.log(len(symbols)),
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    here = Path(__file__).parent.parent
    parser.add_argument("--text", type=Path, default=next((here / "corpora/prose").glob("*.txt")))
    parser.add_argument("--seconds", type=float, default=120.0, help="of the training on the text")
    parser.add_argument("--small", action="store_true", help="tiny sizes: only to see that the script runs")
    options = parser.parse_args()
    check = Check()
    opened = open_torch(options.device, "tf32", "float32")
    check.note("device", opened.describe("tf32"))
    check.note("PyTorch", f"{opened.torch.__version__}, cuDNN {opened.torch.backends.cudnn.version()}")
    check.attempt("parity", lambda: parity(check, options.device, options.small))
    check.attempt("capture", lambda: capture(check, options.device))
    check.attempt("resume", lambda: resume(check, options.device))
    check.attempt("speed", lambda: speed(check, options.device, options.small))
    check.attempt("inspection", lambda: inspection(check, options.device, options.small))
    check.attempt("learn", lambda: learn(check, options.device, options.text, options.seconds, options.small))
    print(json.dumps({"failed": check.failed, **check.findings}))
    return bool(check.failed)


if __name__ == "__main__":
    sys.exit(main())

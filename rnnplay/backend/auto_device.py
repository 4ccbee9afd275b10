"""The device of a run that asks for `auto`: the GPU only where it was measured to be faster on this machine.

A small network, a machine without an NVIDIA driver or without PyTorch: the CPU, and PyTorch is not imported. Otherwise
both are measured once for a size; the result is stored in the user's cache.
"""

import json
import os
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec
import numpy as np

from rnnplay.backend.base import Backend, Rates
from rnnplay.backend.devices import CPU, has_nvidia_driver, has_torch
from rnnplay.backend.numpy_engine import NumpyEngine
from rnnplay.backend.selection import make_backend
from rnnplay.backend.synthetic_batch import SyntheticBatch
from rnnplay.config import RunConfig, UserError
from rnnplay.engine import Architecture
from rnnplay.machine import available_cores, cpu_info
from rnnplay.parallel import forward_muls

GPU = "cuda"
MIN_GPU_MULS = 100_000_000
"""Multiplications of a forward pass from which a GPU may pay: below, PyTorch takes longer to start than it saves."""
_GPU_FILES = Path("/proc/driver/nvidia/gpus")
_WARM_UP_STEPS = 4  # a GPU's third step is captured as a graph
_MEASURED_SECONDS = 0.25


class Measured(msgspec.Struct, frozen=True):
    """Seconds of a training step on both; gpu: None if it could not be measured, for `reason`."""

    cpu: float
    gpu: float | None
    name: str = ""  # of the GPU
    reason: str = ""


def choose_device(
    config: RunConfig, a: Architecture, measure: "Callable[[RunConfig, Architecture], Measured] | None" = None
) -> tuple[str, str | None]:
    """(device, sentence) for a run with the device auto; without a measurement the sentence is None.

    measure: instead of `measure_both`.
    """
    if forward_muls(a, config.seq_len, config.batch) < MIN_GPU_MULS or not has_nvidia_driver() or not has_torch():
        return CPU, None
    key, cache = _key(config, a), _read_cache(_cache_file())
    measured = cache.get(key)
    if measured is None:
        measured = cache[key] = (measure or measure_both)(config, a)
        _write_cache(_cache_file(), cache)
    if measured.gpu is None:
        return CPU, f"It trains on the CPU: {measured.reason}"
    chosen = GPU if measured.gpu < measured.cpu else CPU
    where = measured.name if chosen == GPU else "the CPU"
    return chosen, (
        f"It trains on {where}: a step took {measured.gpu * 1e3:.3g} ms on {measured.name} "
        f"and {measured.cpu * 1e3:.3g} ms on the CPU (--device cpu or cuda decides otherwise)."
    )


def measure_both(config: RunConfig, a: Architecture) -> Measured:
    """Measure training steps of this size on the CPU and on the GPU. Takes about a second, and what PyTorch needs."""
    batch = SyntheticBatch.of(a, config.seq_len, config.batch)
    on_cpu = msgspec.structs.replace(config, device=CPU)
    cpu = seconds_per_step(NumpyEngine(on_cpu, a), batch, config)
    try:
        engine = make_backend(msgspec.structs.replace(config, device=GPU), a)
        gpu = seconds_per_step(engine, batch, config)
    except UserError as error:
        return Measured(cpu, None, reason=error.problem)
    use = engine.use()
    return Measured(cpu, gpu, "the GPU" if use is None else use.name)


def seconds_per_step(engine: Backend, batch: SyntheticBatch, config: RunConfig) -> float:
    """The median of the seconds of a training step, some steps at a time."""
    rates = Rates(config.lr, config.clip, config.clip_value)
    engine.train_steps([batch] * _WARM_UP_STEPS, [rates] * _WARM_UP_STEPS)
    seconds: list[float] = []
    end = time.perf_counter() + _MEASURED_SECONDS
    while len(seconds) < 3 or time.perf_counter() < end:
        begun = time.perf_counter()
        engine.train_steps([batch] * _WARM_UP_STEPS, [rates] * _WARM_UP_STEPS)
        seconds.append((time.perf_counter() - begun) / _WARM_UP_STEPS)
    return float(np.median(seconds))


def _key(config: RunConfig, a: Architecture) -> str:
    """Return what a measurement depends on, without a look at PyTorch itself."""
    names = ("batch", "seq_len", "cores", "optimizer", "tbptt_steps", "precision")
    sizes = {name: getattr(config, name) for name in names}
    try:
        torch = version("torch")
    except PackageNotFoundError:
        torch = ""
    parts = [cpu_info().get("model name", ""), available_cores(), _gpu_models(), torch, np.__version__]
    return json.dumps([parts, sizes, repr(a)])


def _gpu_models() -> list[str]:
    """The models of the GPUs as the driver lists them; empty where it lists none."""
    models = []
    for file in sorted(_GPU_FILES.glob("*/information")):
        try:
            lines = file.read_text(errors="replace").splitlines()
        except OSError:
            continue
        models += [" ".join(line.split()[1:]) for line in lines if line.startswith("Model:")]
    return models


def _cache_file() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("rnnplay", appauthor=False) / "devices.json"


def _read_cache(file: Path) -> dict[str, Measured]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Measured])
    except (OSError, msgspec.DecodeError):
        return {}  # it is measured again


def _write_cache(file: Path, cache: dict[str, Measured]) -> None:
    temporary = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(msgspec.json.encode(cache))
        os.replace(temporary, file)
    except OSError:
        return  # a cache that cannot be written costs a measurement each time, nothing else

"""BLAS kernel and threads of the trainer's process: environment variables, to be set before NumPy is loaded.

OpenBLAS takes new AMD processors for Haswell and does not use their AVX-512, at half the speed. Whether another kernel
is faster is measured once, in child processes (a wrong kernel may crash), and stored in the user's cache. Variables
that the user has set are never changed.
"""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from rnnplay.machine import cpu_info, has_avx512

THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
KERNEL = "OPENBLAS_CORETYPE"
AVX512_KERNEL = "SKYLAKEX"

_AVX2_CORES = {"Haswell", "Zen", "Excavator"}
_MAX_TIME_RATIO = 0.9  # another kernel is selected if its time is below this fraction of the default's
_PROBE_TIMEOUT_SECONDS = 20.0

# Prints OpenBLAS's core and the best time in seconds of two products of the size of an LSTM's W_hh h.
_PROBE = """
import json, time
import numpy as np
import threadpoolctl
cores = [pool.get("architecture") for pool in threadpoolctl.threadpool_info() if pool["internal_api"] == "openblas"]
rng = np.random.default_rng(1)
sizes = ((512, 128, 32), (1024, 256, 50))
pairs = [(rng.random((n, k), np.float32), rng.random((k, m), np.float32)) for n, k, m in sizes]
outs = [a @ b for a, b in pairs]
best = [float("inf")] * len(pairs)
end = time.perf_counter() + 0.1
while time.perf_counter() < end:
    for i, (a, b) in enumerate(pairs):
        begun = time.perf_counter()
        for _ in range(4):
            np.matmul(a, b, out=outs[i])
        best[i] = min(best[i], time.perf_counter() - begun)
print(json.dumps([cores, sum(best)]))
"""


def trainer_environment(threads: int | None = None) -> dict[str, str]:
    """The variables to add to `os.environ` for the trainer's process. threads: None is one, if the user set none.

    The first call on a processor that could use another kernel takes some tenths of a second, later ones none.
    """
    chosen: dict[str, str] = {}
    if threads is not None:
        chosen = dict.fromkeys(THREADS, str(threads))
    elif not any(name in os.environ for name in THREADS):
        chosen = dict.fromkeys(THREADS, "1")
    if KERNEL not in os.environ and (kernel := _kernel()):
        chosen[KERNEL] = kernel
    return chosen


def describe() -> str:
    """A human-readable description of this process's BLAS: name, kernel, threads. NumPy must have been loaded."""
    import threadpoolctl  # type: ignore[import-untyped]

    pools = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
    if not pools:
        return "BLAS unknown"
    pool = pools[0]
    name = {"openblas": "OpenBLAS", "mkl": "MKL", "blis": "BLIS"}.get(pool["internal_api"], pool["internal_api"])
    threads = f"{pool['num_threads']} thread{'s' if pool['num_threads'] != 1 else ''}"
    return " ".join(filter(None, [name, pool.get("version"), pool.get("architecture")])) + f", {threads}"


def _kernel() -> str:
    """The kernel to select, or an empty string: from the cache, else measured."""
    processor = _processor()
    if not processor:
        return ""
    from importlib.metadata import version

    key = f"{processor}, NumPy {version('numpy')}"
    file = _cache_file()
    kernels = _read_cache(file)
    if kernels.get(key) not in ("", AVX512_KERNEL):
        kernels[key] = _faster_kernel()
        _write_cache(file, kernels)
    return kernels[key]


def _processor() -> str:
    """The processor's name if it has the AVX-512 sets that the kernel needs, else an empty string."""
    info = cpu_info()
    if platform.machine() not in ("x86_64", "AMD64") or not has_avx512(info):
        return ""
    return info.get("model name", "unknown")


def _faster_kernel() -> str:
    """The AVX-512 kernel if it is faster than the default, else an empty string. Takes tenths of a second."""
    default = _probe({})
    if default is None or not set(default[0]) & _AVX2_CORES:
        return ""
    other = _probe({KERNEL: AVX512_KERNEL})
    return AVX512_KERNEL if other is not None and other[1] < _MAX_TIME_RATIO * default[1] else ""


def _probe(variables: dict[str, str]) -> tuple[list[str], float] | None:
    """OpenBLAS's cores and seconds in a child process with these variables; None: it failed."""
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-c", _PROBE],
            env=os.environ | dict.fromkeys(THREADS, "1") | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_TIMEOUT_SECONDS,
        )
        cores, seconds = json.loads(child.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return None
    return cores, seconds


def _cache_file() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("rnnplay", appauthor=False) / "blas.json"


def _read_cache(file: Path) -> dict[str, str]:
    try:
        kernels = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in kernels.items()} if isinstance(kernels, dict) else {}


def _write_cache(file: Path, kernels: dict[str, str]) -> None:
    temporary = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(kernels))
        os.replace(temporary, file)
    except OSError:
        return  # a cache that cannot be written costs a measurement each time, nothing else

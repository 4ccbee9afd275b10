"""Which BLAS kernel and how many threads the trainer's process gets: environment variables, set before NumPy is loaded.

OpenBLAS takes new AMD processors for Haswell and leaves their AVX-512 unused, at half the speed. Whether another kernel
pays is measured once, in child processes (it may crash where it does not fit), and kept in the user's cache. What the
user has set always wins.
"""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
KERNEL = "OPENBLAS_CORETYPE"
AVX512_KERNEL = "SKYLAKEX"

_NEEDED = {"avx512f", "avx512bw", "avx512dq", "avx512vl"}
_AVX2_CORES = {"Haswell", "Zen", "Excavator"}
_PAYS = 0.9  # of the other kernel's time
_LIMIT = 20.0  # seconds for a child

# Prints OpenBLAS's core and the best time of two products such as an LSTM's W_hh h.
_MEASURE = """
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


def environment(threads: int | None = None) -> dict[str, str]:
    """What to put over `os.environ` for the trainer's process: threads (None: one) and, where it pays, the kernel.

    The first call on a machine whose processor could use another kernel takes some tenths of a second, later ones none.
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
    """The BLAS that this process computes with, its kernel and threads, for people. NumPy must have been loaded."""
    import threadpoolctl  # type: ignore[import-untyped]

    pools = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
    if not pools:
        return "BLAS unknown"
    pool = pools[0]
    name = {"openblas": "OpenBLAS", "mkl": "MKL", "blis": "BLIS"}.get(pool["internal_api"], pool["internal_api"])
    threads = f"{pool['num_threads']} thread{'s' if pool['num_threads'] != 1 else ''}"
    return " ".join(filter(None, [name, pool.get("version"), pool.get("architecture")])) + f", {threads}"


def _kernel() -> str:
    """The kernel to ask for, or an empty string. Measured where the cache does not know it."""
    processor = _processor()
    if not processor:
        return ""
    from importlib.metadata import version

    key = f"{processor}, NumPy {version('numpy')}"
    file = _cache()
    known = _read(file)
    if known.get(key) not in ("", AVX512_KERNEL):
        known[key] = _measure()
        _write(file, known)
    return known[key]


def _processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name where it has all of AVX-512 that the kernel needs, else an empty string."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return ""
    try:
        lines = cpuinfo.read_text(errors="replace").split("\n\n")[0].splitlines()
    except OSError:
        return ""  # no Linux
    facts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return facts.get("model name", "unknown") if set(facts.get("flags", "").split()) >= _NEEDED else ""


def _measure() -> str:
    own = _run({})
    if own is None or not set(own[0]) & _AVX2_CORES:
        return ""
    other = _run({KERNEL: AVX512_KERNEL})
    return AVX512_KERNEL if other is not None and other[1] < _PAYS * own[1] else ""


def _run(variables: dict[str, str]) -> tuple[list[str], float] | None:
    """OpenBLAS's cores and seconds in a child process with these variables; None: it failed."""
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-c", _MEASURE],
            env=os.environ | dict.fromkeys(THREADS, "1") | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_LIMIT,
        )
        cores, seconds = json.loads(child.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return None
    return cores, seconds


def _cache() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("rnnplay", appauthor=False) / "blas.json"


def _read(file: Path) -> dict[str, str]:
    try:
        known = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in known.items()} if isinstance(known, dict) else {}


def _write(file: Path, known: dict[str, str]) -> None:
    temporary = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(known))
        os.replace(temporary, file)
    except OSError:
        return  # a cache that cannot be written costs a measurement each time, nothing else

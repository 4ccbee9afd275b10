"""BLAS kernel and threads of the trainer's process: environment variables, to be set before NumPy is loaded.

OpenBLAS may take a new AMD processor for Haswell and not use its AVX-512, at half the speed. Its AVX-512 kernels
multiply small matrices without copying them, which the engine uses where it is faster (engine/matmul.py). Both are
measured once, in child processes (a wrong kernel may crash), and a measurement that succeeded is stored in the user's
cache. Variables that the user has set are never changed. All of them change the last bits of a product.
"""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from rnnplay.config import UserError
from rnnplay.folders import cache_folder
from rnnplay.machine import cpu_info, has_avx512

THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
KERNEL = "OPENBLAS_CORETYPE"
AVX512_KERNEL = "SKYLAKEX"
SMALL_GEMM = "RNNPLAY_SMALL_GEMM"  # read by engine/matmul.py: 1 or 0
VARIABLES = (*THREADS, KERNEL, SMALL_GEMM)

_AVX2_CORES = {"Haswell", "Zen", "Excavator"}
_SMALL_GEMM_CORES = {"SkylakeX", "Cooperlake", "SapphireRapids"}  # as OpenBLAS names the kernel that it runs
_MAX_TIME_RATIO = 0.9  # another kernel is selected if its time is below this fraction of the default's
_MAX_TILED_RATIO = 0.95  # small products are used if their time is below this fraction of whole ones
_PROBE_TIMEOUT_SECONDS = 20.0

# Prints OpenBLAS's cores and the best seconds of an LSTM's W_hh h at two sizes: each gate's matrix whole, and in tiles
# that are small products (as engine/matmul.py cuts them).
_PROBE = """
import json, time
import numpy as np
import threadpoolctl
cores = [pool.get("architecture") for pool in threadpoolctl.threadpool_info() if pool["internal_api"] == "openblas"]
rng = np.random.default_rng(1)
best = []
for H, B, width in ((128, 32, 64), (256, 50, 32)):
    W, x, z = (rng.random(shape, np.float32) for shape in ((4, H, H), (1, 1, B, H), (4, B, H)))
    tiles = np.ascontiguousarray(W.reshape(4, H, H // width, width).transpose(0, 2, 1, 3))
    ways = ((x, W[:, None], z[:, None]), (x, tiles, z.reshape(4, B, H // width, width).transpose(0, 2, 1, 3)))
    seconds = [float("inf"), float("inf")]
    end = time.perf_counter() + 0.06
    while time.perf_counter() < end:
        for i, (a, b, out) in enumerate(ways):
            begun = time.perf_counter()
            for _ in range(4):
                np.matmul(a, b, out=out)
            seconds[i] = min(seconds[i], time.perf_counter() - begun)
    best.append(seconds)
whole, tiled = (sum(seconds) for seconds in zip(*best))
print(json.dumps([cores, whole, tiled]))
"""


class Probe(NamedTuple):
    """OpenBLAS's cores; seconds of the same products with whole matrices and in tiles."""

    cores: list[str]
    whole: float
    tiled: float

    @property
    def has_small_gemm(self) -> bool:
        """Return whether OpenBLAS runs a kernel with small products, and they are faster here."""
        return bool(set(self.cores) & _SMALL_GEMM_CORES) and self.tiled < _MAX_TILED_RATIO * self.whole

    @property
    def seconds(self) -> float:
        return self.tiled if self.has_small_gemm else self.whole


def trainer_environment(threads: int | None = None) -> dict[str, str]:
    """The variables to add to `os.environ` for the trainer's process. threads: None is one, if the user set none.

    The first call on a processor that could use another kernel takes some tenths of a second, later ones none.
    """
    chosen: dict[str, str] = {}
    if threads is not None:
        chosen = dict.fromkeys(THREADS, str(threads))
    elif not any(name in os.environ for name in THREADS):
        chosen = dict.fromkeys(THREADS, "1")
    return chosen | {name: value for name, value in _fastest().items() if name not in os.environ}


def describe() -> str:
    """A human-readable description of this process's BLAS: name, kernel, threads. NumPy must have been loaded."""
    import threadpoolctl  # type: ignore[import-untyped]

    pools = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
    if not pools:
        return "BLAS unknown"
    pool = pools[0]
    name = {"openblas": "OpenBLAS", "mkl": "MKL", "blis": "BLIS"}.get(pool["internal_api"], pool["internal_api"])
    threads = f"{pool['num_threads']} thread{'s' if pool['num_threads'] != 1 else ''}"
    small = ", small products" if os.environ.get(SMALL_GEMM) == "1" else ""
    return " ".join(filter(None, [name, pool.get("version"), pool.get("architecture")])) + f", {threads}{small}"


def _fastest() -> dict[str, str]:
    """KERNEL, if another one than OpenBLAS's choice is faster, and SMALL_GEMM: from the cache, else measured."""
    processor = _processor()
    if not processor or SMALL_GEMM in os.environ:
        return {}
    from importlib.metadata import version

    key = f"{processor}, NumPy {version('numpy')}"
    if own := os.environ.get(KERNEL):
        key += f", {own}"
    file = _cache_file()
    cache = _read_cache(file) if file is not None else {}
    if key not in cache:
        measured = _measure(may_choose=not own)
        if measured is None:
            return {}
        cache[key] = measured
        if file is not None:
            _write_cache(file, cache)
    return cache[key]


def _processor() -> str:
    """The processor's name if it has the AVX-512 sets that the kernel needs, else an empty string."""
    info = cpu_info()
    if platform.machine() not in ("x86_64", "AMD64") or not has_avx512(info):
        return ""
    return info.get("model name", "unknown")


def _measure(may_choose: bool) -> dict[str, str] | None:
    """The variables of the fastest products; None if nothing could be measured. Takes tenths of a second.

    may_choose: the kernel too, if OpenBLAS's choice does not use AVX-512; otherwise it is the user's.
    """
    probe = _probe({})
    if probe is None:
        return None
    chosen = {}
    if may_choose and set(probe.cores) & _AVX2_CORES:
        other = _probe({KERNEL: AVX512_KERNEL})
        if other is not None and other.seconds < _MAX_TIME_RATIO * probe.seconds:
            probe, chosen = other, {KERNEL: AVX512_KERNEL}
    return chosen | {SMALL_GEMM: "1" if probe.has_small_gemm else "0"}


def _probe(variables: dict[str, str]) -> Probe | None:
    """Measure in a child process with these variables; None: it failed."""
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-c", _PROBE],
            env=os.environ | dict.fromkeys(THREADS, "1") | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_TIMEOUT_SECONDS,
        )
        return Probe(*json.loads(child.stdout))
    except (OSError, subprocess.TimeoutExpired, ValueError, TypeError):
        return None


def _cache_file() -> Path | None:
    """The file in which measurements are kept; None: the user has no home folder."""
    try:
        return cache_folder() / "blas.json"
    except UserError:
        return None


def _read_cache(file: Path) -> dict[str, dict[str, str]]:
    """Processor and versions -> variables; entries of another form are left out, and measured again."""
    try:
        cache = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(cache, dict):
        return {}
    return {key: value for key, value in cache.items() if isinstance(value, dict) and _is_valid(value)}


def _is_valid(variables: dict[str, object]) -> bool:
    return variables.get(SMALL_GEMM) in ("0", "1") and variables.get(KERNEL, AVX512_KERNEL) == AVX512_KERNEL


def _write_cache(file: Path, cache: dict[str, dict[str, str]]) -> None:
    temporary = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(cache))
        os.replace(temporary, file)
    except OSError:
        return  # a cache that cannot be written costs a measurement each time, nothing else

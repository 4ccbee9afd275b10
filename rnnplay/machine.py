"""This machine's processor: its name, its instruction sets, and the cores that this process may use."""

import os
import subprocess
from pathlib import Path


def cpu_info(path: Path = Path("/proc/cpuinfo")) -> dict[str, str]:
    """The fields of the first processor as Linux lists them ("model name", "flags"); empty on other systems."""
    try:
        lines = path.read_text(errors="replace").partition("\n\n")[0].splitlines()
    except OSError:
        return {}
    return {name.strip(): " ".join(value.split()) for name, _, value in (line.partition(":") for line in lines)}


def has_avx512(info: dict[str, str]) -> bool:
    """Return whether `cpu_info()` lists the four sets of AVX-512 that OpenBLAS's Skylake-X kernels need."""
    return {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= set(info.get("flags", "").split())


def logout_ends_processes(groups: Path = Path("/proc/self/cgroup")) -> bool:
    """Return whether systemd ends this process when its user logs out. groups: the file with its control groups."""
    try:
        if "/session-" not in groups.read_text():  # not in the scope of a login
            return False
        user = str(os.getuid())
        killing = _loginctl("show-session", "--property=KillUserProcesses")
        return killing == "KillUserProcesses=yes" and _loginctl("show-user", user, "--property=Linger") == "Linger=no"
    except (OSError, subprocess.SubprocessError):
        return False


def _loginctl(*arguments: str) -> str:
    """Return what loginctl prints. Raises OSError or SubprocessError."""
    command = ["loginctl", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=2, check=True).stdout.strip()


def available_cores(limit: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """The processor cores that this process may use, at least 1. limit: the file with its control group's limit."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = limit.read_text().split()
        return max(1, min(cores, int(quota) // int(period)))
    except (OSError, ValueError, ZeroDivisionError):
        return cores  # no control group, or no limit

"""Use of this machine's GPUs, as NVIDIA's own program reports it."""

import subprocess

_QUERY = ("index", "name", "memory.used", "memory.free", "utilization.gpu")
_TIMEOUT_SECONDS = 5.0


def gpu_lines() -> list[str]:
    """A line on each GPU: name, memory used and free, load. Empty if nvidia-smi cannot be run."""
    command = ["nvidia-smi", f"--query-gpu={','.join(_QUERY)}", "--format=csv,noheader,nounits"]
    try:
        output = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    lines = []
    for row in output.splitlines():
        values = [value.strip() for value in row.split(",")]
        if len(values) == len(_QUERY):
            index, name, used, free, load = values
            lines.append(f"cuda:{index}: {name}, {used} MiB used, {free} MiB free, load {load} %")
    return lines

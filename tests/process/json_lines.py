"""The lines that a command prints with --json."""

import json
from typing import Any


def started_line(printed: str) -> dict[str, Any]:
    """The line that says what the run is. A slow machine prints lines about the reading before it."""
    lines = map(json.loads, printed.splitlines())
    return next(line for line in lines if line["kind"] == "started")

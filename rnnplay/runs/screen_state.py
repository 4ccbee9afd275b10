"""screen.json: how a run was shown when its screen was last left, so that it opens again as it was."""

from pathlib import Path
from typing import Annotated

import msgspec

from rnnplay.runs.directory import WriteError, write_atomically

SCREEN_STATE = "screen.json"
_MAX_BYTES = 64 * 1024

Count = Annotated[int, msgspec.Meta(ge=0)]


class ScreenState(msgspec.Struct, frozen=True, kw_only=True):
    """Screen of a run as a person last saw it. Layers and units count from 0."""

    place: str = "play"
    panel: str = ""  # that had the focus
    full_screen: bool = False  # that panel had the whole screen
    layer: Count = 0
    unit: Count = 0
    unit_is_chosen: bool = True  # by a person
    feature: str = ""  # that units were looked for by; empty: none was
    temperature: float = 0.8
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 1
    prompt: str | None = None
    step: Count = 0
    validation: float | None = None  # the last loss on held-out data


def load_screen_state(run: Path) -> ScreenState | None:
    """Return how the run was left; None if that is not known, or damaged."""
    try:
        with (run / SCREEN_STATE).open("rb") as file:
            return msgspec.json.decode(file.read(_MAX_BYTES), type=ScreenState)
    except (OSError, ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return None


def save_screen_state(run: Path, state: ScreenState) -> bool:
    """Write how the run is left; return whether that could be done: a run that cannot be written opens all the same."""
    try:
        write_atomically(run / SCREEN_STATE, msgspec.json.encode(state) + b"\n", durable=False)
    except WriteError:
        return False
    return True

"""Time for which a run without a limit goes on without a screen: RNNPLAY_LINGER, or by how its screen was left."""

import os

from rnnplay.config import UserError

LINGER = "RNNPLAY_LINGER"
_AWAY_SECONDS = 12 * 3600.0  # that a run without a limit goes on after it was left, or after a lost SSH line
_CLOSED_SECONDS = 600.0  # the same after a local window was closed


def chosen_linger() -> float | None:
    """Return what RNNPLAY_LINGER says in seconds; None: nothing. Raises UserError if it makes no sense."""
    given = os.environ.get(LINGER, "").strip()
    if not given:
        return None
    units = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
    number, unit = (given[:-1], given[-1]) if given[-1] in units else (given, "s")
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise UserError(f"{LINGER} is {given!r}.", "Give a time such as 90s, 10m, 12h or 2d, or 0.")
    return float(number) * units[unit]


def detach_seconds() -> float:
    """Return how long a run without a limit goes on after it was left on purpose."""
    chosen = chosen_linger()
    return _AWAY_SECONDS if chosen is None else chosen


def hang_up_seconds() -> float:
    """Return how long a run goes on after its screen was lost."""
    chosen = chosen_linger()
    if chosen is not None:
        return chosen
    return _AWAY_SECONDS if os.environ.get("SSH_CONNECTION") else _CLOSED_SECONDS

"""Numbers as people read them: 12,431 steps, 198k characters a second, 2e-3, three digits of a loss."""

from __future__ import annotations

import math

from rnnplay.formatting import short


def count(value: float) -> str:
    """A whole number with commas: 12,431."""
    return f"{int(value):,}"


def rate(value: float) -> str:
    """A learning rate: 2e-3, 1.5e-3, 0.1, 1."""
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)) + 1e-12)
    if -2 < exponent < 4:
        return f"{value:g}"
    return f"{value / 10**exponent:.4g}e{exponent}"


def figure(value: float | None, digits: int = 2) -> str:
    """A loss or a norm: 1.42; small ones keep their digits (0.0031); what is not finite is a dash."""
    if value is None or not math.isfinite(value):
        return "–"
    if value != 0 and abs(value) < 10 ** (1 - digits):
        return f"{value:.2g}"
    return f"{value:.{digits}f}" if abs(value) < 1000 else short(value)


def percent(share: float) -> str:
    """2 %, and <1 % for what is more than nothing."""
    if 0 < share < 0.005:
        return "<1 %"
    return f"{share * 100:.0f} %"


def duration(seconds: float) -> str:
    """0.4 s, 42 s, 3 min 20 s, 2 h 05 min."""
    whole = round(seconds)
    if 0 < seconds < 9.95:
        return f"{seconds:.1f} s"
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def nice(raw: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is at least `raw` (> 0)."""
    power = 10.0 ** math.floor(math.log10(raw))
    return next((m * power for m in (1, 2, 5) if m * power >= raw * (1 - 1e-9)), 10 * power)


def ticks(low: float, high: float, most: int) -> list[float]:
    """Return at most about `most` round values within [low, high], 1-2-5 apart."""
    step = nice((high - low) / max(1, most))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [n * step for n in range(first, last + 1)]


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Round values within [low, high] for a log axis: decades, and 1-2-5 where there are few of them."""
    exponents = range(math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9) + 1)
    inside = (1 - 1e-9, 1 + 1e-9)
    for digits in ((1, 2, 5), (1, 3), (1,)):
        marks = [d * 10.0**e for e in exponents for d in digits]
        marks = [v for v in marks if low * inside[0] <= v <= high * inside[1]]
        if len(marks) <= most or digits == (1,):
            break
    return marks[:: max(1, math.ceil(len(marks) / max(1, most)))]


def tick_label(value: float) -> str:
    """A tick in as few characters as it takes: 0, 0.5, 200, 4k, 1e-4."""
    if value == 0:
        return "0"
    if abs(value) < 1e-3:
        return rate(value)
    return short(value) if abs(value) >= 1000 else f"{value:.6g}"


def score(value: float) -> str:
    """An AUC or a correlation in as few cells as two digits take: .97, -.81, 1.0."""
    if abs(value) >= 0.995:
        return "1.0" if value > 0 else "-1.0"
    return f"{value:.2f}".replace("0.", ".", 1)

"""Numbers and names as human-readable text, for the command line, the bench and the screen."""

import re
from collections.abc import Sequence

_PARAMETER = re.compile(r"(encoder[.\s]+)?(?:layer\s*(\d+)\s+|l(\d+)\.)?(\w+)")


def parameter_title(name: str) -> str:
    """A parameter as a screen names it: layer 1 W_xh, encoder layer 2 b_h, W_hy. name: as files have it, l0.W_xh."""
    match = _PARAMETER.fullmatch(name)
    if match is None or match[3] is None:
        return name.replace(".", " ")
    return f"{'encoder ' if match[1] else ''}layer {int(match[3]) + 1} {match[4]}"


def parameter_name(text: str) -> str:
    """The parameter's name in files, l0.W_xh, from that name or from what a screen shows: layer 1 W_xh."""
    match = _PARAMETER.fullmatch(text.strip())
    if match is None or match[2] is None:
        return ".".join(text.split())
    return f"{'encoder.' if match[1] else ''}l{int(match[2]) - 1}.{match[4]}"


def short(value: float) -> str:
    """About three digits and a letter: 950, 4.2k, 198k, 1.5M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            scaled = value / size
            return f"{scaled:.3g}{letter}" if abs(scaled) < 999.5 else f"{scaled:.0f}{letter}"
    return f"{value:.3g}"


def clock(seconds: float) -> str:
    """Minutes and seconds, from an hour on hours too: 3:07, 1:02:09."""
    minutes, seconds = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def speed_unit(step_unit: str) -> str:
    """The unit of a speed: char/s, words/s, time steps/s. step_unit: as `Facts` has it."""
    return "char/s" if step_unit == "characters" else f"{step_unit}/s"


def reading_words(bytes_read: int, progress: float | None) -> str:
    """Return how far the reading of a text is; progress: the share that is done, None if it is not known."""
    share = f"{bytes_read / 1e6:,.0f} MB" if progress is None else f"{progress * 100:.0f} %"
    return f"reading the text, {share}"


def measuring_words(fraction: float) -> str:
    """Return how far a long evaluation is."""
    return f"measuring the loss, {fraction * 100:.0f} %"


def loss_text(loss: float | None) -> str:
    """A loss with three decimals, a small one with two digits: 1.314, 0.0031; None: "not finite"."""
    return "not finite" if loss is None else f"{loss:.3f}" if abs(loss) >= 0.1 else f"{loss:.2g}"


def three_digits(number: float) -> str:
    """Three digits: 0.0712, 4.31, 105."""
    return f"{number:#.3g}".rstrip(".") if number < 999.5 else f"{number:.0f}"


def spaced(symbols: Sequence[str], vocabulary: Sequence[str] | None = None) -> Sequence[str]:
    """Return symbols of several letters with a space behind each, unless spaces are symbols themselves."""
    known = symbols if vocabulary is None else vocabulary
    if all(len(symbol) <= 1 for symbol in known) or any(symbol[:1].isspace() for symbol in known):
        return symbols
    return tuple(f"{symbol} " for symbol in symbols)

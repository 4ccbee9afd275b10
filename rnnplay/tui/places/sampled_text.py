"""The sampled text as Play and Sample show it, made from the session."""

from __future__ import annotations

import math

from rnnplay.formatting import spaced
from rnnplay.tui.paint.numbers import count
from rnnplay.tui.places.views import symbols_name
from rnnplay.tui.session import RunSession
from rnnplay.tui.state.sample import FREE, PLAY, SampledText, SampleSettings, SampleState
from rnnplay.tui.widgets.views import SampledTextView

_PAINTED_SYMBOLS = 4_000  # of a sampled text
_SURPRISE_SYMBOLS = 1_000  # whose mean surprise is shown


def settings_parts(how: SampleSettings) -> tuple[str, ...]:
    """Return how a text is drawn, as a title lists it."""
    parts = [f"temperature {how.temperature:g}" if how.temperature else "greedy"]
    parts += [f"prompt “{how.prompt}”"] if how.prompt else []
    parts += [f"seed {how.seed}"]
    parts += [f"top-k {how.top_k}"] if how.top_k else []
    parts += [f"top-p {how.top_p:g}"] if how.top_p < 1 else []
    return tuple(parts)


def cut_words(how: SampleSettings) -> str:
    """Return what leaves out the unlikely symbols; empty: nothing does."""
    if not how.temperature:
        return "temperature 0"
    parts = [f"top-k {how.top_k}"] if how.top_k else []
    return ", ".join(parts + ([f"top-p {how.top_p:g}"] if how.top_p < 1 else []))


def sampled_text_view(session: RunSession, channel: int, **fields: object) -> SampledTextView:
    """Return the text of a channel, then what was taken back; `fields` as SampledTextView has them."""
    sample: SampleState = session.sample
    text = sample.texts[channel]
    first = _beginning(text.text)
    stopped = channel == FREE and sample.is_paused
    tail = text.tail if stopped else []
    vocabulary = session.facts.vocabulary if session.facts is not None else ()
    candidates = tuple((c.symbol, c.probability) for c in text.candidates)
    written = spaced([*text.text[first:], *tail], vocabulary)
    values: dict[str, object] = {
        "text": tuple(written),
        "probabilities": (*text.probabilities[first:], *([None] * len(tail))),
        "prompt": max(0, text.prompt - first),
        "cursor": len(text.text) - first if stopped else None,
        "choices": candidates if stopped else (),
        "candidates": candidates if channel == PLAY or (channel == FREE and not stopped) else (),
        "drawn": text.drawn,
        "drawable": text.drawable,
        "cut": cut_words(text.settings if text.request else sample.settings),
        "copied": _copied(text, first) if channel != PLAY and sample.mark_copied else None,
        "done": text.done and bool(text.text),
        "title_parts": settings_parts(text.settings if text.request else sample.settings),
        "key_figures": _figures(text, symbols_name(session.facts)),
        "empty": sample.unavailable,
        "generation": session.generation,
    }
    return SampledTextView(**(values | fields))  # type: ignore[arg-type]


def _copied(text: SampledText, first: int) -> tuple[int, int] | None:
    """Return the copied span as (start, length) in the text from `first` on."""
    if text.copied is None or not text.copied[1]:
        return None
    start = text.copied[0] - text.dropped - first
    return max(0, start), max(0, text.copied[1] + min(0, start))


def _figures(text: SampledText, called: str) -> tuple[tuple[str, str], ...]:
    """Return how much was written and how surprising it was, in bits."""
    if not text.probabilities:
        return ()
    bits = [-math.log2(max(p, 1e-12)) for p in text.probabilities[-_SURPRISE_SYMBOLS:]]
    one = called.removesuffix("s")
    return ("written", f"{count(text.length)} {called}"), ("surprise", f"{sum(bits) / len(bits):.2f} bits a {one}")


def _beginning(text: list[str]) -> int:
    """Return where to begin to paint: at a line, and the same place for long, so that nothing reflows."""
    first = max(0, len(text) - _PAINTED_SYMBOLS) // 1_000 * 1_000
    if not first:
        return 0
    return next((n + 1 for n in range(first, min(first + 500, len(text))) if text[n] == "\n"), first)

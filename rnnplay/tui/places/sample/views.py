"""Data that Sample shows, made from the session: the text, the one with a clamped unit, a prompt being typed."""

from __future__ import annotations

from rnnplay import protocol
from rnnplay.tui.paint.numbers import count
from rnnplay.tui.places.sampled_text import cut_words, sampled_text_view, settings_parts
from rnnplay.tui.places.views import symbols_name
from rnnplay.tui.session import RunSession
from rnnplay.tui.state.sample import CLAMPED, FREE, TYPED
from rnnplay.tui.widgets.views import SampledTextView

EMPTY = "s begins: the network writes, each character on the colour of its probability. p types a prompt first."


def free_text_view(session: RunSession, chosen: int, rows_from_end: int) -> SampledTextView:
    """Return the network's text as it is; `chosen`: the candidate that enter writes."""
    return _text_view(
        session,
        FREE,
        rows_from_end,
        chosen=chosen,
        **({} if session.sample.clamp is None else {"title_parts": ("as it is",)}),
    )


def clamped_text_view(session: RunSession, rows_from_end: int) -> SampledTextView:
    """Return the text with a unit clamped."""
    clamp = session.sample.clamp
    if clamp is None:
        return SampledTextView(generation=session.generation)
    title = f"unit {clamp[0] + 1}.{clamp[1] + 1}: h held at {clamp[2]:+.1f}"
    if (counted := session.cells.clamp_count) is not None and clamp[2]:
        title += f", {'high' if clamp[2] * counted.sign > 0 else 'low'}"
    return _text_view(session, CLAMPED, rows_from_end, title_parts=(title,))


def clamp_count_view(session: RunSession) -> str:
    """Return what the feature does in texts written freely, with the unit held high in it and low; or that it waits."""
    if session.sample.clamp is None:
        return ""
    if (counted := session.cells.clamp_count) is not None:
        return counted.sentence
    waiting = session.cells.waiting.get(protocol.ClampedCounted)
    return f"counting {waiting.about} in three texts …" if waiting is not None else ""


def _text_view(session: RunSession, channel: int, rows_from_end: int, **fields: object) -> SampledTextView:
    sample, text = session.sample, session.sample.texts[channel]
    foot = f"{count(text.length)} {symbols_name(session.facts)}"
    if sample.mark_copied and text.copied is not None and text.copied[1]:
        foot += f", {count(text.copied[1])} in a row copied from the training text"
    return sampled_text_view(
        session,
        channel,
        rows_from_end=rows_from_end,
        running=sample.has_begun and not sample.is_paused,
        foot=foot,
        empty=sample.unavailable or EMPTY,
        **fields,
    )


def typed_view(session: RunSession, prompt: str) -> SampledTextView:
    """Return a prompt as far as it is typed, and what may follow it."""
    typed = session.sample.texts[TYPED]
    return SampledTextView(
        text=tuple(prompt),
        probabilities=(None,) * len(prompt),
        prompt=len(prompt),
        choices=tuple((c.symbol, c.probability) for c in typed.candidates),
        drawn=typed.drawn,
        drawable=typed.drawable,
        cut=cut_words(session.sample.settings),
        chosen=-1,
        title_parts=("prompt", *settings_parts(session.sample.settings)),
        empty=EMPTY,
        generation=session.generation,
    )

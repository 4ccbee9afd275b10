"""How a sample is drawn, and how it is shown: settings that change while it is written, and the text as a view."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from rnnplay.config import UserError
from rnnplay.tui.forms.fields import Field
from rnnplay.tui.paint.numbers import count
from rnnplay.tui.state.sample import SampledText
from rnnplay.tui.widgets.views import WrittenView

RATE = 600.0  # characters a second
_SHOWN = 4_000  # symbols that are painted
EMPTY = "s begins: the network writes, each character on the colour of its probability. p types a prompt first."

FIELDS = (
    Field("temperature", "temp.", "number", (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 2.0), live=True),
    Field("top_k", "top-k", "whole", (0.0, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0), live=True, zero="all"),
    Field("top_p", "top-p", "number", (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0), live=True),
    Field("rate", "char/s", "number", (5.0, 25.0, 100.0, 250.0, RATE, 1_000.0, 5_000.0), live=True),
    Field("seed", "seed", "whole"),
    Field("prompt", "prompt", "text", none="none"),
    Field("held", "hold at", "number", tuple(n / 10 for n in range(-20, 21))),
)
LIVE = ("temperature", "top_k", "top_p", "rate")  # change while it is written; the others begin anew
_LIMITS = {
    "temperature": (0.0, 1e3),
    "top_p": (1e-9, 1.0),
    "top_k": (0, 1e6),
    "rate": (0.0, 1e6),
    "seed": (0, 2**63 - 1),
}


@dataclass(frozen=True)
class Drawing:
    """How it is drawn."""

    temperature: float = 0.8
    top_k: int = 0
    top_p: float = 1.0
    rate: float = RATE
    seed: int = 1
    prompt: str | None = None

    def change(self, name: str, value: Any) -> Drawing:
        """With another value. Raises UserError where it makes no sense."""
        if name in _LIMITS:
            least, most = _LIMITS[name]
            if not least <= value <= most:
                raise UserError(f"{name.replace('_', '-')} is {value:g}.", f"Give a number from {least:g} to {most:g}.")
        if name in ("top_k", "seed") and value != int(value):
            raise UserError(f"{name.replace('_', '-')} is {value:g}.", "Give a whole number.")
        return replace(self, **{name: value})

    def words(self, separator: str) -> str:
        """Its settings, as a title lists them."""
        words = [f"temperature {self.temperature:g}" if self.temperature else "greedy", f"seed {self.seed}"]
        words += [f"top-k {self.top_k}"] if self.top_k else []
        words += [f"top-p {self.top_p:g}"] if self.top_p < 1 else []
        return f" {separator} ".join(words)


def written_view(
    written: SampledText, title: str, stopped: bool, chosen: int, back: int, running: bool, mark: bool, empty: str
) -> WrittenView:
    """The text, then what was taken back; where it is stopped, what could stand there. `mark` what is copied."""
    first = _beginning(written.text)
    text, chances = written.text[first:], written.probabilities[first:]
    tail = written.tail if stopped else []
    copied, foot = None, f"{count(written.length)} symbols"
    if mark and written.copied is not None and written.copied[1]:
        start = written.copied[0] - written.dropped - first
        copied = (max(0, start), written.copied[1] + min(0, start))
        foot += f", {count(written.copied[1])} in a row copied from the training text"
    return WrittenView(
        text=(*text, *tail),
        probabilities=(*chances, *([None] * len(tail))),
        prompt=max(0, written.prompt - first),
        cursor=len(text) if stopped else None,
        choices=tuple((c.symbol, c.probability) for c in written.candidates) if stopped else (),
        chosen=chosen,
        copied=copied,
        back=back,
        running=running,
        title=title,
        foot=foot,
        empty=empty,
    )


def typed_view(text: str, typed: SampledText) -> WrittenView:
    """A prompt while it is typed, and what would follow it."""
    return WrittenView(
        text=tuple(text),
        probabilities=(None,) * len(text),
        prompt=len(text),
        choices=tuple((c.symbol, c.probability) for c in typed.candidates),
        chosen=-1,
        title="prompt",
    )


def _beginning(text: list[str]) -> int:
    """Where to begin to paint: at a line, and seldom anew, so that nothing reflows."""
    first = max(0, len(text) - _SHOWN) // 1_000 * 1_000
    return next((n + 1 for n in range(first, min(first + 500, len(text))) if text[n] == "\n"), first) if first else 0

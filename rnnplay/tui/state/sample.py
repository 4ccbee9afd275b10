"""Texts that the network writes: how they are drawn, what was written on each channel, and a unit clamped meanwhile."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

from rnnplay import protocol
from rnnplay.config import UserError
from rnnplay.tui.state import Send, answers

PLAY, FREE, CLAMPED, TYPED = 0, 2, 3, 4  # channels: in Play; in Sample: as it is, with a unit clamped, a typed prompt
READING_RATE = 25.0  # characters a second in Play: as fast as a person reads
CLAMP_VALUE = 0.9  # of a unit at first
_MAX_SYMBOLS = 20_000  # that are remembered of a text
_STEERED = ("temperature", "top_k", "top_p", "chars_per_s")  # change while a text is written; others begin it again
_WHOLE = ("top_k", "seed", "length")
_BOUNDS = {
    "temperature": (0.0, 1e3),
    "top_k": (0, 10**6),
    "top_p": (1e-9, 1.0),
    "chars_per_s": (0.0, 1e6),
    "seed": (0, 2**63 - 1),
    "length": (1, 10**9),
    "clamp": (-1e3, 1e3),
}


def checked(name: str, value: Any) -> Any:
    """Return `value` as the setting `name` takes it. Raises UserError: not finite, out of bounds, not a whole number.

    Only `length` and `prompt` may be None: no end, no prompt.
    """
    if name == "prompt":
        return value or None
    if name == "length" and value is None:
        return None
    label = name.replace("_", "-")
    if value is None:
        raise UserError(f"{label} is empty.", "Give a number.")
    low, high = _BOUNDS[name]
    if not math.isfinite(value) or not low <= value <= high:
        raise UserError(f"{label} is {value:g}.", f"Give a number from {low:g} to {high:g}.")
    if name not in _WHOLE:
        return float(value)
    if value != int(value):
        raise UserError(f"{label} is {value:g}.", "Give a whole number.")
    return int(value)


@dataclass(frozen=True)
class SampleSettings:
    """Settings by which a text is drawn. `length` None: without end; `top_k` 0: all symbols."""

    temperature: float = 0.8
    top_k: int = 0
    top_p: float = 1.0
    chars_per_s: float = 600.0
    seed: int = 1
    length: int | None = None
    prompt: str | None = None

    def change(self, name: str, value: Any) -> SampleSettings:
        """Return the settings with another value. Raises UserError where it makes no sense."""
        return replace(self, **{name: checked(name, value)})


@dataclass(eq=False)
class SampledText:
    """A text on one channel. `prompt` of its symbols were given; `tail` was taken back and may be written again."""

    settings: SampleSettings = field(default_factory=SampleSettings)  # with which it is drawn
    request: int = 0  # the number of the command that began it
    text: list[str] = field(default_factory=list)
    probabilities: list[float] = field(default_factory=list)  # of each symbol
    prompt: int = 0
    tail: list[str] = field(default_factory=list)
    candidates: tuple[protocol.Candidate, ...] = ()  # for the next symbol
    drawn: tuple[float, ...] = ()  # of each candidate, the probability with which it is drawn
    drawable: int = 0  # symbols that can be drawn, the likeliest ones
    copied: tuple[int, int] | None = None  # (start, length) of the longest span of the training text
    done: bool = True
    returning: int = 0  # symbols of the tail that were sent to be written again and have not come yet
    dropped: int = 0  # symbols at the beginning of a long text that are no longer remembered

    @property
    def length(self) -> int:
        """Symbols written so far, those that are no longer remembered too."""
        return self.dropped + len(self.text)

    def add(self, event: protocol.Sampled) -> None:
        """Take in what was written."""
        if event.is_first:
            self.text, self.probabilities, self.dropped = [], [], 0
            self.drop_tail()
        if event.keep_symbols is not None:
            self.take_back(event.keep_symbols)
        self._shorten_tail(event.text)
        self.text += event.text
        self.probabilities += event.probabilities
        if event.is_first:
            self.prompt = self._prompt_length(event.unknown_symbols)
        if len(self.text) > _MAX_SYMBOLS:
            gone = _MAX_SYMBOLS // 2
            del self.text[:gone], self.probabilities[:gone]
            self.dropped, self.prompt = self.dropped + gone, max(0, self.prompt - gone)
        self.copied, self.done = event.copied, event.done
        if event.candidates:
            self.candidates, self.drawn, self.drawable = event.candidates, event.drawn, event.drawable

    def take_back(self, keep: int) -> None:
        """Let only the first `keep` symbols stand; the others become the tail."""
        keep = max(0, keep - self.dropped)
        self.tail = self.text[keep:] + self.tail
        del self.text[keep:], self.probabilities[keep:]

    def next_of_tail(self) -> str | None:
        """Return the next symbol of the tail to be written again; None: there is none left."""
        if self.returning >= len(self.tail):
            return None
        self.returning += 1
        return self.tail[self.returning - 1]

    def drop_tail(self) -> None:
        """Drop what was taken back."""
        self.tail, self.returning = [], 0

    def _shorten_tail(self, text: tuple[str, ...]) -> None:
        """Keep the rest of the tail while it is written again; drop it at another symbol."""
        for symbol in text:
            if not self.tail or self.tail[0] != symbol:
                self.drop_tail()
                return
            del self.tail[0]
            self.returning = max(0, self.returning - 1)

    def _prompt_length(self, unseen: tuple[str, ...]) -> int:
        """Return how many symbols at the start are the prompt: the network skips those that it does not know."""
        prompt = self.settings.prompt or ""
        left = sum(symbol not in unseen for symbol in prompt)
        for n, symbol in enumerate(self.text):
            if left <= 0:
                return n
            left -= len(symbol)
        return len(self.text) if prompt else 0


class SampleState:
    """The texts of one run. Call `reset` when another run begins; the settings stay."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.settings = SampleSettings()
        self.clamp: tuple[int, int, float] | None = None  # (layer, unit, value) in the text on CLAMPED
        self.mark_copied = True
        self.reset()

    def reset(self, same_run: bool = False) -> None:
        """Forget the texts, and the clamped unit unless the same run is opened again."""
        self.texts = {channel: SampledText() for channel in (PLAY, FREE, CLAMPED, TYPED)}
        self.is_paused = self.has_begun = False  # of the text on FREE
        self.unavailable = ""  # why nothing is written
        if not same_run:
            self.clamp = None

    # ------------------------------------------------------------------------------------------------------- writing

    def begin(self, channel: int = FREE) -> int:
        """Write a text from its beginning, and beside FREE the one with the unit clamped; return the request."""
        request = self._begin(channel)
        if channel == FREE:
            self.has_begun, self.is_paused = True, False
            if self.clamp is not None:
                self._begin(CLAMPED, clamps=(self.clamp,))
        return request

    def _begin(self, channel: int, **fields: Any) -> int:
        how = self.settings
        request = self._send(
            protocol.Sample(
                prompt=how.prompt or "",
                length=how.length,
                temperature=how.temperature,
                seed=how.seed,
                top_k=how.top_k,
                top_p=how.top_p,
                rate=READING_RATE if channel == PLAY else how.chars_per_s,
                channel=channel,
                copied=channel != PLAY and self.mark_copied,
                **fields,
            )
        )
        self.texts[channel] = SampledText(how, request)
        return request

    def type_prompt(self, prompt: str) -> None:
        """Ask what may follow a prompt that is being typed: `texts[TYPED].candidates`."""
        text, how = self.texts[TYPED], self.settings
        text.settings = replace(how, prompt=prompt)
        text.request = self._send(
            protocol.Sample(
                prompt=prompt,
                length=0,
                temperature=how.temperature,
                top_k=how.top_k,
                top_p=how.top_p,
                channel=TYPED,
            )
        )

    def pause(self, paused: bool) -> None:
        """Stop writing, or go on."""
        self.is_paused = paused
        self.texts[FREE].drop_tail()
        self._steer(go=not paused)

    def step(self, by: int) -> None:
        """Stop, and take symbols back (`by` < 0) or write those that were taken back again."""
        text = self.texts[FREE]
        if not self.is_paused:
            self.pause(True)
        if by < 0:
            keep = max(0, text.length + by)
            text.take_back(keep)  # shown at once; the trainer sends the same, and the candidates there
            self._steer(keep_symbols=keep)
        for n in range(by):
            symbol = text.next_of_tail()
            if symbol is None:
                self._steer(go=True, length=by - n)
                break
            self._steer(symbol=symbol)

    def write(self, symbol: str) -> None:
        """Write this symbol next, and go on from there."""
        self.texts[FREE].drop_tail()
        self._steer(symbol=symbol)
        self.is_paused = False
        self._steer(go=True)

    def change(self, name: str, value: Any) -> None:
        """Change a setting, or the value of the clamped unit: at once where that can be, else from the beginning.

        Raises UserError, and changes nothing, where the value makes no sense.
        """
        if name == "clamp":
            self.set_clamp((*self.clamp[:2], checked(name, value)) if self.clamp is not None else None)
            return
        self.settings = self.settings.change(name, value)
        if name in _STEERED:
            value = getattr(self.settings, name)
            self._steer(**{"rate" if name == "chars_per_s" else name: value})
        elif self.has_begun:
            self.begin()

    def set_clamp(self, clamp: tuple[int, int, float] | None) -> None:
        """Hold a unit at a value in a second text, or (None) end that text."""
        had, self.clamp = self.clamp, clamp
        if clamp is not None:
            self.begin()
        elif had is not None:
            self._send(protocol.StopSampling(channel=CLAMPED))

    def set_marking(self, mark: bool) -> None:
        """Look for what is copied from the training text; that is counted from the beginning of the text."""
        self.mark_copied = mark
        if mark and self.texts[FREE].copied is None:
            self.begin()

    def _steer(self, **changes: Any) -> None:
        """Change the text under way, on both channels unless the change is about the symbols of one."""
        if not self.has_begun:
            return
        one = "keep_symbols" in changes or "symbol" in changes
        for channel in (FREE,) if one or self.clamp is None else (FREE, CLAMPED):
            self._send(protocol.ChangeSample(channel=channel, **changes))
            text = self.texts[channel]
            text.settings = replace(
                self.settings, seed=text.settings.seed, prompt=text.settings.prompt, length=text.settings.length
            )

    # ------------------------------------------------------------------------------------------------------- answers

    def handle_event(self, event: protocol.AnyEvent) -> bool:
        """Take in what was written; False: nothing was, or on a text that was begun again since."""
        if not isinstance(event, protocol.Sampled):
            return False
        text = self.texts.get(event.channel)
        if text is None or not answers(event, text.request):
            return False
        text.add(event)
        return True

"""A text as it is written on one channel: increments in, what was taken back out, and what may come next."""

from __future__ import annotations

from dataclasses import dataclass, field

from rnnplay import protocol as say

_KEPT = 20_000  # symbols


@dataclass(eq=False)
class SampledText:
    """`text` and the probability of each symbol; `prompt` of them were given. `tail` was taken back and may return."""

    channel: int
    text: list[str] = field(default_factory=list)
    probabilities: list[float] = field(default_factory=list)
    prompt: int = 0
    tail: list[str] = field(default_factory=list)
    candidates: tuple[say.Candidate, ...] = ()
    copied: tuple[int, int] | None = None
    unseen: tuple[str, ...] = ()
    done: bool = True
    asked: str = ""  # the prompt of the sample that was begun last
    returning: int = 0  # symbols of the tail that were sent to be written again, and are not told yet
    dropped: int = 0  # symbols that went out at the beginning of a very long text

    @property
    def length(self) -> int:
        """As the trainer counts."""
        return self.dropped + len(self.text)

    def hear(self, event: say.AnyEvent) -> bool:
        """Take in what was written on this channel; False: it was another."""
        if not isinstance(event, say.Sampled) or event.channel != self.channel:
            return False
        if event.begins:
            self.text, self.probabilities, self.dropped = [], [], 0
            self.drop_tail()
            self.unseen = event.unseen
        if event.keep is not None:
            self.take_back(event.keep)
        self._follow_tail(event.text)
        self.text += event.text
        self.probabilities += event.probabilities
        if event.begins:
            self.prompt = self._given()
        if len(self.text) > _KEPT:
            gone = _KEPT // 2
            del self.text[:gone], self.probabilities[:gone]
            self.dropped, self.prompt = self.dropped + gone, max(0, self.prompt - gone)
        self.candidates, self.copied, self.done = event.candidates, event.copied, event.done
        return True

    def take_back(self, keep: int) -> None:
        """Only the first `keep` symbols stand, as the trainer counts; the others are kept as the tail."""
        keep = max(0, keep - self.dropped)
        self.tail = self.text[keep:] + self.tail
        del self.text[keep:], self.probabilities[keep:]

    def returned(self) -> str | None:
        """The next symbol of the tail to be written again; None: there is none left."""
        if self.returning >= len(self.tail):
            return None
        self.returning += 1
        return self.tail[self.returning - 1]

    def drop_tail(self) -> None:
        self.tail, self.returning = [], 0

    def _follow_tail(self, text: tuple[str, ...]) -> None:
        """What was taken back stays while it is written again; something else ends it."""
        for symbol in text:
            if self.tail and self.tail[0] == symbol:
                del self.tail[0]
                self.returning = max(0, self.returning - 1)
            else:
                self.drop_tail()
                return

    def _given(self) -> int:
        """How many symbols at the start are the prompt: those that the network knew of it."""
        left = sum(symbol not in self.unseen for symbol in self.asked)
        for n, symbol in enumerate(self.text):
            if left <= 0:
                return n
            left -= len(symbol)
        return len(self.text) if self.asked else 0

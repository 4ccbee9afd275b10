"""Texts that the network writes: begun, steered and stopped; several side by side on channels of their own."""

from rnnplay.protocol.base import Candidate, Command, Event


class Sample(Command, frozen=True, kw_only=True):
    """Write a text: the prompt is read first, then `length` characters are drawn (None: until StopSampling)."""

    prompt: str = ""
    length: int | None = None
    temperature: float = 1.0  # 0: always the likeliest
    seed: int = 1
    top_k: int = 0  # 0: all
    top_p: float = 1.0
    rate: float = 0.0  # characters a second; 0: as fast as possible
    clamps: tuple[tuple[int, int, float], ...] = ()  # (layer, unit, value), counted from 0
    channel: int = 0  # samples on different channels run side by side
    copied: bool = False  # send the longest span that also stands in the training text


class ChangeSample(Command, frozen=True, kw_only=True):
    """Change a sample under way: take some of it back, write a symbol of one's own choice, pause, draw otherwise."""

    channel: int = 0
    keep_symbols: int | None = None  # symbols of it, prompt included, that stand; the rest is taken back. None: all
    symbol: str | None = None  # written next
    go: bool | None = None  # False: pause; True: go on; None: as it is
    length: int | None = None  # how many symbols more to draw before it pauses by itself; None: as it is
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    rate: float | None = None


class StopSampling(Command, frozen=True, kw_only=True):
    """End the sample under way."""

    channel: int = 0


class Sampled(Event, frozen=True, kw_only=True):
    """Characters drawn since the last Sampled, with the probability each had, and the candidates for the next."""

    text: tuple[str, ...]
    probabilities: tuple[float, ...]
    candidates: tuple[Candidate, ...] = ()  # the five likeliest next ones
    drawn: tuple[float, ...] = ()  # of each candidate the probability as it is drawn: after temperature, top-k, top-p
    drawable: int = 0  # symbols that can be drawn: the likeliest ones
    is_first: bool = False  # the first of a new sample; `text` starts with the prompt as it was read
    keep_symbols: int | None = None  # symbols sent before that stand; the rest was taken back. None: all
    copied: tuple[int, int] | None = (
        None  # (start, length) of the longest span of the sample found in the training text
    )
    unknown_symbols: tuple[str, ...] = ()  # characters of the prompt that the network does not know; they were skipped
    done: bool = False
    channel: int = 0


SampleCommand = Sample | ChangeSample | StopSampling

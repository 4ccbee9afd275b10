"""Writes a text with a network, a symbol at a time, with a generator and a state of its own: training never notices.

The probabilities that it tells are the network's own (temperature 1); temperature, top-k and top-p only shape the draw.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from rnnplay.config import UserError
from rnnplay.engine import Network
from rnnplay.engine.readout import softmax
from rnnplay.engine.sampler import make_stepper
from rnnplay.lab.clamp import Clamp, clamp_network, refresh_clamped
from rnnplay.lab.copy_detector import CopyDetector
from rnnplay.tasks.base import Array, Task

CANDIDATES = 5
_EVERY = 64  # symbols between two states that an interactive sampler keeps, to go back to
_AHEAD = 64  # symbols for which noise is drawn at once


@dataclass(frozen=True)
class SamplingOptions:
    """Settings of sampling. temperature 0: always the likeliest; top_k 0 and top_p 1: from all symbols."""

    temperature: float = 1.0
    seed: int = 1
    top_k: int = 0
    top_p: float = 1.0

    def check(self) -> None:
        """Raises UserError where a choice makes no sense."""
        if not 0 <= self.temperature <= 1e3:
            raise UserError(
                f"The temperature is {self.temperature:g}.", "Give a number from 0 (the likeliest) upwards."
            )
        if self.top_k < 0:
            raise UserError(f"top-k is {self.top_k}.", "Give the number of symbols to draw from, or 0 for all.")
        if not 0 < self.top_p <= 1:
            raise UserError(f"top-p is {self.top_p:g}.", "Give a number above 0 and at most 1.")
        if not 0 <= self.seed < 2**63:
            raise UserError(f"The seed is {self.seed}.", "Give a whole number from 0 upwards.")


def draw_distribution(logits: Array, options: SamplingOptions) -> Array:
    """The probabilities (V,) that are drawn from, given logits (V,)."""
    if options.temperature == 0:
        one = np.zeros(len(logits))
        one[int(logits.argmax())] = 1.0
        return one
    p = softmax(logits / options.temperature)
    if not options.top_k and options.top_p == 1:
        return p
    order = np.argsort(-p, kind="stable")
    keep = options.top_k or len(p)
    if options.top_p < 1:
        # Nucleus sampling (Holtzman et al. 2020): the fewest likeliest symbols that together reach top_p.
        keep = min(keep, int(np.searchsorted(np.cumsum(p[order]), options.top_p)) + 1)
    p[order[keep:]] = 0.0
    p /= p.sum()
    return p


def tokenize_prompt(prompt: str, vocabulary: tuple[str, ...]) -> tuple[list[int], tuple[str, ...]]:
    """The ids of `prompt`, the longest symbol first, and its characters that fit no symbol, each once: left out."""
    number = {symbol: i for i, symbol in enumerate(vocabulary)}
    longest = max(map(len, vocabulary), default=1)
    ids: list[int] = []
    unseen: dict[str, None] = {}
    place = 0
    while place < len(prompt):
        for length in range(min(longest, len(prompt) - place), 0, -1):
            if (symbol_id := number.get(prompt[place : place + length])) is not None:
                ids.append(symbol_id)
                place += length
                break
        else:
            unseen[prompt[place]] = None
            place += 1
    return ids, tuple(unseen)


def can_sample(task: Task) -> bool:
    """Return whether a sample makes sense: what is written can be read again, and nothing else sets the first state."""
    alone = task.inputs_are_ids and not (task.source_vocabulary_size or task.context_size)
    return alone and task.readout == "softmax" and task.output_vocabulary == task.vocabulary


class Sampler:
    """One sample under way. It starts from a zero state; the prompt, or a first symbol of its own, is read at once."""

    def __init__(self, network: Network, task: Task, prompt: str, options: SamplingOptions) -> None:
        """Raises UserError where the task has nothing to write, or an option makes no sense."""
        options.check()
        vocabulary = task.output_vocabulary
        if (
            not task.inputs_are_ids
            or task.readout != "softmax"
            or task.source_vocabulary_size
            or task.context_size
            or not vocabulary
        ):
            raise UserError(
                f"{task.name} writes nothing: its items have a beginning and an end.", "Sample from a text."
            )
        back = {symbol: i for i, symbol in enumerate(task.vocabulary)}
        if missing := next((symbol for symbol in vocabulary if symbol not in back), None):
            raise UserError(f'{task.name} writes "{missing}", which it cannot read again.', "Sample from a text.")
        self._stepper = make_stepper(network)
        self._options = options
        self._vocabulary = vocabulary
        self._fed_back = [back[symbol] for symbol in vocabulary]
        self._generator = np.random.default_rng(options.seed)
        self._logits = np.zeros(len(vocabulary), network.architecture.dtype)
        self._spare = np.zeros_like(self._logits)
        self._noise: list[Array] = []
        self._end_id = None if task.end_symbol is None else task.vocabulary.index(task.end_symbol)
        self._zero_state = network.zero_state(1)
        ids, self.unseen = tokenize_prompt(task.in_known_form(prompt), task.vocabulary)
        self.prompt_symbols: list[tuple[str, float]] = []  # the prompt, each symbol with the probability that it had
        self._begin(ids, task)

    def _begin(self, ids: list[int], task: Task) -> None:
        number = {symbol: i for i, symbol in enumerate(self._vocabulary)}
        uniform = 1.0 / len(self._vocabulary)
        if self._end_id is not None:
            self._advance(self._end_id)
            if not ids:
                self.prompt_symbols = []
                return
        if not ids:
            # A text begins where a line does; where there are no lines, anywhere.
            silent = "\n" in number
            symbol = "\n" if silent else self._vocabulary[int(self._generator.integers(len(self._vocabulary)))]
            self._advance(self._fed_back[number[symbol]])
            self.prompt_symbols = [] if silent else [(symbol, uniform)]
            return
        for place, i in enumerate(ids):
            symbol = task.vocabulary[i]
            output_id = number.get(symbol)
            p = uniform if not place else self._probabilities()[output_id] if output_id is not None else 0.0
            self.prompt_symbols.append((symbol, float(p)))
            self._advance(i)

    def refresh(self) -> None:
        """Follow the network where it has learned."""
        self._stepper.pack()

    def _advance(self, i: int) -> None:
        if i == self._end_id:  # an item leans on none before it
            self._stepper.state = self._zero_state
        self._stepper.step(i, self._logits)

    def _probabilities(self) -> Array:
        """The network's own, of the next symbol: (V,)."""
        return softmax(self._logits.astype(np.float64))

    def draw(self) -> tuple[str, float]:
        """The next symbol, and the probability that the network gave it."""
        return self.draw_many(1)[0]

    def draw_many(self, count: int) -> list[tuple[str, float]]:
        """The next `count` symbols: the same ones that so many calls of `draw` give, in less time each."""
        expected = np.empty((count, len(self._vocabulary)), self._logits.dtype)
        chosen = []
        for row in expected:
            i = self._choose()
            row[:] = self._logits
            chosen.append(i)
            self._advance(self._fed_back[i])
        p = softmax(expected.astype(np.float64))[range(count), chosen]
        return [(self._vocabulary[i], probability) for i, probability in zip(chosen, p.tolist(), strict=True)]

    def _choose(self) -> int:
        logits, options = self._logits, self._options
        if options.top_k or options.top_p < 1:
            edges = np.cumsum(draw_distribution(logits.astype(np.float64), options))
            i = int(np.searchsorted(edges[:-1], self._generator.random() * edges[-1], side="right"))
        elif options.temperature == 0:
            i = int(logits.argmax())
        else:
            # The largest of logit/temperature + Gumbel noise is drawn as softmax has it (Gumbel 1954): two short calls.
            if not self._noise:
                self._noise = list(self._generator.gumbel(size=(_AHEAD, len(logits))).astype(logits.dtype))
            noise = self._noise.pop()
            if options.temperature != 1:
                np.multiply(noise, noise.dtype.type(options.temperature), noise)
            i = int(np.add(logits, noise, self._spare).argmax())
        if not isfinite(logits.item(i)):
            raise UserError("The network's output is not a number any more.", "Go back to an earlier checkpoint.")
        return i

    def candidates(self) -> list[tuple[str, float]]:
        """The likeliest next symbols with the network's own probabilities, the likeliest first."""
        p = self._probabilities()
        order = np.argsort(-p, kind="stable")[:CANDIDATES]
        return [(self._vocabulary[i], float(p[i])) for i in order]

    def draw_chances(self) -> tuple[list[float], int]:
        """The probabilities with which the candidates are drawn, in their order, and how many symbols can be drawn."""
        order = np.argsort(-self._probabilities(), kind="stable")[:CANDIDATES]
        p = draw_distribution(self._logits.astype(np.float64), self._options)
        return p[order].tolist(), int(np.count_nonzero(p))


class InteractiveSampler(Sampler):
    """A Sampler with a past. Symbols count from the prompt's first; one that begins the text unseen does not count."""

    def __init__(
        self,
        network: Network,
        task: Task,
        prompt: str,
        options: SamplingOptions,
        clamps: Sequence[Clamp] = (),
        training: Array | None = None,
    ) -> None:
        """`training`: the ids of a text, to tell what is copied from it. Raises UserError as Sampler does."""
        self._original, self._clamps = network, tuple(clamps)
        self._copied: CopyDetector | None = None
        self._ids: list[int] = []  # read so far, the unseen beginning included
        self._states = [network.zero_state(1)]  # before every _EVERY-th of them
        self._network = clamp_network(network, clamps) if clamps else network
        super().__init__(self._network, task, prompt, options)
        self._silent = len(self._ids) - len(self.prompt_symbols)
        self._copied = None if training is None or not len(training) else CopyDetector(training)
        if self._copied is not None:
            self._copied.restart(self._ids[self._silent :])

    @property
    def length(self) -> int:
        """Symbols so far, the prompt included."""
        return len(self._ids) - self._silent

    @property
    def copied(self) -> tuple[int, int] | None:
        """(start, length) of the longest span that stands in the training text too."""
        return self._copied.longest if self._copied is not None else None

    def refresh(self) -> None:
        """Follow the network where it has learned: units that are held are held in what it is now."""
        if self._clamps:
            refresh_clamped(self._network, self._original, self._clamps)
        super().refresh()

    def force_symbol(self, symbol: str) -> tuple[str, float]:
        """Go on with this symbol: it, and its probability. Raises UserError where the network does not know it."""
        if symbol not in self._vocabulary:
            raise UserError(f"The network does not know {symbol!r}.", "Choose one of the candidates.")
        i = self._vocabulary.index(symbol)
        probability = float(self._probabilities()[i])
        self._advance(self._fed_back[i])
        return symbol, probability

    def rewind(self, keep: int) -> None:
        """Go back to the first `keep` symbols; at least one must be left for the next to be predicted from."""
        ids = self._ids[: max(1, self._silent + max(0, keep))]
        if len(ids) == len(self._ids):
            return
        whole = (len(ids) - 1) // _EVERY
        self._ids, again = ids[: whole * _EVERY], ids[whole * _EVERY :]
        del self._states[whole + 1 :]
        self._stepper.state = self._states[whole]
        copied, self._copied = self._copied, None
        for i in again:
            self._advance(i)
        if copied is not None:
            copied.restart(self._ids[self._silent :])
        self._copied = copied

    def set_options(self, options: SamplingOptions) -> None:
        """Draw otherwise from here on, with the generator as it is. Raises UserError where an option makes no sense."""
        options.check()
        self._options = options

    @property
    def options(self) -> SamplingOptions:
        return self._options

    def _advance(self, i: int) -> None:
        super()._advance(i)
        self._ids.append(i)
        if len(self._ids) % _EVERY == 0 and len(self._states) == len(self._ids) // _EVERY:
            self._states.append(self._stepper.state)
        if self._copied is not None:
            self._copied.append(i)

"""A sample that can be steered while it is written: taken back, continued by hand, drawn otherwise, with units held.

Its states are kept every so many symbols, so that going back reads a few symbols again instead of all of them.
"""

from collections.abc import Sequence

from rnnplay.config import UserError
from rnnplay.engine import Network
from rnnplay.lab.clamp import Clamp, clamped, renew
from rnnplay.lab.copy_detector import Copied
from rnnplay.lab.sample import Options, Sampler
from rnnplay.tasks.base import Array, Task

_EVERY = 64  # symbols between two states that are kept


class Steered(Sampler):
    """A Sampler with a past. Symbols count from the prompt's first; one that begins the text unseen does not count."""

    def __init__(
        self,
        network: Network,
        task: Task,
        prompt: str,
        options: Options,
        clamps: Sequence[Clamp] = (),
        training: Array | None = None,
    ) -> None:
        """`training`: the ids of a text, to tell what is copied from it. Raises UserError as Sampler does."""
        self._original, self._clamps = network, tuple(clamps)
        self._copied: Copied | None = None
        self._ids: list[int] = []  # read so far, the unseen beginning included
        self._states = [network.zero_state(1)]  # before every _EVERY-th of them
        self._network = clamped(network, clamps) if clamps else network
        super().__init__(self._network, task, prompt, options)
        self._silent = len(self._ids) - len(self.read)
        self._copied = None if training is None or not len(training) else Copied(training)
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
            renew(self._network, self._original, self._clamps)
        super().refresh()

    def write(self, symbol: str) -> tuple[str, float]:
        """Go on with this symbol: it, and its probability. Raises UserError where the network does not know it."""
        if symbol not in self._vocabulary:
            raise UserError(f"The network does not know {symbol!r}.", "Choose one of the candidates.")
        i = self._vocabulary.index(symbol)
        probability = float(self._probabilities()[i])
        self._advance(self._fed_back[i])
        return symbol, probability

    def take_back(self, keep: int) -> None:
        """Go back to the first `keep` symbols; at least one must be left for the next to be predicted from."""
        ids = self._ids[: max(1, self._silent + max(0, keep))]
        if len(ids) == len(self._ids):
            return
        whole = (len(ids) - 1) // _EVERY
        self._ids, again = ids[: whole * _EVERY], ids[whole * _EVERY :]
        del self._states[whole + 1 :]
        self._writer.state = self._states[whole]
        copied, self._copied = self._copied, None
        for i in again:
            self._advance(i)
        if copied is not None:
            copied.restart(self._ids[self._silent :])
        self._copied = copied

    def change(self, options: Options) -> None:
        """Draw otherwise from here on, with the generator as it is. Raises UserError where an option makes no sense."""
        options.check()
        self._options = options

    @property
    def options(self) -> Options:
        return self._options

    def _advance(self, i: int) -> None:
        super()._advance(i)
        self._ids.append(i)
        if len(self._ids) % _EVERY == 0 and len(self._states) == len(self._ids) // _EVERY:
            self._states.append(self._writer.state)
        if self._copied is not None:
            self._copied.feed(i)

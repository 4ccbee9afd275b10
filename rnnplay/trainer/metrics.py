"""Rows of metrics: one for each of the first 1,024 steps, then for blocks that double.

So each doubling of a run adds 512 rows, and the rows depend on the steps alone, never on the clock. Evaluations fall on
steps by the same idea.
"""

import math
import time
from dataclasses import dataclass
from typing import Any

import msgspec

from rnnplay.config import RunConfig
from rnnplay.protocol import Row

SINGLE_STEPS = 1_024  # a row each
MAX_EVALUATED_UNTRAINED = 1_000_000  # characters: of more, the loss before the first step is not worth its time
_EVALUATIONS = 32  # at one interval, before it doubles
_WORTH = 3  # at least so many characters are trained on for each that is evaluated


def block_length(step: int) -> int:
    """The length of the block that `step` (from 1) belongs to: 1, 2, 4, ... steps. Blocks end at its multiples."""
    return 1 << max((step - 1) // SINGLE_STEPS, 0).bit_length()


def evaluation_interval(every: int, trained: int, evaluated: int) -> int:
    """`every`, doubled until evaluating is cheap beside training. `trained`, `evaluated`: characters a step, a turn."""
    while every * trained < _WORTH * evaluated:
        every *= 2
    return every


def evaluation_due(step: int, every: int) -> bool:
    """Return whether an evaluation is due after `step`: before the first, then every `every` steps, then less often."""
    return step % (every << max((step - 1) // (every * _EVALUATIONS), 0).bit_length()) == 0


@dataclass(frozen=True)
class StepResult:
    """Result of one training step. `grad_norm`: before clipping; `characters`: time steps times sequences.

    remark: what the task or the backend has to say about it.
    """

    loss: float
    grad_norm: float
    clipped: bool
    lr: float
    characters: int
    remark: str | None = None

    @property
    def finite(self) -> bool:
        return math.isfinite(self.loss) and math.isfinite(self.grad_norm)


class StepBlock(msgspec.Struct):
    """The steps since the last row: sums, from which the row's means are made. All of it is checkpointed."""

    steps: int = 0
    loss: float = 0.0
    loss_min: float = math.inf
    loss_max: float = -math.inf
    grad_norm: float = 0.0
    clipped: int = 0
    characters: int = 0
    seconds: float = 0.0  # without evaluations and checkpoints


class RowRecorder:
    """Turns steps into rows."""

    def __init__(self) -> None:
        self.block = StepBlock()

    def add(self, number: int, step: StepResult) -> bool:
        """Count training step `number`; return whether its block is complete and `row` is to be called."""
        block = self.block
        block.steps += 1
        block.loss += step.loss
        block.loss_min = min(block.loss_min, step.loss)
        block.loss_max = max(block.loss_max, step.loss)
        block.grad_norm += step.grad_norm
        block.clipped += step.clipped
        block.characters += step.characters
        return number % block_length(number) == 0

    def row(self, step: int, lr: float, seconds: float) -> Row:
        """The row of the block that ends with `step`; the next block begins."""
        block, self.block = self.block, StepBlock()
        speed = block.characters / block.seconds if block.seconds > 0 else None
        return Row(
            step=step,
            loss=finite(block.loss / block.steps),
            loss_min=finite(block.loss_min),
            loss_max=finite(block.loss_max),
            grad_norm=finite(block.grad_norm / block.steps),
            clipped=block.clipped / block.steps,
            lr=lr,
            chars_per_s=speed and round(speed, 1),
            seconds=round(seconds, 3),
        )

    def state(self) -> dict[str, Any]:
        """The open block as JSON values; an empty block has no least and no greatest loss."""
        values = msgspec.structs.asdict(self.block)
        return {name: value if math.isfinite(value) else None for name, value in values.items()}

    def restore(self, state: dict[str, Any]) -> None:
        given = {name: value for name, value in state.items() if value is not None}
        self.block = msgspec.convert(given, StepBlock)


class Clock:
    """Seconds of training: runs only while it trains, and goes on where an earlier life of the run stopped."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._since: float | None = None

    def read(self) -> float:
        """Seconds until now."""
        return self.seconds + (time.perf_counter() - self._since if self._since is not None else 0.0)

    def run(self) -> None:
        if self._since is None:
            self._since = time.perf_counter()

    def stop(self) -> None:
        self.seconds, self._since = self.read(), None


class SpeedMeter:
    """Recent speed of training, and the time it takes to a limit."""

    def __init__(self) -> None:
        self._characters = self._steps = self._seconds = 0.0

    def add(self, characters: int, seconds: float) -> None:
        """Count a step; what is long past fades, with a half-life of about a second."""
        fading = 0.5**seconds
        self._characters = self._characters * fading + characters
        self._steps = self._steps * fading + 1
        self._seconds = self._seconds * fading + seconds

    @property
    def speed(self) -> float | None:
        """Characters a second."""
        return self._characters / self._seconds if self._seconds else None

    def steps_in(self, seconds: float) -> int:
        """Return how many steps take about so many seconds, at least 1."""
        return max(1, int(seconds * self._steps / self._seconds)) if self._seconds else 1

    def progress_and_eta(
        self, step: int, seconds: float, config: RunConfig, epoch_steps: int, interval: float = 0.0
    ) -> tuple[float | None, float | None]:
        """(share of the run's limit that is done, seconds left), by the limit that is reached first; None: no limit.

        interval: seconds that a slowed run gives each step at least.
        """
        shares, lefts = [], []
        if (last := last_step(config, epoch_steps)) is not None:
            shares.append(step / last)
            if self._steps:
                lefts.append(max(last - step, 0) * max(self._seconds / self._steps, interval))
        if config.minutes is not None:
            shares.append(seconds / (config.minutes * 60))
            slower = max(1.0, interval * self._steps / self._seconds) if self._seconds else 1.0
            lefts.append(max(config.minutes * 60 - seconds, 0.0) * slower)
        return (min(max(shares), 1.0) if shares else None, min(lefts) if lefts else None)


def finite(value: float) -> float | None:
    """`value` as a plain float (the protocol refuses NumPy's), or None if it is not a finite number."""
    return float(value) if math.isfinite(value) else None


def last_step(config: RunConfig, epoch_steps: int) -> int | None:
    """The step that ends the run, by its limits of steps and epochs; None: neither is set."""
    limits = [config.steps] if config.steps is not None else []
    if config.epochs is not None and epoch_steps:
        limits.append(math.ceil(config.epochs * epoch_steps))
    return min(limits) if limits else None

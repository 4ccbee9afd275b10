"""Split of a text into a part to train on, one that is held out, and one that is kept for a last test.

"end": all of the text but its end is laid into B streams; validation and test follow at the end, in this order.
"streams": the whole text is laid into B streams, and the tail of each of them is held out, as char-rnn does. Both parts
then read on where the training part of the same stream ends, so a loss is not comparable with one of the other kind.
"""

from dataclasses import dataclass

from rnnplay.config import RunConfig
from rnnplay.corpora.large_text import derived_bytes_limit, joined
from rnnplay.tasks.base import Array


@dataclass(frozen=True, eq=False)
class TextSplit:
    """inputs, targets (B, S): the streams of training. A part is (N,); of `streams` streams (streams, N) one by one."""

    inputs: Array
    targets: Array
    training_ids: Array
    validation: Array
    test: Array
    streams: int = 0  # of validation and test; 0: each is one text


def split_text(ids: Array, config: RunConfig) -> TextSplit | None:
    """Cut `ids` (N,); None: too short for one sequence. Fewer streams than `config.batch` where the text is short."""
    return _at_end(ids, config) if config.holdout == "end" else _in_streams(ids, config)


def _at_end(ids: Array, config: RunConfig) -> TextSplit | None:
    trained = int(len(ids) * (1 - config.validation - config.test))
    tested = len(ids) - int(len(ids) * config.test)
    T, training = config.seq_len, ids[:trained]
    if trained <= T:
        return None
    B = min(config.batch, (trained - 1) // T)
    S = (trained - 1) // B
    inputs, targets = training[: B * S].reshape(B, S), training[1 : B * S + 1].reshape(B, S)
    return TextSplit(inputs, targets, training, ids[trained:tested], ids[tested:])


def _in_streams(ids: Array, config: RunConfig) -> TextSplit | None:
    B, T = config.batch, config.seq_len
    while B:
        S = (len(ids) - 1) // B
        trained = int(S * (1 - config.validation - config.test))
        if trained >= T:
            break
        B -= 1
    else:
        return None
    tested = S - int(S * config.test)
    inputs, targets = ids[: B * S].reshape(B, S), ids[1 : B * S + 1].reshape(B, S)

    def part(first: int, end: int) -> Array:
        """Each stream's symbols from `first` to `end`, and the one that follows: (B, end - first + 1), flat."""
        rows = ids[: B * S + 1]
        places = [rows[b * S + first : b * S + end + 1] for b in range(B)] if end > first else []
        return joined(places, ids.dtype, derived_bytes_limit(ids.nbytes))

    return TextSplit(
        inputs[:, :trained],
        targets[:, :trained],
        joined(list(inputs[:, :trained]), ids.dtype, derived_bytes_limit(ids.nbytes)),
        part(trained, tested),
        part(tested, S),
        B,
    )


def describe_part(config: RunConfig, streams: int, *, test: bool = False) -> str:
    """Return what a held-out loss was measured on: "the last 10 %", "the tail of each of 50 streams"."""
    fraction = config.test if test else config.validation
    if streams:
        return f"the {'last ' if test else ''}tail of each of {streams} streams, {fraction * 100:.3g} %"
    if test or not config.test:
        return f"the last {fraction * 100:.3g} %"
    return f"{fraction * 100:.3g} % before the last {config.test * 100:.3g} %"

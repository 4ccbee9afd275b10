"""Turns a text's ids into ids of another vocabulary, and counts what that vocabulary lacks."""

from typing import Any

import numpy as np

from rnnplay.config import UserError
from rnnplay.corpora.encoding import EncodedText
from rnnplay.corpora.large_text import IdWriter

Array = np.ndarray[Any, np.dtype[Any]]

_PIECE = 2 * 2**20  # ids that are converted at a time


def reencode(text: EncodedText, vocabulary: tuple[str, ...], unknown_id: int | None) -> tuple[Array, dict[str, int]]:
    """Return the ids of `text` in `vocabulary`, and the occurrences of each symbol that is not in it.

    unknown_id: the id that such symbols get; None: they are left out. ids (N,): uint8, or uint16 above 256 symbols.
    Raises UserError if no symbol of the text is in `vocabulary`.
    """
    number = {symbol: i for i, symbol in enumerate(vocabulary)}
    dtype = np.uint8 if len(vocabulary) <= 256 else np.uint16
    table = np.array([number.get(symbol, unknown_id or 0) for symbol in text.vocabulary], dtype)
    is_known = np.array([symbol in number for symbol in text.vocabulary], bool)
    if not is_known.any():
        raise UserError(f'"{text.name}" has no symbol that the network knows.', "Give a text of the same kind.")
    pieces = [text.ids[begin : begin + _PIECE] for begin in range(0, len(text.ids), _PIECE)]
    occurrences = np.zeros(len(text.vocabulary), np.int64)
    for piece in pieces:
        occurrences += np.bincount(piece, minlength=len(text.vocabulary))
    unknown = {text.vocabulary[i]: int(occurrences[i]) for i in np.flatnonzero(~is_known).tolist()}
    keeps_all = unknown_id is not None or bool(is_known.all())
    writer = IdWriter(len(text.ids) if keeps_all else int(occurrences[is_known].sum()), dtype)
    for piece in pieces:
        writer.add(table[piece if keeps_all else piece[is_known[piece]]])
    return writer.array(), unknown

"""Turns a text's ids into ids of another vocabulary, and counts what that vocabulary lacks."""

from typing import Any

import numpy as np

from rnnplay.config import UserError
from rnnplay.corpora.encoding import EncodedText

Array = np.ndarray[Any, np.dtype[Any]]


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
    occurrences = np.bincount(text.ids, minlength=len(text.vocabulary))
    unknown = {text.vocabulary[i]: int(occurrences[i]) for i in np.flatnonzero(~is_known).tolist()}
    ids = text.ids if unknown_id is not None or is_known.all() else text.ids[is_known[text.ids]]
    return table[ids], unknown

"""The longest copied span against looking for every span."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rnnplay.lab.copy_detector import NGRAM_LENGTH, CopyDetector


def longest_by_search(training: str, written: str) -> int:
    lengths = (
        length
        for length in range(len(written), NGRAM_LENGTH - 1, -1)
        if any(written[i : i + length] in training for i in range(len(written) - length + 1))
    )
    return next(lengths, 0)


@given(
    st.text("abc", min_size=NGRAM_LENGTH, max_size=200),
    st.lists(st.tuples(st.integers(0, 190), st.integers(0, 30), st.text("abcx", max_size=4)), max_size=6),
)
def test_the_longest_copied_span_equals_searching_for_every_span(
    training: str, pieces: list[tuple[int, int, str]]
) -> None:
    written = "".join(training[start : start + length] + rest for start, length, rest in pieces)
    copied = CopyDetector(np.array(["abc".index(s) for s in training], np.uint8))
    for symbol in written:
        copied.append("abc".find(symbol))
    start, length = copied.longest
    assert length == longest_by_search(training, written)
    assert written[start : start + length] in training


def test_what_was_taken_back_is_forgotten() -> None:
    text = np.random.default_rng(2).integers(0, 9, 400)
    copied = CopyDetector(text)
    copied.restart([0, *text[50:90].tolist()])
    assert copied.longest[1] >= 40
    copied.restart([0, *text[50:70].tolist()])
    assert copied.longest[1] in (20, 21)

"""Braille characters as dots: two columns and four rows of dots in each cell of the terminal."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

# Bit of each dot in a cell, by row and column (Unicode, block "Braille Patterns").
_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])


def pack(dots: Array) -> Array:
    """Return the bits of each cell, int64 (rows, columns), from dots, bool (4 rows, 2 columns)."""
    rows, columns = dots.shape[0] // 4, dots.shape[1] // 2
    blocks = dots.reshape(rows, 4, columns, 2).transpose(0, 2, 1, 3)
    return np.asarray((blocks * _BITS).sum(axis=(2, 3)), dtype=np.int64)


def character(bits: int) -> str:
    """Return the character with the dots `bits`."""
    return chr(0x2800 + bits)

"""Cells: one unit on the whole text, found, proved, and followed through training."""

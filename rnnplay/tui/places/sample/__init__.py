"""Sample: a text being written, stopped, taken back, with a unit clamped beside it."""

"""One training step on two cores: each takes half of the batch, and their gradients add up to the whole one's."""

from rnnplay.parallel.halves import available_cores, worth
from rnnplay.parallel.step import DataParallel

__all__ = ["DataParallel", "available_cores", "worth"]

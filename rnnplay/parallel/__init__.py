"""One training step on two cores: each takes half of the batch, and their gradients add up to the whole one's."""

from rnnplay.parallel.data_parallel import DataParallel
from rnnplay.parallel.split import forward_muls, should_split

__all__ = ["DataParallel", "forward_muls", "should_split"]

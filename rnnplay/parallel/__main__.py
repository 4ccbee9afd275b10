"""The worker: computes the halves that it is asked for, until its pipe ends.

The trainer starts it: `python -m rnnplay.parallel`.
"""

import os
import signal
import sys

import numpy as np

from rnnplay.engine import Network, flush_subnormals
from rnnplay.parallel.data_parallel import shared_arrays
from rnnplay.parallel.messages import StepRequest, StepResult, WorkerInit, pack_result, receive, send, unpack_request


def main() -> int:
    if sys.stdin.isatty() or sys.stdout.isatty():
        print("This is a part of the trainer. Start it with: rnnplay train", file=sys.stderr)
        return 2
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the end of the pipe is what ends it
    requests, results = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a stray print is no result
    init = receive(requests, WorkerInit)
    if init is None:
        return 0
    if init.flush:
        flush_subnormals()
    network = Network(init.architecture, None, shared_arrays(init.architecture, init.descriptor))
    try:
        send(results, StepResult(0.0, []))  # it is ready
        while True:
            init.requests.wait(requests)
            if (request := receive(requests, StepRequest)) is None:
                return 0
            half, state = unpack_request(request, init.architecture.cell)
            rng = None if request.seed is None else np.random.default_rng(request.seed)
            loss, last = network.forward_backward(half, state, rng, request.total)
            init.results.signal()
            send(results, pack_result(loss, last))
    except BrokenPipeError:
        return 0  # the trainer is gone


if __name__ == "__main__":
    sys.exit(main())

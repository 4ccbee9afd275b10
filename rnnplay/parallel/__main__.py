"""The worker: learns from the halves that it is asked for, until its pipe ends.

The trainer starts it: `python -m rnnplay.parallel`.
"""

import os
import signal
import sys
from typing import IO

import numpy as np

from rnnplay.engine import Network, flush_subnormals
from rnnplay.parallel.bell import Bell
from rnnplay.parallel.halves import Ask, Begin, Done, asked, done, receive, send
from rnnplay.parallel.step import shared_arrays


def main() -> int:
    if sys.stdin.isatty() or sys.stdout.isatty():
        print("This is a part of the trainer. Start it with: rnnplay train", file=sys.stderr)
        return 2
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the end of the pipe is what ends it
    questions, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a stray print is no answer
    begin = receive(questions, Begin)
    if begin is None:
        return 0
    if begin.flush:
        flush_subnormals()
    network = Network(begin.architecture, None, shared_arrays(begin.architecture, begin.descriptor))
    try:
        send(answers, Done(0.0, []))
        while (question := _next(questions, begin.asks)) is not None:
            half, state = asked(question, begin.architecture.cell)
            rng = None if question.seed is None else np.random.default_rng(question.seed)
            loss, last = network.learn(half, state, rng, question.total)
            begin.answers.ring()
            send(answers, done(loss, last))
    except BrokenPipeError:
        return 0  # nobody listens any more
    return 0


def _next(questions: IO[bytes], bell: Bell) -> Ask | None:
    bell.wait(questions)
    return receive(questions, Ask)


if __name__ == "__main__":
    sys.exit(main())

"""`rnnplay bench`: the engine's speed on this machine, compared with PyTorch and JAX if they are installed.

Each library computes in its own process with its own threads; they take turns in short rounds, so that a machine that
slows down affects all of them equally.
"""

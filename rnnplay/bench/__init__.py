"""`rnnplay bench`: how quick the engine is on this machine, beside PyTorch and JAX where they are installed.

Each contender computes in a process of its own with threads and libraries of its own; they take turns in short rounds,
so that a machine that slows down slows all of them alike.
"""

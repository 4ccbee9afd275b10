"""Backends: each computes training steps. Today it is the NumPy engine; see base.py for the interface."""

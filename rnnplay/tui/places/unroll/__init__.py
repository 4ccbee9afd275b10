"""Unroll: an example time step by time step."""

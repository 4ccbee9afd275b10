"""Answers to commands, a file a capability. No handler imports another."""

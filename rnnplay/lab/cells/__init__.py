"""Units of a network: traces, what each follows, and the loss without it."""

"""What the units of a network do: traces, what each follows, and the loss without it."""

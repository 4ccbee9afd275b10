"""Questions about a network: traces, units, gradients by lag, samples."""

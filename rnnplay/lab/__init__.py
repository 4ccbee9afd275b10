"""What one asks of a network: traces, units, gradients by lag, samples."""

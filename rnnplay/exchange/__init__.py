"""Networks and activations to and from other programs, one file a format."""

"""The child process that trains: `python -m rnnplay.trainer`, with the protocol on its standard input and output."""

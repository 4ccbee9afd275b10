"""`python -m rnnplay` is the command `rnnplay`."""

from rnnplay.cli import main

if __name__ == "__main__":
    main()

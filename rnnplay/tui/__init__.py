"""The playground's screen: what a trainer tells, painted; what a person presses, sent."""

import os

# Textual waits so many milliseconds after an escape for the rest of an arrow key: 100 is felt as a late answer.
os.environ.setdefault("ESCDELAY", "20")

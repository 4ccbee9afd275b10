"""Starts a trainer in its own process or attaches to one, sends it commands and yields its events.

The child has its own session, so that Ctrl-C or a hang-up reaches it only as the end of its input: it then saves and
exits, or goes on by itself if it was told to. `train` is the same for a script: it returns when the run has ended.
"""

from rnnplay.client.linger import LINGER, chosen_linger, detach_seconds, hang_up_seconds
from rnnplay.client.script import Summary, train
from rnnplay.client.trainer_client import TrainerClient

__all__ = ["LINGER", "Summary", "TrainerClient", "chosen_linger", "detach_seconds", "hang_up_seconds", "train"]

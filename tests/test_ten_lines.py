"""The original addition program's ten lines, through the general engine, trainer and command line."""

import os
import subprocess
import sys
from pathlib import Path

# As the program prints them: iteration, sum of |error| over the eight steps, the sum and the network's answer.
LINES = """\
    0  error 3.45638663  9 + 60 = 1
 1000  error 3.63389116  28 + 35 = 255
 2000  error 3.91366595  116 + 44 = 72
 3000  error 3.72191702  4 + 73 = 223
 4000  error 3.5852713  71 + 11 = 8
 5000  error 2.53352328  81 + 113 = 162
 6000  error 0.57691441  81 + 0 = 81
 7000  error 1.42589952  4 + 125 = 129
 8000  error 0.47477457  39 + 17 = 56
 9000  error 0.21595037  11 + 3 = 14
"""


def test_training_prints_the_ten_lines_of_the_original_program_to_every_digit(tmp_path: Path) -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "rnnplay", "train", "addition-original"],
        env=os.environ | {"RNNPLAY_HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout
    assert printed.startswith(LINES)
    assert printed.count("\n") == 11  # ten lines, and the run's directory

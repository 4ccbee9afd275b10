"""What tests of trainers in a process of their own share."""

from pathlib import Path

import pytest
from driving import write_text


@pytest.fixture
def text(tmp_path: Path) -> Path:
    return write_text(tmp_path / "words.txt")

"""A short walk of the monkey; a long one: `python tests/tui/monkey.py --keys 20000`."""

from __future__ import annotations

from pathlib import Path

import pytest
from monkey import HOME_PLACE, WAYS, play


@pytest.mark.slow
def test_a_monkey_at_the_keyboard_breaks_nothing(tmp_path: Path) -> None:
    monkey = play(150, 11, tmp_path)
    assert set(monkey.visits) == {HOME_PLACE, *WAYS}, monkey.summary()
    assert monkey.unpressed() == []

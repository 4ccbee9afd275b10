"""What a form refuses, it refuses by name, and keeps what was."""

import pytest

from rnnplay.config import UserError
from rnnplay.tui.state.drafts import RunDrafts


def test_a_form_refuses_a_schedule_without_an_end_and_takes_it_with_one() -> None:
    drafts = RunDrafts("prose")
    with pytest.raises(UserError, match="schedule cosine"):
        drafts.set("schedule", "cosine")
    assert drafts.draft.schedule == "constant"
    drafts.set("steps", 500)
    drafts.set("schedule", "cosine")
    with pytest.raises(UserError, match="schedule cosine"):
        drafts.set("steps", None)
    assert drafts.draft.steps == 500

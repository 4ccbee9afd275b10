"""`rnnplay play RUN`: which run a name means, and what is refused."""

from pathlib import Path

import pytest

from rnnplay import runs
from rnnplay.catalogue import make_config
from rnnplay.cli.options import given_settings
from rnnplay.cli.play import find_run, play_run
from rnnplay.config import UserError
from rnnplay.gallery import gallery_network


@pytest.fixture
def run(tmp_path: Path) -> Path:
    config = make_config("hello")
    run = runs.create(tmp_path, config)
    runs.save_record(run, runs.RunRecord(config=config, created="2026-01-01T00:00:00+00:00"))
    return run


def test_a_run_is_named_by_its_directory_its_id_or_as_the_last(run: Path) -> None:
    for name in (str(run), run.name, runs.run_id(run), "last"):
        assert find_run((name,), str(run.parent)) == run


def test_a_task_s_name_wins_over_a_directory_s(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.parent)
    for name in ("prose", "mine"):
        run.with_name(name).mkdir()
        (run.with_name(name) / runs.CONFIG).write_bytes((run / runs.CONFIG).read_bytes())
    assert find_run(("prose",), str(run.parent)) is None
    assert find_run(("mine",), str(run.parent)) == run.with_name("mine")


def test_a_network_of_the_gallery_is_named_with_and_without_its_folder(tmp_path: Path) -> None:
    for name in ("quotes", "gallery/quotes"):
        assert find_run((name,), str(tmp_path)) == gallery_network("quotes").path
    assert find_run(("gallery/code",), str(tmp_path)) == gallery_network("code").path
    assert find_run(("code",), str(tmp_path)) is None  # the task


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("proze", ["no task and no run 'proze'", "Did you mean prose?", "rnnplay runs"]),
        ("0123abc", ["no task and no run '0123abc'", "rnnplay tasks"]),
        ("last", ["There is no run in", "Train one"]),
        ("gallery/cats", ["The gallery has no 'cats'"]),
        ("/", ["is not a run"]),
    ],
)
def test_what_is_neither_a_task_nor_a_run_is_refused(tmp_path: Path, name: str, words: list[str]) -> None:
    with pytest.raises(UserError) as refused:
        find_run((name,), str(tmp_path))
    for word in words:
        assert word in str(refused.value)


def test_the_home_of_a_user_who_does_not_exist_is_a_name_like_any_other(tmp_path: Path) -> None:
    for find in (
        lambda: find_run(("~nobody-at-all",), str(tmp_path)),
        lambda: runs.resolve("~nobody-at-all", tmp_path),
    ):
        with pytest.raises(UserError, match="~nobody-at-all"):
            find()
    assert given_settings({"text": ("~nobody-at-all/x",)}, list)["text"] == str(Path("~nobody-at-all/x").absolute())


def test_settings_together_with_a_run_are_refused_by_name(run: Path) -> None:
    with pytest.raises(UserError) as refused:
        play_run("last", run, {"hidden": 32, "seq_len": 9}, None)
    assert "--hidden, --seq-len cannot be given together with the run last" in refused.value.problem
    assert "rnnplay play hello" in refused.value.remedy


def test_a_run_without_a_terminal_names_the_command_that_needs_none(run: Path) -> None:
    with pytest.raises(UserError) as refused:
        play_run("last", run, {}, None)
    assert "needs a terminal" in refused.value.problem
    assert "rnnplay resume last" in refused.value.remedy

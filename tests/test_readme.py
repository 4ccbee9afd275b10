"""What the README shows is true: its Python runs, its commands exist, its table of JSON is complete."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from textual.binding import Binding

from rnnplay.cli import cli
from rnnplay.cli.report import evaluated_fields
from rnnplay.protocol import Evaluated
from rnnplay.tui.places import keys
from rnnplay.tui.places.cells import keys as cells_keys
from rnnplay.tui.places.network import keys as network_keys
from rnnplay.tui.places.play import keys as play_keys
from rnnplay.tui.places.sample import keys as sample_keys
from rnnplay.tui.places.time import keys as time_keys
from rnnplay.tui.places.unroll import keys as unroll_keys

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_the_first_two_commands_are_one_line_each() -> None:
    opens, tests = re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)
    assert opens.endswith(".venv/bin/rnnplay")
    assert tests.endswith(".venv/bin/pytest -n auto --dist loadfile")


def test_the_python_shown_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RNNPLAY_HOME", str(tmp_path))
    code = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)[0]
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert child.returncode == 0, child.stderr
    assert str(tmp_path) in child.stdout


def test_every_command_shown_exists_with_its_options() -> None:
    shown = re.findall(r"^rnnplay (\w+)(.*?)(?:#.*)?$", README, re.MULTILINE)
    assert len(shown) >= 6
    for name, rest in shown:
        known = {option for parameter in cli.commands[name].params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known


def test_the_table_of_json_has_every_kind_and_every_field_of_an_evaluation() -> None:
    folder = Path(__file__).parent.parent / "rnnplay" / "cli"
    code = "".join((folder / name).read_text(encoding="utf-8") for name in ("report.py", "runs.py"))
    table = README.partition("| `kind` | fields |")[2].partition("\n\n")[0]
    fields = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE))
    assert set(fields) == set(re.findall(r"json_line\(\s*\"(\w+)\"", code))
    assert set(evaluated_fields(Evaluated(step=1, loss=1.0))) <= set(re.findall(r"`(\w+)`", fields["evaluated"]))


def keys_named(start: str, end: str) -> set[str]:
    """What stands between backticks from `start` to the line that begins with `end`."""
    _, _, rest = README.partition(start)
    return set(re.findall(r"`([^`]+)`", rest.partition(f"\n{end}")[0]))


def test_every_key_of_the_panels_is_in_the_readme_s_table_and_none_that_is_not_bound() -> None:
    told = keys_named("| key | what it does |", "\n")
    bound = {keys.shown(binding) for binding in (*play_keys.KEYS, *keys.APP[:-1])} | {"tab", "^p"}
    assert told == bound


@pytest.mark.parametrize(
    ("place", "bindings"),
    [
        ("Cells", cells_keys.KEYS),
        ("Sample", sample_keys.KEYS),
        ("Unroll", unroll_keys.KEYS),
        ("Time", time_keys.KEYS),
        ("Network", network_keys.KEYS),
    ],
)
def test_every_key_of_a_place_is_in_the_readme_s_table(place: str, bindings: tuple[Binding, ...]) -> None:
    everywhere = {"1", "2", "3", "4", "esc", "f", "space", ".", ",", ";", "n", "x", "r"}
    told = keys_named(f"\n| {place}, ", "") | everywhere
    assert {keys.shown(binding) for binding in bindings} <= told
    assert told - everywhere - {"5", "6", "9"} <= {keys.shown(binding) for binding in bindings}


def test_every_key_is_explained_where_help_lists_it() -> None:
    for binding in (
        *play_keys.KEYS,
        *keys.APP[:-1],
        *cells_keys.KEYS,
        *sample_keys.KEYS,
        *unroll_keys.KEYS,
        *time_keys.KEYS,
        *network_keys.KEYS,
    ):
        assert binding.tooltip and binding.description, binding.key
        assert not re.search(r"[a-z]{4,}_", keys.shown(binding)), binding.key


def test_the_task_shown_is_learned_by_its_preset() -> None:
    from rnnplay.catalogue import TaskInfo
    from rnnplay.config import RunConfig, validate
    from rnnplay.tasks.patterns import Pattern
    from rnnplay.trainer.learner import Learner

    (code,) = (block for block in re.findall(r"^```python\n(.*?)^```", README, re.M | re.S) if "(Pattern)" in block)
    names: dict[str, object] = {"Pattern": Pattern, "TaskInfo": TaskInfo, "__name__": "example"}
    exec(code.replace("\nTaskInfo(", "\ninfo = TaskInfo("), names)
    info, pairs = names["info"], names["Pairs"]
    assert isinstance(info, TaskInfo) and isinstance(pairs, type) and info.name == "pairs"
    task = pairs(validate(RunConfig(task=info.name, **info.preset)))
    learner = Learner(task.config, task)
    for _ in range(task.config.steps):
        learner.train_step()
    score = task.score(lambda batch: learner.eval_network().forward(batch).outputs)
    assert score.solved, score

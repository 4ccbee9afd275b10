"""What a checkpoint relies on is on the disk before it, and the checkpoint before its name: counted in the trainer."""

import json
from pathlib import Path

import pytest
from driving import follow, of, run_of, small, write_text

from rnnplay.protocol import Saved, Train

WATCH_DISK = """
import json, os
real_sync, real_replace = os.fsync, os.replace
def note(*what):
    with open(os.environ["DISK_LOG"], "a") as log:
        log.write(json.dumps(what) + "\\n")
def fsync(file):
    real_sync(file)
    note("sync", os.path.realpath(f"/proc/self/fd/{file if isinstance(file, int) else file.fileno()}"))
def replace(source, target):
    real_replace(source, target)
    note("replace", os.fspath(target))
os.fsync, os.replace = fsync, replace
"""


async def test_metrics_file_and_folder_are_synced_around_each_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, log = write_text(tmp_path / "words.txt"), tmp_path / "disk.log"
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(WATCH_DISK)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"), prepend=":")
    monkeypatch.setenv("DISK_LOG", str(log))
    events = await follow(Train(config=small(text, steps=20), root=str(tmp_path / "runs")))
    run, saved = run_of(events), [event.step for event in of(Saved, events)]
    assert saved == [0, 20]
    calls = [tuple(json.loads(line)) for line in log.read_text().splitlines()]
    calls = [call for call in calls if Path(call[1]).is_relative_to(run)]
    fours = list(zip(calls, calls[1:], calls[2:], calls[3:], strict=False))
    for step in saved:
        path = run / f"ckpt-{step}.safetensors"
        metrics, temporary = str(run / "metrics.jsonl"), str(run / f".{path.name}.tmp")
        assert (("sync", metrics), ("sync", temporary), ("replace", str(path)), ("sync", str(run))) in fours
    begun = [("task.safetensors", calls[:3]), ("config.json", calls[3:6])]
    for name, first in begun:
        temporary = str(run / f".{name}.tmp")
        assert first == [("sync", temporary), ("replace", str(run / name)), ("sync", str(run))]

"""The run directory: found by the name a person gives, written whole or not at all, believed only after a check."""

import json
import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from rnnplay import runs
from rnnplay.catalogue import make_config
from rnnplay.config import RunConfig, UserError
from rnnplay.runs import MetricsFile, RunLock, RunRecord, checkpoint, remove_unused_texts, texts_folder
from rnnplay.runs.directory import create, run_dirs


def make_run(root: Path, task: str = "hello") -> Path:
    config = RunConfig(task=task, hidden=7)
    run = create(root, config)
    runs.save_record(run, RunRecord(config=config, created="2025-01-01T00:00:00.000+00:00"))
    return run


def arrays() -> dict[str, np.ndarray[Any, Any]]:
    rng = np.random.default_rng(3)
    return {"a": rng.standard_normal((5, 7)).astype(np.float32), "b": rng.standard_normal(11), "n": np.array([17])}


# ------------------------------------------------------------------------------------------------------------- finding


def test_a_run_is_found_by_directory_name_id_and_as_the_last(tmp_path: Path) -> None:
    first, last = make_run(tmp_path), make_run(tmp_path, "prose")
    for named in (str(first), first.name, runs.run_id(first)):
        assert runs.resolve(named, tmp_path) == first
    assert runs.resolve("last", tmp_path) == last


def test_runs_that_begin_within_one_second_keep_their_order(tmp_path: Path) -> None:
    made = [make_run(tmp_path) for _ in range(30)]
    # Two of them may fall into the same 4,096th of a second.
    order = [run.name[: -len("0000")] for run in run_dirs(tmp_path)]
    assert order == sorted((run.name[: -len("0000")] for run in made), reverse=True)
    assert len(set(made)) == 30


@pytest.mark.parametrize("named", ["", "last", "no-such-run", "/", "."])
def test_a_run_that_is_none_is_refused_in_a_sentence(tmp_path: Path, named: str) -> None:
    with pytest.raises(UserError) as error:
        runs.resolve(named, tmp_path / "nothing")
    assert error.value.problem
    assert error.value.remedy


def test_the_folder_of_runs_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RNNPLAY_HOME", str(tmp_path / "home"))
    assert runs.runs_root() == tmp_path / "home" / "runs"
    assert runs.runs_root(str(tmp_path / "here")) == tmp_path / "here"


def test_a_folder_that_cannot_hold_a_run_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match=r"file.*Not a directory"):
        create(tmp_path / "file" / "runs", RunConfig(task="hello"))


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{", b"\xff\xfe", b'{"config": {"task": "hello", "hidden": -1}, "created": ""}', b"[" * 100_000],
)
def test_a_damaged_config_is_named(tmp_path: Path, content: bytes) -> None:
    run = make_run(tmp_path)
    (run / "config.json").write_bytes(content)
    with pytest.raises(UserError, match=r"config\.json"):
        runs.load_record(run)
    assert [info.state for info in runs.list_runs(tmp_path)] == ["damaged"]


def test_a_list_of_runs_tells_how_far_each_came(tmp_path: Path) -> None:
    stopped, finished, running = make_run(tmp_path), make_run(tmp_path), make_run(tmp_path)
    MetricsFile(stopped).append([{"step": 3, "loss": 1.5}, {"kind": "evaluated", "step": 3, "loss": 1.75}])
    MetricsFile(finished).append([{"step": 9, "loss": 0.5}, {"kind": "ended", "step": 9}])
    with RunLock(running):
        found = {info.path: info for info in runs.list_runs(tmp_path)}
    one = found[str(stopped)]
    assert (one.state, one.step, one.loss, one.validation, one.hidden) == ("stopped", 3, 1.5, 1.75, 7)
    assert found[str(finished)].state == "finished"
    assert (found[str(running)].state, found[str(running)].loss) == ("training", None)
    assert list(found) == [str(running), str(finished), str(stopped)]


def test_a_run_that_ends_within_a_block_of_steps_is_listed_with_its_last_step(tmp_path: Path) -> None:
    from rnnplay.client.script import train

    summary = train("hello", runs=str(tmp_path), steps=1_101)  # from step 1,024 on a row is of two steps
    (info,) = runs.list_runs(tmp_path)
    assert (info.step, info.state) == (summary.step, "finished") == (1_101, "finished")


def test_a_run_whose_loss_is_no_number_any_more_is_called_diverged_in_the_list_as_on_the_screen(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    MetricsFile(run).append([{"step": 3, "loss": 1.5}, {"step": 4, "loss": None}])
    with RunLock(run):
        assert [info.state for info in runs.list_runs(tmp_path)] == ["diverged"]
    assert [info.state for info in runs.list_runs(tmp_path)] == ["diverged"]


def test_a_cosine_without_an_end_was_constant_in_the_first_format_and_still_is(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    path = run / "config.json"
    path.write_text(path.read_text().replace('"constant"', '"cosine"').replace('"format": 2', '"format": 1'))
    config = runs.load_record(run).config
    assert (config.schedule, config.steps, config.epochs) == ("constant", None, None)


def test_files_and_runs_that_vanish_while_they_are_listed_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trainer prunes its checkpoints meanwhile, and a person deletes a run."""
    pruning, deleted = make_run(tmp_path), make_run(tmp_path)
    (pruning / "ckpt-5.safetensors").write_bytes(bytes(10**6))
    (pruning / "weights-4.safetensors").write_bytes(b"kept")
    real = Path.is_file

    def then_vanish(path: Path) -> bool:
        found = real(path)
        if path.name == "ckpt-5.safetensors":
            path.unlink()
        if path.parent == deleted:
            shutil.rmtree(deleted)
        return found

    monkeypatch.setattr(Path, "is_file", then_vanish)
    (info,) = runs.list_runs(tmp_path)
    assert (info.path, info.state) == (str(pruning), "stopped")
    assert 0 < info.size < 10**6


# ---------------------------------------------------------------------------------------------------------------- lock


HOLD = """import sys, time
from pathlib import Path
from rnnplay.runs import RunLock
lock = RunLock(Path(sys.argv[1]))
"""


@pytest.fixture
def piped_texts(tmp_path: Path) -> dict[str, Path]:
    """Saved texts: one that a run reads, one that none reads, one that is young, and a file of the user's."""
    folder = texts_folder(tmp_path)
    folder.mkdir()
    names = {"used": f"{1:016x}", "unused": f"{2:016x}", "young": f"{3:016x}", "own": "novel"}
    paths = {what: folder / f"{name}.txt" for what, name in names.items()}
    for what, path in paths.items():
        path.write_text("text")
        if what != "young":
            os.utime(path, (0, 0))
    config = make_config("text", text="elsewhere.txt", more_texts=(str(paths["used"]),))
    runs.save_record(create(tmp_path, config), RunRecord(config=config, created="2026-01-01T00:00:00+00:00"))
    return paths


def test_a_text_from_a_pipe_that_no_run_reads_is_removed(tmp_path: Path, piped_texts: dict[str, Path]) -> None:
    remove_unused_texts(tmp_path)
    assert [what for what, path in piped_texts.items() if not path.exists()] == ["unused"]


def test_no_text_is_removed_while_a_run_cannot_be_read(tmp_path: Path, piped_texts: dict[str, Path]) -> None:
    damaged = make_run(tmp_path)
    for content in ("[]", "{}", "{", '{"config": 1}'):
        (damaged / "config.json").write_text(content)
        remove_unused_texts(tmp_path)
    assert all(path.exists() for path in piped_texts.values())


def test_the_text_of_a_run_that_is_deleted_goes_with_it(tmp_path: Path, piped_texts: dict[str, Path]) -> None:
    of_run = tuple(str(piped_texts[what]) for what in ("used", "young", "own"))
    remove_unused_texts(tmp_path, make_config("text", text=of_run[0], more_texts=of_run[1:]))
    assert [what for what, path in piped_texts.items() if not path.exists()] == ["young"]


def test_the_lock_is_held_by_one_process_and_free_when_that_is_killed(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    command = [sys.executable, "-c", HOLD + "print(1, flush=True); time.sleep(600)", str(run)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert runs.is_locked(run)
        with pytest.raises(UserError, match="another process"):
            RunLock(run)
        holder.send_signal(signal.SIGKILL)
    assert not runs.is_locked(run)
    RunLock(run).release()


# ------------------------------------------------------------------------------------------------------------- metrics


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    lines = [{"step": 1, "loss": 2.5}, {"kind": "changed", "step": 1, "lr": 0.5}, {"kind": "evaluated", "step": 1}]
    MetricsFile(run).append(lines)
    whole = (run / "metrics.jsonl").read_bytes()
    for cut in range(1, len(whole) + 1):
        (run / "metrics.jsonl").write_bytes(whole[:cut])
        assert runs.read_lines(run / "metrics.jsonl") == lines[: whole[:cut].count(b"\n")]
    assert runs.read_metrics(run / "metrics.jsonl") == (lines[:1], lines[2:], lines[1:2])


def test_lines_that_are_none_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'\xff\x00\n[]\n{"step": "x"}\n' + b"[" * 5000 + b'\n{"step": 4}\n')
    assert runs.read_lines(path) == [{"step": 4}]


LIMITED = """
import resource, sys
from pathlib import Path
from rnnplay.runs import MetricsFile, checkpoint
import numpy as np
run = Path(sys.argv[1])
metrics = MetricsFile(run)
metrics.append([{"step": 1}])
checkpoint.save(checkpoint.checkpoint_path(run, 1), 1, {"a": np.arange(5.0)}, {})
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
for write in (
    lambda: metrics.append([{"step": step} for step in range(2, 2000)]),
    lambda: checkpoint.save(checkpoint.checkpoint_path(run, 1), 1, {"a": np.arange(5000.0)}, {}),
):
    try:
        write()
    except OSError as error:
        print(error.errno, flush=True)
"""


def test_a_disk_that_is_full_leaves_everything_as_it_was(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    done = subprocess.run([sys.executable, "-c", LIMITED, str(run)], capture_output=True, text=True, check=True)
    assert len(done.stdout.split()) == 2, "both writes were to fail"
    assert runs.read_lines(run / "metrics.jsonl") == [{"step": 1}]
    assert (run / "metrics.jsonl").read_bytes().endswith(b"\n")
    assert checkpoint.load(checkpoint.checkpoint_path(run, 1)).arrays["a"].tolist() == [0, 1, 2, 3, 4]
    assert not [path for path in run.iterdir() if "tmp" in path.name]


# --------------------------------------------------------------------------------------------------------- checkpoints


def test_transposed_and_sliced_arrays_come_back_as_they_were(tmp_path: Path) -> None:
    base = np.arange(2 * 3 * 5, dtype=np.float32).reshape(2, 3, 5)
    given = {"t": base.T, "f": np.asfortranarray(base[0]), "s": base[:, ::2, 1:4], "r": base[::-1]}
    checkpoint.save(tmp_path / "x.safetensors", 6, given, {"big": 2**127 + 1, "x": 0.1})
    found = checkpoint.load(tmp_path / "x.safetensors")
    for name, array in given.items():
        np.testing.assert_array_equal(found.arrays[name], array)
    assert (found.step, found.state) == (6, {"big": 2**127 + 1, "x": 0.1})


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    for name, order in (("x", 1), ("y", -1)):
        some = dict(list(arrays().items())[::order])
        checkpoint.save(tmp_path / name, 6, some, dict([("b", 1), ("a", 2)][::order]))
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes()


def test_a_truncated_checkpoint_is_refused_wherever_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "ckpt-6.safetensors"
    checkpoint.save(path, 6, arrays(), {"seed": 4})
    whole = path.read_bytes()
    for cut in [*range(0, len(whole) - 1, 13), len(whole) - 1]:
        path.write_bytes(whole[:cut])
        with pytest.raises(UserError, match=r"ckpt-6\.safetensors"):
            checkpoint.load(path)


def test_an_altered_byte_is_noticed_wherever_it_is(tmp_path: Path) -> None:
    path = tmp_path / "ckpt-6.safetensors"
    checkpoint.save(path, 6, arrays(), {"seed": 4})
    whole = path.read_bytes()
    draw = random.Random(8)
    for place in [*range(8), *draw.sample(range(len(whole)), 150)]:
        altered = bytearray(whole)
        altered[place] ^= 1 << draw.randrange(8)
        path.write_bytes(altered)
        try:
            found = checkpoint.load(path)
        except UserError as error:
            assert "ckpt-6.safetensors" in error.problem
            continue
        # A space in the header's padding may become another one that means nothing: then all is as it was.
        assert found.step == 6 and found.state == {"seed": 4}
        for name, array in arrays().items():
            np.testing.assert_array_equal(found.arrays[name], array)


def hostile() -> dict[str, bytes]:
    def header(text: str) -> bytes:
        return len(text).to_bytes(8, "little") + text.encode()

    one = {"a": np.zeros(2)}
    return {
        "empty": b"",
        "pickle": pickle.dumps({"a": 1}),
        "zip": b"PK\x03\x04" + bytes(200),
        "endless header": (2**62).to_bytes(8, "little") + b"{}",
        "deep header": header("[" * 100_000),
        "outside": header('{"a":{"dtype":"F64","shape":[4],"data_offsets":[0,9999999]}}'),
        "negative": header('{"a":{"dtype":"F64","shape":[-4],"data_offsets":[0,0]}}'),
        "no metadata": safetensors.numpy.save(one),
        "deep metadata": safetensors.numpy.save(one, {"rnnplay": "[" * 100_000}),
        "no object": safetensors.numpy.save(one, {"rnnplay": "7"}),
        "no digest": safetensors.numpy.save(one, {"rnnplay": json.dumps({"step": 1, "state": {}})}),
        "wrong types": safetensors.numpy.save(one, {"rnnplay": json.dumps({"step": "1", "state": [], "digest": 3})}),
    }


@pytest.mark.parametrize("name", hostile())
def test_a_file_made_to_harm_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "ckpt-1.safetensors"
    path.write_bytes(hostile()[name])
    with pytest.raises(UserError, match=r"ckpt-1\.safetensors"):
        checkpoint.load(path)


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"a": np.zeros((7, 5), np.float32)}, '"a" is float32'),
        ({"a": np.zeros((5, 7), np.float64)}, '"a" is float64'),
        ({"a": np.full((5, 7), np.nan, np.float32)}, "not finite"),
        ({"b": np.full(11, np.inf)}, "not finite"),
        ({"z": np.zeros(1)}, '"z"'),
    ],
)
def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path, changed: dict[str, Any], what: str) -> None:
    path = tmp_path / "ckpt-1.safetensors"
    checkpoint.save(path, 1, {**arrays(), **changed}, {})
    with pytest.raises(UserError, match=r"ckpt-1\.safetensors") as error:
        checkpoint.check_matches(checkpoint.load(path), arrays())
    assert what in error.value.problem


def test_the_last_two_whole_checkpoints_and_forty_of_weights_are_kept(tmp_path: Path) -> None:
    for step in range(45):
        checkpoint.save(checkpoint.checkpoint_path(tmp_path, step), step, {}, {}, durable=False)
        checkpoint.save(checkpoint.checkpoint_path(tmp_path, step, "weights"), step, {}, {}, durable=False)
    checkpoint.prune(tmp_path)
    assert checkpoint.checkpoint_steps(tmp_path) == [43, 44]
    assert checkpoint.checkpoint_steps(tmp_path, "weights") == list(range(5, 45))


def test_only_checkpoints_are_taken_for_checkpoints(tmp_path: Path) -> None:
    for name in ("ckpt-.safetensors", "ckpt-x.safetensors", "ckpt-²3.safetensors", ".ckpt-7.safetensors.tmp"):
        (tmp_path / name).touch()
    (tmp_path / "ckpt-12.safetensors").touch()
    assert checkpoint.checkpoint_steps(tmp_path) == [12]
    assert os.listdir(tmp_path)

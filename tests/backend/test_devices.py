"""Devices without a GPU: what is refused and how, what `auto` chooses, and runs that change their device."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from driving import small, write_text

from rnnplay.backend import auto_device, devices
from rnnplay.backend.auto_device import Measured, choose_device
from rnnplay.backend.selection import make_backend
from rnnplay.catalogue import make_config
from rnnplay.config import RunConfig, UserError
from rnnplay.engine import Architecture
from rnnplay.protocol import Inspect, Resume, Train
from rnnplay.runs import edited, load_record
from rnnplay.trainer.opening import open_session
from rnnplay.trainer.session import TrainingSession

LARGE = RunConfig(task="text", hidden=256, batch=64, seq_len=64)
NETWORK = Architecture(inputs=65, hidden=256, outputs=65)


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "CPU", "cuda:1111", ""])
def test_a_device_that_does_not_exist_is_refused_with_those_that_do(name: str) -> None:
    with pytest.raises(UserError, match="cuda:1 and so on"):
        make_config("hello", device=name)
    assert make_config("hello", device="cuda:1").device == "cuda:1"


def test_without_pytorch_a_sentence_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "find_spec", lambda name: None)
    with pytest.raises(UserError) as refused:
        make_backend(msgspec.structs.replace(LARGE, device="cuda"), NETWORK)
    assert "PyTorch, which is not installed" in refused.value.problem
    assert "rnnplay[cuda]" in refused.value.remedy and "--device cpu" in refused.value.remedy


def cuda_module(count: int = 1, built_for: str | None = "13.0", starts: str = "") -> Any:
    """What PyTorch says of a machine; `starts`: why CUDA does not."""

    def init() -> None:
        raise RuntimeError(starts or "No CUDA GPUs are available")

    cuda = SimpleNamespace(device_count=lambda: count, is_available=lambda: bool(count), init=init)
    return SimpleNamespace(__version__="2.99", version=SimpleNamespace(cuda=built_for), cuda=cuda)


@pytest.mark.parametrize(
    ("torch", "problem"),
    [
        (cuda_module(built_for=None), "has no CUDA"),
        (cuda_module(0, starts="The NVIDIA driver on your system is too old (found version 11040)."), "too old"),
        (cuda_module(0, starts="Found no NVIDIA driver on your system."), "no NVIDIA driver"),
        (cuda_module(1), "There is no cuda:1: this machine has 1 GPU,"),
    ],
)
def test_each_reason_for_no_gpu_has_a_sentence_of_its_own(torch: Any, problem: str) -> None:
    with pytest.raises(UserError) as refused:
        devices._existing_gpu(torch, "cuda:1")
    assert problem in refused.value.problem
    assert refused.value.remedy.endswith("--device cpu.")
    assert devices._existing_gpu(cuda_module(2), "cuda:1") == "cuda:1"
    assert devices._existing_gpu(cuda_module(2), "cuda") == "cuda:0"


@pytest.fixture
def with_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with a driver and PyTorch, as far as `auto` sees; the file with its measurements."""
    monkeypatch.setattr(auto_device, "has_nvidia_driver", lambda: True)
    monkeypatch.setattr(auto_device, "has_torch", lambda: True)
    monkeypatch.setattr(auto_device, "_cache_file", lambda: tmp_path / "cache/devices.json")
    return tmp_path / "cache/devices.json"


def not_measured(config: RunConfig, a: Architecture) -> Measured:
    raise AssertionError("it was measured")


def test_auto_is_the_cpu_for_small_networks_and_without_a_driver(
    with_gpu: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = msgspec.structs.replace(LARGE, hidden=16)
    assert choose_device(tiny, Architecture(inputs=65, hidden=16, outputs=65), not_measured) == ("cpu", None)
    monkeypatch.setattr(auto_device, "has_nvidia_driver", lambda: False)
    assert choose_device(LARGE, NETWORK, not_measured) == ("cpu", None)


@pytest.mark.parametrize(("gpu", "chosen"), [(0.002, "cuda"), (0.3, "cpu")])
def test_auto_is_what_was_measured_to_be_faster_and_is_measured_once(with_gpu: Path, gpu: float, chosen: str) -> None:
    device, sentence = choose_device(LARGE, NETWORK, lambda config, a: Measured(0.02, gpu, "NVIDIA X"))
    assert device == chosen
    assert sentence is not None and "NVIDIA X" in sentence and "20 ms on the CPU" in sentence
    assert choose_device(LARGE, NETWORK, not_measured) == (device, sentence)
    with_gpu.write_text("{")  # a damaged file is as none
    assert choose_device(LARGE, NETWORK, lambda config, a: Measured(0.02, gpu, "NVIDIA X"))[0] == chosen


def test_auto_measures_really_and_says_why_a_gpu_cannot_be_used(with_gpu: Path) -> None:
    pytest.importorskip("torch")
    small_steps = msgspec.structs.replace(LARGE, batch=4, seq_len=4)
    measured = auto_device.measure_both(small_steps, NETWORK)
    assert measured.cpu > 0.0 and measured.gpu is None
    device, sentence = choose_device(LARGE, NETWORK, lambda config, a: measured)
    assert device == "cpu" and sentence == f"It trains on the CPU: {measured.reason}"


def content(session: TrainingSession) -> dict[str, np.ndarray[Any, Any]]:
    return session.learner.snapshot()[0]


def trained(session: TrainingSession, steps: int) -> list[float]:
    return [session.learner.train_step().loss for _ in range(steps)]


@pytest.mark.parametrize(
    "choices",
    [
        {"optimizer": "adam", "ema_decay": 0.9, "layers": 2, "dropout": 0.2},
        {"cell": "gru", "weight_dropout": 0.3, "tbptt_steps": 3, "optimizer": "rmsprop"},
        {"cell": "input-rnn", "optimizer": "momentum", "dtype": "float64"},
    ],
    ids=["lstm", "gru", "input-rnn"],
)
def test_a_run_on_pytorch_is_resumed_bit_for_bit(tmp_path: Path, choices: dict[str, Any]) -> None:
    pytest.importorskip("torch")
    config = small(write_text(tmp_path / "words.txt"), device="torch-cpu", **choices)
    unbroken = open_session(Train(config=config, root=str(tmp_path / "runs")))
    trained(unbroken, 8)
    unbroken.save()
    unbroken.close()
    resumed = open_session(Resume(run=str(unbroken.run)))
    assert not any("differ" in note for note in resumed.notes)
    assert trained(resumed, 8) == trained(unbroken, 8)
    one, other = content(resumed), content(unbroken)
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[name], other[name]) for name in one)
    resumed.close()


@pytest.mark.parametrize(("first", "second"), [("cpu", "torch-cpu"), ("torch-cpu", "cpu"), ("torch-cpu", "auto")])
def test_a_run_goes_on_with_another_device_from_its_checkpoint(tmp_path: Path, first: str, second: str) -> None:
    pytest.importorskip("torch")
    choices = {"layers": 2, "dropout": 0.2, "ema_decay": 0.8, "dtype": "float64", "cores": 1}
    config = small(write_text(tmp_path / "words.txt"), device=first, **choices)
    session = open_session(Train(config=config, root=str(tmp_path / "runs")))
    trained(session, 6)
    session.save()
    session.close()
    moved = open_session(Resume(run=str(session.run), device=second))
    actual = "cpu" if second == "auto" else second
    assert [note for note in moved.notes if f"the device {actual} instead of {first}" in note and "digits" in note]
    assert trained(moved, 6) == pytest.approx(trained(session, 6), rel=1e-9)
    moved.save()
    moved.close()
    record = load_record(moved.run)
    assert record.config.device == actual
    assert bool(record.trained_on) == (actual == "torch-cpu")
    again = open_session(Resume(run=str(session.run)))  # the run keeps to it, and it is said once
    assert not any("instead of" in note for note in again.notes)
    np.testing.assert_array_equal(content(again)["parameters/W_hy"], content(moved)["parameters/W_hy"])
    again.close()


def test_a_run_of_before_devices_were_recorded_stays_on_the_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small(write_text(tmp_path / "words.txt"))
    session = open_session(Train(config=config, root=str(tmp_path / "runs")))
    session.save()
    session.close()
    assert session.learner.config.device == "cpu"  # auto is chosen when it begins
    path = session.run / "config.json"
    fields = msgspec.json.decode(path.read_bytes())
    del fields["config"]["device"], fields["config"]["precision"], fields["trained_on"]
    path.write_bytes(msgspec.json.encode(fields))
    monkeypatch.setattr(edited, "saved_digest", lambda run: None)  # as in checkpoints of that time
    resumed = open_session(Resume(run=str(session.run)))
    assert resumed.learner.use() is None and not any("device" in note for note in resumed.notes)
    resumed.close()
    assert load_record(session.run).config.device == "cpu"


def test_a_run_of_a_gpu_is_inspected_without_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = open_session(Train(config=small(write_text(tmp_path / "words.txt")), root=str(tmp_path / "runs")))
    trained(session, 2)
    session.save()
    session.close()
    record = load_record(session.run)
    path = session.run / "config.json"
    moved = msgspec.structs.replace(record, config=msgspec.structs.replace(record.config, device="cuda:1"))
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(moved, trained_on="NVIDIA X")))
    monkeypatch.setattr(edited, "saved_digest", lambda run: None)  # it was not edited, but came from there
    inspected = open_session(Inspect(run=str(session.run)))
    saved = session.learner.eval_network().flat
    np.testing.assert_array_equal(inspected.learner.eval_network().flat, saved)
    assert inspected.learner.config.device == "cuda:1"
    with pytest.raises(UserError):
        open_session(Resume(run=str(session.run)))


def test_training_on_a_gpu_that_is_not_there_is_refused_in_two_sentences(tmp_path: Path) -> None:
    if devices.has_nvidia_driver():
        pytest.skip("there is a driver")
    child = subprocess.run(
        [sys.executable, "-m", "rnnplay", "train", "prose", "--device", "cuda"],
        env=os.environ | {"RNNPLAY_HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert child.returncode == 2
    assert child.stdout == "" and "Traceback" not in child.stderr
    assert child.stderr.count("\n") == 1 and child.stderr.strip().endswith("--device cpu.")
    assert not list((tmp_path / "runs").glob("*")) if (tmp_path / "runs").exists() else True


def test_the_header_names_a_gpu_with_its_precision_load_and_memory() -> None:
    from rnnplay.protocol import DeviceUse
    from rnnplay.tui.places.views import device_parts

    config = make_config("prose", device="cuda:1", precision="bf16")
    use = DeviceUse(name="NVIDIA X", memory_used=3_100_000_000, memory_free=77_000_000_000, load=0.93)
    assert device_parts(config, use) == ["cuda:1 bf16 93 %", "3.1GB used, 77GB free"]
    assert device_parts(make_config("prose", device="torch-cpu"), DeviceUse(name="PyTorch")) == ["torch-cpu"]
    assert device_parts(make_config("prose"), None) == []


def test_the_list_of_runs_names_the_device_and_what_is_used_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    from rnnplay.cli.runs import list_runs

    config = small(write_text(tmp_path / "words.txt"), device="torch-cpu")
    session = open_session(Train(config=config, root=str(tmp_path / "runs")))
    smi = tmp_path / "bin/nvidia-smi"
    smi.parent.mkdir()
    smi.write_text("#!/bin/sh\necho '0, NVIDIA X, 3100, 77000, 93'\n")
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", f"{smi.parent}:{os.environ['PATH']}")
    list_runs(str(tmp_path / "runs"), False)
    session.close()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("DEVICE") and "PyTorch" in lines[1]
    assert "cuda:0: NVIDIA X, 3100 MiB used, 77000 MiB free, load 93 %" in lines
    monkeypatch.setenv("PATH", str(tmp_path))
    list_runs(str(tmp_path / "runs"), False)
    assert not any("cuda:0" in line for line in capsys.readouterr().out.splitlines())

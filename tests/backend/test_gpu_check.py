"""The script for a real GPU runs to its end: here on PyTorch's CPU device, with tiny sizes."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")


def findings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], device: str
) -> tuple[int, dict[str, Any]]:
    """The script's exit status, and all that it found, with tiny sizes."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent))
    monkeypatch.setattr(sys, "argv", ["gpu_check.py", "--device", device, "--small", "--seconds", "0.2"])
    import gpu_check

    status = gpu_check.main()
    return status, json.loads(capsys.readouterr().out.splitlines()[-1])


def test_the_script_for_a_gpu_finds_nothing_wrong_on_the_cpu(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, found = findings(monkeypatch, capsys, "torch-cpu")
    assert status == 0 and found["failed"] == []
    assert found["resumed bit for bit in bf16"] is True
    assert found["LSTM 1x16 B4 T8 tf32"]["ratio"] > 0.0
    assert found["2x512 LSTM on the text"]["steps"] >= 20


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_the_script_for_a_gpu_finds_nothing_wrong_on_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, found = findings(monkeypatch, capsys, "cuda")
    assert status == 0 and found["failed"] == []
    assert found["captured graphs"] > 0

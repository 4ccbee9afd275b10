"""The script for a real GPU runs to its end: here on PyTorch's CPU device, with tiny sizes."""

import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")


def test_the_script_for_a_gpu_finds_nothing_wrong_on_the_cpu(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent))
    monkeypatch.setattr(sys, "argv", ["gpu_check.py", "--device", "torch-cpu", "--small", "--seconds", "0.2"])
    import gpu_check

    assert gpu_check.main() == 0
    findings = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert findings["failed"] == []
    assert findings["resumed bit for bit in bf16"] is True
    assert findings["LSTM 1x16 B4 T8 tf32"]["ratio"] > 0.0
    assert findings["2x512 LSTM on the text"]["steps"] >= 20

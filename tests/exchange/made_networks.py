"""Weights of made-up networks by torch.nn's names, and imports of them within the test's own process."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from rnnplay.engine import Architecture, Network
from rnnplay.exchange.importer import import_file
from rnnplay.exchange.torch_names import to_torch
from rnnplay.protocol import Inspect
from rnnplay.trainer.opening import open_session

LETTERS = "abcdefg \n"  # of the texts
VOCABULARY = sorted(LETTERS)


def write_letters(path: Path, letters: str = LETTERS, count: int = 900) -> Path:
    path.write_text(letters + "".join(np.random.default_rng(7).choice(list(letters), count)), encoding="utf-8")
    return path


def weights_of(cell: str = "lstm", layers: int = 1, inputs: int = 9, hidden: int = 7, **more: Any) -> dict[str, Any]:
    """Random weights of a network that reads and writes the nine letters."""
    a = Architecture(cell=cell, inputs=inputs, hidden=hidden, outputs=9, layers=layers, **more)
    network = Network(a, 3)
    network.flat[:] = np.random.default_rng(4).standard_normal(network.flat.size) * 0.5
    return to_torch(network.architecture, network.parameters)


def with_embedding(cell: str = "lstm", layers: int = 1, vectors: int = 5) -> tuple[dict[str, Any], dict[str, Any]]:
    """Weights with an embedding, and the same network without: its first matrix has a column for each symbol."""
    weights = weights_of(cell, layers, inputs=vectors)
    table = np.random.default_rng(6).standard_normal((9, vectors)).astype(np.float32)
    folded = {**weights, "rnn.weight_ih_l0": weights["rnn.weight_ih_l0"] @ table.T}
    return {"embedding.weight": table, **weights}, folded


def imported(file: Path, root: Path, **choices: Any) -> tuple[Path, str]:
    """The run of an imported network on `root`/letters.txt, and what was said."""
    text = write_letters(root / "letters.txt")
    vocabulary = root / "vocabulary.json"
    vocabulary.write_text(json.dumps(VOCABULARY))
    given: dict[str, Any] = {"text": str(text), "vocabulary": vocabulary}
    run, notes = import_file(file, root / "runs", **{**given, **choices})
    return run, "\n".join(notes)


def parameters_of(run: Path) -> dict[str, Any]:
    session = open_session(Inspect(run=str(run)))
    try:
        return {name: array.copy() for name, array in session.learner.network.parameters.items()}
    finally:
        session.close()


def loss_of(run: Path) -> float:
    """The loss on the held-out text, read in one stream from a zero state."""
    session = open_session(Inspect(run=str(run)))
    try:
        task = session.learner.task
        found = session.learner.evaluate(task.batches_of(task.held_out_ids, 1), lambda: False)
    finally:
        session.close()
    assert found is not None and found[0] is not None
    return found[0]

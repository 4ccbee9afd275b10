"""Imports all that a trainer may need later, before it goes on alone: an upgrade of the program may come meanwhile."""

import importlib
import pkgutil
import traceback

_ROOMS = ("backend", "catalogue", "corpora", "engine", "lab", "parallel", "protocol", "runs", "tasks", "trainer")
_OTHERS = ("charset_normalizer", "numpy.fft", "numpy.linalg", "numpy.random", "platformdirs", "pydoc_data.topics")


def import_everything() -> None:
    """Import what the trainer's rooms import in functions. What cannot be imported is written to the log."""
    names = [*_OTHERS]
    for room in _ROOMS:
        package = importlib.import_module(f"rnnplay.{room}")
        names += [
            module.name for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.", lambda name: None)
        ]
    for name in names:
        if not name.endswith(".__main__"):
            try:
                importlib.import_module(name)
            except Exception:
                traceback.print_exc()

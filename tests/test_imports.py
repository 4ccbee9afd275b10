"""Who may know whom: the rooms of the house and what each may import beside the standard library."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent / "rnnplay"

CONFIG = {"config", "catalogue"}
SCREEN = {"numpy", "rich", "textual"}
PLACE = (
    SCREEN
    | {"formatting", "msgspec", "gallery", "protocol", "client", "verdicts"}
    | {f"tui.{room}" for room in ("paint", "widgets", "forms", "messages", "state", "session", "current_trainer")}
    | CONFIG
)
# Rooms of rnnplay and other people's packages; a room always knows itself.
MAY: dict[str, set[str]] = {
    "config": {"msgspec"} | CONFIG,
    "catalogue": {"msgspec"} | CONFIG,
    "edits": {"msgspec"},
    "verdicts": set(),
    "blas": {"folders", "machine", "threadpoolctl"} | CONFIG,
    "machine": set(),
    "folders": {"platformdirs"} | CONFIG,
    "formatting": set(),
    "engine": {"numpy", "machine"},
    "corpora": {"folders", "numpy", "pooch", "charset_normalizer"} | CONFIG,
    "tasks": {"numpy", "msgspec", "corpora"} | CONFIG,
    "lab": {"formatting", "numpy", "engine", "tasks", "edits", "verdicts"} | CONFIG,
    # Of PyTorch it knows the name alone, and imports it when a device that needs it is opened.
    "backend": {"machine", "msgspec", "numpy", "platformdirs", "engine", "parallel"} | CONFIG,
    "parallel": {"machine", "numpy", "msgspec", "engine", "protocol"},
    "runs": {"folders", "numpy", "safetensors", "msgspec"} | CONFIG,
    "protocol": {"numpy", "msgspec", "edits", "verdicts"} | CONFIG,
    # Of the libraries beside it bench knows the names alone.
    "bench": {"backend", "formatting", "machine", "numpy", "rich", "engine", "lab", "parallel", "tasks", "blas"}
    | CONFIG,
    "gallery": {"msgspec", "client", "runs"} | CONFIG,
    "exchange": {
        "folders",
        "numpy",
        "msgspec",
        "safetensors",
        "corpora",
        "engine",
        "gallery",
        "lab",
        "protocol",
        "runs",
        "tasks",
        "trainer",
    }
    | CONFIG,
    "client": {"msgspec", "protocol", "runs", "blas"} | CONFIG,
    "trainer": {
        "formatting",
        "folders",
        "machine",
        "numpy",
        "msgspec",
        "engine",
        "backend",
        "tasks",
        "corpora",
        "lab",
        "runs",
        "protocol",
        "blas",
        "verdicts",
    }
    | CONFIG,
    "tui.paint": SCREEN | {"formatting"},
    "tui.widgets": SCREEN | {"tui.paint"},
    "tui.forms": SCREEN | {"tui.paint", "tui.widgets"} | CONFIG,
    "tui.messages": {"textual", "protocol"},
    "tui.state": {"formatting", "numpy", "msgspec", "protocol", "verdicts"} | CONFIG,
    "tui.current_trainer": {"client", "msgspec", "protocol"} | CONFIG,
    "tui.session": {"msgspec", "gallery", "protocol", "tui.current_trainer", "tui.messages", "tui.state"} | CONFIG,
    "tui.places": PLACE,
    **{
        f"tui.places.{folder.name}": PLACE | {"tui.places"}
        for folder in (TOP / "tui/places").iterdir()
        if folder.is_dir()
    },
    "tui.places.time": PLACE | {"tui.places", "runs"},
    "tui": PLACE
    | {"machine", "runs", "tui.places", "tui.places.play"},  # app and terminal; other places by their names
}
ANYTHING = {"cli", "__init__", "__main__"}  # inside the command or the name that needs it

# Files that import each other in a circle today. Only remove from this list.
CIRCLES = []
ROOM_CIRCLES: list[set[str]] = []


def room_of(module: str) -> str:
    """The room of `rnnplay.a.b`: the longest name in the table that it begins with."""
    name = module.removeprefix("rnnplay").removeprefix(".") or "__init__"
    known = [room for room in MAY if name == room or name.startswith(room + ".")]
    return max(known, key=len) if known else name.split(".")[0]


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(TOP.rglob("*.py")):
        parts = path.relative_to(TOP.parent).with_suffix("").parts
        yield ".".join(parts).removesuffix(".__init__"), path


def imported(module: str, path: Path, everywhere: bool = True) -> Iterator[tuple[int, str]]:
    """(line, module) of each import, those inside functions too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree) if everywhere else tree.body:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            assert node.module is not None
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                target = TOP.parent.joinpath(*inner.split("."))
                yield node.lineno, inner if target.is_dir() or target.with_suffix(".py").is_file() else node.module


def knows(importer: str, target: str) -> bool:
    """Whether the module `importer` may import `target`."""
    here = room_of(importer)
    package = target.split(".")[0]
    if here in ANYTHING or package in sys.stdlib_module_names:
        return True
    if package != "rnnplay":
        return package in MAY[here]
    there = room_of(target)
    return there in (here, "__init__") or there in MAY[here]


def test_every_module_has_a_room() -> None:
    assert [name for name, _ in modules() if room_of(name) not in set(MAY) | ANYTHING] == []


def test_nobody_imports_what_his_room_may_not_know() -> None:
    found = [
        f"{path.relative_to(TOP.parent)}:{line}: {room_of(name)} may not know {target}"
        for name, path in modules()
        for line, target in imported(name, path)
        if not knows(name, target)
    ]
    assert found == []


def test_the_table_would_notice() -> None:
    assert not knows("rnnplay.tui.app", "rnnplay.engine.cells")
    assert not knows("rnnplay.tui.app", "rnnplay.trainer")
    assert not knows("rnnplay.tui.widgets.paint_bars", "rnnplay.client")
    assert not knows("rnnplay.engine.network", "rnnplay.config")
    assert not knows("rnnplay.tasks.text", "rnnplay.lab.cells.trace")
    assert not knows("rnnplay.runs.metrics", "textual.app")
    assert not knows("rnnplay.engine.cells", "torch")


def circles(graph: Mapping[str, set[str]]) -> list[set[str]]:
    """The sets of two or more nodes that all reach each other (Tarjan's strongly connected components, 1972)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    result: list[set[str]] = []

    def visit(node: str) -> None:
        order[node] = lowest[node] = len(order)
        stack.append(node)
        for other in sorted(graph.get(node, ())):
            if other not in order:
                visit(other)
                lowest[node] = min(lowest[node], lowest[other])
            elif other in stack:
                lowest[node] = min(lowest[node], order[other])
        if lowest[node] == order[node]:
            component = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(component) > 1:
                result.append(set(component))

    for node in sorted(graph):
        if node not in order:
            visit(node)
    return result


def graph_of_files() -> dict[str, set[str]]:
    """{module: the modules of rnnplay that it imports, inside functions and under TYPE_CHECKING too}."""
    names = {name for name, _ in modules()}
    short = {name: name.removeprefix("rnnplay").removeprefix(".") or "__init__" for name in names}
    return {
        short[name]: {short[target] for _, target in imported(name, path) if target in names and target != name}
        for name, path in modules()
    }


def test_no_circle_of_files_but_the_known_ones() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set()}) == [{"a", "b", "c"}]
    files = circles(graph_of_files())
    assert [sorted(circle) for circle in files if not any(circle <= known for known in CIRCLES)] == []
    assert [sorted(known) for known in CIRCLES if not any(circle <= known for circle in files)] == [], "remove these"


def test_no_circle_of_rooms_but_the_known_ones() -> None:
    rooms: dict[str, set[str]] = {}
    for name, targets in graph_of_files().items():
        rooms.setdefault(room_of(name), set()).update(set(map(room_of, targets)) - {room_of(name)})
    assert [sorted(circle) for circle in circles(rooms) if circle not in ROOM_CIRCLES] == []
    assert [sorted(known) for known in ROOM_CIRCLES if known not in circles(rooms)] == [], "remove these"


def loaded(*command: str, **variables: str) -> set[str]:
    """The modules that a Python process has loaded when it ends."""
    script = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n" + command[0]
    child = subprocess.run(
        [sys.executable, "-c", script, *command[1:]],
        env=os.environ | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert child.returncode in (0, 2), child.stderr
    return set(child.stderr.splitlines()[-1].split())


RUN = "import sys; sys.argv[0] = 'rnnplay'; from rnnplay.cli import main; main()"


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["tasks"], ["--version"]])
def test_help_loads_neither_numpy_nor_the_engine_nor_a_screen(arguments: list[str]) -> None:
    names = loaded(RUN, *arguments)
    assert "rnnplay.cli" in names
    assert not names & {"numpy", "textual", "rnnplay.engine", "rnnplay.tasks", "rnnplay.lab"}


def test_training_without_a_screen_never_loads_textual(tmp_path: Path) -> None:
    names = loaded(RUN, "train", "hello", "--steps", "3", RNNPLAY_HOME=str(tmp_path))
    assert "rnnplay.client" in names
    assert not names & {"textual", "rnnplay.tui", "rnnplay.engine", "rnnplay.tasks"}


def test_the_trainer_loads_torch_only_for_a_device_that_needs_it() -> None:
    names = loaded("import rnnplay.trainer.loop, rnnplay.backend.torch_engine, rnnplay.backend.auto_device")
    assert "rnnplay.backend.cuda_graph" in names
    assert "torch" not in names


def test_the_screen_is_imported_without_numpy_or_the_engine() -> None:
    names = loaded("import rnnplay.tui.app")
    assert "textual" in names
    assert not names & {"numpy", "rnnplay.engine", "rnnplay.tasks", "rnnplay.lab", "rnnplay.trainer"}


def test_the_name_rnnplay_alone_loads_nothing_heavy() -> None:
    assert not loaded("import rnnplay") & {"numpy", "textual", "msgspec", "rnnplay.engine"}

"""Words that say nothing about a thing are in no name: of a class, function, argument, attribute, local or file."""

import ast
from collections.abc import Iterator
from pathlib import Path

TOP = Path(__file__).parent.parent / "rnnplay"
VAGUE = set("told tell wear hear heard soon obey ails beside kept found look looking".split())
NOT_LOOKED_AT = {"engine", "parallel"}  # the engine's own work
# Rooms that still have such names. Only remove from this list.
OPEN: set[str] = set()


def room_of(path: Path) -> str:
    parts = path.relative_to(TOP).with_suffix("").parts
    return parts[0]


def names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, name) of everything that `tree` gives a name to."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield node.lineno, name
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.ExceptHandler(name=str(name)):
                yield node.lineno, name
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                yield from ((node.lineno, alias.asname) for alias in aliases if alias.asname)


def vague(name: str) -> bool:
    return not VAGUE.isdisjoint(name.lower().split("_"))


def offences() -> dict[str, list[str]]:
    """{room: file, line and name of each vague name}."""
    result: dict[str, list[str]] = {}
    for path in sorted(TOP.rglob("*.py")):
        room = room_of(path)
        if room in NOT_LOOKED_AT:
            continue
        file = str(path.relative_to(TOP.parent))
        lines = [f"{file}: {path.stem}"] if vague(path.stem) else []
        tree = ast.parse(path.read_text(encoding="utf-8"))
        lines += [f"{file}:{line}: {name}" for line, name in sorted(set(names(tree))) if vague(name)]
        if lines:
            result.setdefault(room, []).extend(lines)
    return result


def test_no_name_has_a_vague_word() -> None:
    found_by_room = offences()
    assert [line for room, lines in found_by_room.items() if room not in OPEN for line in lines] == []
    assert sorted(OPEN - set(found_by_room)) == [], "these rooms have none any more: remove them"


def test_the_walk_sees_every_kind_of_name() -> None:
    code = """
import os as told
class Found_: pass
def tell(hear, *soon, look=1, **ails):
    obey = 1
    self.kept = 2
    with a as beside, b as (heard, x): pass
    for looking in y: pass
    match z:
        case [wear, *found]: pass
    try: pass
    except E as tell_all: pass
async def look_up(): (kept_one := 1)
class C:
    found: int
"""
    seen = {name for _, name in names(ast.parse(code)) if vague(name)}
    assert seen == {
        "told", "Found_", "tell", "hear", "soon", "look", "ails", "obey", "kept", "beside", "heard", "looking",
        "wear", "found", "tell_all", "look_up", "kept_one",
    }  # fmt: skip

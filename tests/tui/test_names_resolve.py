"""Names that only run time would look up: actions of bindings and clicks, handlers, watchers, CSS selectors."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from actions import fits
from textual.actions import parse as parse_action
from textual.app import App
from textual.binding import Binding
from textual.css.model import SelectorType
from textual.css.parse import parse as parse_css
from textual.css.parse import parse_selectors
from textual.dom import DOMNode
from textual.message import Message
from textual.screen import Screen

import rnnplay.tui

ACTION = re.compile(r"(?:app|screen)\.[a-z_]+(?:\(.*\))?")
TOKEN = re.compile(r"[\w-]+")
QUERIES = ("query", "query_one", "query_exactly_one", "query_children")


def modules() -> list[ModuleType]:
    """Return every module of the package."""
    found = pkgutil.walk_packages(rnnplay.tui.__path__, rnnplay.tui.__name__ + ".")
    return [rnnplay.tui, *(importlib.import_module(module.name) for module in found)]


MODULES = modules()


def own_classes() -> list[type[Any]]:
    """Return every class that the package defines, those inside classes too."""
    found: dict[type[Any], None] = {}

    def add(owner: Any, module: str) -> None:
        for value in list(vars(owner).values()):
            if inspect.isclass(value) and value.__module__ == module and value not in found:
                found[value] = None
                add(value, module)

    for module in MODULES:
        add(module, module.__name__)
    return list(found)


CLASSES = own_classes()
NODES = [kind for kind in CLASSES if issubclass(kind, DOMNode)]
APPS = [kind for kind in NODES if issubclass(kind, App)]
# A screen that another one inherits from is never shown itself.
SCREENS = [k for k in NODES if issubclass(k, Screen) and not any(k in other.__mro__[1:] for other in NODES)]


def subclasses(kind: type[Any]) -> Iterator[type[Any]]:
    for child in kind.__subclasses__():
        yield child
        yield from subclasses(child)


def trees() -> Iterator[tuple[str, ast.AST]]:
    for module in MODULES:
        assert module.__file__ is not None
        path = Path(module.__file__)
        yield path.name, ast.parse(path.read_text(encoding="utf-8"))


def constant_strings(node: ast.AST) -> Iterator[str]:
    """Yield every string in `node`; a value within an f-string reads as 0."""
    inside = {part for n in ast.walk(node) if isinstance(n, ast.JoinedStr) for part in ast.walk(n)} - {node}
    for n in ast.walk(node):
        if isinstance(n, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "0" for part in n.values)  # type: ignore[misc]
        elif isinstance(n, ast.Constant) and isinstance(n.value, str) and n not in inside:
            yield n.value


# ------------------------------------------------------------------------------------------------------------- actions


def missing_action(kind: type[Any], action: str) -> str | None:
    """Return what `action` lacks where a node of class `kind` has it in a binding or a click; None: it resolves."""
    namespace, name, arguments = parse_action(action)
    targets = {"": [kind], "app": APPS, "screen": [kind] if issubclass(kind, Screen) else SCREENS}[namespace]
    if any(fits(target, name, arguments) for target in targets):
        return None
    return f"{kind.__name__}: {action}"


def bindings_of(kind: type[Any]) -> Iterator[Binding]:
    yield from Binding.make_bindings(vars(kind).get("BINDINGS", ()))


def test_every_binding_has_its_action() -> None:
    found = [(kind, binding) for kind in NODES for binding in bindings_of(kind)]
    assert len(found) > 100
    missing = {f"{missing_action(kind, binding.action)} ({binding.key})" for kind, binding in found
               if missing_action(kind, binding.action)}  # fmt: skip
    assert missing == set()


def test_no_two_bindings_of_a_class_share_a_key_or_an_id() -> None:
    for kind in NODES:
        bindings = list(bindings_of(kind))
        keys = [(binding.key, binding.priority) for binding in bindings]
        ids = {(binding.id, binding.action) for binding in bindings if binding.id}
        assert len(keys) == len(set(keys)), kind
        assert len(ids) == len({id for id, _ in ids}), kind  # noqa: A001


def test_every_action_in_a_string_exists() -> None:
    """Clicks and hints paint their actions as strings; which place paints them is seen in the golden files' test."""
    found = [(name, text) for name, tree in trees() for text in constant_strings(tree) if ACTION.fullmatch(text)]
    assert len(found) > 20
    missing = set()
    for name, text in found:
        namespace, action, arguments = parse_action(text)
        targets = APPS if namespace == "app" else SCREENS
        if not any(fits(target, action, arguments) for target in targets):
            missing.add(f"{name}: {text}")
    assert missing == set()


# ------------------------------------------------------------------------------------------------ handlers and watchers


def test_every_handler_is_named_after_a_message() -> None:
    known = {kind.handler_name for kind in subclasses(Message)}
    found = {(kind.__name__, name) for kind in NODES for name in vars(kind) if name.startswith("on_")}
    assert len(found) > 10
    assert {(kind, name) for kind, name in found if name not in known} == set()


def test_every_watcher_is_named_after_a_reactive() -> None:
    for kind in NODES:
        for name in vars(kind):
            for prefix in ("watch_", "validate_", "compute_"):
                if name.startswith(prefix):
                    assert name.removeprefix(prefix) in kind._reactives, f"{kind.__name__}.{name}"


# ----------------------------------------------------------------------------------------------------------------- CSS


def selectors() -> Iterator[tuple[str, SelectorType, str]]:
    """Yield (where, kind, name) of each selector in CSS and in queries."""
    for kind in NODES:
        for field in ("CSS", "DEFAULT_CSS"):
            if isinstance(text := vars(kind).get(field), str):
                where = f"{kind.__name__}.{field}"
                for rules in parse_css("", text, (where, ""), variables={}):
                    for selector_set in rules.selector_set:
                        yield from ((where, s.type, s.name) for s in selector_set.selectors)
    for file, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in QUERIES:
                for text in (text for argument in node.args[:1] for text in constant_strings(argument)):
                    for selector_set in parse_selectors(text):
                        yield from ((f"{file}: {text}", s.type, s.name) for s in selector_set.selectors)


def strings_given(keywords: tuple[str, ...], methods: tuple[str, ...] = ()) -> set[str]:
    """Return the words of all strings that are passed as one of `keywords` or to one of `methods`."""
    found: set[str] = set()
    for _, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                values = [keyword.value for keyword in node.keywords if keyword.arg in keywords]
                if isinstance(node.func, ast.Attribute) and node.func.attr in methods:
                    values += node.args
                found |= {word for value in values for text in constant_strings(value) for word in TOKEN.findall(text)}
    return found


def test_every_selector_names_something_that_exists() -> None:
    types = {name for kind in subclasses(DOMNode) for name in kind._css_type_names}
    ids = strings_given(("id",))
    classes = strings_given(("classes",), ("set_class", "add_class", "toggle_class"))
    found = list(selectors())
    assert len(found) > 50
    wrong = {
        f"{where}: {name}"
        for where, kind, name in found
        if (kind is SelectorType.TYPE and name not in types)
        or (kind is SelectorType.ID and name not in ids)
        or (kind is SelectorType.CLASS and name not in classes and not name.startswith("-"))
    }
    assert wrong == set()


# ------------------------------------------------------------------------------------------------- these tests can fail


@pytest.mark.parametrize("action", ["screen.nowhere(1)", "app.panel(1, 2, 3)", "nowhere", "app.nowhere"])
def test_a_missing_action_is_noticed(action: str) -> None:
    assert missing_action(SCREENS[0], action)


def test_strings_are_found_in_f_strings() -> None:
    tree = ast.parse("clickable(style, f'screen.result({n})'); x = 'app.help'")
    assert set(constant_strings(tree)) == {"screen.result(0)", "app.help"}

"""Whether the action that a binding or a click names is there, and takes what it is given."""

from __future__ import annotations

import inspect
from typing import Any

from textual.actions import parse
from textual.app import App


def fits(kind: type[Any], name: str, arguments: tuple[object, ...]) -> bool:
    """Return whether `kind` has the action `name` and it takes `arguments`."""
    method = getattr(kind, f"_action_{name}", None) or getattr(kind, f"action_{name}", None)
    if method is None:
        return False
    try:
        inspect.signature(method).bind(None, *arguments)
    except TypeError:
        return False
    return True


def missing_on_screen(app: App[Any], action: str) -> bool:
    """Return whether `action` leads nowhere from the screen in front."""
    namespace, name, arguments = parse(action)
    owners = {"app": [app], "screen": [app.screen]}.get(namespace, app.screen.query("*"))  # else the widget's own
    return not any(fits(type(owner), name, arguments) for owner in owners)

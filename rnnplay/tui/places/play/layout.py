"""Where Play's panels stand: all of them from 100x30 on, one at a time below, and a line below 60x16."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rnnplay.tui.widgets.base import LEAST_TALL, LEAST_WIDE, TALL, WIDE

if TYPE_CHECKING:
    from rnnplay.tui.places.play.play_view import PlayView
    from rnnplay.tui.widgets.base import Panel

TABS = ("Task", "Loss", "Cells", "Sample")
_TAB_OF = {"tasks": 1, "settings": 1, "loss": 2, "gradient": 2, "cells": 3, "sample": 4}

CSS = """
Play { layout: vertical; overflow: hidden; }
#body { layout: horizontal; height: 1fr; }
#left { layout: vertical; width: 30; height: 1fr; }
#right { layout: vertical; width: 1fr; height: 1fr; }
#curves { layout: horizontal; height: 12; }
#tasks, #loss, #gradient, #cells { width: 1fr; height: 1fr; }
#settings { width: 1fr; height: 12; }
#sample { width: 1fr; height: 9; }
.examples #sample { height: 13; }
.film #sample { height: 18; }
#tabs, #small, SearchIcon { display: none; }
.tabbed #tabs { display: block; }
.tabbed #left, .alone #left { width: 1fr; }
.tabbed #left { layout: horizontal; }
.tabbed #curves { layout: vertical; height: 1fr; }
.tabbed #settings, .tabbed #sample { height: 1fr; }
.alone #settings, .alone #sample, .alone #curves { height: 1fr; }
.tall #curves { height: 1fr; }
.short #curves { height: 10; }
.short #sample { height: 7; }
.short.examples #sample { height: 10; }
"""


def tab_of(panel: Panel[Any]) -> int:
    """The number of the tab on which `panel` is."""
    return _TAB_OF.get(panel.id or "", 1)


def turns(screen: PlayView, panel: Panel[Any]) -> bool:
    """Whether going to `panel` turns to another tab."""
    return screen.has_class("tabbed") and tab_of(panel) != screen.tab


def tabs(screen: PlayView) -> tuple[str, ...]:
    """The names of the tabs."""
    return (*TABS[:3], "Example") if screen.session.example.here else TABS


def fit_example(screen: PlayView) -> None:
    """An example takes more rows than a sample, a film more than a sentence."""
    showing = screen.session.example
    film = showing.here and showing.example is not None and showing.example.predicted_frames is not None
    screen.set_class(showing.here, "examples")
    screen.set_class(film, "film")


def arrange(screen: PlayView, width: int, height: int) -> None:
    """Show and hide what fits into `width` x `height`."""
    small = width < LEAST_WIDE or height < LEAST_TALL
    tabbed = not small and (width < WIDE or height < TALL)
    alone = screen.full if not small else None
    panels: dict[str, Panel[Any]] = {
        "tasks": screen.task_panel,
        "settings": screen.settings_panel,
        "loss": screen.loss_panel,
        "gradient": screen.gradient_panel,
        "cells": screen.cells_panel,
        "sample": screen.sample_panel,
    }
    for name, panel in panels.items():
        on_tab = not tabbed or _TAB_OF[name] == screen.tab
        panel.display = not small and (name == alone if alone else on_tab)
        panel.fills_screen = name == alone
    shown = {name for name, panel in panels.items() if panel.display}
    for container, names in (
        ("#left", {"tasks", "settings"}),
        ("#right", {"loss", "gradient", "cells", "sample"}),
        ("#curves", {"loss", "gradient"}),
    ):
        screen.query_one(container).display = bool(shown & names)
    for bar in (screen.header, screen.status_bar, screen.keys_bar):
        bar.display = not small
    screen.too_small.display = small
    screen.tabs.display = tabbed and alone is None
    screen.set_class(tabbed, "tabbed")
    screen.set_class(alone is not None, "alone")
    screen.set_class(height >= 46, "tall")
    screen.set_class(height < 36 and not tabbed and alone is None, "short")

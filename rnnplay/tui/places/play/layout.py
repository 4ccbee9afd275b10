"""Layout of Play's panels: all of them from 100x30 on, one tab at a time below, or one panel alone."""

from __future__ import annotations

from dataclasses import dataclass

from rnnplay.tui.widgets.base import is_tabbed

TABS = ("Task", "Loss", "Cells", "Sample")
TAB_OF = {"tasks": 1, "settings": 1, "loss": 2, "gradient": 2, "cells": 3, "sample": 4}
CONTAINERS = {
    "left": ("tasks", "settings"),
    "right": ("loss", "gradient", "cells", "sample"),
    "curves": ("loss", "gradient"),
    "fourth": ("sample",),
}


@dataclass(frozen=True)
class Arrangement:
    """Ids of the panels and containers that are shown, and the CSS classes that hold."""

    shown: frozenset[str]
    tabbed: bool
    classes: frozenset[str]


def arrangement(width: int, height: int, tab: int, full: str | None) -> Arrangement:
    """Return what is shown in `width` x `height`; `full`: the panel that is alone."""
    tabbed = is_tabbed(width, height)
    panels = {full} if full else {panel for panel, number in TAB_OF.items() if not tabbed or number == tab}
    containers = {name for name, inside in CONTAINERS.items() if panels & set(inside)}
    classes = {
        "tabbed": tabbed,
        "alone": full is not None,
        "tall": height >= 46,
        "short": height < 36 and not tabbed and full is None,
    }
    return Arrangement(
        frozenset(panels | containers), tabbed, frozenset(name for name, holds in classes.items() if holds)
    )

"""The places of the playground: Play, Cells, Sample, Unroll, Time, Network. A place knows no other."""

from typing import NamedTuple


class PlaceInfo(NamedTuple):
    """A place: its class (module:class), the key that leads there, and what its tooltip says."""

    target: str
    key: str = ""  # empty: another key leads there, such as f on a panel of Play
    tooltip: str = ""


# Each place but Play; its class is loaded when a person first goes there.
PLACES = {
    "unroll": PlaceInfo("rnnplay.tui.places.unroll.screen:UnrollPlace", "5", "Unroll: walk through time steps"),
    "time": PlaceInfo("rnnplay.tui.places.time.screen:TimePlace", "6", "Time: how far back it learns"),
    "network": PlaceInfo("rnnplay.tui.places.network.screen:NetworkPlace", "9", "Network: its matrices and gates"),
    "cells": PlaceInfo("rnnplay.tui.places.cells.screen:CellsPlace"),
    "sample": PlaceInfo("rnnplay.tui.places.sample.screen:SamplePlace"),
}

"""The places of the playground: Play, Cells, Sample, Unroll, Time. A place knows no other."""

# Name of each place but Play, and where its class stands: it is loaded when a person first goes there.
PLACES = {
    "unroll": "rnnplay.tui.places.unroll.screen:UnrollPlace",
    "time": "rnnplay.tui.places.time.screen:TimePlace",
    "cells": "rnnplay.tui.places.cells.screen:CellsPlace",
    "sample": "rnnplay.tui.places.sample.screen:SamplePlace",
}

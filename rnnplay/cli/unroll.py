"""`rnnplay unroll`: an example time step by time step."""

import shutil
import sys
from typing import Any

import click

from rnnplay.cli.common import (
    ask_trainer,
    at_option,
    json_option,
    print_json,
    resolve_run_argument,
    run_argument,
    runs_option,
)
from rnnplay.config import CheckpointName


@click.command()
@run_argument
@click.option("--example", default=0, show_default=True, help="Which held-out item, or part of the text, from 0 on.")
@click.option("--length", default=24, show_default=True, help="The most time steps to show.")
@click.option("--units", default=16, show_default=True, help="The most units of a layer to show, the most active ones.")
@at_option
@runs_option
@json_option
def unroll(
    run: str, example: int, length: int, units: int, at: CheckpointName, runs: str | None, as_json: bool
) -> None:
    """Walk through an example of RUN's task, time step by time step.

    With --json every number of it: states, each gate's summands, value and gradient, outputs, losses.
    """
    from rnnplay.protocol import Inspect, Unroll, Unrolled

    inspect = Inspect(run=resolve_run_argument(run, runs), at=at)
    result = ask_trainer(inspect, Unroll(example=example, length=length, units=units), Unrolled)[-1]
    if as_json:
        print_json(_unrolled_fields(result))
        return
    from rnnplay.tui.paint.palette import palettes
    from rnnplay.tui.places.unroll.columns import full_width
    from rnnplay.tui.places.unroll.paint_grid import grid
    from rnnplay.tui.places.unroll.views import UnrollView, unroll_view

    view = unroll_view(result, UnrollView(time=-1, row=-1), "", 0)
    palette = palettes({"NO_COLOR": "1"}, sys.stdout.encoding)[0]
    width = max(shutil.get_terminal_size((100, 24)).columns, full_width(view, palette))
    rows = sum(len(layer.units) for layer in view.parts[0].layers) + 40
    print(result.title)
    for strip in grid(view, width, rows, palette):
        if line := strip.text.rstrip():
            print(line)


def _unrolled_fields(result: Any) -> dict[str, Any]:
    """Return all numbers as JSON values; layers and units count from 1."""
    return {
        "kind": "unrolled",
        "step": result.step,
        "example": result.example,
        "title": result.title,
        "loss": result.loss,
        "unit_of_loss": result.unit_of_loss,
        "note": result.note,
        "parts": [_part_fields(part) for part in result.parts],
        "parameters": [
            {"name": p.name, "shape": p.shape, "norm": p.norm, "step_norms": p.step_norms.array().tolist()}
            for p in result.parameters
        ],
    }


def _part_fields(part: Any) -> dict[str, Any]:
    outputs = part.outputs
    return {
        "name": part.name,
        "first": part.first,
        "total": part.total,
        "inputs": part.inputs,
        "targets": part.targets,
        "losses": part.losses,
        "target_probabilities": part.target_probabilities,
        "layers": [_layer_fields(layer) for layer in part.layers],
        "outputs": outputs
        and {
            "names": outputs.names,
            "function": outputs.function,
            "y": (outputs.product.array() + outputs.bias.array()).tolist(),
            "values": outputs.values.array().tolist(),
            "gradient": outputs.gradient.array().tolist(),
        },
    }


def _layer_fields(layer: Any) -> dict[str, Any]:
    names = ("h", "c", "dh_above", "dh_future", "dc_future", "dc")
    states = {name: getattr(layer, name).array().tolist() for name in names if getattr(layer, name) is not None}
    return {
        "layer": layer.index + 1,
        "cell": layer.cell,
        "units": [unit + 1 for unit in layer.units],
        **states,
        "gates": [
            {
                "name": gate.name,
                "function": gate.function,
                "value": gate.value.array().tolist(),
                "gradient": gate.gradient.array().tolist(),
                "summands": {s.name: s.value.array().tolist() for s in gate.summands},
            }
            for gate in layer.gates
        ],
    }

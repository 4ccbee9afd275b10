"""The commands that look at time: how far back a run's gradient reaches, and an example of it unrolled."""

import asyncio
import shutil
import sys
from typing import Any

import click
from click.shell_completion import CompletionItem

from rnnplay.config import UserError

_LAGS_SHOWN = (0, 1, 2, 3, 5, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1_000)


def _complete_run(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from rnnplay.cli import _complete_run as complete

    return complete(ctx, param, incomplete)


_run = click.argument("run", shell_complete=_complete_run)
_step = click.option("--step", type=int, help="Take the checkpoint after this step instead of the last.")
_runs = click.option("--runs", metavar="DIR", help="Folder of the runs, instead of the user's data folder.")
_json = click.option("--json", "as_json", is_flag=True, help="One JSON object instead.")


@click.command()
@_run
@click.option("--lags", default=100, show_default=True, help="How many time steps to go back.")
@click.option(
    "--fresh/--no-fresh", default=True, show_default=True, help="Untrained networks of the same size beside it."
)
@click.option(
    "--with", "others", multiple=True, metavar="RUN", help="Another run's network beside it; may be repeated."
)
@_step
@_runs
@_json
def gradients(
    run: str, lags: int, fresh: bool, others: tuple[str, ...], step: int | None, runs: str | None, as_json: bool
) -> None:
    """How far back does RUN's network learn?

    The norm of the gradient of the last time step's loss with respect to the whole state (h, and c of an LSTM) at each
    lag, a mean over held-out sequences; and the horizon, the first lag at which it is below 1 % of that at lag 0.
    """
    from rnnplay.protocol import ComputeGradientByLag

    beside = tuple(_path(other, runs) for other in others)
    question = ComputeGradientByLag(lags=lags, beside="fresh" if fresh else "", runs=beside)
    told = asyncio.run(_ask(_path(run, runs), step, question))
    if as_json:
        own = told.networks[0]
        _print_json(
            {
                "kind": "gradients",
                "step": told.step,
                **_reach(own),
                "longest_lag": told.longest_lag,
                "sentence": told.sentence,
                "beside": [_reach(network) for network in told.networks[1:]],
            }
        )
        return
    print(told.sentence)
    if told.note:
        print(told.note)
    names = [f"{n.name}{'' if n.trained else ', fresh'}" for n in told.networks]
    names[0] += ", this"
    print("\n" + f"{'lag':>8}" + "".join(f"{name:>20}" for name in names))
    for lag in (k for k in _LAGS_SHOWN if k < len(told.networks[0].norms)):
        print(f"{lag:>8}" + "".join(f"{_norm(network.norms, lag):>20}" for network in told.networks))
    horizons = ["beyond" if n.horizon is None else str(n.horizon) for n in told.networks]
    print(f"{'horizon':>8}" + "".join(f"{horizon:>20}" for horizon in horizons))
    radii = ["not finite" if n.radius is None else f"{n.radius:.3f}" for n in told.networks]
    print(f"{'radius':>8}" + "".join(f"{radius:>20}" for radius in radii))


@click.command()
@_run
@click.option("--example", default=0, show_default=True, help="Which held-out item, or piece of the text, from 0 on.")
@click.option("--length", default=24, show_default=True, help="The most time steps to show.")
@click.option("--units", default=16, show_default=True, help="The most units of a layer to show, the most active ones.")
@_step
@_runs
@_json
def unroll(run: str, example: int, length: int, units: int, step: int | None, runs: str | None, as_json: bool) -> None:
    """Walk through an example of RUN's task, time step by time step.

    With --json every number of it: states, each gate's summands, value and gradient, outputs, losses.
    """
    from rnnplay.protocol import Unroll

    told = asyncio.run(_ask(_path(run, runs), step, Unroll(example=example, length=length, units=units)))
    if as_json:
        _print_json(_unrolled(told))
        return
    from rnnplay.tui.paint.palette import palettes
    from rnnplay.tui.places.unroll.paint_grid import LABEL, grid
    from rnnplay.tui.places.unroll.views import UnrollView, unroll_view

    view = unroll_view(told, UnrollView(time=-1, row=-1), "", 0)
    palette = palettes({"NO_COLOR": "1"}, sys.stdout.encoding)[0]
    # Columns wide enough for a sign, since there is no colour here.
    width = max(shutil.get_terminal_size((100, 24)).columns, LABEL + 4 + 5 * view.columns)
    rows = sum(len(layer.units) for layer in view.parts[0].layers) + 40
    print(told.title)
    for strip in grid(view, width, rows, palette):
        if line := strip.text.rstrip():
            print(line)


def _path(run: str, root: str | None) -> str:
    from rnnplay.runs import resolve, runs_root

    return str(resolve(run, runs_root(root)))


async def _ask(run: str, step: int | None, question: Any) -> Any:
    """The trainer's answer to `question` about `run`. Raises UserError where it has none."""
    from rnnplay.cli.drive import open_trainer, say
    from rnnplay.protocol import Failed, GradientByLagComputed, Inspect, Started, Stopped, Unrolled

    async with open_trainer(Inspect(run=run, step=step)) as trainer:
        async for event in trainer.client.events():
            match event:
                case Started():
                    say(event.notes)
                    await trainer.client.send(question)
                case Failed():
                    raise UserError(event.wrong, event.remedy)
                case GradientByLagComputed() | Unrolled():
                    return event
                case Stopped():
                    sys.exit(trainer.status)
                case _:
                    pass
    raise UserError("The trainer gave no answer.", "Try again.")


def _reach(network: Any) -> dict[str, Any]:
    return {
        "name": network.name,
        "trained": network.trained,
        "norms": network.norms,
        "radius": network.radius,
        "horizon": network.horizon,
        "verdict": network.verdict,
    }


def _norm(norms: tuple[float | None, ...], lag: int) -> str:
    value = norms[lag] if lag < len(norms) else None
    return "-" if value is None else f"{value:.3e}"


def _unrolled(told: Any) -> dict[str, Any]:
    """Every number as lists; layers and units count from 1."""
    return {
        "kind": "unrolled",
        "step": told.step,
        "example": told.example,
        "title": told.title,
        "loss": told.loss,
        "unit_of_loss": told.unit_of_loss,
        "note": told.note,
        "parts": [_part(part) for part in told.parts],
        "parameters": [
            {"name": p.name, "shape": p.shape, "norm": p.norm, "added": p.added.array().tolist()}
            for p in told.parameters
        ],
    }


def _part(part: Any) -> dict[str, Any]:
    outputs = part.outputs
    return {
        "name": part.name,
        "first": part.first,
        "total": part.total,
        "inputs": part.inputs,
        "targets": part.targets,
        "losses": part.losses,
        "right": part.right,
        "layers": [_layer(layer) for layer in part.layers],
        "outputs": outputs
        and {
            "names": outputs.names,
            "function": outputs.function,
            "y": (outputs.product.array() + outputs.bias.array()).tolist(),
            "values": outputs.values.array().tolist(),
            "gradient": outputs.gradient.array().tolist(),
        },
    }


def _layer(layer: Any) -> dict[str, Any]:
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


def _print_json(fields: dict[str, Any]) -> None:
    import msgspec

    print(msgspec.json.encode(fields).decode(), flush=True)

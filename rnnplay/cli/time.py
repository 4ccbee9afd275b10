"""`rnnplay gradients`: how far back a run's gradient reaches."""

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

_LAGS_SHOWN = (0, 1, 2, 3, 5, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1_000)


@click.command()
@run_argument
@click.option("--lags", default=100, show_default=True, help="How many time steps to go back.")
@click.option(
    "--untrained/--no-untrained",
    default=True,
    show_default=True,
    help="Compare with untrained networks of the same size.",
)
@click.option(
    "--with", "others", multiple=True, metavar="RUN", help="Compare with another run's network; may be repeated."
)
@at_option
@runs_option
@json_option
def gradients(
    run: str, lags: int, untrained: bool, others: tuple[str, ...], at: CheckpointName, runs: str | None, as_json: bool
) -> None:
    """Measure how far back RUN's network learns.

    The norm of the gradient of the last time step's loss with respect to the whole state (h, and c of an LSTM) at each
    lag, a mean over held-out sequences; the horizon, the first lag at which it is below 1 % of that at lag 0; the
    spectral radius (RNN: of W_hh; LSTM and GRU: of the state's Jacobian); and the mean factor a step as measured, up to
    the task's longest dependency or the last lag: by it the gradient vanishes (below 1 % there) or explodes.
    """
    from rnnplay.protocol import ComputeGradientByLag, GradientByLagComputed, Inspect

    compared = tuple(resolve_run_argument(other, runs) for other in others)
    question = ComputeGradientByLag(lags=lags, untrained=untrained, runs=compared)
    result = ask_trainer(Inspect(run=resolve_run_argument(run, runs), at=at), question, GradientByLagComputed)[-1]
    if as_json:
        network = result.networks[0]
        print_json(
            {
                "kind": "gradients",
                "step": result.step,
                **_network_fields(network),
                "longest_lag": result.longest_lag,
                "solved": result.solved,
                "learned": result.learned,
                "sentence": result.sentence,
                "compared": [_network_fields(network) for network in result.networks[1:]],
            }
        )
        return
    print(result.sentence)
    if result.note:
        print(result.note)
    names = [f"{n.name}{'' if n.trained else ', untrained'}" for n in result.networks]
    names[0] += ", this"
    print("\n" + f"{'lag':>8}" + "".join(f"{name:>20}" for name in names))
    for lag in (k for k in _LAGS_SHOWN if k < len(result.networks[0].norms)):
        print(f"{lag:>8}" + "".join(f"{_norm(network.norms, lag):>20}" for network in result.networks))
    horizons = ["beyond" if n.horizon is None else str(n.horizon) for n in result.networks]
    print(f"{'horizon':>8}" + "".join(f"{horizon:>20}" for horizon in horizons))
    radii = ["not finite" if n.radius is None else f"{n.radius:.3f}" for n in result.networks]
    print(f"{'radius':>8}" + "".join(f"{radius:>20}" for radius in radii))
    factors = ["not finite" if n.factor is None else f"{n.factor:.3f}" for n in result.networks]
    print(f"{'a step':>8}" + "".join(f"{factor:>20}" for factor in factors))
    print(f"\na step: the mean factor up to lag {result.networks[0].lag}, measured; the verdict is by it")


def _network_fields(network: Any) -> dict[str, Any]:
    return {
        "name": network.name,
        "trained": network.trained,
        "norms": network.norms,
        "radius": network.radius,
        "horizon": network.horizon,
        "verdict": network.verdict,
        "matrix": network.matrix,
        "lag": network.lag,
        "left": network.left,
        "factor": network.factor,
        "reason": network.reason,
    }


def _norm(norms: tuple[float | None, ...], lag: int) -> str:
    value = norms[lag] if lag < len(norms) else None
    return "-" if value is None else f"{value:.3e}"

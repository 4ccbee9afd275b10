"""`rnnplay bench`: the speed of this machine."""

import sys

import click

from rnnplay.cli.common import json_lines_option
from rnnplay.config import PRECISIONS, RunConfig, UserError, validate


@click.command()
@click.option("--rows", metavar="WORDS", help='Only these rows: "lstm", "gru 2x512, sampling"; commas mean or.')
@click.option("--quick", is_flag=True, help="Some seconds instead of minutes: fewer rounds, no 2x512.")
@click.option("--rounds", type=int, help="Turns that each library gets for a row.  [5]")
@click.option("--seconds", type=float, help="Length of a turn.  [0.2]")
@click.option(
    "--against",
    multiple=True,
    type=click.Choice(["none", "torch", "jax"]),
    help="Measure PyTorch or JAX too; may be given twice.  [those that are installed]",
)
@click.option("--scaling", is_flag=True, help="The cost of a step as T, B and H double; --rows names the cells.")
@click.option("--device", metavar="NAME", help="cuda or cuda:1: training steps there, beside a plain loop in PyTorch.")
@click.option("--precision", type=click.Choice(PRECISIONS), default="tf32", help="Of that device's products.  [tf32]")
@json_lines_option
def bench(
    rows: str | None,
    quick: bool,
    rounds: int | None,
    seconds: float | None,
    against: tuple[str, ...],
    scaling: bool,
    device: str | None,
    precision: str,
    as_json: bool,
) -> None:
    """Measure this machine: training steps and sampling, compared with PyTorch and JAX.

    Each library computes in its own process, and they take turns; the times are medians. A training step is
    forward, backward, clipping and Adam on 65 characters. Leave the machine alone while it runs.
    """
    if rounds is not None and not 1 <= rounds <= 1_000:
        raise UserError(f"--rounds is {rounds}.", "Give a number from 1 to 1000.")
    if seconds is not None and not 0 < seconds <= 60:
        raise UserError(f"--seconds is {seconds:g}.", "Give a number above 0 and at most 60.")
    from rnnplay.bench import benchmark

    rounds = rounds or (benchmark.QUICK_ROUNDS if quick else 5)
    seconds = seconds or (benchmark.QUICK_SECONDS if quick else 0.2)
    if device not in (None, "cpu"):
        if scaling or against:
            raise UserError("--device has a table of its own.", "Leave out --scaling and --against.")
        validate(RunConfig(task="text", device=device))
        from rnnplay.bench import device_bench

        chosen = device_bench.default_rows() if rows is None else benchmark.select_workloads(rows, quick)
        sys.exit(device_bench.compare(device, precision, chosen, rounds, seconds, as_json))
    if scaling:
        if set(against) - {"none"}:
            raise UserError("--scaling measures the engine alone.", "Leave out --against.")
        sys.exit(benchmark.scaling(benchmark.select_cells(rows), rounds, seconds, as_json))
    workloads, libraries = benchmark.select_workloads(rows, quick), benchmark.select_libraries(against)
    sys.exit(benchmark.bench(workloads, libraries, rounds, seconds, as_json))
